"""Uniswap V3 pools and their kin: exact swaps, logs, state. The walk itself is hotpath/pools/v3_pool.h.

Equal to UniswapV3Pool (@uniswap/v3-core 1.0.1) and PancakeV3Pool (@pancakeswap/v3-core 1.0.2): fee,
tick spacing and the protocol's share are data. `feeProtocol` is slot0's number: two nibbles (the
protocol takes 1/n of the fee), or, where `feeProtocolDenominator` is given, two halves of 16 bits
(it takes n/denominator). Direction 0 is zeroForOne. Prices are sqrtPriceX96.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE

from hotpath.pools.fields cimport has, number, number_of, signed_number
from hotpath.pools.pool cimport *
from hotpath.pools.v3_math cimport (
    V3_MAX_PRICE, V3_MAX_TICK, V3_MIN_PRICE, V3_MIN_TICK, v3_price_at_tick, v3_tick_at_price
)
from hotpath.u256 cimport *

from hotpath.pools.events import Event, raw
from hotpath.pools.pool import Diverged, Refusal

v3_load_words()

# a transaction may not use more (EIP-7825); a swap beyond is quoted, with its estimate in the batch
GAS_CAP = 1 << 24

LAYOUTS = (
    ("Swap", Event("19b47279256b2a23a1665c810c8d55a1758940ee09377d4f8d26497a3577dc83", "sender recipient",
                   "amount0 amount1 sqrtPriceX96 liquidity tick protocolFeesToken0 protocolFeesToken1")),
    ("Swap", Event("c42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67", "sender recipient",
                   "amount0 amount1 sqrtPriceX96 liquidity tick")),
    ("Mint", Event("7a53080ba414158be7ec69b987b5fb7d07dee101fe85488f0853ae16239d0bde", "owner tickLower tickUpper",
                   "sender amount amount0 amount1")),
    ("Burn", Event("0c396cd989a39f4459b5fa1aed6a9a8dcdbc45908acfd67e028cd568da98982c", "owner tickLower tickUpper",
                   "amount amount0 amount1")),
    ("Flash", Event("bdbdb71d7860376ba52b25a5028beea23581364a40522f6bcfb86bb1f2dca633", "sender recipient",
                    "amount0 amount1 paid0 paid1")),
    ("Initialize", Event("98636036cb66a9c19a37435efc1e90142190214e8abeb821bdba3f2990dd4c95", "", "sqrtPriceX96 tick")),
    ("CollectProtocol", Event("596b573906218d3411850b26a6b437d6c4522fdb43d2d2386263f86d50b8b151", "sender recipient",
                              "amount0 amount1")),
)
SET_FEE_PROTOCOL = "feeProtocol0Old feeProtocol1Old feeProtocol0New feeProtocol1New"
BYTES = (("SetFeeProtocol", Event("973d8d92bb299f4af6ce49b52a8adb85ae46b9f214c4c4fc06ac77401237b133", "", SET_FEE_PROTOCOL)),)
HALVES = (("SetFeeProtocol", Event("b3159fed3ddfba67bae294599eafe2d0ec98c08bb38e0e5fb87d33154b6e05aa", "", SET_FEE_PROTOCOL)),)


cdef int32_t tick_of(u256 v) noexcept:
    return <int32_t><int64_t>v.w[0]


cdef void fill_ticks(v3_pool* p, list ticks) except *:
    cdef Py_ssize_t i, n = PyList_GET_SIZE(ticks)
    cdef int32_t tick, before = V3_MIN_TICK - 1
    cdef u256 net, gross
    cdef list row
    if v3_reserve(p, <uint32_t>n):
        raise Refusal("bad_field", "ticks are more than there are")
    for i in range(n):
        if type(<object>PyList_GET_ITEM(ticks, i)) is not list:
            raise Refusal("bad_field", "ticks are lists of tick, liquidityNet and liquidityGross")
        row = <list>PyList_GET_ITEM(ticks, i)
        if PyList_GET_SIZE(row) != 3:
            raise Refusal("bad_field", "ticks are lists of tick, liquidityNet and liquidityGross")
        tick = tick_of(number_of(<object>PyList_GET_ITEM(row, 0), "ticks", 24, 1))
        net = number_of(<object>PyList_GET_ITEM(row, 1), "liquidityNet", 128, 1)
        gross = number_of(<object>PyList_GET_ITEM(row, 2), "liquidityGross", 128, 0)
        if tick <= before:
            raise Refusal("bad_field", "ticks are in ascending order, each once")
        if tick < V3_MIN_TICK or tick > V3_MAX_TICK or tick % p.spacing:
            raise Refusal("bad_field", f"the tick {tick} is none of this pool")
        if u256_is_zero(gross):
            raise Refusal("bad_field", f"the tick {tick} has no liquidity")
        v3_insert(p, <uint32_t>i, tick, u256_low128(net), u256_low128(gross))
        before = tick


cdef class UniswapV3(Pool):
    """One pool. Its memory is its own; copies are made through `state`."""

    def __dealloc__(self):
        v3_free(&self.p)

    cdef int walk(self, int direction, int exact_in, const u256* amount, const u256* limit, int fees, v3_walk* w) noexcept nogil:
        """The swap itself; the status. The price limit is the end of the range where it is NULL."""
        cdef u256 to
        if limit != NULL:
            to = limit[0]
        elif direction == 0:
            to = u256_add(V3_MIN_PRICE, U256_ONE, NULL)
        else:
            to = u256_sub(V3_MAX_PRICE, U256_ONE, NULL)
        if self.diverged:
            w.status = STATUS_REFUSED
            return STATUS_REFUSED
        v3_swap(&self.p, amount[0], to, direction == 0, exact_in, fees, w)
        return w.status

    cdef void answer_from(self, int direction, v3_walk* w, Quote* out) noexcept nogil:
        quote_clear(out)
        out.status = w.status
        if w.status != STATUS_OK and w.status != STATUS_PARTIAL and w.status != STATUS_NO_LIQUIDITY:
            return
        out.amount_in = w.paid
        out.amount_out = w.out
        out.fee = w.fee
        out.price_after = w.head.price
        out.tick_after = w.head.tick
        out.crossed = w.crossed
        out.cost = v3_gas(&self.p, w, direction == 0)

    cdef void quote_in_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        cdef v3_walk w
        self.walk(direction, 1, amount, limit, 0, &w)
        self.answer_from(direction, &w, out)

    cdef void quote_out_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        cdef v3_walk w
        self.walk(direction, 0, amount, limit, 0, &w)
        self.answer_from(direction, &w, out)

    cdef void execute_in_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        cdef v3_walk w
        cdef int status = self.walk(direction, 1, amount, limit, 1, &w)
        self.answer_from(direction, &w, out)
        if status == STATUS_OK or status == STATUS_PARTIAL or status == STATUS_NO_LIQUIDITY:
            self.p.head = w.head

    cdef void execute_out_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        cdef v3_walk w
        cdef int status = self.walk(direction, 0, amount, limit, 1, &w)
        self.answer_from(direction, &w, out)
        if status == STATUS_OK or status == STATUS_PARTIAL or status == STATUS_NO_LIQUIDITY:
            self.p.head = w.head

    cdef int apply_raw(self, const uint8_t* topics, int n_topics, const uint8_t* data, size_t n) noexcept nogil:
        cdef int status
        if self.diverged:
            return V3_DIVERGED
        status = v3_apply_log(&self.p, topics, n_topics, data, n, NULL)
        if status == V3_DIVERGED:
            self.diverged = True
        return status

    cdef double spot(self, int direction) noexcept nogil:
        cdef double root = u256_to_double(self.p.head.price) * 2.0 ** -96
        if root == 0.0:
            return 0.0
        return 1.0 / (root * root) if direction else root * root

    cdef double rank(self, int direction) noexcept nogil:
        return self.spot(direction) * (1.0 - self.p.fee * 1e-6)

    cdef void curve(self, int direction, curve_row* row) noexcept nogil:
        row.n = 0
        if not self.diverged:
            v3_curve(&self.p, direction == 0, row)

    def depth(self, int direction, price_limit):
        """What can be paid in on side `direction` until the price is `price_limit`; pure. A Quoted."""
        return self.quote_in(direction, (1 << 255) - 1, price_limit)

    def apply(self, event):
        """One log, raw or decoded. Raises Refusal("bad_field") when it is malformed, Diverged when this
        state could not have done it; after that the pool refuses every quote."""
        self.apply_keeping(event)

    def apply_keeping(self, event):
        """`apply`, returning what `take_back` needs to undo it (opaque bytes)."""
        cdef bytes topics, data
        cdef v3_undo undo
        topics, data = raw(event, LAYOUTS + (HALVES if self.p.denominator else BYTES))
        if self.diverged:
            raise Diverged("this pool diverged from the chain before")
        cdef int status = v3_apply_log(&self.p, <const uint8_t*>PyBytes_AS_STRING(topics), <int>(PyBytes_GET_SIZE(topics) // 32),
                                       <const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), &undo)
        if status == V3_DIVERGED:
            self.diverged = True
            raise Diverged(f"the state could not have done this: {event}")
        if status:
            raise Refusal("bad_field", f"not a log of a pool of this kind: {event}")
        return PyBytes_FromStringAndSize(<char*>&undo, sizeof(undo))

    def take_back(self, bytes undo):
        """Undo the newest log that was applied, by what `apply_keeping` returned for it."""
        if PyBytes_GET_SIZE(undo) != sizeof(v3_undo):
            raise Refusal("bad_field", "not an undo of this kind")
        cdef v3_undo u = (<v3_undo*>PyBytes_AS_STRING(undo))[0]
        v3_take_back(&self.p, &u)

    def is_diverged(self):
        """Whether a log showed that the state is not the chain's."""
        return bool(self.diverged)

    def __sizeof__(self):
        return object.__sizeof__(self) + self.p.capacity * (sizeof(int32_t) + sizeof(uint32_t) + sizeof(v3_tick))

    def state(self):
        """The state with the members of a batch line; integers as decimal strings."""
        cdef uint32_t i
        cdef v3_tick* t
        ticks = []
        for i in range(self.p.count):
            t = &self.p.ticks[self.p.slots[i]]
            ticks.append([str(t.tick), signed_text(v3_net(t)), u256_to_text(u256_from_u128(v3_gross(t)), 0)])
        state = {"fee": str(self.p.fee), "tickSpacing": str(self.p.spacing), "feeProtocol": str(self.p.fee_protocol)}
        if self.p.denominator:
            state["feeProtocolDenominator"] = str(self.p.denominator)
        return state | head_members(&self.p.head) | {"ticks": ticks}

    @classmethod
    def from_state(cls, state):
        """A pool from the `state` of a batch line; unknown members are ignored."""
        cdef UniswapV3 pool = cls.__new__(cls)
        if not isinstance(state, dict):
            raise Refusal("bad_field", "state is an object")
        fill(pool, state)
        return pool


