"""How much to trade through a cycle of pools and books: never from a price, always from what comes out.

The net gain of paying x is out_n(...out_1(x)) - x - fixed - gas(x) * gas price; a tip is a share of what is left,
so it does not move the best x. Its curve is concave but for gas, whose steps lie where a tick is crossed. The
place is found in doubles (curve.h: a closed form for constant product, piece by piece between ticks and
levels; kinds that draw no curve are searched by exact quotes), then made exact with quotes: the
smallest amount that buys the same middle amount, its neighbours, and single units up and down. What is
returned is verified by exact quotes at that size, gains more than any neighbour, and lies within a few units of
the best there is (each hop rounds down once: near the top the exact gain is a plateau with teeth of that
height, see tests/pools/test_size.py).
"""

from hotpath.pools.pool cimport *
from hotpath.u256 cimport *

from hotpath.pools.pool import Refusal


cdef inline bint above(u256 a, u256 b) noexcept nogil:
    """a > b, both signed and well below 2^255."""
    return u256_is_negative(u256_sub(b, a, NULL))


cdef struct Rest:
    u256 middle, out  # what the first hop gave, and what the others made of it
    int64_t gas
    bint valid

cdef struct Rests:
    # Sizes a unit apart mostly buy the same middle amount, and the same is not quoted twice
    Rest kept[4]
    int n, next


cdef Rest* rest_of(void** pools, const int* directions, int n, u256 middle, Rests* known) noexcept nogil:
    """What the hops after the first make of `middle`."""
    cdef Quote q
    cdef Rest* rest
    cdef int i
    for i in range(known.n):
        if u256_eq(known.kept[i].middle, middle):
            return &known.kept[i]
    rest = &known.kept[known.next]
    known.next = (known.next + 1) & 3
    if known.n < 4:
        known.n += 1
    rest.middle = rest.out = middle
    rest.valid = False
    rest.gas = 0
    for i in range(1, n):
        (<Pool>pools[i]).quote_in_to(directions[i], &rest.out, NULL, &q)
        if q.status != STATUS_OK:
            return rest
        rest.out = q.amount_out
        rest.gas += q.cost
    rest.valid = True
    return rest


cdef void trial_of(void** pools, const int* directions, int n, u256 paid, const Costs* costs, Rests* known, Trial* t) noexcept nogil:
    cdef Quote q
    cdef Rest* rest
    cdef u256 fee
    t.paid = paid
    t.valid = False
    t.gas = 0
    (<Pool>pools[0]).quote_in_to(directions[0], &t.paid, NULL, &q)
    if q.status != STATUS_OK:
        return
    rest = rest_of(pools, directions, n, q.amount_out, known)
    if not rest.valid:
        return
    t.middle = q.amount_out
    t.gas = q.cost + rest.gas
    t.out = rest.out
    t.net = u256_sub(u256_sub(t.out, paid, NULL), costs.fixed, NULL)
    if not u256_is_zero(costs.gas_price_e9):
        u256_muldiv_u64(costs.gas_price_e9, <uint64_t>t.gas, 1000000000, 1, &fee)
        t.net = u256_sub(t.net, fee, NULL)
    t.valid = True


cdef inline bint better(void** pools, const int* directions, int n, u256 paid, u256 most, const Costs* costs, Rests* known, Trial* best) noexcept nogil:
    """Try an amount; True where it became the best."""
    cdef Trial t
    if u256_is_zero(paid) or u256_lt(most, paid):
        return False
    trial_of(pools, directions, n, paid, costs, known, &t)
    if t.valid and (not best.valid or above(t.net, best.net)):
        best[0] = t
        return True
    return False


cdef void refine(void** pools, const int* directions, int n, u256 most, const Costs* costs, Rests* known, Trial* best) noexcept nogil:
    """From a good amount to one that no neighbour beats."""
    cdef Quote q
    cdef u256 middle, want, step_size
    cdef int step, turn
    middle = best.middle
    for step in range(3):  # the least that buys the same middle amount, one more, one less
        want = middle
        if step == 1:
            want = u256_add(middle, U256_ONE, NULL)
        elif step == 2:
            want = u256_sub(middle, U256_ONE, NULL)
        if u256_is_zero(want):
            continue
        (<Pool>pools[0]).quote_out_to(directions[0], &want, NULL, &q)
        if q.status == STATUS_OK:
            better(pools, directions, n, q.amount_in, most, costs, known, best)
    step_size = U256_ONE
    for turn in range(512):  # up and down: twice as far after each gain, half as far after none
        if (better(pools, directions, n, u256_add(best.paid, step_size, NULL), most, costs, known, best)
                or (u256_lt(step_size, best.paid)
                    and better(pools, directions, n, u256_sub(best.paid, step_size, NULL), most, costs, known, best))):
            step_size = u256_shl(step_size, 1)
        elif u256_eq(step_size, U256_ONE):
            return
        else:
            step_size = u256_shr(step_size, 1)


