"""One order over many pools and books of a pair: equal marginal rates, then exact to the unit.

Where every venue gives the same for the next unit, nothing can be moved to gain. That split is found in
doubles (each venue's curve, halving on the rate), rounded down, and finished with exact quotes: what
is left over goes where it brings most, and single units move from where they are missed least to
where they bring most until none gains. Kinds that draw no curve are drawn by exact quotes
first, ever closer around the split.
"""

from libc.stdlib cimport calloc, free

from hotpath.pools.pool cimport *
from hotpath.u256 cimport *

from hotpath.pools.pool import Refusal, Status

cdef enum:
    MOST_VENUES = 64
    MOST_MOVES = 20000
    MOST_TRIED = 8

cdef struct Order:
    int direction
    int n
    bint drawn  # every row is a kind's own curve
    u256 total
    double most
    void* pools[64]
    u256 costs[64]
    curve_row* rows


cdef void sampled(Pool pool, int direction, double around, double most, curve_row* row) noexcept nogil:
    """A row of straight pieces through exact quotes: dense about `around`, up to `most`."""
    cdef Quote q
    cdef double x, before = 0.0, out, given = 0.0
    cdef u256 amount
    cdef int i, n = CURVE_PIECES
    row.n = 0
    for i in range(1, n + 1):
        if around > 0.0 and around < most:  # half of the points within a few per cent, the rest spread out
            if i <= n // 4:
                x = around * 0.98 * i / (n // 4)
            elif i <= 3 * n // 4:
                x = around * (0.98 + 0.04 * (i - n // 4) / (n // 2))
            else:
                x = around * 1.02 + (most - around * 1.02) * (i - 3 * n // 4) / (n // 4)
        else:
            x = most * i / n
        amount = curve_integer(x)
        x = u256_to_double(amount)
        if x <= before or x > most:
            continue
        pool.quote_in_to(direction, &amount, NULL, &q)
        if q.status != STATUS_OK:
            return
        out = u256_to_double(q.amount_out)
        row.pieces[row.n].a = (out - given) / (x - before)
        row.pieces[row.n].b = 0.0
        row.pieces[row.n].cap = x - before
        row.pieces[row.n].gas = 0.0
        if row.n and row.pieces[row.n].a > row.pieces[row.n - 1].a:
            row.pieces[row.n].a = row.pieces[row.n - 1].a  # rounding only: real curves are concave
        row.n += 1
        before = x
        given = out


def path_amounts(hops, amount, exact_out=False):
    """Amounts along a path of (pool, direction), as the V2 router's getAmountsOut and getAmountsIn.

    [paid, after the first hop, ..., received]. Refusal with the code of the first hop that will not.
    """
    amounts = [amount]
    for pool, direction in reversed(hops) if exact_out else hops:
        quote = pool.quote_out(direction, amount) if exact_out else pool.quote_in(direction, amount)
        if quote.status != Status.OK:
            raise Refusal(quote.status.name.lower(), "a hop of the path would not execute")
        amount = quote.amount_in if exact_out else quote.amount_out
        amounts.append(amount)
    return amounts[::-1] if exact_out else amounts


cdef double poured(const Order* o, const bint* used, double rate, double* parts) noexcept nogil:
    cdef double total = 0.0
    cdef int i
    for i in range(o.n):
        parts[i] = 0.0
        if used[i]:
            parts[i] = curve_until(&o.rows[i], rate)
            if parts[i] > o.most:
                parts[i] = o.most
        total += parts[i]
    return total


cdef void pour(const Order* o, const bint* used, double* parts) noexcept nogil:
    """Parts that sum to the amount at one marginal rate, by halving on the logarithm of the rate."""
    cdef double amount = o.most
    cdef double low = 1e-60, high = 1e60, rate, total, before, after, share
    cdef int i, turn
    cdef double other[64]
    for turn in range(200):
        rate = (low * high) ** 0.5
        if rate <= low or rate >= high:
            break
        if poured(o, used, rate, parts) >= amount:
            low = rate
        else:
            high = rate
    # levels of one price are taken or left at once: between the two last rates, in proportion
    before = poured(o, used, high, parts)
    after = poured(o, used, low, other)
    share = (amount - before) / (after - before) if after > before else 0.0
    if share > 1.0:
        share = 1.0
    for i in range(o.n):
        parts[i] += (other[i] - parts[i]) * share


cdef u256 out_of(Pool pool, int direction, u256 amount, bint* valid) noexcept nogil:
    """What exactly `amount` gives; not valid where the venue does not take all of it."""
    cdef Quote q
    valid[0] = True
    if u256_is_zero(amount):
        return U256_ZERO
    pool.quote_in_to(direction, &amount, NULL, &q)
    if q.status != STATUS_OK and q.status != STATUS_REFUSED:
        valid[0] = False
        return U256_ZERO
    return q.amount_out if q.status == STATUS_OK else U256_ZERO


cdef int place(const Order* o, const bint* used, u256 left, u256* parts, u256* now) noexcept nogil:
    """Place what is `left` over in the venues used, where it brings most. 0; 1 where they cannot take it all.
    `now` becomes what each part gives."""
    cdef bint valid
    cdef u256 step, gain, best_gain, trial
    cdef int i, turn, to
    for i in range(o.n):
        now[i] = out_of(<Pool>o.pools[i], o.direction, parts[i], &valid)
        step = u256_add(u256_shr(parts[i], 40), U256_ONE, NULL)
        while not valid:  # a double stood just beyond what it takes
            if u256_lt(parts[i], step):
                step = parts[i]
            parts[i] = u256_sub(parts[i], step, NULL)
            left = u256_add(left, step, NULL)
            step = u256_shl(step, 1)
            now[i] = out_of(<Pool>o.pools[i], o.direction, parts[i], &valid)
    step = left
    for turn in range(4096):  # the remainder, whole where one venue can take it, else by halves
        if u256_is_zero(left):
            return 0
        if u256_lt(left, step):
            step = left
        to = -1
        best_gain = U256_ZERO
        for i in range(o.n):
            if not used[i]:
                continue
            trial = out_of(<Pool>o.pools[i], o.direction, u256_add(parts[i], step, NULL), &valid)
            if valid:
                gain = u256_sub(trial, now[i], NULL)
                if u256_is_negative(gain):
                    gain = U256_ZERO
                if to < 0 or u256_lt(best_gain, gain):
                    to = i
                    best_gain = gain
        if to < 0:
            if u256_eq(step, U256_ONE):
                return 1
            step = u256_shr(step, 1)
            continue
        parts[to] = u256_add(parts[to], step, NULL)
        left = u256_sub(left, step, NULL)
        now[to] = out_of(<Pool>o.pools[to], o.direction, parts[to], &valid)
    return 1


cdef void settle(const Order* o, u256* parts, u256* now) noexcept nogil:
    """Move single units, the best first, until none gains: a first unit pays its venue's cost, a last one saves it."""
    cdef u256 more[64]
    cdef u256 less[64]
    cdef bint can_more[64]
    cdef bint valid
    cdef u256 gain, both, best_gain
    cdef int i, k, turn, to, source
    for i in range(o.n):
        more[i] = out_of(<Pool>o.pools[i], o.direction, u256_add(parts[i], U256_ONE, NULL), &can_more[i])
        less[i] = out_of(<Pool>o.pools[i], o.direction, u256_sub(parts[i], U256_ONE, NULL), &valid) if not u256_is_zero(parts[i]) else U256_ZERO
    for turn in range(MOST_MOVES):
        to = source = -1
        best_gain = U256_ZERO
        for i in range(o.n):
            if not can_more[i]:
                continue
            gain = u256_sub(more[i], now[i], NULL)
            if u256_is_zero(parts[i]):
                gain = u256_sub(gain, o.costs[i], NULL)
            for k in range(o.n):
                if k == i or u256_is_zero(parts[k]):
                    continue
                both = u256_sub(gain, u256_sub(now[k], less[k], NULL), NULL)
                if u256_eq(parts[k], U256_ONE):
                    both = u256_add(both, o.costs[k], NULL)
                if not u256_is_negative(both) and u256_lt(best_gain, both):
                    best_gain = both
                    to = i
                    source = k
        if to < 0:
            return
        parts[to] = u256_add(parts[to], U256_ONE, NULL)
        less[to] = now[to]
        now[to] = more[to]
        more[to] = out_of(<Pool>o.pools[to], o.direction, u256_add(parts[to], U256_ONE, NULL), &can_more[to])
        parts[source] = u256_sub(parts[source], U256_ONE, NULL)
        more[source] = now[source]
        can_more[source] = True
        now[source] = less[source]
        less[source] = U256_ZERO
        if not u256_is_zero(parts[source]):
            less[source] = out_of(<Pool>o.pools[source], o.direction, u256_sub(parts[source], U256_ONE, NULL), &valid)


cdef int split_over(Order* o, const bint* used, u256* parts, u256* net) noexcept nogil:
    """The best split over the venues used, and what it gives less the costs of the parts that are not 0.
    0; 1 where they cannot take the whole."""
    cdef double about[64]
    cdef u256 now[64]
    cdef u256 left, sum = U256_ZERO
    cdef int i, turn
    for i in range(o.n):
        about[i] = 0.0
    for turn in range(6):
        if not o.drawn:
            for i in range(o.n):
                (<Pool>o.pools[i]).curve(o.direction, &o.rows[i])
                if o.rows[i].n == 0 and used[i]:
                    sampled(<Pool>o.pools[i], o.direction, about[i], o.most, &o.rows[i])
        pour(o, used, about)
        if o.drawn:
            break
    for i in range(o.n):
        parts[i] = curve_integer(about[i])
        sum = u256_add(sum, parts[i], NULL)
    for i in range(o.n):  # doubles may pour a little too much
        if not u256_lt(o.total, sum):
            break
        left = u256_sub(sum, o.total, NULL)
        if u256_lt(parts[i], left):
            left = parts[i]
        parts[i] = u256_sub(parts[i], left, NULL)
        sum = u256_sub(sum, left, NULL)
    if place(o, used, u256_sub(o.total, sum, NULL), parts, now):
        return 1
    settle(o, parts, now)
    net[0] = U256_ZERO
    for i in range(o.n):
        if not u256_is_zero(parts[i]):
            net[0] = u256_add(net[0], u256_sub(now[i], o.costs[i], NULL), NULL)
    return 0


cdef bint try_over(Order* o, const bint* used, u256* best, u256* best_net, bint* found) noexcept nogil:
    """Split over the venues used; True where that is the best so far."""
    cdef u256 parts[64]
    cdef u256 net
    cdef int i
    if split_over(o, used, parts, &net):
        return False
    if found[0] and not u256_is_negative(u256_sub(best_net[0], net, NULL)):
        return False
    found[0] = True
    best_net[0] = net
    for i in range(o.n):
        best[i] = parts[i]
    return True


cdef bint choose(Order* o, u256* best) noexcept nogil:
    """Which venues to use, and the split over them; False where all together cannot take the whole."""
    cdef bint used[64]
    cdef int costed[64]
    cdef bint found = False, again = True
    cdef u256 net
    cdef int i, k, n = 0, mask, round
    for i in range(o.n):
        used[i] = True
        if not u256_is_zero(o.costs[i]):
            costed[n] = i
            n += 1
    try_over(o, used, best, &net, &found)
    if not found or n == 0:
        return found
    if n <= MOST_TRIED:
        for mask in range((1 << n) - 1):
            for k in range(n):
                used[costed[k]] = mask >> k & 1
            try_over(o, used, best, &net, &found)
        return True
    for round in range(4 * MOST_VENUES):
        if not again:
            break
        again = False
        for i in range(o.n):
            used[i] = u256_is_zero(o.costs[i]) or not u256_is_zero(best[i])
        for k in range(n):  # without it, or with it
            used[costed[k]] = not used[costed[k]]
            again = try_over(o, used, best, &net, &found) or again
            used[costed[k]] = not used[costed[k]]
        for k in range(n):  # one for another
            for i in range(n):
                if used[costed[k]] and not used[costed[i]]:
                    used[costed[k]] = False
                    used[costed[i]] = True
                    again = try_over(o, used, best, &net, &found) or again
                    used[costed[k]] = True
                    used[costed[i]] = False
    return True


def split(venues, int direction, amount, costs=None):
    """The best split of `amount`, paid on side `direction`, over `venues` (pools and ladders).

    A list of (amount in, amount out), one a venue; the amounts in sum to `amount` and no single unit
    moved from one venue to another gives more. `costs`, one a venue where given, are integers in units of
    the coin paid out: what using the venue at all costs (gas). A part whose gain does not pay its cost
    is left out; amounts out are before costs. Refusal("no_liquidity") where they cannot take it.
    """
    cdef Order o
    cdef u256 parts[64]
    cdef bint valid, found
    cdef int i
    o.n = len(venues)
    o.total = from_int(amount)
    if not 0 < o.n <= MOST_VENUES:
        raise Refusal("bad_field", f"from 1 to {MOST_VENUES} pools and books")
    if not u256_is_zero(u256_shr(o.total, 200)):
        raise Refusal("overflow", "the amount is beyond 2^200")
    if u256_is_zero(o.total):
        raise Refusal("refused", "the amount is zero")
    if costs is not None and len(costs) != o.n:
        raise Refusal("bad_field", "costs are one a venue")
    o.most = u256_to_double(o.total)
    o.direction = direction != 0
    for i in range(o.n):
        if not isinstance(venues[i], Pool):
            raise Refusal("bad_field", "a venue is a pool or a ladder")
        o.pools[i] = <void*>venues[i]
        cost = 0 if costs is None else costs[i]
        if not isinstance(cost, int) or cost < 0 or cost >> 200:
            raise Refusal("bad_field", "a cost is an integer below 2^200")
        o.costs[i] = from_int(cost)
    o.rows = <curve_row*>calloc(o.n, sizeof(curve_row))
    if o.rows == NULL:
        raise MemoryError
    try:
        with nogil:
            o.drawn = True
            for i in range(o.n):
                (<Pool>o.pools[i]).curve(o.direction, &o.rows[i])
                o.drawn = o.drawn and o.rows[i].n > 0
            found = choose(&o, parts)
        if not found:
            raise Refusal("no_liquidity", "the pools and books cannot take the whole amount")
        return [(to_int(parts[i]), to_int(out_of(<Pool>o.pools[i], o.direction, parts[i], &valid))) for i in range(o.n)]
    finally:
        free(o.rows)
