"""Meteora DAMM v2 pools. The arithmetic is hotpath/pools/meteora_damm_v2.h, the fees _fees.h.

Coin 0 is token a, coin 1 token b. Price after: the square-root price in Q64, b for one a. A swap past
the range is NO_LIQUIDITY (the program refuses it); `quote_partial` stops at the range's end instead.
The volatility accumulator is the stored one, as in the program, which moves it after a swap; `execute`
moves it where the state has the members for it (an account has them, a batch line need not).
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from hotpath.pools.fields cimport has, number
from hotpath.pools.pool cimport *
from hotpath.pools.solana_pool cimport *
from hotpath.u256 cimport *

from hotpath.pools.pool import Diverged, Refusal

# the swap instruction between two plain SPL mints
cdef enum:
    SWAP_UNITS = 60000

WHY = {
    STATUS_REFUSED: "the amount, or what it would give, is zero, or the fee schedule cannot be evaluated",
    STATUS_OVERFLOW: "a result does not fit the program's integer",
    STATUS_NO_LIQUIDITY: "the price would leave the pool's range, or the pool does not hold that much",
}
FUNCTIONS = {"exact_in": DAMM_EXACT_IN, "partial_in": DAMM_PARTIAL_IN, "exact_out": DAMM_EXACT_OUT}
# members of dynamic_fee that an account has beside the four of a batch line
TRACKED = ("maxVolatilityAccumulator", "filterPeriod", "decayPeriod", "reductionFactor", "lastUpdateTimestamp",
           "binStepU128", "sqrtPriceReference", "volatilityReference")


cdef class MeteoraDammV2(SolanaPool):
    """One pool: its range, liquidity and amounts, the fee rules, and the clock that they are read at."""

    cdef void step(self, int direction, bint exact_in, uint64_t amount, bint move, Quote* out) noexcept nogil:
        self.trade(direction, DAMM_EXACT_IN if exact_in else DAMM_EXACT_OUT, amount, move, out)

    cdef void trade(self, int direction, int how, uint64_t amount, bint move, Quote* out) noexcept nogil:
        cdef damm_result r
        out.status = damm_swap(&self.p, direction, how, amount, move, &r)
        if out.status != STATUS_OK:
            return
        if r.left:
            out.status = STATUS_PARTIAL
        out.amount_in.w[0] = r.paid
        out.amount_out.w[0] = r.given
        out.fee.w[0] = r.paid - r.paid_net if r.fee_on_input else r.given_gross - r.given
        out.price_after = u256_from_u128(r.price)
        out.cost = SWAP_UNITS

    cdef int apply_raw(self, const uint8_t* topics, int n_topics, const uint8_t* data, size_t n) noexcept nogil:
        return damm_apply_account(&self.p, data, n)

    cdef double spot(self, int direction) noexcept nogil:
        cdef double root = <double>(self.p.price >> 32) / 4294967296.0
        if self.p.collect == DAMM_COMPOUNDING:  # the amounts are the price
            if not self.p.amount[direction]:
                return 0.0
            return <double>self.p.amount[1 - direction] / <double>self.p.amount[direction]
        if not root:
            return 0.0
        return 1.0 / (root * root) if direction else root * root

    cdef double rank(self, int direction) noexcept nogil:
        cdef uint64_t numerator = 0
        if damm_numerator_for(&self.p, direction, 1, 1, &numerator) != STATUS_OK:
            return 0.0
        return self.spot(direction) * (1.0 - <double>numerator / 1e9)

    def quote_partial(self, int direction, amount):
        """What `amount` paid in on side `direction` gives until the range ends (PARTIAL there); pure."""
        cdef Quoted answer = Quoted.__new__(Quoted)
        cdef u256 a = from_int(amount)
        if u256_fits_u64(a):
            self.trade(direction != 0, DAMM_PARTIAL_IN, a.w[0], False, &answer.q)
        else:
            answer.q.status = STATUS_OVERFLOW
        return answer

    def set_clock(self, uint64_t point, uint64_t now):
        """The point (slot or second, as the pool counts) and the second at which fees are read."""
        self.p.point = point
        self.p.now = now

    def apply(self, event):
        """A Pool account, {"account": "pool", "data": bytes}: the whole state but the clock.

        {"event": "EvtSwap2", "args": {...}} with the members of the program's event, and "slot" where
        the pool counts in slots: executed here and compared, Diverged where the numbers differ.
        """
        if type(event) is not dict:
            raise Refusal("bad_field", "an event is an object")
        if event.get("account") == "pool":
            data = event.get("data")
            if type(data) is not bytes or damm_apply_account(
                &self.p, <const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data)
            ):
                raise Refusal("bad_field", "these bytes are no pool that the program could have")
            self.base_fee = data[8:40]
            return
        if event.get("event") != "EvtSwap2":
            raise Refusal("bad_field", "an event is the pool's account or an EvtSwap2")
        self.follow(members_of(event), event.get("slot"))

    cdef object follow(self, dict event, object slot):
        """Execute the swap that an event tells of; Diverged where it comes out otherwise."""
        cdef dict told = part(event, "swap_result"), asked = part(event, "params")
        cdef int direction = <int>below(event, "trade_direction", 2), how = <int>below(asked, "swap_mode", 3)
        cdef damm_pool next = self.p
        cdef damm_result r
        cdef uint64_t amount
        next.now = whole(event, "current_timestamp")
        next.point = next.now if next.point_is_time else next.point if slot is None else <uint64_t>slot
        next.referred = truth(event, "has_referral", None)
        if how == DAMM_EXACT_OUT:
            amount = whole(told, "output_amount")
        elif how == DAMM_PARTIAL_IN:
            amount = whole(asked, "amount_0")  # less than that arrives where the coin has a transfer fee
        else:
            amount = whole(told, "included_fee_input_amount")
        memset(&r, 0, sizeof(r))
        if damm_swap(&next, direction, how, amount, True, &r) != STATUS_OK:
            raise Diverged("the event's swap is refused here")
        ours = (r.paid, r.paid_net, r.given, to_int(u256_from_u128(r.price)), r.fees.claiming, r.fees.protocol)
        theirs = (whole(told, "included_fee_input_amount"), whole(told, "excluded_fee_input_amount"),
                  whole(told, "output_amount"), to_int(number(told, "next_sqrt_price", 128)),
                  whole(told, "claiming_fee"), whole(told, "protocol_fee"))
        # in compounding mode the event carries 0: the price is made of the amounts afterwards
        if ours != theirs and not (next.collect == DAMM_COMPOUNDING and ours[:3] == theirs[:3]):
            raise Diverged(f"the event says {theirs} (in, net, out, price, fees), ours {ours}")
        next.referred = self.p.referred
        self.p = next

    def state(self):
        """The state as a batch line has it, with the members that a swap moves; integers as text."""
        p = self.p
        dynamic = {
            "initialized": str(p.dynamic.on), "volatilityAccumulator": text(p.dynamic.accumulator),
            "binStep": str(p.dynamic.bin_step), "variableFeeControl": str(p.dynamic.control),
        }  # fmt: skip
        if p.dynamic.tracked:
            dynamic.update(zip(TRACKED, (
                str(p.dynamic.most), str(p.dynamic.filter), str(p.dynamic.decay), str(p.dynamic.reduction),
                str(p.dynamic.last_update), text(p.dynamic.bin_step_x64), text(p.dynamic.price_reference),
                text(p.dynamic.reference))))
        return {
            "pool": {
                "collect_fee_mode": str(p.collect), "sqrt_min_price": text(p.low), "sqrt_max_price": text(p.high),
                "sqrt_price": text(p.price), "liquidity": text(p.liquidity),
                "token_a_amount": str(p.amount[0]), "token_b_amount": str(p.amount[1]),
                "fee_version": str(p.version), "activation_point": str(p.activation),
                "activation_type": str(p.point_is_time), "init_sqrt_price": text(p.start),
                "base_fee_data_hex": self.base_fee.hex(), "dynamic_fee": dynamic,
                "protocol_fee_percent": str(p.protocol_percent), "referral_fee_percent": str(p.referral_percent),
                "compounding_fee_bps": str(p.compounding_bps),
            },
            "current_point": str(p.point), "current_timestamp": str(p.now), "has_referral": p.referred == 1,
        }  # fmt: skip

    @classmethod
    def from_state(cls, state):
        """A pool from a batch line's state.

        dynamic_fee may also have the TRACKED members, pool activation_type (0 slots, 1 seconds, the
        default), and the state current_timestamp (the default is current_point).
        """
        cdef MeteoraDammV2 pool = cls.__new__(cls)
        cdef dict source = part(state, "pool"), dynamic = part(source, "dynamic_fee")
        cdef damm_pool* p = &pool.p
        memset(p, 0, sizeof(pool.p))
        p.collect = <int>below(source, "collect_fee_mode", 3)
        p.version = <int>below(source, "fee_version", 2)
        p.low = wide(source, "sqrt_min_price")
        p.high = wide(source, "sqrt_max_price")
        p.price = wide(source, "sqrt_price")
        p.start = wide(source, "init_sqrt_price")
        p.liquidity = wide(source, "liquidity")
        p.amount[0] = whole(source, "token_a_amount")
        p.amount[1] = whole(source, "token_b_amount")
        p.activation = whole(source, "activation_point")
        p.point_is_time = below(source, "activation_type", 2) if has(source, "activation_type") else 1
        p.protocol_percent = <uint32_t>below(source, "protocol_fee_percent", 101)
        p.referral_percent = <uint32_t>below(source, "referral_fee_percent", 101)
        p.compounding_bps = <uint32_t>below(source, "compounding_fee_bps", 10001)
        p.point = whole(state, "current_point")
        p.now = whole_or(state, "current_timestamp", p.point)
        p.referred = truth(state, "has_referral", False)
        try:
            pool.base_fee = bytes.fromhex(source["base_fee_data_hex"])
        except (KeyError, TypeError, ValueError):
            pool.base_fee = b""
        if len(pool.base_fee) != 32 or damm_read_base_fee(<const uint8_t*>PyBytes_AS_STRING(pool.base_fee), &p.base):
            raise Refusal("bad_field", "base_fee_data_hex is the 32 bytes of a base fee of mode 0 to 4")
        p.dynamic.on = number(dynamic, "initialized", 8).w[0] != 0
        p.dynamic.accumulator = u256_low128(number(dynamic, "volatilityAccumulator", 96))
        p.dynamic.bin_step = <uint32_t>number(dynamic, "binStep", 16).w[0]
        p.dynamic.control = <uint32_t>number(dynamic, "variableFeeControl", 32).w[0]
        p.dynamic.tracked = has(dynamic, "sqrtPriceReference")
        if p.dynamic.tracked:
            p.dynamic.most = <uint32_t>number(dynamic, "maxVolatilityAccumulator", 32).w[0]
            p.dynamic.filter = <uint32_t>number(dynamic, "filterPeriod", 16).w[0]
            p.dynamic.decay = <uint32_t>number(dynamic, "decayPeriod", 16).w[0]
            p.dynamic.reduction = <uint32_t>number(dynamic, "reductionFactor", 16).w[0]
            p.dynamic.last_update = whole(dynamic, "lastUpdateTimestamp")
            p.dynamic.bin_step_x64 = wide(dynamic, "binStepU128")
            p.dynamic.price_reference = wide(dynamic, "sqrtPriceReference")
            p.dynamic.reference = u256_low128(number(dynamic, "volatilityReference", 96))
        return pool


cdef u128 wide(dict source, str name) except? 0:
    """The member `name` as u128."""
    return u256_low128(number(source, name, 128))


cdef str text(u128 value):
    return u256_to_text(u256_from_u128(value), 0)


def answer(state, swap):
    """The batch command's answer: the SDK's swap result for the state's fn, amount and a_to_b."""
    cdef MeteoraDammV2 pool = MeteoraDammV2.from_state(state)
    cdef damm_result r
    cdef uint64_t amount = whole(state, "amount")
    cdef int direction = not truth(state, "a_to_b", None), status
    name = state.get("fn")
    if type(name) is not str or name not in FUNCTIONS:
        raise Refusal("bad_field", "fn is exact_in, partial_in or exact_out")
    memset(&r, 0, sizeof(r))
    status = damm_answer(&pool.p, direction, FUNCTIONS[name], amount, &r)
    if status != STATUS_OK:
        refuse(status, WHY)
    return {
        "included_fee_input_amount": str(r.paid), "excluded_fee_input_amount": str(r.paid_net),
        "amount_left": str(r.left), "output_amount": str(r.given), "next_sqrt_price": text(r.price),
        "claiming_fee": str(r.fees.claiming), "compounding_fee": str(r.fees.compounding),
        "protocol_fee": str(r.fees.protocol), "referral_fee": str(r.fees.referral),
    }  # fmt: skip
