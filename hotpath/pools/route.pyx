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


cdef double poured(curve_row* rows, int n, double rate, double most, double* parts) noexcept nogil:
    cdef double total = 0.0
    cdef int i
    for i in range(n):
        parts[i] = curve_until(&rows[i], rate)
        if parts[i] > most:
            parts[i] = most
        total += parts[i]
    return total


cdef void pour(curve_row* rows, int n, double amount, double* parts) noexcept nogil:
    """Parts that sum to `amount` at one marginal rate, by halving on the logarithm of the rate."""
    cdef double low = 1e-60, high = 1e60, rate, total, before, after, share
    cdef int i, turn
    cdef double other[64]
    for turn in range(200):
        rate = (low * high) ** 0.5
        if rate <= low or rate >= high:
            break
        if poured(rows, n, rate, amount, parts) >= amount:
            low = rate
        else:
            high = rate
    # levels of one price are taken or left at once: between the two last rates, in proportion
    before = poured(rows, n, high, amount, parts)
    after = poured(rows, n, low, amount, other)
    share = (amount - before) / (after - before) if after > before else 0.0
    if share > 1.0:
        share = 1.0
    for i in range(n):
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


cdef int settle(void** pools, int direction, int n, u256 left, u256* parts) noexcept nogil:
    """Place `left` and move single units until none gains. 0; 1 where the venues cannot take it all."""
    cdef u256 now[64]
    cdef u256 more[64]
    cdef u256 less[64]
    cdef bint can_more[64]
    cdef bint valid
    cdef u256 step, gain, loss, best_gain, trial
    cdef int i, k, turn, to, source
    for i in range(n):
        now[i] = out_of(<Pool>pools[i], direction, parts[i], &valid)
        step = u256_add(u256_shr(parts[i], 40), U256_ONE, NULL)
        while not valid:  # a double stood just beyond what it takes
            if u256_lt(parts[i], step):
                step = parts[i]
            parts[i] = u256_sub(parts[i], step, NULL)
            left = u256_add(left, step, NULL)
            step = u256_shl(step, 1)
            now[i] = out_of(<Pool>pools[i], direction, parts[i], &valid)
    step = left
    for turn in range(4096):  # the remainder, whole where one venue can take it, else by halves
        if u256_is_zero(left):
            break
        if u256_lt(left, step):
            step = left
        to = -1
        best_gain = U256_ZERO
        for i in range(n):
            trial = out_of(<Pool>pools[i], direction, u256_add(parts[i], step, NULL), &valid)
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
        now[to] = out_of(<Pool>pools[to], direction, parts[to], &valid)
    if not u256_is_zero(left):
        return 1
    for i in range(n):
        more[i] = out_of(<Pool>pools[i], direction, u256_add(parts[i], U256_ONE, NULL), &can_more[i])
        less[i] = out_of(<Pool>pools[i], direction, u256_sub(parts[i], U256_ONE, NULL), &valid) if not u256_is_zero(parts[i]) else U256_ZERO
    for turn in range(MOST_MOVES):
        to = source = -1
        best_gain = U256_ZERO
        for i in range(n):
            if not can_more[i]:
                continue
            gain = u256_sub(more[i], now[i], NULL)
            if u256_is_negative(gain) or u256_is_zero(gain):
                continue
            for k in range(n):
                if k == i or u256_is_zero(parts[k]):
                    continue
                loss = u256_sub(now[k], less[k], NULL)
                if u256_is_negative(loss):
                    loss = U256_ZERO
                if u256_lt(loss, gain) and u256_lt(best_gain, u256_sub(gain, loss, NULL)):
                    best_gain = u256_sub(gain, loss, NULL)
                    to = i
                    source = k
        if to < 0:
            return 0
        parts[to] = u256_add(parts[to], U256_ONE, NULL)
        less[to] = now[to]
        now[to] = more[to]
        more[to] = out_of(<Pool>pools[to], direction, u256_add(parts[to], U256_ONE, NULL), &can_more[to])
        parts[source] = u256_sub(parts[source], U256_ONE, NULL)
        more[source] = now[source]
        can_more[source] = True
        now[source] = less[source]
        less[source] = U256_ZERO
        if not u256_is_zero(parts[source]):
            less[source] = out_of(<Pool>pools[source], direction, u256_sub(parts[source], U256_ONE, NULL), &valid)
    return 0


def split(venues, int direction, amount):
    """The best split of `amount`, paid on side `direction`, over `venues` (pools and ladders).

    A list of (amount in, amount out), one a venue; the amounts in sum to `amount` and no single unit
    moved from one venue to another gives more. Refusal("no_liquidity") where they cannot take it.
    """
    cdef int n = len(venues), i, turn
    cdef void* pools[64]
    cdef u256 parts[64]
    cdef double about[64]
    cdef u256 total = from_int(amount), left, sum = U256_ZERO
    cdef bint drawn = True, valid
    cdef double most = u256_to_double(total)
    cdef curve_row* rows
    if not 0 < n <= MOST_VENUES:
        raise Refusal("bad_field", f"from 1 to {MOST_VENUES} pools and books")
    if not u256_is_zero(u256_shr(total, 200)):
        raise Refusal("overflow", "the amount is beyond 2^200")
    if u256_is_zero(total):
        raise Refusal("refused", "the amount is zero")
    direction = direction != 0
    for i in range(n):
        if not isinstance(venues[i], Pool):
            raise Refusal("bad_field", "a venue is a pool or a ladder")
        pools[i] = <void*>venues[i]
        about[i] = 0.0
    rows = <curve_row*>calloc(n, sizeof(curve_row))
    if rows == NULL:
        raise MemoryError
    try:
        for turn in range(6):
            for i in range(n):
                (<Pool>pools[i]).curve(direction, &rows[i])
                if rows[i].n == 0:
                    drawn = False
                    sampled(<Pool>pools[i], direction, about[i], most, &rows[i])
            pour(rows, n, most, about)
            if drawn:
                break
        for i in range(n):
            parts[i] = curve_integer(about[i])
            sum = u256_add(sum, parts[i], NULL)
        i = 0
        while u256_lt(total, sum) and i < n:  # doubles may pour a little too much
            left = u256_sub(sum, total, NULL)
            if u256_lt(parts[i], left):
                left = parts[i]
            parts[i] = u256_sub(parts[i], left, NULL)
            sum = u256_sub(sum, left, NULL)
            i += 1
        if settle(pools, direction, n, u256_sub(total, sum, NULL), parts):
            raise Refusal("no_liquidity", "the pools and books cannot take the whole amount")
        return [(to_int(parts[i]), to_int(out_of(<Pool>pools[i], direction, parts[i], &valid))) for i in range(n)]
    finally:
        free(rows)
