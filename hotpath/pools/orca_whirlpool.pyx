"""Orca Whirlpools: exact swaps, events and accounts, state. The walk is hotpath/pools/orca_pool.h.

Equal to the whirlpool program and to Orca's own core (whirlpools-core 3.1.0): adaptive fees at the
state's timestamp, transfer fees of both coins, the window of three tick arrays. Direction 0 pays in
coin A. Prices are sqrt(B / A) in Q64.64. A state is the batch line's: `pool`, `oracle`, `timestamp`,
`transfer_fee_a`, `transfer_fee_b`, `ticks`, and `tick_array_starts` (the arrays that are known; left
out, every array is taken to exist, as sparse swaps do).
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport malloc

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from hotpath.pools.fields cimport number, number_of
from hotpath.pools.pool cimport *
from hotpath.pools.solana_state cimport *
from hotpath.u256 cimport *

from hotpath.pools.pool import Diverged, Refusal

MAX_TICKS = 1 << 20
# events that move liquidity between ticks: the prefix of the members that say where, and whether it is added
LIQUIDITY_EVENTS = (
    ("LiquidityIncreased", (("", True),)),
    ("LiquidityDecreased", (("", False),)),
    ("LiquidityRepositioned", (("existing_range_", False), ("new_range_", True))),
)
WHIRLPOOL = bytes.fromhex("3f95d10ce1806309")


cdef void fill_ticks(orca_pool* p, list ticks) except *:
    cdef int32_t tick
    cdef u128 net, gross
    if len(ticks) > MAX_TICKS or orca_reserve(p, <uint32_t>len(ticks)):
        raise Refusal("bad_field", "ticks are more than there are")
    for row in ticks:
        if type(row) is not list or len(<list>row) != 3:
            raise Refusal("bad_field", "ticks are lists of tick_index, liquidity_net and liquidity_gross")
        tick = <int32_t><int64_t>number_of((<list>row)[0], "ticks", 32, 1).w[0]
        net = u256_low128(number_of((<list>row)[1], "liquidity_net", 128, 1))
        gross = u256_low128(number_of((<list>row)[2], "liquidity_gross", 128, 0))
        if tick < ORCA_MIN_TICK or tick > ORCA_MAX_TICK or tick % p.spacing:
            raise Refusal("bad_field", f"the tick {tick} is none of this pool")
        if not gross or net == <u128>1 << 127:
            raise Refusal("bad_field", f"the tick {tick} has no liquidity")
        if p.count and p.keys[p.count - 1] >= tick and orca_rank(p, tick) and p.keys[orca_rank(p, tick) - 1] == tick:
            raise Refusal("bad_field", f"the tick {tick} is there twice")
        if orca_put(p, tick, net, gross):
            raise MemoryError


cdef void fill_starts(orca_pool* p, list starts) except *:
    cdef Py_ssize_t i
    cdef int64_t span = 88 * <int64_t>p.spacing
    values = sorted({int(<object><int64_t>number_of(s, "tick_array_starts", 32, 1).w[0]) for s in starts})
    p.starts_known = True
    if not values:
        return
    p.starts = <int32_t*>malloc(len(values) * sizeof(int32_t))
    if p.starts == NULL:
        raise MemoryError
    p.n_starts = <uint32_t>len(values)
    for i in range(len(values)):
        if values[i] % span:
            raise Refusal("bad_field", "tick_array_starts are multiples of 88 spacings")
        p.starts[i] = <int32_t><int64_t>values[i]


cdef void fill_oracle(orca_pool* p, dict oracle) except *:
    cdef dict c = members(oracle, "adaptiveFeeConstants"), v = members(oracle, "adaptiveFeeVariables")
    p.has_oracle = True
    p.trade_enable = small(oracle, "tradeEnableTimestamp")
    p.fee.filter_period = <uint32_t>small(c, "filterPeriod", 16)
    p.fee.decay_period = <uint32_t>small(c, "decayPeriod", 16)
    p.fee.reduction = <uint32_t>small(c, "reductionFactor", 16)
    p.fee.control = <uint32_t>small(c, "adaptiveFeeControlFactor", 32)
    p.fee.max_volatility = <uint32_t>small(c, "maxVolatilityAccumulator", 32)
    p.fee.group = <uint32_t>small(c, "tickGroupSize", 16)
    p.fee.major_ticks = <uint32_t>small(c, "majorSwapThresholdTicks", 16)
    p.head.last_reference = small(v, "lastReferenceUpdateTimestamp")
    p.head.last_major = small(v, "lastMajorSwapTimestamp")
    p.head.volatility_reference = <uint32_t>small(v, "volatilityReference", 32)
    p.head.group_reference = <int32_t>signed_small(v, "tickGroupIndexReference", 32)
    p.head.volatility = <uint32_t>small(v, "volatilityAccumulator", 32)
    if not p.fee.group or <uint64_t>p.fee.max_volatility * p.fee.group > 0xffffffff:
        raise Refusal("bad_field", "the adaptive fee's constants are none that the program takes")
    if p.head.volatility_reference > p.fee.max_volatility:
        raise Refusal("bad_field", "volatilityReference is above maxVolatilityAccumulator")
    if not -500000 < p.head.group_reference < 500000:
        raise Refusal("bad_field", "tickGroupIndexReference is out of range")


cdef void fill_transfer(orca_transfer_fee* f, dict fee) except *:
    if fee is None:
        f.bps = 0
        f.most = 0
        return
    f.bps = <uint32_t>small(fee, "feeBps", 16)
    f.most = small(fee, "maxFee")
    if f.bps > 10000:
        raise Refusal("refused", "a transfer fee is at most 10000 basis points")


cdef void fill(OrcaWhirlpool pool, dict state) except *:
    cdef orca_pool* p = &pool.p
    cdef dict head = members(state, "pool")
    cdef dict oracle
    p.spacing = <int32_t>small(head, "tick_spacing", 16)
    if not p.spacing:
        raise Refusal("bad_field", "tick_spacing is from 1 to 65535")
    p.fee_rate = <uint32_t>small(head, "fee_rate", 16)
    p.protocol_rate = <uint32_t>small(head, "protocol_fee_rate", 16) if "protocol_fee_rate" in head else 0
    p.fee_tier = <uint32_t>small(head, "fee_tier_index", 16) if "fee_tier_index" in head else <uint32_t>p.spacing
    p.head.liquidity = u256_low128(number(head, "liquidity", 128))
    p.head.price = u256_low128(number(head, "sqrt_price", 128))
    p.head.tick = <int32_t>signed_small(head, "tick_current_index", 32)
    if p.head.price < ORCA_MIN_PRICE or p.head.price > ORCA_MAX_PRICE:
        raise Refusal("bad_field", "sqrt_price is out of range")
    if p.head.tick < ORCA_MIN_TICK - 1 or p.head.tick > ORCA_MAX_TICK:
        raise Refusal("bad_field", "tick_current_index is out of range")
    p.now = small(state, "timestamp")
    oracle = members_or_none(state, "oracle")
    if oracle is not None:
        fill_oracle(p, oracle)
    fill_transfer(&p.transfer[0], members_or_none(state, "transfer_fee_a"))
    fill_transfer(&p.transfer[1], members_or_none(state, "transfer_fee_b"))
    if state.get("tick_array_starts") is not None:
        fill_starts(p, rows(state, "tick_array_starts"))
    fill_ticks(p, rows(state, "ticks"))
    p.head.here = orca_rank(p, p.head.tick)


cdef class OrcaWhirlpool(Pool):
    """One whirlpool. Its memory is its own; copies are made through `state`."""

    def __dealloc__(self):
        orca_free(&self.p)

    cdef int walk(self, int direction, int exact_in, const u256* amount, const u256* limit, orca_walk* w) noexcept nogil:
        cdef u128 to = 0
        if self.diverged:
            w.status = STATUS_REFUSED
        elif not u256_fits_u64(amount[0]):
            w.status = STATUS_BAD_FIELD
        elif limit != NULL and (not u256_fits_u128(limit[0]) or u256_is_zero(limit[0])):
            w.status = STATUS_REFUSED
        else:
            if limit != NULL:
                to = u256_low128(limit[0])
            orca_swap(&self.p, amount[0].w[0], to, direction == 0, exact_in, w)
        return w.status

    cdef void answer_from(self, orca_walk* w, Quote* out) noexcept nogil:
        quote_clear(out)
        out.status = w.status
        if w.status != STATUS_OK and w.status != STATUS_PARTIAL:
            return
        out.amount_in.w[0] = w.paid
        out.amount_out.w[0] = w.given
        out.fee.w[0] = w.fee
        out.price_after = u256_from_u128(w.head.price)
        out.tick_after = w.head.tick
        out.crossed = <int32_t>w.crossed
        out.cost = orca_cost(w, self.p.has_oracle)

    cdef void quote_in_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        cdef orca_walk w
        self.walk(direction, 1, amount, limit, &w)
        self.answer_from(&w, out)

    cdef void quote_out_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        cdef orca_walk w
        self.walk(direction, 0, amount, limit, &w)
        self.answer_from(&w, out)

    cdef void move(self, int direction, int exact_in, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        cdef orca_walk w
        cdef int status = self.walk(direction, exact_in, amount, limit, &w)
        self.answer_from(&w, out)
        # the program takes no partial exact-out that no limit asked for
        if status == STATUS_OK or (status == STATUS_PARTIAL and (exact_in or limit != NULL)):
            self.p.head = w.head

    cdef void execute_in_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        self.move(direction, 1, amount, limit, out)

    cdef void execute_out_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        self.move(direction, 0, amount, limit, out)

    cdef int apply_raw(self, const uint8_t* topics, int n_topics, const uint8_t* data, size_t n) noexcept nogil:
        return orca_apply_account(&self.p, data, n)

    cdef double spot(self, int direction) noexcept nogil:
        cdef double root = u256_to_double(u256_from_u128(self.p.head.price)) * 2.0 ** -64
        return 1.0 / (root * root) if direction else root * root

    cdef double rank(self, int direction) noexcept nogil:
        return self.spot(direction) * (1.0 - orca_rate_now(&self.p) * 1e-6)

    def at(self, timestamp):
        """Quote as of this block time, seconds: adaptive fees hang on it."""
        self.p.now = small({"timestamp": timestamp}, "timestamp")

    def depth(self, int direction, price_limit):
        """What can be paid in on side `direction` until the price is `price_limit`; pure. A Quoted."""
        return self.quote_in(direction, (1 << 64) - 1, price_limit)

    def apply(self, event):
        """One account's bytes (Whirlpool, either TickArray, Oracle) or one decoded event (Traded,
        LiquidityIncreased, -Decreased, -Repositioned; others move nothing). Raises Refusal("bad_field") when
        it is malformed, Diverged when this state could not have done it."""
        cdef bytes data
        cdef int status
        if self.diverged:
            raise Diverged("this pool diverged from the chain before")
        data = account_bytes(event)
        if data is not None:
            status = orca_apply_account(&self.p, <const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
            if status:
                raise Refusal("bad_field", "not an account of this pool")
            return
        args = event_args(event, "Traded")
        if args is not None:
            if "timestamp" in event:
                self.at(event["timestamp"])
            self.follow(args)
            return
        for name, moves in LIQUIDITY_EVENTS:
            args = event_args(event, name)
            if args is None:
                continue
            for prefix, add in moves:
                status = orca_modify(&self.p, <int32_t>signed_small(args, prefix + "tick_lower_index"),
                                     <int32_t>signed_small(args, prefix + "tick_upper_index"),
                                     u256_low128(number(args, prefix + "liquidity", 128)), add)
                if status == STATUS_BAD_FIELD and prefix != "new_range_":
                    raise Refusal("bad_field", f"not a position of this pool: {args}")
                if status:
                    self.diverged = True
                    raise Diverged(f"the state could not have done this: {event}")

    def follow(self, dict args):
        """Execute a Traded event: as an exact input, else as an exact output, else up to its price."""
        cdef bint a_to_b = flag(args, "a_to_b")
        paid, given = number_text(args, "input_amount"), number_text(args, "output_amount")
        after, before = number_text(args, "post_sqrt_price"), number_text(args, "pre_sqrt_price")
        got = given - number_text(args, "output_transfer_fee")
        direction = 0 if a_to_b else 1
        if to_int(u256_from_u128(self.p.head.price)) == before:
            tries = [Swap(direction, paid), Swap(direction, got, True)]
            if after != before:
                tries += [Swap(direction, (1 << 64) - 1, False, after), Swap(direction, (1 << 64) - 1, True, after)]
            for swap in tries:
                ask = self.quote_out if swap.exact_out else self.quote_in
                quoted = ask(direction, swap.amount, swap.limit)
                # an exact input is taken whole, though less would have left the same after its transfer fee
                whole = quoted.status == STATUS_OK and not swap.exact_out
                took = swap.amount if whole else quoted.amount_in
                if (quoted.price_after, took, quoted.amount_out) == (after, paid, got):
                    self.execute(swap)
                    return
        self.diverged = True
        raise Diverged(f"the state could not have done this: {args}")

    def is_diverged(self):
        """Whether an event showed that the state is not the chain's."""
        return bool(self.diverged)

    def state(self):
        """The state with the members of a batch line; integers as decimal strings."""
        cdef orca_pool* p = &self.p
        cdef uint32_t i
        ticks = [[str(p.keys[i]), signed_text(p.ticks[i].net), text(p.ticks[i].gross)] for i in range(p.count)]
        oracle = None
        if p.has_oracle:
            oracle = {
                "tradeEnableTimestamp": str(p.trade_enable),
                "adaptiveFeeConstants": {
                    "filterPeriod": str(p.fee.filter_period), "decayPeriod": str(p.fee.decay_period),
                    "reductionFactor": str(p.fee.reduction), "adaptiveFeeControlFactor": str(p.fee.control),
                    "maxVolatilityAccumulator": str(p.fee.max_volatility), "tickGroupSize": str(p.fee.group),
                    "majorSwapThresholdTicks": str(p.fee.major_ticks),
                },
                "adaptiveFeeVariables": {
                    "lastReferenceUpdateTimestamp": str(p.head.last_reference),
                    "lastMajorSwapTimestamp": str(p.head.last_major),
                    "volatilityReference": str(p.head.volatility_reference),
                    "tickGroupIndexReference": str(p.head.group_reference),
                    "volatilityAccumulator": str(p.head.volatility),
                },
            }
        fees = []
        for k in range(2):
            bps = p.transfer[k].bps
            fees.append({"feeBps": str(bps), "maxFee": str(p.transfer[k].most)} if bps or p.transfer[k].most else None)
        return {
            "pool": {
                "tick_spacing": str(p.spacing), "fee_rate": str(p.fee_rate), "protocol_fee_rate": str(p.protocol_rate),
                "liquidity": text(p.head.liquidity), "sqrt_price": text(p.head.price),
                "tick_current_index": str(p.head.tick), "fee_tier_index": str(p.fee_tier),
            },
            "oracle": oracle, "timestamp": str(p.now), "transfer_fee_a": fees[0], "transfer_fee_b": fees[1],
            "tick_array_starts": [str(p.starts[i]) for i in range(p.n_starts)] if p.starts_known else None,
            "ticks": ticks,
        }

    @classmethod
    def from_accounts(cls, accounts, timestamp):
        """A pool from the bytes of its accounts, the Whirlpool among them, as of a block time in seconds.

        Tick arrays that are not among them are taken to hold nothing. Refusal("bad_field") where one is
        of no account of this program.
        """
        kept = [bytes(a) for a in accounts]
        for data in kept:
            if data[:8] == WHIRLPOOL and len(data) >= 85:
                spacing = str(int.from_bytes(data[41:43], "little"))
                head = {"tick_spacing": spacing, "fee_rate": "0", "liquidity": "0", "sqrt_price": str(1 << 64),
                        "tick_current_index": "0"}
                pool = cls.from_state({"pool": head, "timestamp": timestamp, "ticks": []})
                for other in kept:
                    pool.apply(other)
                return pool
        raise Refusal("bad_field", "accounts hold no Whirlpool")

    @classmethod
    def from_state(cls, state):
        """A pool from the `state` of a batch line; unknown members are ignored."""
        cdef OrcaWhirlpool pool = cls.__new__(cls)
        if type(state) is not dict:
            raise Refusal("bad_field", "state is an object")
        fill(pool, state)
        return pool


