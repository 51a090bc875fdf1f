"""pump's bonding curves. The arithmetic is hotpath/pools/pump_curve.h, the fees pump_fees.h.

Coin 0 is the token, coin 1 the quote coin (SOL, or what the curve was made for): direction 0 sells,
direction 1 buys. A buy for an exact amount of quote is answered as the official SDK sends it: the
tokens that the amount buys, paid at their cost and fees (the amount at most), so `amount_in` may be a
few units below it; where the curve has fewer tokens left the quote is PARTIAL. A complete curve trades no more and is
REFUSED. Price after: Q64, quote for one token (both in smallest units).
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from hotpath.pools.fields cimport has
from hotpath.pools.pool cimport *
from hotpath.pools.pump_fees cimport *
from hotpath.pools.solana_pool cimport *
from hotpath.u256 cimport *

from hotpath.pools.layouts import decode
from hotpath.pools.pool import Diverged, Refusal

# pump's own advice for the instructions with fixed accounts
cdef enum:
    SWAP_UNITS = 100000

WHY = {
    STATUS_REFUSED: "the amount, or what it would give, is zero, or the curve is complete",
    STATUS_OVERFLOW: "a result does not fit 64 bits",
    STATUS_NO_LIQUIDITY: "the curve does not hold that much",
}
NOBODY = "11111111111111111111111111111111"


cdef class PumpCurve(SolanaPool):
    """One curve: its reserves, and the fee rates in force at them."""

    cdef void step(self, int direction, bint exact_in, uint64_t amount, bint move, Quote* out) noexcept nogil:
        cdef curve_result r
        out.status = curve_swap(&self.p, direction, exact_in, amount, &r)
        if out.status != STATUS_OK and out.status != STATUS_PARTIAL:
            return
        out.amount_in.w[0] = r.paid
        out.amount_out.w[0] = r.given
        out.fee.w[0] = r.fee
        out.price_after = u256_from_u128(curve_price_after(&self.p, direction, &r))
        out.cost = SWAP_UNITS
        if move:
            curve_move(&self.p, direction, &r)

    cdef int apply_raw(self, const uint8_t* topics, int n_topics, const uint8_t* data, size_t n) noexcept nogil:
        return curve_apply_account(&self.p, data, n)

    cdef double spot(self, int direction) noexcept nogil:
        cdef double token = <double>self.p.virtual_token, quote = <double>self.p.virtual_quote
        if not token or not quote:
            return 0.0
        return token / quote if direction else quote / token

    cdef double rank(self, int direction) noexcept nogil:
        cdef pump_rates r = self.p.buy if direction else self.p.trade
        cdef double fee = <double>(r.protocol + r.creator) / PUMP_SCALE
        return self.spot(direction) / (1.0 + fee) if direction else self.spot(direction) * (1.0 - fee)

    def apply(self, event):
        """A BondingCurve account, {"account": "bonding_curve", "data": bytes}, or a decoded event.

        {"event": "TradeEvent", "args": {...}} sets the reserves to the event's; they must be what the
        trade makes of ours, else Diverged. {"event": "CompleteEvent", ...} completes the curve.
        """
        if type(event) is not dict:
            raise Refusal("bad_field", "an event is an object")
        data = event.get("data")
        if event.get("account") == "bonding_curve" and type(data) is bytes:
            account = decode("pump.BondingCurve", data)
            curve_apply_account(&self.p, <const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
            self.p.mayhem = account["is_mayhem_mode"]
            self.p.no_creator = account["creator"] == NOBODY
            self.p.creator_bps = <uint32_t>min(int(account["creator_fee_bps"]), PUMP_SCALE)
            curve_refresh(&self.p)
        elif event.get("event") == "CompleteEvent":
            self.p.complete = True
        elif event.get("event") == "TradeEvent":
            self.follow(members_of(event))
        else:
            raise Refusal("bad_field", "an event is the curve's account, a TradeEvent or a CompleteEvent")

    cdef object follow(self, dict trade):
        """Take a trade's tokens and quote; Diverged where the reserves come out other than it says."""
        cdef bint buys = truth(trade, "is_buy", None)
        quote = whole(trade, "quote_amount") if has(trade, "quote_amount") else whole(trade, "sol_amount")
        tokens = whole(trade, "token_amount")
        sign = 1 if buys else -1
        prefix = "quote" if has(trade, "virtual_quote_reserves") else "sol"
        told = [whole(trade, "virtual_token_reserves"), whole(trade, f"virtual_{prefix}_reserves"),
                whole(trade, "real_token_reserves"), whole(trade, f"real_{prefix}_reserves")]
        ours = [self.p.virtual_token - sign * tokens, self.p.virtual_quote + sign * quote,
                self.p.real_token - sign * tokens, self.p.real_quote + sign * quote]
        if told != ours:
            raise Diverged(f"the trade leaves {told}, ours {ours} (virtual token, quote; real token, quote)")
        self.p.virtual_token, self.p.virtual_quote, self.p.real_token, self.p.real_quote = told
        if not self.p.real_token:
            self.p.complete = True
        curve_refresh(&self.p)

    def state(self):
        """The state as a batch line has it, with the schedule in full; integers as decimal strings."""
        p = self.p
        return {
            "fee_schedule": self.schedule,
            "global": {
                "fee_basis_points": str(p.global_rates.protocol),
                "creator_fee_basis_points": str(p.global_rates.creator),
                "creator_fee_configurable": p.configurable == 1,
            },
            "mint_supply": str(p.mint_supply),
            "bonding_curve": {
                "virtual_token_reserves": str(p.virtual_token), "virtual_quote_reserves": str(p.virtual_quote),
                "real_token_reserves": str(p.real_token), "real_quote_reserves": str(p.real_quote),
                "token_total_supply": str(p.total_supply), "complete": p.complete == 1,
                "creator_is_default": p.no_creator == 1, "is_mayhem_mode": p.mayhem == 1,
                "quote_mint": self.quote_mint, "creator_fee_bps": str(p.creator_bps),
            },
        }  # fmt: skip

    @classmethod
    def from_state(cls, state):
        """A curve from a batch line's state: bonding_curve, global, mint_supply and fee_schedule."""
        cdef PumpCurve pool = cls.__new__(cls)
        cdef dict curve = part(state, "bonding_curve"), rules = part(state, "global")
        memset(&pool.p, 0, sizeof(pool.p))
        pool.p.virtual_token = whole(curve, "virtual_token_reserves")
        pool.p.virtual_quote = whole(curve, "virtual_quote_reserves")
        pool.p.real_token = whole(curve, "real_token_reserves")
        pool.p.real_quote = whole(curve, "real_quote_reserves")
        pool.p.total_supply = whole_or(curve, "token_total_supply", 0)
        pool.p.mint_supply = whole(state, "mint_supply")
        pool.p.complete = truth(curve, "complete", False)
        pool.p.no_creator = truth(curve, "creator_is_default", False)
        pool.p.mayhem = truth(curve, "is_mayhem_mode", False)
        pool.p.creator_bps = bps_or(curve, "creator_fee_bps", 0)
        pool.p.configurable = truth(rules, "creator_fee_configurable", False)
        pool.p.global_rates.protocol = bps(rules, "fee_basis_points")
        pool.p.global_rates.creator = bps(rules, "creator_fee_basis_points")
        pool.quote_mint = curve.get("quote_mint", NOBODY) if type(curve.get("quote_mint", NOBODY)) is str else None
        if pool.quote_mint is None:
            raise Refusal("bad_field", "quote_mint is a key in base 58")
        pool.schedule = state.get("fee_schedule")
        pool.p.has_schedule = schedule_of(pool.schedule, pool.quote_mint, True, &pool.p.schedule)
        curve_refresh(&pool.p)
        return pool


