"""PumpSwap pools. The arithmetic is hotpath/pools/pump_swap.h, the fees pump_fees.h.

Coin 0 is the base coin, coin 1 the quote coin: direction 0 sells base, direction 1 buys it. The curve
sees the quote account and the virtual reserves together. LP fees stay in the pool, the others leave.
A buy for an exact amount of quote is answered as the official SDK sends it: the base that the amount
buys, bought at its cost, so `amount_in` may be a few units below the amount. Price after: Q64, quote
(virtual reserves included) for one base.
"""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from hotpath.pools.fields cimport has, signed_number
from hotpath.pools.pool cimport *
from hotpath.pools.pump_fees cimport *
from hotpath.pools.solana_pool cimport *
from hotpath.u256 cimport *

from hotpath.pools.layouts import decode
from hotpath.pools.pool import Diverged, Refusal

# pump's own advice for a swap with a Token-2022 coin
cdef enum:
    SWAP_UNITS = 150000

WHY = {
    STATUS_REFUSED: "the amount, or what it would give, is zero, or the fees take all of it",
    STATUS_OVERFLOW: "a result does not fit 64 bits",
    STATUS_NO_LIQUIDITY: "the pool does not hold that much",
}
NOBODY = "11111111111111111111111111111111"
WRAPPED_SOL = "So11111111111111111111111111111111111111112"


cdef class PumpSwap(SolanaPool):
    """One pool: its two accounts, the virtual quote reserves, and the fee rates in force at them."""

    cdef void step(self, int direction, bint exact_in, uint64_t amount, bint move, Quote* out) noexcept nogil:
        cdef pswap_result r
        out.status = pswap_swap(&self.p, direction, exact_in, amount, &r)
        if out.status != STATUS_OK:
            return
        out.amount_in.w[0] = r.user if direction else r.base
        out.amount_out.w[0] = r.base if direction else r.user
        out.fee.w[0] = r.user - r.raw if direction else r.raw - r.user
        out.price_after = u256_from_u128(pswap_price_after(&self.p, direction, &r))
        out.cost = SWAP_UNITS
        if move:
            pswap_move(&self.p, direction, &r)

    cdef double spot(self, int direction) noexcept nogil:
        cdef double base = <double>self.p.base, quote = <double>self.p.effective
        if not base or not quote:
            return 0.0
        return base / quote if direction else quote / base

    cdef double rank(self, int direction) noexcept nogil:
        cdef pump_rates r = self.p.rates
        cdef double fee = <double>(r.lp + r.protocol + r.creator) / PUMP_SCALE
        return self.spot(direction) / (1.0 + fee) if direction else self.spot(direction) * (1.0 - fee)

    def apply(self, event):
        """Accounts: {"account": "pool" | "base_vault" | "quote_vault" | "base_mint", "data": bytes}.

        {"event": "BuyEvent" | "SellEvent", "args": {...}}: the pool's reserves in the event are those
        before the trade and must be ours, else Diverged; the trade's own amounts then move them.
        """
        if type(event) is not dict:
            raise Refusal("bad_field", "an event is an object")
        account, data = event.get("account"), event.get("data")
        if account is None and event.get("event") in ("BuyEvent", "SellEvent"):
            self.follow(event["event"], members_of(event))
            return
        if type(data) is not bytes:
            raise Refusal("bad_field", "an event is an account's bytes, a BuyEvent or a SellEvent")
        cdef pswap_pool next = self.p
        if account == "pool":
            pool = decode("pump_amm.Pool", data)
            next.mayhem = pool["is_mayhem_mode"]
            next.no_creator = pool["coin_creator"] == NOBODY
            next.creator_bps = <uint32_t>min(int(pool["creator_fee_bps"]), PUMP_SCALE)
            next.lift = lift_of(pool)
        elif account in ("base_vault", "quote_vault") and len(data) >= 165:
            if account == "base_vault":
                next.base = int.from_bytes(data[64:72], "little")
            else:
                next.quote = int.from_bytes(data[64:72], "little")
        elif account == "base_mint" and len(data) >= 82:
            next.supply = int.from_bytes(data[36:44], "little")
        else:
            raise Refusal("bad_field", f"these bytes are no {account} of a pool")
        if pswap_refresh(&next):
            raise Refusal("bad_field", "quote and virtual reserves together do not fit 64 bits")
        self.p = next

    cdef object follow(self, str name, dict trade):
        """Move by a trade's own amounts; Diverged where it started from other reserves than ours."""
        cdef bint buys = name == "BuyEvent"
        base, quote = whole(trade, "pool_base_token_reserves"), whole(trade, "pool_quote_token_reserves")
        if base != self.p.base or quote != self.p.quote:
            raise Diverged(f"the trade starts from {base} and {quote}, ours are {self.p.base} and {self.p.quote}")
        moved = whole(trade, "base_amount_out" if buys else "base_amount_in")
        # what the quote account keeps: with the LP fee going in, without it coming out
        kept = whole(trade, "quote_amount_in_with_lp_fee" if buys else "quote_amount_out_without_lp_fee")
        base, quote = (base - moved, quote + kept) if buys else (base + moved, quote - kept)
        cdef pswap_pool next = self.p
        if not 0 <= base < 1 << 64 or not 0 <= quote < 1 << 64:
            raise Diverged(f"the trade leaves {base} and {quote}")
        next.base, next.quote = base, quote
        if has(trade, "virtual_quote_reserves"):
            next.lift = lift_of(trade)
        if pswap_refresh(&next):
            raise Diverged("the trade's virtual reserves do not fit 64 bits")
        self.p = next

    def state(self):
        """The state as a batch line has it, with the schedule in full; integers as decimal strings."""
        p = self.p
        return {
            "base_reserve": str(p.base), "quote_reserve": str(p.quote),
            "virtual_quote_reserves": str(<int64_t>p.lift), "fee_schedule": self.schedule,
            "global_config": {
                "lp_fee_bps": str(p.global_rates.lp), "protocol_fee_bps": str(p.global_rates.protocol),
                "coin_creator_fee_bps": str(p.global_rates.creator), "creator_fee_configurable": p.configurable == 1,
            },
            "is_canonical_pump_pool": self.canonical, "coin_creator_is_default": p.no_creator == 1,
            "quote_mint": self.quote_mint, "is_mayhem_mode": p.mayhem == 1,
            "base_mint_supply": str(p.supply), "pool_creator_fee_bps": str(p.creator_bps),
        }  # fmt: skip

    @classmethod
    def from_state(cls, state):
        """A pool from a batch line's state."""
        cdef PumpSwap pool = cls.__new__(cls)
        cdef dict rules = part(state, "global_config")
        memset(&pool.p, 0, sizeof(pool.p))
        pool.p.base = whole(state, "base_reserve")
        pool.p.quote = whole(state, "quote_reserve")
        pool.p.lift = lift_of(state) if has(state, "virtual_quote_reserves") else 0
        pool.p.supply = whole(state, "base_mint_supply")
        pool.p.mayhem = truth(state, "is_mayhem_mode", False)
        pool.p.no_creator = truth(state, "coin_creator_is_default", False)
        pool.canonical = truth(state, "is_canonical_pump_pool", None)
        pool.p.creator_bps = bps_or(state, "pool_creator_fee_bps", 0)
        pool.p.configurable = truth(rules, "creator_fee_configurable", False)
        pool.p.global_rates.lp = bps(rules, "lp_fee_bps")
        pool.p.global_rates.protocol = bps(rules, "protocol_fee_bps")
        pool.p.global_rates.creator = bps(rules, "coin_creator_fee_bps")
        mint = state.get("quote_mint", WRAPPED_SOL)
        if type(mint) is not str:
            raise Refusal("bad_field", "quote_mint is a key in base 58")
        pool.quote_mint = mint
        pool.schedule = state.get("fee_schedule")
        pool.p.has_schedule = schedule_of(pool.schedule, mint, pool.canonical, &pool.p.schedule)
        if pswap_refresh(&pool.p):
            raise Refusal("overflow", "quote and virtual reserves together do not fit 64 bits")
        return pool


