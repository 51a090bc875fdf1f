"""Raydium CLMM: exact swaps, events and accounts, state. The walk is hotpath/pools/raydium_pool.h.

Equal to the raydium-clmm program (July 2026) and to the official SDK's swapInternal: dynamic fee at
the state's timestamp, the fee on either side, limit orders. Direction 0 pays in token 0. Prices are
sqrt(token 1 / token 0) in Q64.64. A state is the batch line's: `pool`, `amm_config`,
`block_timestamp`, `ticks`.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from hotpath.pools.fields cimport number, number_of
from hotpath.pools.pool cimport *
from hotpath.pools.solana_state cimport *
from hotpath.u256 cimport *

from hotpath.pools.pool import Diverged, Refusal

MAX_TICKS = 1 << 20
POOL_STATE = bytes.fromhex("f7ede3f5d7c3de46")
AMM_CONFIG = bytes.fromhex("daf42168cbcb2b6f")


cdef uint64_t cell(list row, Py_ssize_t i, str name) except? 0:
    return number_of(row[i], name, 64, 0).w[0]


cdef void fill_ticks(raydium_pool* p, list ticks) except *:
    cdef int32_t tick
    cdef uint32_t at
    cdef u128 net, gross
    cdef raydium_orders orders
    cdef list row
    if len(ticks) > MAX_TICKS or raydium_reserve(p, <uint32_t>len(ticks)):
        raise Refusal("bad_field", "ticks are more than there are")
    for item in ticks:
        if type(item) is not list or len(<list>item) not in (3, 7):
            raise Refusal("bad_field", "ticks are lists of tick, liquidity_net, liquidity_gross and four of limit orders")
        row = <list>item
        tick = <int32_t><int64_t>number_of(row[0], "ticks", 32, 1).w[0]
        net = u256_low128(number_of(row[1], "liquidity_net", 128, 1))
        gross = u256_low128(number_of(row[2], "liquidity_gross", 128, 0))
        orders.phase = orders.open = orders.part = 0
        orders.ratio = 0
        if len(row) == 7:
            orders.phase = cell(row, 3, "order_phase")
            orders.open = cell(row, 4, "orders_amount")
            orders.part = cell(row, 5, "part_filled_orders_remaining")
            orders.ratio = u256_low128(number_of(row[6], "unfilled_ratio_x64", 128, 0))
        if tick < RAYDIUM_MIN_TICK or tick > RAYDIUM_MAX_TICK or tick % p.spacing or net == <u128>1 << 127:
            raise Refusal("bad_field", f"the tick {tick} is none of this pool")
        at = raydium_rank(p, tick)
        if at and p.keys[at - 1] == tick:
            raise Refusal("bad_field", f"the tick {tick} is there twice")
        if raydium_put(p, tick, net, gross, &orders):
            raise MemoryError


cdef void fill_dynamic(raydium_pool* p, dict d) except *:
    p.fee.filter_period = <uint32_t>small(d, "filterPeriod", 16)
    p.fee.decay_period = <uint32_t>small(d, "decayPeriod", 16)
    p.fee.reduction = <uint32_t>small(d, "reductionFactor", 16)
    p.fee.control = <uint32_t>small(d, "dynamicFeeControl", 32)
    p.fee.max_volatility = <uint32_t>small(d, "maxVolatilityAccumulator", 32)
    p.head.index_reference = <int32_t>signed_small(d, "tickSpacingIndexReference", 32)
    p.head.volatility_reference = <uint32_t>small(d, "volatilityReference", 32)
    p.head.volatility = <uint32_t>small(d, "volatilityAccumulator", 32)
    p.head.last_update = small(d, "lastUpdateTimestamp")
    # a record of zeros is what a pool without a dynamic fee has
    p.has_dynamic = bool(
        p.fee.filter_period or p.fee.decay_period or p.fee.reduction or p.fee.control or p.fee.max_volatility
        or p.head.index_reference or p.head.volatility_reference or p.head.volatility or p.head.last_update
    )
    if <uint64_t>p.fee.max_volatility * <uint32_t>p.spacing > 0xffffffff:
        raise Refusal("bad_field", "maxVolatilityAccumulator is above what the program takes")
    if not -500000 < p.head.index_reference < 500000:
        raise Refusal("bad_field", "tickSpacingIndexReference is out of range")


cdef void fill(RaydiumClmm pool, dict state) except *:
    cdef raydium_pool* p = &pool.p
    cdef dict head = members(state, "pool"), config = members(state, "amm_config"), dynamic
    p.spacing = <int32_t>small(head, "tick_spacing", 16)
    if not p.spacing:
        raise Refusal("bad_field", "tick_spacing is from 1 to 65535")
    p.trade_rate = <uint32_t>small(config, "tradeFeeRate", 32)
    p.protocol_rate = <uint32_t>small(config, "protocolFeeRate", 32) if "protocolFeeRate" in config else 0
    p.fund_rate = <uint32_t>small(config, "fundFeeRate", 32) if "fundFeeRate" in config else 0
    if p.trade_rate >= 1000000:
        raise Refusal("bad_field", "tradeFeeRate is in millionths, below a million")
    if <uint64_t>p.protocol_rate + p.fund_rate > 1000000:
        raise Refusal("bad_field", "protocolFeeRate and fundFeeRate take more than the fee")
    p.fee_on = <uint32_t>small(head, "fee_on", 8) if "fee_on" in head else 0
    if p.fee_on > 2:
        raise Refusal("bad_field", "fee_on is 0, 1 or 2")
    p.head.liquidity = u256_low128(number(head, "liquidity", 128))
    p.head.price = u256_low128(number(head, "sqrt_price_x64", 128))
    p.head.tick = <int32_t>signed_small(head, "tick_current", 32)
    if p.head.price < RAYDIUM_MIN_PRICE or p.head.price > RAYDIUM_MAX_PRICE:
        raise Refusal("bad_field", "sqrt_price_x64 is out of range")
    if p.head.tick < RAYDIUM_MIN_TICK - 1 or p.head.tick > RAYDIUM_MAX_TICK:
        raise Refusal("bad_field", "tick_current is out of range")
    p.now = small(state, "block_timestamp")
    dynamic = members_or_none(head, "dynamic_fee_info")
    if dynamic is not None:
        fill_dynamic(p, dynamic)
    fill_ticks(p, rows(state, "ticks"))
    p.head.here = raydium_rank(p, p.head.tick)


cdef class RaydiumClmm(Pool):
    """One pool. Its memory is its own; copies are made through `state`."""

    def __dealloc__(self):
        raydium_free(&self.p)

    cdef int walk(self, int direction, int exact_in, const u256* amount, const u256* limit, raydium_walk* w) noexcept nogil:
        cdef u128 to = 0
        w.ended = False
        if self.diverged:
            w.status = STATUS_REFUSED
        elif not u256_fits_u64(amount[0]):
            w.status = STATUS_BAD_FIELD
        elif limit != NULL and (not u256_fits_u128(limit[0]) or u256_is_zero(limit[0])):
            w.status = STATUS_REFUSED
        else:
            if limit != NULL:
                to = u256_low128(limit[0])
            raydium_swap(&self.p, amount[0].w[0], to, direction == 0, exact_in, w)
        return w.status

    cdef void answer_from(self, int exact_in, raydium_walk* w, Quote* out) noexcept nogil:
        quote_clear(out)
        out.status = w.status
        if w.status != STATUS_OK and w.status != STATUS_PARTIAL:
            return
        if w.ended and not w.in_ and not w.out:
            out.status = STATUS_NO_LIQUIDITY
        out.amount_in.w[0] = w.in_
        out.amount_out.w[0] = w.out
        out.fee.w[0] = w.fee
        out.price_after = u256_from_u128(w.head.price)
        out.tick_after = w.head.tick
        out.crossed = <int32_t>w.crossed
        out.cost = raydium_cost(w)

    cdef void quote_in_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        cdef raydium_walk w
        self.walk(direction, 1, amount, limit, &w)
        self.answer_from(1, &w, out)

    cdef void quote_out_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        cdef raydium_walk w
        self.walk(direction, 0, amount, limit, &w)
        self.answer_from(0, &w, out)

    cdef void move(self, int direction, int exact_in, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        cdef raydium_walk w
        cdef int status = self.walk(direction, exact_in, amount, limit, &w)
        self.answer_from(exact_in, &w, out)
        # the program fails where it is out of ticks, and where an exact output is not whole without a limit
        if status == STATUS_OK or (status == STATUS_PARTIAL and not w.ended and (exact_in or limit != NULL)):
            raydium_settle(&self.p, &w)

    cdef void execute_in_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        self.move(direction, 1, amount, limit, out)

    cdef void execute_out_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        self.move(direction, 0, amount, limit, out)

    cdef int apply_raw(self, const uint8_t* topics, int n_topics, const uint8_t* data, size_t n) noexcept nogil:
        return raydium_apply_account(&self.p, data, n)

    cdef double spot(self, int direction) noexcept nogil:
        cdef double root = u256_to_double(u256_from_u128(self.p.head.price)) * 2.0 ** -64
        return 1.0 / (root * root) if direction else root * root

    cdef double rank(self, int direction) noexcept nogil:
        return self.spot(direction) * (1.0 - raydium_rate_now(&self.p) * 1e-6)

    def at(self, timestamp):
        """Quote as of this block time, seconds: dynamic fees hang on it."""
        self.p.now = small({"timestamp": timestamp}, "timestamp")

    def depth(self, int direction, price_limit):
        """What can be paid in on side `direction` until the price is `price_limit`; pure. A Quoted."""
        return self.quote_in(direction, (1 << 64) - 1, price_limit)

    def apply(self, event):
        """One account's bytes (PoolState, TickArrayState, AmmConfig) or one decoded event (SwapEvent,
        LiquidityChangeEvent; others move nothing). Raises Refusal("bad_field") when it is malformed or
        hides what moved (apply the tick arrays), Diverged when this state could not have done it."""
        cdef bytes data
        cdef int status
        if self.diverged:
            raise Diverged("this pool diverged from the chain before")
        data = account_bytes(event)
        if data is not None:
            status = raydium_apply_account(&self.p, <const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
            if status:
                raise Refusal("bad_field", "not an account of this pool")
            return
        args = event_args(event, "SwapEvent")
        if args is not None:
            if "timestamp" in event:
                self.at(event["timestamp"])
            self.follow(args)
            return
        args = event_args(event, "LiquidityChangeEvent")
        if args is not None:
            before = to_int(number(args, "liquidity_before", 128))
            after = to_int(number(args, "liquidity_after", 128))
            if before == after:
                raise Refusal("bad_field", "a position beside the price: the event hides its size, apply the tick arrays")
            if before != to_int(u256_from_u128(self.p.head.liquidity)):
                self.diverged = True
                raise Diverged(f"the state could not have done this: {event}")
            status = raydium_modify(&self.p, <int32_t>signed_small(args, "tick_lower"),
                                    <int32_t>signed_small(args, "tick_upper"),
                                    u256_low128(from_int(abs(after - before))), after > before)
            if status == STATUS_BAD_FIELD:
                raise Refusal("bad_field", f"not a position of this pool: {args}")
            if status or after != to_int(u256_from_u128(self.p.head.liquidity)):
                self.diverged = True
                raise Diverged(f"the state could not have done this: {event}")
            return
        if "LimitOrder" in str(event.get("event")):
            raise Refusal("bad_field", "the event does not say how a tick's orders moved: apply the tick arrays")

    def follow(self, dict args):
        """Execute a SwapEvent: as an exact input, else as an exact output, else up to its price.

        The event leaves the mints' transfer fees out of both amounts: the pool gave one more than it says.
        """
        cdef bint zfo = flag(args, "zero_for_one")
        coins = ("0", "1") if zfo else ("1", "0")
        paid, got = (to_int(number(args, f"amount_{n}", 64)) for n in coins)
        if f"transfer_fee_{coins[1]}" in args:
            got += to_int(number(args, f"transfer_fee_{coins[1]}", 64))
        after = to_int(number(args, "sqrt_price_x64", 128))
        tries = [Swap(0 if zfo else 1, paid), Swap(0 if zfo else 1, got, True)]
        if after != to_int(u256_from_u128(self.p.head.price)):
            tries += [Swap(0 if zfo else 1, (1 << 64) - 1, out, after) for out in (False, True)]
        for swap in tries:
            ask = self.quote_out if swap.exact_out else self.quote_in
            quoted = ask(swap.direction, swap.amount, swap.limit)
            if (quoted.price_after, quoted.amount_in, quoted.amount_out) == (after, paid, got):
                self.execute(swap)
                return
        self.diverged = True
        raise Diverged(f"the state could not have done this: {args}")

    def is_diverged(self):
        """Whether an event showed that the state is not the chain's."""
        return bool(self.diverged)

    def state(self):
        """The state with the members of a batch line; integers as decimal strings."""
        cdef raydium_pool* p = &self.p
        cdef uint32_t i
        cdef raydium_orders* o
        ticks = []
        for i in range(p.count):
            row = [str(p.keys[i]), signed_text(p.ticks[i].net), text(p.ticks[i].gross)]
            o = &p.ticks[i].orders
            if o.phase or o.open or o.part or o.ratio:
                row += [str(o.phase), str(o.open), str(o.part), text(o.ratio)]
            ticks.append(row)
        dynamic = None
        if p.has_dynamic:
            dynamic = {
                "filterPeriod": str(p.fee.filter_period), "decayPeriod": str(p.fee.decay_period),
                "reductionFactor": str(p.fee.reduction), "dynamicFeeControl": str(p.fee.control),
                "maxVolatilityAccumulator": str(p.fee.max_volatility),
                "tickSpacingIndexReference": str(p.head.index_reference),
                "volatilityReference": str(p.head.volatility_reference),
                "volatilityAccumulator": str(p.head.volatility),
                "lastUpdateTimestamp": str(p.head.last_update),
            }
        return {
            "pool": {
                "tick_spacing": str(p.spacing), "liquidity": text(p.head.liquidity), "sqrt_price_x64": text(p.head.price),
                "tick_current": str(p.head.tick), "fee_on": str(p.fee_on), "dynamic_fee_info": dynamic,
            },
            "amm_config": {"tradeFeeRate": str(p.trade_rate), "protocolFeeRate": str(p.protocol_rate),
                           "fundFeeRate": str(p.fund_rate)},
            "block_timestamp": str(p.now), "ticks": ticks,
        }

    @classmethod
    def from_accounts(cls, accounts, timestamp):
        """A pool from the bytes of its accounts, PoolState and AmmConfig among them, as of a block time in
        seconds. Refusal("bad_field") where one is of no account of this program."""
        kept = [bytes(a) for a in accounts]
        if not any(data[:8] == AMM_CONFIG for data in kept):
            raise Refusal("bad_field", "accounts hold no AmmConfig")
        for data in kept:
            if data[:8] == POOL_STATE and len(data) >= 273:
                spacing = str(int.from_bytes(data[235:237], "little"))
                head = {"tick_spacing": spacing, "liquidity": "0", "sqrt_price_x64": str(1 << 64), "tick_current": "0"}
                pool = cls.from_state({"pool": head, "amm_config": {"tradeFeeRate": "0"}, "block_timestamp": timestamp,
                                       "ticks": []})
                for other in kept:
                    pool.apply(other)
                return pool
        raise Refusal("bad_field", "accounts hold no PoolState")

    @classmethod
    def from_state(cls, state):
        """A pool from the `state` of a batch line; unknown members are ignored."""
        cdef RaydiumClmm pool = cls.__new__(cls)
        if type(state) is not dict:
            raise Refusal("bad_field", "state is an object")
        fill(pool, state)
        return pool