cdef void search(void** pools, const int* directions, int n, u256 most, const Costs* costs, Rests* known, Trial* best) noexcept nogil:
    """By exact quotes alone, for kinds that draw no curve: powers of two, then the golden section."""
    cdef u256 paid = most
    cdef Trial left, right
    cdef double low, high, a, b
    cdef int turn
    for turn in range(256):
        if u256_is_zero(paid):
            break
        better(pools, directions, n, paid, most, costs, known, best)
        paid = u256_shr(paid, 1)
    if not best.valid:
        return
    low = u256_to_double(best.paid) / 2
    high = u256_to_double(best.paid) * 2
    for turn in range(90):
        if high - low < 1.0 or high - low < high * 1e-15:
            break
        a = high - (high - low) * 0.6180339887498949
        b = low + (high - low) * 0.6180339887498949
        trial_of(pools, directions, n, curve_integer(a), costs, known, &left)
        trial_of(pools, directions, n, curve_integer(b), costs, known, &right)
        if left.valid and not u256_lt(most, left.paid) and (not best.valid or above(left.net, best.net)):
            best[0] = left
        if right.valid and not u256_lt(most, right.paid) and (not best.valid or above(right.net, best.net)):
            best[0] = right
        if not right.valid or (left.valid and above(left.net, right.net)):
            high = b
        else:
            low = a


cdef void best_trial(void** pools, const int* directions, int n, u256 most, const Costs* costs, Trial* best) noexcept nogil:
    cdef Rests known
    cdef curve_row rows[4]
    cdef const curve_row* each[4]
    cdef double gain, x
    cdef int i
    cdef bint drawn = True
    known.n = known.next = 0
    best.valid = False
    best.paid = best.out = best.net = U256_ZERO
    best.gas = 0
    for i in range(n):
        (<Pool>pools[i]).curve(directions[i], &rows[i])
        each[i] = &rows[i]
        drawn = drawn and rows[i].n > 0
    if drawn:
        x = curve_best(each, n, u256_to_double(most), u256_to_double(costs.gas_price_e9) * 1e-9, &gain)
        if x == 0.0:
            return
        better(pools, directions, n, curve_integer(x), most, costs, &known, best)
        if not best.valid:  # at the very end of what a hop can take: a little less
            for i in range(1, 12):
                if better(pools, directions, n, curve_integer(x * (1 - 1e-15 * 10.0 ** i)), most, costs, &known, best):
                    break
    else:
        search(pools, directions, n, most, costs, &known, best)
    if best.valid:
        refine(pools, directions, n, most, costs, &known, best)
    if not best.valid or u256_is_negative(best.net) or u256_is_zero(best.net):
        best.valid = False
        best.paid = best.out = best.net = U256_ZERO
        best.gas = 0


cdef class Sized:
    """A trade through a cycle at its best size; all in the smallest units of the coin paid in.

    `amounts` are what is paid, what each hop gives, and so at last what comes out; all 0 where no
    size gains. `gross` is out - paid; `net` is gross less `cost` (fixed and gas) less `tip`.
    """

    @property
    def amount_in(self):
        return to_int(self.trial.paid)

    @property
    def amount_out(self):
        return to_int(self.trial.out)

    @property
    def gross(self):
        return to_int(self.trial.out) - to_int(self.trial.paid)

    @property
    def gas(self):
        return self.trial.gas

    @property
    def cost(self):
        return self.gross - to_int(self.trial.net)

    @property
    def tip(self):
        return -(-to_int(self.trial.net) * self.costs.tip_bps // 10000)

    @property
    def net(self):
        return to_int(self.trial.net) - self.tip

    def __repr__(self):
        return f"Sized(in={self.amount_in}, out={self.amount_out}, gross={self.gross}, cost={self.cost}, tip={self.tip}, net={self.net})"


def best_size(hops, max_in, fixed=0, gas_price_e9=0, tip_bps=0):
    """The best amount to pay into `hops`, a list of 2 to 4 (pool, direction), each paid with what the one
    before gives; the last gives the coin that the first is paid in.

    `max_in` bounds the amount; `fixed` and `gas_price_e9` (for a billion of gas) are costs in that
    coin; `tip_bps` is the share of the remaining gain that is tipped. Returns a Sized.
    """
    cdef void* pools[4]
    cdef int directions[4]
    cdef int n = len(hops), i
    cdef Sized found = Sized.__new__(Sized)
    cdef u256 amount
    cdef Quote q
    if not 1 < n <= 4:
        raise Refusal("bad_field", "a cycle has 2 to 4 hops")
    if not 0 <= tip_bps <= 10000:
        raise Refusal("bad_field", "tip_bps is a share of the gain")
    if fixed >> 200 or gas_price_e9 >> 160:
        raise Refusal("bad_field", "costs are below 2^200, a gas price below 2^160")
    kept = []
    for i in range(n):
        pool, direction = hops[i]
        if not isinstance(pool, Pool):
            raise Refusal("bad_field", "a hop is a pool and a direction")
        kept.append(pool)
        pools[i] = <void*>pool
        directions[i] = direction != 0
    found.costs.fixed = from_int(fixed)
    found.costs.gas_price_e9 = from_int(gas_price_e9)
    found.costs.tip_bps = tip_bps
    amount = from_int(max_in)
    with nogil:
        best_trial(pools, directions, n, amount, &found.costs, &found.trial)
    amounts = [to_int(found.trial.paid)]
    amount = found.trial.paid
    for i in range(n):
        if u256_is_zero(found.trial.paid):
            amounts.append(0)
            continue
        (<Pool>pools[i]).quote_in_to(directions[i], &amount, NULL, &q)
        amount = q.amount_out
        amounts.append(to_int(amount))
    found.amounts = tuple(amounts)
    return found