cdef object number_text(dict args, str name):
    return to_int(number(args, name, 128))


WHY = {
    STATUS_PARTIAL: ("partial", "the program refuses a partial exact output"),
    STATUS_REFUSED: ("refused", "the program refuses this swap"),
    STATUS_OVERFLOW: ("overflow", "an amount does not fit the program's integers"),
    STATUS_NO_LIQUIDITY: ("no_liquidity", "the tick arrays end before the swap does"),
    STATUS_TOO_MANY_STEPS: ("too_many_steps", "the swap walks further than tiercel does"),
    STATUS_BAD_FIELD: ("bad_field", "amount is none that the program takes"),
}


def answer(state, swap):
    """The batch command's answer: the members that Orca's core gives for the swap in `state`."""
    cdef OrcaWhirlpool pool = OrcaWhirlpool.__new__(OrcaWhirlpool)
    cdef orca_walk w
    cdef bint exact_in = flag(state, "exact_in"), a_to_b = flag(state, "a_to_b")
    cdef uint64_t amount = small(state, "amount"), slippage, edge
    cdef u128 wide
    cdef int status
    fill(pool, state)
    slippage = small(state, "slippage_bps", 16) if "slippage_bps" in state else 0
    if slippage > 10000:
        raise Refusal("refused", "slippage is at most 10000 basis points")
    orca_swap(&pool.p, amount, 0, a_to_b, exact_in, &w)
    status = w.status
    if status != STATUS_OK and not (status == STATUS_PARTIAL and exact_in):
        raise Refusal(*WHY[status])
    if exact_in:
        wide = <u128>w.given * (10000 - slippage) // 10000
        result = {"tokenIn": str(w.paid), "tokenEstOut": str(w.given), "tokenMinOut": text(wide)}
    else:
        wide = (<u128>w.paid * (10000 + slippage) + 9999) // 10000
        if wide >> 64:
            raise Refusal("overflow", "the most to pay is beyond u64")
        result = {"tokenOut": str(w.given), "tokenEstIn": str(w.paid), "tokenMaxIn": text(wide)}
    result["tradeFee"] = str(w.fee)
    result["tradeFeeRateMin"] = str(w.rate_min)
    result["tradeFeeRateMax"] = str(w.rate_max)
    return result