WHY = {
    STATUS_REFUSED: ("refused", "the program refuses this swap"),
    STATUS_OVERFLOW: ("overflow", "an amount does not fit the program's integers"),
    STATUS_NO_LIQUIDITY: ("no_liquidity", "the liquidity does not reach that far"),
    STATUS_TOO_MANY_STEPS: ("too_many_steps", "the swap walks further than tiercel does"),
    STATUS_BAD_FIELD: ("bad_field", "amount is none that the program takes"),
}


def answer(state, swap):
    """The batch command's answer: the members that the SDK's swapInternal gives for the swap in `state`.

    Out of ticks, `all_trade` is false and the numbers are what was done until there.
    """
    cdef RaydiumClmm pool = RaydiumClmm.__new__(RaydiumClmm)
    cdef raydium_walk w
    cdef bint exact_in = flag(state, "exact_in"), zero_for_one = flag(state, "zero_for_one")
    cdef uint64_t amount = small(state, "amount")
    cdef u128 limit = u256_low128(number(state, "sqrt_price_limit_x64", 128)) if "sqrt_price_limit_x64" in state else 0
    fill(pool, state)
    raydium_swap(&pool.p, amount, limit, zero_for_one, exact_in, &w)
    if w.status != STATUS_OK and w.status != STATUS_PARTIAL:
        raise Refusal(*WHY[w.status])
    return {
        "all_trade": not w.ended,
        "amount_specified_remaining": str(w.left) if w.ended else "0",
        "amount_calculated": str(w.out if exact_in else w.in_),
        "fee_amount": str(w.fee - w.unowned),
        "sqrt_price_x64": text(w.head.price),
        "liquidity": text(w.head.liquidity),
        "tick_current": str(w.head.tick),
    }


