"""Raydium AMM v4 pools, swap only. The arithmetic is hotpath/pools/raydium_amm_v4.h.

Reserves are what the vaults hold less need_take_pnl; the order book is gone. The state of a batch
line has coin_vault_amount and its kin (the program, what it refuses included), or base_reserve and
quote_reserve (the SDK's exact-in answer, zero amounts included). Coin 0 is coin (base), coin 1 is pc.
Price after: Q64, pc for one coin.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memset

from hotpath.pools.fields cimport has
from hotpath.pools.pool cimport *
from hotpath.pools.solana_pool cimport *
from hotpath.u256 cimport *

from hotpath.pools.pool import Diverged, Refusal

# both swap instructions of the program; measured 21,500 and 26,000 with the older release
cdef enum:
    SWAP_UNITS = 26000

WHY = {
    STATUS_REFUSED: "the amount, or what it would give, is zero",
    STATUS_OVERFLOW: "a result does not fit 64 bits",
    STATUS_NO_LIQUIDITY: "the vault does not hold that much",
}


cdef class RaydiumAmmV4(SolanaPool):
    """One pool: two vaults, what is owed out of them, and the swap fee."""

    cdef void step(self, int direction, bint exact_in, uint64_t amount, bint move, Quote* out) noexcept nogil:
        cdef amm4_result r
        out.status = amm4_swap(&self.p, direction, exact_in, amount, &r)
        if out.status != STATUS_OK:
            return
        out.amount_in.w[0] = r.paid
        out.amount_out.w[0] = r.given
        out.fee.w[0] = r.fee
        out.price_after = u256_from_u128(amm4_price_after(&self.p, direction, &r))
        out.cost = SWAP_UNITS
        if move:
            amm4_move(&self.p, direction, &r)

    cdef int apply_raw(self, const uint8_t* topics, int n_topics, const uint8_t* data, size_t n) noexcept nogil:
        return amm4_apply_info(&self.p, data, n)

    cdef double spot(self, int direction) noexcept nogil:
        cdef double reserve_in = <double>amm4_reserve(&self.p, direction)
        return <double>amm4_reserve(&self.p, 1 - direction) / reserve_in if reserve_in else 0.0

    cdef double rank(self, int direction) noexcept nogil:
        return self.spot(direction) * (1.0 - <double>self.p.fee_part / <double>self.p.fee_scale)

    def apply(self, event):
        """Accounts: {"account": "amm" | "coin_vault" | "pc_vault", "data": bytes}.

        A ray_log, {"event": "ray_log", "args": {...}} with its members log_type (3 exact in, 4 exact
        out), direction (1 pc to coin, 2 coin to pc), pool_coin, pool_pc and the amounts (amount_in and
        out_amount, or deduct_in and amount_out): executed here and compared, else Diverged.
        """
        cdef int side
        if type(event) is not dict:
            raise Refusal("bad_field", "an event is an object")
        account = event.get("account")
        if account is None:
            if event.get("event") != "ray_log":
                raise Refusal("bad_field", "an event is an account or a ray_log")
            self.follow(members_of(event))
            return
        data = event.get("data")
        if type(data) is not bytes:
            raise Refusal("bad_field", "data is an account's bytes")
        if account == "amm":
            bad = amm4_apply_info(&self.p, <const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
        elif account in ("coin_vault", "pc_vault") and len(data) >= 165:
            side = account == "pc_vault"
            held = int.from_bytes(data[64:72], "little")
            bad = held < self.p.pnl[side]
            if not bad:
                self.p.vault[side] = held
        else:
            bad = True
        if bad:
            raise Refusal("bad_field", f"these bytes are no {account} that this pool could have")

    cdef object follow(self, dict log):
        """Execute the swap that a ray_log tells of; Diverged where it comes out otherwise."""
        cdef amm4_result r
        cdef uint64_t kind = whole(log, "log_type"), way = whole(log, "direction")
        if kind not in (3, 4) or way not in (1, 2):
            raise Refusal("bad_field", "log_type is 3 or 4, direction 1 or 2")
        cdef int direction = way == 1
        cdef bint exact_in = kind == 3
        cdef uint64_t paid = whole(log, "amount_in" if exact_in else "deduct_in")
        cdef uint64_t given = whole(log, "out_amount" if exact_in else "amount_out")
        if whole(log, "pool_coin") != amm4_reserve(&self.p, 0) or whole(log, "pool_pc") != amm4_reserve(&self.p, 1):
            raise Diverged(f"the log's reserves are not {amm4_reserve(&self.p, 0)} and {amm4_reserve(&self.p, 1)}")
        if (amm4_swap(&self.p, direction, exact_in, paid if exact_in else given, &r) != STATUS_OK
                or r.paid != paid or r.given != given):
            raise Diverged(f"the log says {paid} for {given}, this fee does not")
        amm4_move(&self.p, direction, &r)

    def state(self):
        """The state as a batch line has it; integers as decimal strings."""
        p = self.p
        return {
            "coin_vault_amount": str(p.vault[0]), "pc_vault_amount": str(p.vault[1]),
            "need_take_pnl_coin": str(p.pnl[0]), "need_take_pnl_pc": str(p.pnl[1]),
            "swap_fee_numerator": str(p.fee_part), "swap_fee_denominator": str(p.fee_scale),
        }  # fmt: skip

    @classmethod
    def from_state(cls, state):
        """A pool from either shape of a batch line's state."""
        cdef RaydiumAmmV4 pool = cls.__new__(cls)
        cdef int i
        if type(state) is not dict:
            raise Refusal("bad_field", "state is an object")
        memset(&pool.p, 0, sizeof(pool.p))
        pool.p.fee_scale = whole(state, "swap_fee_denominator")
        pool.p.fee_part = below(state, "swap_fee_numerator", pool.p.fee_scale)
        if has(state, "base_reserve"):
            pool.p.vault[0] = whole(state, "base_reserve")
            pool.p.vault[1] = whole(state, "quote_reserve")
            return pool
        for i, side in enumerate(("coin", "pc")):
            pool.p.vault[i] = whole(state, f"{side}_vault_amount")
            pool.p.pnl[i] = whole(state, f"need_take_pnl_{side}")
            if pool.p.pnl[i] > pool.p.vault[i]:
                raise Refusal("bad_field", f"the {side} vault holds less than need_take_pnl_{side}")
        return pool


def answer(state, swap):
    """The batch command's answer; the swap is in the state (amount, exact_in, coin_to_pc or base_in)."""
    cdef RaydiumAmmV4 pool = RaydiumAmmV4.from_state(state)
    cdef amm4_result r
    cdef bint exact_in = truth(state, "exact_in", None), sdk = has(<dict>state, "base_reserve")
    cdef uint64_t amount = whole(state, "amount")
    cdef int direction = not truth(state, "base_in" if sdk else "coin_to_pc", None), status
    memset(&r, 0, sizeof(r))
    if sdk and exact_in:
        status = amm4_exact_in(&pool.p, direction, amount, &r)
    else:
        status = amm4_swap(&pool.p, direction, exact_in, amount, &r)
    if status != STATUS_OK:
        refuse(status, WHY)
    if sdk:
        return {"amount_out" if exact_in else "amount_in": str(r.given if exact_in else r.paid), "fee": str(r.fee)}
    amm4_move(&pool.p, direction, &r)
    return {"amount_in": str(r.paid), "amount_out": str(r.given),
            "coin_vault_after": str(pool.p.vault[0]), "pc_vault_after": str(pool.p.vault[1])}