def price_at_tick(int32_t tick):
    """tick_index_to_sqrt_price, Q64.64."""
    if not ORCA_MIN_TICK <= tick <= ORCA_MAX_TICK:
        raise Refusal("bad_field", "the tick is out of range")
    return to_int(u256_from_u128(orca_price_at_tick(tick)))


def tick_at_price(price):
    """sqrt_price_to_tick_index: the greatest tick whose price is not above `price`."""
    cdef u256 p = from_int(price)
    if u256_is_zero(p) or not u256_fits_u128(p):
        raise Refusal("bad_field", "the price is out of range")
    return orca_tick_at_price(u256_low128(p))


cdef u128 u128_of(v) except? 0:
    cdef u256 wide = from_int(v)
    if not u256_fits_u128(wide):
        raise OverflowError("128 bits at most")
    return u256_low128(wide)


def amount_a(price_1, price_2, liquidity, bint round_up):
    """Coin A between two prices (get_amount_delta_a); Refusal("overflow") beyond u64."""
    cdef uint64_t out = 0
    if q64_amount_x(u128_of(price_1), u128_of(price_2), u128_of(liquidity), round_up, 1, &out):
        raise Refusal("overflow", "beyond u64")
    return out


def amount_b(price_1, price_2, liquidity, bint round_up):
    """Coin B between two prices (get_amount_delta_b); Refusal("overflow") beyond u64."""
    cdef uint64_t out = 0
    cdef u128 p = u128_of(price_1), q = u128_of(price_2)
    if q64_amount_y(u128_of(liquidity), q - p if p < q else p - q, round_up, &out):
        raise Refusal("overflow", "beyond u64")
    return out


