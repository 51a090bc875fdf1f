"""Uniswap V2 pairs and their kin (SushiSwap, PancakeSwap). The arithmetic is hotpath/pools/v2_math.h.

out = in * keep * R_out / (R_in * scale + in * keep), rounded down; in = R_in * out * scale /
((R_out - out) * keep) + 1. `as` chooses who answers: `pair` refuses what the pair refuses (no
output, a reserve past uint112), `library` answers what the router's library does, whatever the pair
would say. A pair's price has no integer of its own: `price_after` is 0, and a limit is refused.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t

from hotpath.pools.fields cimport has, number
from hotpath.pools.pool cimport *
from hotpath.u256 cimport *

from hotpath.pools.events import Event, raw
from hotpath.pools.pool import Refusal, Status

LAYOUTS = (
    ("Sync", Event("1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1", "", "reserve0 reserve1")),
)

# pair.swap with the transfer to it and from it, for plain ERC-20 tokens
cdef enum:
    SWAP_GAS = 65000


cdef class UniswapV2(Pool):
    """One pair. The two reserves, the fee as the router's fraction, and who answers."""

    cdef int amounts(self, int direction, int exact_in, const u256* amount, u256* paid, u256* given) noexcept nogil:
        cdef u256 reserve_in = self.reserve[direction], reserve_out = self.reserve[1 - direction]
        cdef int status
        if exact_in:
            paid[0] = amount[0]
            status = v2_amount_out(amount[0], reserve_in, reserve_out, self.fee, given)
        else:
            given[0] = amount[0]
            status = v2_amount_in(amount[0], reserve_in, reserve_out, self.fee, paid)
        if status == STATUS_OK and not self.library:
            return v2_pair_refuses(paid[0], given[0], reserve_in, reserve_out)
        return status

    cdef void answer_from(self, int direction, int exact_in, const u256* amount, bint move, Quote* out) noexcept nogil:
        cdef int status = -1
        quote_clear(out)
        if exact_in:
            status = v2_quick_out(amount, &self.reserve[direction], &self.reserve[1 - direction], self.fee, self.library,
                                  &out.amount_out, &out.fee)
            if status == STATUS_OK:
                out.amount_in = amount[0]
        else:
            status = v2_quick_in(amount, &self.reserve[direction], &self.reserve[1 - direction], self.fee, self.library,
                                 &out.amount_in, &out.fee)
            if status == STATUS_OK:
                out.amount_out = amount[0]
        if status < 0:
            status = self.amounts(direction, exact_in, amount, &out.amount_in, &out.amount_out)
            if status == STATUS_OK:
                u256_muldiv_u64(out.amount_in, self.fee.scale - self.fee.keep, self.fee.scale, 1, &out.fee)
        if status != STATUS_OK:
            quote_clear(out)
            out.status = status
            return
        out.cost = SWAP_GAS
        if move:
            self.reserve[direction] = u256_add(self.reserve[direction], out.amount_in, NULL)
            self.reserve[1 - direction] = u256_sub(self.reserve[1 - direction], out.amount_out, NULL)

    cdef void quote_in_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        if limit != NULL:
            quote_clear(out)
            out.status = STATUS_BAD_FIELD
            return
        self.answer_from(direction, 1, amount, False, out)

    cdef void quote_out_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        if limit != NULL:
            quote_clear(out)
            out.status = STATUS_BAD_FIELD
            return
        self.answer_from(direction, 0, amount, False, out)

    cdef void execute_in_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        if limit != NULL:
            quote_clear(out)
            out.status = STATUS_BAD_FIELD
            return
        self.answer_from(direction, 1, amount, True, out)

    cdef void execute_out_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        if limit != NULL:
            quote_clear(out)
            out.status = STATUS_BAD_FIELD
            return
        self.answer_from(direction, 0, amount, True, out)

    cdef int apply_raw(self, const uint8_t* topics, int n_topics, const uint8_t* data, size_t n) noexcept nogil:
        return v2_apply_log(self.reserve, topics, n_topics, data, n)

    cdef double spot(self, int direction) noexcept nogil:
        cdef double reserve_in = u256_to_double(self.reserve[direction])
        return u256_to_double(self.reserve[1 - direction]) / reserve_in if reserve_in else 0.0

    cdef double rank(self, int direction) noexcept nogil:
        return self.spot(direction) * self.fee.keep / self.fee.scale

    cdef void curve(self, int direction, curve_row* row) noexcept nogil:
        cdef double reserve_in = u256_to_double(self.reserve[direction])
        row.n = 0
        if reserve_in == 0.0:
            return
        row.n = 1
        row.pieces[0].a = u256_to_double(self.reserve[1 - direction])
        row.pieces[0].b = reserve_in * self.fee.scale / self.fee.keep if self.fee.keep else 1e300
        row.pieces[0].cap = 2.0 ** 112 - reserve_in
        row.pieces[0].gas = SWAP_GAS

    def depth(self, int direction, price_limit):
        """What can be paid in on side `direction` until the pair gives less than `price_limit` for one.

        `price_limit` is the marginal rate before the fee, R_out / R_in, in Q96. A Quoted; pure.
        """
        cdef Quoted answer = Quoted.__new__(Quoted)
        direction = direction != 0
        reserve_in, reserve_out = to_int(self.reserve[direction]), to_int(self.reserve[1 - direction])
        low, high = 0, max(0, (1 << 112) - 1 - reserve_in)
        while low < high:  # at most 112 rounds: the largest amount after which the rate still holds
            middle = (low + high + 1) // 2
            given = middle * self.fee.keep * reserve_out // (reserve_in * self.fee.scale + middle * self.fee.keep)
            if (reserve_out - given) << 96 >= price_limit * (reserve_in + middle):
                low = middle
            else:
                high = middle - 1
        cdef u256 amount = from_int(low)
        self.answer_from(direction, 1, &amount, False, &answer.q)
        return answer

    def apply(self, event):
        """One log, raw or decoded: Sync sets the reserves, the others move nothing of their own."""
        self.apply_keeping(event)

    def apply_keeping(self, event):
        """`apply`, returning what `take_back` needs to undo it (opaque bytes)."""
        cdef bytes topics, data
        undo = PyBytes_FromStringAndSize(<char*>self.reserve, sizeof(self.reserve))
        topics, data = raw(event, LAYOUTS)
        if v2_apply_log(self.reserve, <const uint8_t*>PyBytes_AS_STRING(topics), <int>(PyBytes_GET_SIZE(topics) // 32),
                        <const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data)):
            raise Refusal("bad_field", f"not a log of a pair: {event}")
        return undo

    def take_back(self, bytes undo):
        """Undo the newest log that was applied, by what `apply_keeping` returned for it."""
        if PyBytes_GET_SIZE(undo) != sizeof(self.reserve):
            raise Refusal("bad_field", "not an undo of this kind")
        cdef const u256* kept = <const u256*>PyBytes_AS_STRING(undo)
        self.reserve[0] = kept[0]
        self.reserve[1] = kept[1]

    def state(self):
        """The state as a batch line, token 0 as the coin paid in; integers as decimal strings."""
        return {
            "reserveIn": str(to_int(self.reserve[0])),
            "reserveOut": str(to_int(self.reserve[1])),
            "fee_bps": str(self.fee_bps),
            "as": "library" if self.library else "pair",
        }

    @classmethod
    def from_state(cls, state):
        """A pair from the `state` of a batch line: token 0 is the coin of `reserveIn`."""
        cdef UniswapV2 pool = cls.__new__(cls)
        if type(state) is not dict:
            raise Refusal("bad_field", "state is an object")
        who = state.get("as", "pair")
        if who not in ("pair", "library"):
            raise Refusal("bad_field", "as is pair or library")
        pool.library = who == "library"
        pool.fee_bps = <uint32_t>number(state, "fee_bps", 14).w[0] if has(state, "fee_bps") else 30
        if pool.fee_bps >= 10000:
            raise Refusal("bad_field", "fee_bps is below 10000")
        pool.fee = v2_fee_of(pool.fee_bps)
        pool.reserve[0] = number(state, "reserveIn", 256 if pool.library else 112)
        pool.reserve[1] = number(state, "reserveOut", 256 if pool.library else 112)
        return pool


WHY = {
    STATUS_REFUSED: "the amount, or what it would give, is zero",
    STATUS_OVERFLOW: "an amount or a reserve does not fit the contract's integer",
    STATUS_NO_LIQUIDITY: "the reserves do not hold that much",
}


def answer(state, swap):
    """The batch command's answer: `amountOut` for `amountIn`, `amountIn` for `amountOut`."""
    cdef UniswapV2 pool = UniswapV2.from_state(state)
    cdef u256 amount, paid, given
    if type(swap) is not dict:
        raise Refusal("bad_field", "swap is missing")
    cdef bint exact_in = has(<dict>swap, "amountIn")
    if exact_in == has(<dict>swap, "amountOut"):
        raise Refusal("bad_field", "swap has amountIn or amountOut")
    amount = number(<dict>swap, "amountIn" if exact_in else "amountOut", 256)
    cdef int status = pool.amounts(0, exact_in, &amount, &paid, &given)
    if status != STATUS_OK:
        raise Refusal(Status(status).name.lower(), WHY[status])
    return {"amountOut": u256_to_text(given, 0)} if exact_in else {"amountIn": u256_to_text(paid, 0)}