cdef object signed_text(u128 v):
    cdef u256 wide = u256_from_u128(v)
    if v >> 127:
        wide.w[2] = wide.w[3] = <uint64_t>-1
    return u256_to_text(wide, 1)


cdef dict head_members(const v3_head* h):
    return {
        "sqrtPriceX96": u256_to_text(h.price, 0),
        "tick": str(h.tick),
        "liquidity": u256_to_text(u256_from_u128(h.liquidity), 0),
        "feeGrowthGlobal0X128": u256_to_text(h.growth0, 0),
        "feeGrowthGlobal1X128": u256_to_text(h.growth1, 0),
        "protocolFees0": u256_to_text(u256_from_u128(h.owed0), 0),
        "protocolFees1": u256_to_text(u256_from_u128(h.owed1), 0),
    }


cdef void fill(UniswapV3 pool, dict state) except *:
    cdef v3_pool* p = &pool.p
    cdef int32_t at
    cdef v3_head* h = &p.head
    p.fee = <uint32_t>number(state, "fee", 24).w[0]
    if p.fee >= 1000000:
        raise Refusal("bad_field", "fee is in millionths, below a million")
    p.spacing = tick_of(signed_number(state, "tickSpacing", 24))
    if not 0 < p.spacing < 16384:
        raise Refusal("bad_field", "tickSpacing is from 1 to 16383")
    if state.get("feeProtocolDenominator") is not None:
        p.denominator = <uint32_t>number(state, "feeProtocolDenominator", 31).w[0]
    p.fee_protocol = <uint32_t>number(state, "feeProtocol", 32 if p.denominator else 8).w[0] if has(state, "feeProtocol") else 0
    if p.denominator and ((p.fee_protocol & 0xffff) > p.denominator or (p.fee_protocol >> 16) > p.denominator):
        raise Refusal("bad_field", "feeProtocol takes more than the fee")
    h.price = number(state, "sqrtPriceX96", 160)
    h.tick = tick_of(signed_number(state, "tick", 24))
    h.liquidity = u256_low128(number(state, "liquidity", 128))
    if has(state, "feeGrowthGlobal0X128"):
        h.growth0 = number(state, "feeGrowthGlobal0X128", 256)
    if has(state, "feeGrowthGlobal1X128"):
        h.growth1 = number(state, "feeGrowthGlobal1X128", 256)
    if has(state, "protocolFees0"):
        h.owed0 = u256_low128(number(state, "protocolFees0", 128))
    if has(state, "protocolFees1"):
        h.owed1 = u256_low128(number(state, "protocolFees1", 128))
    if not u256_is_zero(h.price):
        # the tick is state: it may stand one below the price that lies exactly on a tick
        if u256_lt(h.price, V3_MIN_PRICE) or not u256_lt(h.price, V3_MAX_PRICE):
            raise Refusal("bad_field", "sqrtPriceX96 is out of range")
        at = v3_tick_at_price(h.price)
        if h.tick != at and not (h.tick == at - 1 and u256_eq(v3_price_at_tick(at), h.price)):
            raise Refusal("bad_field", "tick is not the tick of sqrtPriceX96")
    ticks = state.get("ticks")
    if type(ticks) is not list:
        raise Refusal("bad_field", "ticks is a list")
    fill_ticks(p, <list>ticks)
    h.here = v3_rank(p, h.tick)