cdef object bounded(int bad, u128 price):
    if bad or price < ORCA_MIN_PRICE or price > ORCA_MAX_PRICE:
        raise Refusal("refused", "the price would be out of bounds")
    return to_int(u256_from_u128(price))


def price_after_a(price, liquidity, uint64_t amount, bint specified_input):
    """get_next_sqrt_price_from_a, rounded up."""
    cdef u128 out = u128_of(price)
    cdef int bad = q64_price_after_x(u128_of(price), u128_of(liquidity), amount, specified_input, 1, &out) if amount else 0
    return bounded(bad, out)


def price_after_b(price, liquidity, uint64_t amount, bint specified_input):
    """get_next_sqrt_price_from_b, rounded down."""
    cdef u128 out = u128_of(price)
    cdef int bad = q64_price_after_y(u128_of(price), u128_of(liquidity), amount, specified_input, &out) if amount else 0
    return bounded(bad, out)


cdef orca_transfer_fee transfer_fee_of(bps, most) except *:
    cdef orca_transfer_fee f
    fill_transfer(&f, {"feeBps": bps, "maxFee": most})
    return f


def after_transfer_fee(uint64_t amount, bps, most):
    """What arrives of `amount` sent; the fee is rounded up and at most `most`."""
    cdef orca_transfer_fee f = transfer_fee_of(bps, most)
    return amount - orca_transfer_of(&f, amount)


def before_transfer_fee(uint64_t amount, bps, most):
    """What must be sent for `amount` to arrive; Refusal("overflow") beyond u64."""
    cdef orca_transfer_fee f = transfer_fee_of(bps, most)
    cdef uint64_t out = 0
    if orca_transfer_before(&f, amount, &out):
        raise Refusal("overflow", "beyond u64")
    return out