cdef i128 lift_of(dict source) except? -1:
    """virtual_quote_reserves, kept to the 64 bits that a pool can hold (negative where it was drawn on)."""
    cdef u256 v = signed_number(source, "virtual_quote_reserves", 128)
    if u256_bits(u256_neg(v) if u256_is_negative(v) else v) > 63:
        raise Refusal("overflow", "virtual_quote_reserves do not fit 64 bits")
    return <int64_t>v.w[0]


def answer(state, swap):
    """The batch command's answer, as the SDK's function `fn` answers for the state's `amount`."""
    cdef PumpSwap pool = PumpSwap.from_state(state)
    cdef pswap_result r
    cdef uint64_t amount = whole(state, "amount")
    cdef int status
    memset(&r, 0, sizeof(r))
    name = state.get("fn")
    if name == "buy_base_input":
        status = pswap_buy_base(&pool.p, amount, &r)
    elif name == "buy_quote_input":
        status = pswap_base_for(&pool.p, amount, &r)
    elif name == "sell_base_input":
        status = pswap_sell_base(&pool.p, amount, &r)
    elif name == "sell_quote_input":
        status = pswap_base_to_get(&pool.p, amount, &r)
    else:
        raise Refusal("bad_field", "fn is buy_base_input, buy_quote_input, sell_base_input or sell_quote_input")
    if status != STATUS_OK:
        refuse(status, WHY)
    if name == "buy_base_input":
        return {"quote_in_total": str(r.user), "internal_quote": str(r.raw)}
    if name == "buy_quote_input":
        return {"base_out": str(r.base), "effective_quote": str(r.raw)}
    if name == "sell_base_input":
        return {"quote_out_net": str(r.user), "internal_quote": str(r.raw)}
    return {"base_in": str(r.base), "internal_quote": str(r.raw)}