WHY = {
    STATUS_REFUSED: ("refused", "the pool would revert"),
    STATUS_OVERFLOW: ("overflow", "a number of the swap does not fit 256 bits"),
    STATUS_TOO_MANY_STEPS: ("too_many_steps", "the swap walks further than tiercel does"),
}


def answer(state, swap):
    """The batch command's answer: amounts (> 0 is paid to the pool), ticks crossed and the state after.

    A swap that its limit or the end of liquidity stops is answered with what was filled, as the pool
    does. `gas` is added where the estimate is above what a transaction may use.
    """
    cdef UniswapV3 pool = UniswapV3.__new__(UniswapV3)
    cdef u256 amount, limit
    cdef const u256* to = NULL
    cdef v3_walk w
    cdef int status
    cdef bint exact_in
    fill(pool, state)
    if type(swap) is not dict:
        raise Refusal("bad_field", "swap is missing")
    zero_for_one = (<dict>swap).get("zeroForOne")
    if type(zero_for_one) is not bool:
        raise Refusal("bad_field", "zeroForOne is true or false")
    amount = signed_number(<dict>swap, "amountSpecified", 256)
    exact_in = not u256_is_negative(amount)
    if not exact_in:
        amount = u256_neg(amount)
    if has(<dict>swap, "sqrtPriceLimitX96"):
        limit = number(<dict>swap, "sqrtPriceLimitX96", 160)
        to = &limit
    status = pool.walk(0 if zero_for_one else 1, exact_in, &amount, to, 1, &w)
    if status != STATUS_OK and status != STATUS_PARTIAL and status != STATUS_NO_LIQUIDITY:
        raise refusal(pool, status, zero_for_one, &amount, to)
    cdef u256 paid = w.paid, given = u256_neg(w.out)
    result = {
        "amount0": u256_to_text(paid if zero_for_one else given, 1),
        "amount1": u256_to_text(given if zero_for_one else paid, 1),
        "ticksCrossed": str(w.crossed),
        "after": head_members(&w.head),
    }
    cdef int64_t gas = v3_gas(&pool.p, &w, zero_for_one)
    if gas > GAS_CAP:
        result["gas"] = str(gas)
    return result


cdef object refusal(UniswapV3 pool, int status, bint zero_for_one, const u256* amount, const u256* limit):
    """Why a swap was refused, as the contract names it."""
    if status == STATUS_REFUSED:
        if u256_is_zero(amount[0]):
            return Refusal("refused", "AS: the amount is zero")
        if u256_is_zero(pool.p.head.price):
            return Refusal("refused", "LOK: the pool has no price yet")
        if limit != NULL:
            inside = (u256_lt(limit[0], pool.p.head.price) and u256_lt(V3_MIN_PRICE, limit[0])) if zero_for_one else (
                u256_lt(pool.p.head.price, limit[0]) and u256_lt(limit[0], V3_MAX_PRICE))
            if not inside:
                return Refusal("refused", "SPL: the price limit is on the wrong side")
    code, why = WHY.get(status, ("refused", "the pool would revert"))
    return Refusal(code, why)
