"""Raydium CPMM pools. The arithmetic is hotpath/pools/raydium_cpmm.h.

Two shapes of state. `vault_0_amount`, `vault_1_amount` with the accrued fees: the program, what it
refuses included; exact in, the trade and the creator fee are rounded up together and then split, as
the program does since November 2025. `input_vault_amount`, `output_vault_amount` (net of accrued
fees): the SDK's calculator, which rounds the two fees up apart and answers zero amounts. Coin 0 is
the input there. Price after: Q64, coin 1 for one of coin 0.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from hotpath.pools.fields cimport has
from hotpath.pools.pool cimport *
from hotpath.pools.solana_pool cimport *
from hotpath.u256 cimport *

from hotpath.pools.pool import Diverged, Refusal

# swap_base_input of the program between two plain SPL mints; measured 33,500 to 34,500
cdef enum:
    SWAP_UNITS = 34000

WHY = {
    STATUS_REFUSED: "an amount is zero, or the fees take all of it",
    STATUS_OVERFLOW: "a result does not fit 64 bits",
    STATUS_NO_LIQUIDITY: "the vault does not hold that much",
}


cdef class RaydiumCpmm(SolanaPool):
    """One pool: reserves net of accrued fees, the fees beside them, and the rates of its configuration."""

    cdef void step(self, int direction, bint exact_in, uint64_t amount, bint move, Quote* out) noexcept nogil:
        cdef cpmm_result r
        out.status = cpmm_swap(&self.p, direction, exact_in, amount, &r)
        if out.status != STATUS_OK:
            return
        out.amount_in.w[0] = r.paid
        out.amount_out.w[0] = r.given
        out.fee.w[0] = r.trade_fee + (r.creator_fee if r.creator_on_input else 0)
        out.price_after = u256_from_u128(cpmm_price_after(&self.p, direction, &r))
        out.cost = SWAP_UNITS
        if move:
            cpmm_move(&self.p, direction, &r)

    cdef int apply_raw(self, const uint8_t* topics, int n_topics, const uint8_t* data, size_t n) noexcept nogil:
        return cpmm_apply_state(&self.p, data, n)

    cdef double spot(self, int direction) noexcept nogil:
        cdef double reserve_in = <double>self.p.reserve[direction]
        return <double>self.p.reserve[1 - direction] / reserve_in if reserve_in else 0.0

    cdef double rank(self, int direction) noexcept nogil:
        cdef double trade = <double>self.p.trade_rate / CPMM_SCALE, creator = <double>self.p.creator_rate / CPMM_SCALE
        if cpmm_creator_on_input(&self.p, direction):
            return self.spot(direction) * (1.0 - trade - creator)
        return self.spot(direction) * (1.0 - trade) * (1.0 - creator)

    def apply(self, event):
        """Accounts: {"account": "pool_state" | "vault_0" | "vault_1", "data": bytes}, the vaults' in full.

        A SwapEvent, {"event": "SwapEvent", "args": {...}} with the members of the program's event:
        executed here and compared, Diverged where the numbers differ.
        """
        cdef int side
        if type(event) is not dict:
            raise Refusal("bad_field", "an event is an object")
        account = event.get("account")
        if account is not None:
            data = event.get("data")
            if type(data) is not bytes:
                raise Refusal("bad_field", "data is an account's bytes")
            if account == "pool_state":
                bad = cpmm_apply_state(&self.p, <const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
            elif account in ("vault_0", "vault_1") and len(data) >= 165:
                side = account == "vault_1"
                bad = cpmm_vault(&self.p, side, int.from_bytes(data[64:72], "little"))
            else:
                bad = STATUS_BAD_FIELD
            if bad:
                raise Refusal("bad_field", f"these bytes are no {account} that this pool could have")
            return
        if event.get("event") != "SwapEvent":
            raise Refusal("bad_field", "an event is an account or a SwapEvent")
        self.follow(members_of(event))

    cdef object follow(self, dict swap):
        """Execute the swap that an event tells of; Diverged where it comes out otherwise."""
        cdef cpmm_result r
        cdef int direction
        cdef bint exact_in = truth(swap, "base_input", None)
        cdef uint64_t before_in = whole(swap, "input_vault_before"), before_out = whole(swap, "output_vault_before")
        for direction in range(2):
            if before_in == self.p.reserve[direction] and before_out == self.p.reserve[1 - direction]:
                break
        else:
            raise Diverged(f"reserves {self.p.reserve[0]}, {self.p.reserve[1]}; the event says {before_in}, {before_out}")
        cdef uint64_t paid = whole(swap, "input_amount"), given = whole(swap, "output_amount")
        if cpmm_swap(&self.p, direction, exact_in, paid if exact_in else given, &r) or r.paid != paid or r.given != given:
            raise Diverged(f"the event says {paid} for {given}, these rates do not")
        cpmm_move(&self.p, direction, &r)

    def state(self):
        """The state in the shape that it came in; integers as decimal strings."""
        p = self.p
        rates = {"trade_fee_rate": str(p.trade_rate), "protocol_fee_rate": str(p.protocol_rate),
                 "fund_fee_rate": str(p.fund_rate)}
        if p.splits:
            rates["creator_fee_rate"] = str(p.creator_config)
        if p.apart:
            return {"input_vault_amount": str(p.reserve[0]), "output_vault_amount": str(p.reserve[1]), **rates,
                    "is_creator_fee_on_input": p.fee_on == 1}
        out = dict(rates)
        for i in range(2):
            out[f"vault_{i}_amount"] = str(p.reserve[i] + p.protocol[i] + p.fund[i] + p.creator[i])
            out[f"protocol_fees_token_{i}"] = str(p.protocol[i])
            out[f"fund_fees_token_{i}"] = str(p.fund[i])
            out[f"creator_fees_token_{i}"] = str(p.creator[i])
        return {**out, "creator_fee_on": str(p.fee_on), "enable_creator_fee": p.creator_rate == p.creator_config}

    @classmethod
    def from_state(cls, state):
        """A pool from either shape of a batch line's state.

        The program's shape may also have creator_fee_rate, creator_fees_token_0 and _1, creator_fee_on
        (0 both, 1 only coin 0, 2 only coin 1) and enable_creator_fee. Without creator_fee_rate it is the
        program before there was such a fee; with it, both rates 0 are refused where the program splits them.
        """
        cdef RaydiumCpmm pool = cls.__new__(cls)
        cdef int i
        cdef object held, accrued
        if type(state) is not dict:
            raise Refusal("bad_field", "state is an object")
        memset(&pool.p, 0, sizeof(pool.p))
        pool.p.trade_rate = <uint32_t>below(state, "trade_fee_rate", CPMM_SCALE)
        pool.p.protocol_rate = <uint32_t>below(state, "protocol_fee_rate", CPMM_SCALE + 1)
        pool.p.fund_rate = <uint32_t>below(state, "fund_fee_rate", CPMM_SCALE + 1)
        if has(state, "creator_fee_rate"):
            pool.p.creator_config = <uint32_t>below(state, "creator_fee_rate", CPMM_SCALE)
        if pool.p.trade_rate + pool.p.creator_config >= CPMM_SCALE or pool.p.protocol_rate + pool.p.fund_rate > CPMM_SCALE:
            raise Refusal("bad_field", f"rates of {CPMM_SCALE} and more take everything")
        pool.p.apart = has(state, "input_vault_amount")
        pool.p.creator_rate = pool.p.creator_config
        pool.p.splits = has(state, "creator_fee_rate")
        if pool.p.apart:
            pool.p.reserve[0] = whole(state, "input_vault_amount")
            pool.p.reserve[1] = whole(state, "output_vault_amount")
            pool.p.fee_on = 1 if truth(state, "is_creator_fee_on_input", True) else 2
            return pool
        pool.p.fee_on = <int>below(state, "creator_fee_on", 3) if has(state, "creator_fee_on") else 0
        if not truth(state, "enable_creator_fee", True):
            pool.p.creator_rate = 0
        for i in range(2):
            pool.p.protocol[i] = whole(state, f"protocol_fees_token_{i}")
            pool.p.fund[i] = whole(state, f"fund_fees_token_{i}")
            pool.p.creator[i] = whole_or(state, f"creator_fees_token_{i}", 0)
            held = whole(state, f"vault_{i}_amount")
            accrued = sum(map(int, (pool.p.protocol[i], pool.p.fund[i], pool.p.creator[i])))
            if accrued > held:
                raise Refusal("bad_field", f"vault_{i} holds less than the fees that have accrued in it")
            pool.p.reserve[i] = held - accrued
        return pool


def answer(state, swap):
    """The batch command's answer; the swap is in the state (exact_in, amount, and zero_for_one)."""
    cdef RaydiumCpmm pool = RaydiumCpmm.from_state(state)
    cdef cpmm_result r
    cdef bint exact_in = truth(state, "exact_in", None)
    cdef uint64_t amount = whole(state, "amount")
    cdef int direction = 0, status
    memset(&r, 0, sizeof(r))
    if pool.p.apart:
        status = cpmm_curve(&pool.p, 0, exact_in, amount, &r)
        if status != STATUS_OK:
            refuse(status, WHY)
        return {
            "input_amount": str(r.paid), "output_amount": str(r.given), "trade_fee": str(r.trade_fee),
            "protocol_fee": str(r.protocol_fee), "fund_fee": str(r.fund_fee), "creator_fee": str(r.creator_fee),
            "new_input_vault_amount": str(pool.p.reserve[0] + r.moved_in),
            "new_output_vault_amount": str(pool.p.reserve[1] - r.moved_out),
        }  # fmt: skip
    direction = not truth(state, "zero_for_one", None)
    status = cpmm_swap(&pool.p, direction, exact_in, amount, &r)
    if status != STATUS_OK:
        refuse(status, WHY)
    cpmm_move(&pool.p, direction, &r)
    return {
        "amount_in": str(r.paid), "amount_out": str(r.given),
        "protocol_fees_token_0_after": str(pool.p.protocol[0]), "protocol_fees_token_1_after": str(pool.p.protocol[1]),
        "fund_fees_token_0_after": str(pool.p.fund[0]), "fund_fees_token_1_after": str(pool.p.fund[1]),
    }  # fmt: skip