def price_at_tick(int32_t tick):
    """get_sqrt_price_at_tick, Q64.64."""
    if not RAYDIUM_MIN_TICK <= tick <= RAYDIUM_MAX_TICK:
        raise Refusal("bad_field", "the tick is out of range")
    return to_int(u256_from_u128(raydium_price_at_tick(tick)))


def tick_at_price(price):
    """get_tick_at_sqrt_price, the price of the highest tick included as the SDK does."""
    cdef u256 p = from_int(price)
    if not u256_fits_u128(p) or u256_low128(p) < RAYDIUM_MIN_PRICE or u256_low128(p) > RAYDIUM_MAX_PRICE:
        raise Refusal("bad_field", "the price is out of range")
    return raydium_tick_at_price(u256_low128(p))


cdef u128 u128_of(v) except? 0:
    cdef u256 wide = from_int(v)
    if not u256_fits_u128(wide):
        raise OverflowError("128 bits at most")
    return u256_low128(wide)


def amount_0(price_a, price_b, liquidity, bint round_up):
    """Token 0 between two prices (get_delta_amount_0_unsigned); Refusal("overflow") beyond u64."""
    cdef uint64_t out = 0
    if q64_amount_x(u128_of(price_a), u128_of(price_b), u128_of(liquidity), round_up, 0, &out):
        raise Refusal("overflow", "beyond u64")
    return out


def amount_1(price_a, price_b, liquidity, bint round_up):
    """Token 1 between two prices (get_delta_amount_1_unsigned); Refusal("overflow") beyond u64."""
    cdef uint64_t out = 0
    cdef u128 p = u128_of(price_a), q = u128_of(price_b)
    if q64_amount_y(u128_of(liquidity), q - p if p < q else p - q, round_up, &out):
        raise Refusal("overflow", "beyond u64")
    return out