def answer(state, swap):
    """The batch command's answer, as the SDK's function `fn` answers for the state's `amount`: a text.

    buy_exact_quote_in gives tokens, buy_exact_tokens_out the quote with fees, sell_exact_tokens_in the
    quote less fees; nothing for nothing, and nothing on a migrated curve.
    """
    cdef PumpCurve pool = PumpCurve.from_state(state)
    cdef curve_result r
    cdef uint64_t amount = whole(state, "amount")
    cdef int status
    cdef str name = state.get("fn") if type(state.get("fn")) is str else ""
    memset(&r, 0, sizeof(r))
    if name not in ("buy_exact_quote_in", "buy_exact_tokens_out", "sell_exact_tokens_in"):
        raise Refusal("bad_field", "fn is buy_exact_quote_in, buy_exact_tokens_out or sell_exact_tokens_in")
    if not amount or not pool.p.virtual_token:
        return "0"
    if name == "buy_exact_quote_in":
        status = curve_tokens_for(&pool.p, amount, &r)
    elif name == "buy_exact_tokens_out":
        status = curve_buy_tokens(&pool.p, amount, &r)
    else:
        status = curve_sell(&pool.p, amount, &r)
    if status != STATUS_OK:
        refuse(status, WHY)
    return str(r.tokens if name == "buy_exact_quote_in" else r.paid if name == "buy_exact_tokens_out" else r.given)
