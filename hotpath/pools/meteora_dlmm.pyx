"""Meteora DLMM: exact swaps over bins, events and accounts, state. The walk is hotpath/pools/dlmm_pool.h.

Equal to the official SDK (dlmm 1.9.14) and to the lb_clmm program: the variable fee at the state's
time, fees on either side, transfer fees of Token-2022 mints, limit orders. Direction 0 pays in coin x.
The price is a bin's, y for x in Q64.64. A state is the batch line's: `lb_pair`, `timestamp`, `bins`;
or, of a real pair, `accounts` (objects with name, owner and data_base64), `timestamp` and `epoch`.
Beside them `state` writes `bin_arrays` (index and whether the bins are known, for each set bit),
`bitmap_extension`, `transfer_fee_x`, `transfer_fee_y`, and `has_rewards`, `closed` and `opens_at` in `lb_pair`.
"""

import base64

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE

from hotpath.pools.fields cimport number, number_of
from hotpath.pools.pool cimport *
from hotpath.pools.solana_state cimport *
from hotpath.u256 cimport *

from hotpath.pools.pool import Diverged, Refusal

TOKEN_2022 = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"
MAX_BINS = 1 << 20
MAX_ID = 443636
# events after which bins hold something else, and nobody is told how much in which
HIDE_THEIR_BINS = frozenset((
    "AddLiquidity", "RemoveLiquidity", "Rebalancing", "CompositionFee", "PlaceLimitOrderEvt", "CancelLimitOrderEvt",
    "PlaceLimitOrder", "CancelLimitOrder",
))


cdef uint64_t cell(list row, Py_ssize_t i, str name) except? 0:
    return number_of(row[i], name, 64, 0).w[0]


cdef void fill_bins(dlmm_pool* p, list bins) except *:
    cdef dlmm_bin bin
    cdef int32_t id_
    cdef uint32_t at
    cdef list row
    if len(bins) > MAX_BINS or dlmm_reserve(p, <uint32_t>len(bins)):
        raise Refusal("bad_field", "bins are more than there are")
    for item in bins:
        if type(item) is not list or len(<list>item) not in (3, 6):
            raise Refusal("bad_field", "bins are lists of bin_id, amount_x, amount_y and three of limit orders")
        row = <list>item
        id_ = <int32_t><int64_t>number_of(row[0], "bin_id", 32, 1).w[0]
        if not -MAX_ID <= id_ <= MAX_ID:
            raise Refusal("bad_field", f"there is no bin {id_}")
        bin.price = 0
        bin.x = cell(row, 1, "amount_x")
        bin.y = cell(row, 2, "amount_y")
        bin.open = bin.done = bin.ask = 0
        if len(row) == 6:
            bin.open = cell(row, 3, "open_order_amount")
            bin.done = cell(row, 4, "processed_order_remaining_amount")
            bin.ask = cell(row, 5, "limit_order_ask_side") != 0
        at = dlmm_rank(p, id_)
        if at and p.keys[at - 1] == id_:
            raise Refusal("bad_field", f"the bin {id_} is there twice")
        if dlmm_put(p, id_, &bin):
            raise MemoryError


cdef void fill_pair(dlmm_pool* p, dict pair) except *:
    cdef dict s = members(pair, "parameters"), v = members(pair, "v_parameters")
    p.head.active = <int32_t>signed_small(pair, "active_id")
    p.step = <int32_t>small(pair, "bin_step", 16)
    p.base_factor = <uint32_t>small(s, "baseFactor", 16)
    p.filter_period = <uint32_t>small(s, "filterPeriod", 16)
    p.decay_period = <uint32_t>small(s, "decayPeriod", 16)
    p.reduction = <uint32_t>small(s, "reductionFactor", 16)
    p.control = <uint32_t>small(s, "variableFeeControl", 32)
    p.max_volatility = <uint32_t>small(s, "maxVolatilityAccumulator", 32)
    p.min_id = <int32_t>signed_small(s, "minBinId") if "minBinId" in s else -MAX_ID
    p.max_id = <int32_t>signed_small(s, "maxBinId") if "maxBinId" in s else MAX_ID
    p.share = <uint32_t>small(s, "protocolShare", 16)
    p.base_power = <uint32_t>small(s, "baseFeePowerFactor", 8) if "baseFeePowerFactor" in s else 0
    p.function_type = <uint32_t>small(s, "functionType", 8) if "functionType" in s else 0
    p.fee_mode = <uint32_t>small(s, "collectFeeMode", 8) if "collectFeeMode" in s else 0
    p.head.volatility = <uint32_t>small(v, "volatilityAccumulator", 32)
    p.head.volatility_reference = <uint32_t>small(v, "volatilityReference", 32)
    p.head.index_reference = <int32_t>signed_small(v, "indexReference")
    p.head.last_update = signed_small(v, "lastUpdateTimestamp", 64)
    p.has_rewards = flag(pair, "has_rewards") if "has_rewards" in pair else False
    p.closed = flag(pair, "closed") if "closed" in pair else False
    p.opens_at = <int64_t>small(pair, "opens_at", 63) if "opens_at" in pair else 0
    if not -MAX_ID <= p.head.active <= MAX_ID:
        raise Refusal("bad_field", "active_id is out of range")
    if not 0 < p.step <= 10000:
        raise Refusal("bad_field", "bin_step is from 1 to 10000")
    if p.function_type > 2 or p.fee_mode > 1 or p.share > 10000 or p.reduction > 10000:
        raise Refusal("bad_field", "lb_pair's parameters are none that the program takes")
    dlmm_set_rates(p)


cdef void fill_arrays(dlmm_pool* p, object arrays) except *:
    cdef uint32_t i
    cdef int64_t index
    if arrays is None:
        # a synthetic pair: each array that a listed bin lies in is set and known
        for i in range(p.count):
            if dlmm_note_array(p, dlmm_array_of(p.keys[i]), DLMM_KNOWN | DLMM_SET, 0):
                raise MemoryError
    else:
        if type(arrays) is not list:
            raise Refusal("bad_field", "bin_arrays is a list")
        for i in range(p.count):
            dlmm_note_array(p, dlmm_array_of(p.keys[i]), DLMM_KNOWN, 0)
        for item in arrays:
            if type(item) is not list or len(<list>item) != 2 or type(item[1]) is not bool:
                raise Refusal("bad_field", "bin_arrays are lists of an index and whether the bins are known")
            index = <int64_t>number_of(item[0], "bin_arrays", 32, 1).w[0]
            if not -MAX_ID // 70 - 1 <= index <= MAX_ID // 70:
                raise Refusal("bad_field", f"there is no bin array {index}")
            dlmm_note_array(p, <int32_t>index, DLMM_SET | (DLMM_KNOWN if item[1] else 0), 0)
    for i in range(p.n_arrays):
        index = p.arrays[i] + 512
        if p.flags[i] & DLMM_SET and 0 <= index < 1024:
            p.bits[index // 64] |= <uint64_t>1 << (index % 64)


cdef void fill_transfer(dlmm_transfer_fee* f, dict fee) except *:
    f.bps = 0
    f.most = 0
    if fee is None:
        return
    f.bps = <uint32_t>small(fee, "feeBps", 16)
    f.most = small(fee, "maxFee")
    if f.bps > 10000:
        raise Refusal("bad_field", "a transfer fee is at most 10000 basis points")


cdef void fill_accounts(MeteoraDlmm pool, dict state, list accounts) except *:
    """The pair first (the bitmap says what the arrays mean), then what else is there; by name."""
    cdef dlmm_pool* p = &pool.p
    cdef uint64_t epoch = small(state, "epoch") if "epoch" in state else 0
    cdef bytes data
    cdef int k
    named = []
    for account in accounts:
        if type(account) is not dict or type(account.get("name")) is not str:
            raise Refusal("bad_field", "accounts are objects with name, owner and data_base64")
        named.append((account["name"], account_bytes(account), account.get("owner")))
    for name, data, owner in sorted(named, key=first_the_pair):
        if data is None:
            raise Refusal("bad_field", f"the account {name} has no data")
        if name in ("token_x_mint", "token_y_mint"):
            k = 0 if name == "token_x_mint" else 1
            if owner == TOKEN_2022 and dlmm_mint_fee(
                <const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), epoch, &p.transfer[k]
            ):
                raise Refusal("bad_field", f"{name} is no mint")
        elif name == "lb_pair" or name.startswith("bin_array"):
            if dlmm_apply_account(p, <const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data)):
                raise Refusal("bad_field", f"the account {name} is not what its name says")
    if not p.step:
        raise Refusal("bad_field", "accounts hold no lb_pair")


def first_the_pair(item):
    return item[0] != "lb_pair"


cdef void fill(MeteoraDlmm pool, dict state) except *:
    cdef dlmm_pool* p = &pool.p
    p.now = <int64_t>small(state, "timestamp", 63)
    accounts = state.get("accounts")
    if accounts is not None:
        if type(accounts) is not list:
            raise Refusal("bad_field", "accounts is a list")
        fill_accounts(pool, state, <list>accounts)
        return
    fill_pair(p, members(state, "lb_pair"))
    fill_bins(p, rows(state, "bins"))
    p.has_extension = flag(state, "bitmap_extension") if "bitmap_extension" in state else False
    fill_arrays(p, state.get("bin_arrays"))
    fill_transfer(&p.transfer[0], members_or_none(state, "transfer_fee_x"))
    fill_transfer(&p.transfer[1], members_or_none(state, "transfer_fee_y"))


cdef class MeteoraDlmm(Pool):
    """One pair. Its memory is its own; copies are made through `state`."""

    def __dealloc__(self):
        dlmm_free(&self.p)

    cdef int walk(self, int direction, int exact_in, const u256* amount, const u256* limit, int move, dlmm_walk* w) noexcept nogil:
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
            dlmm_swap(&self.p, amount[0].w[0], to, direction == 0, exact_in, move, w)
        return w.status

    cdef void answer_from(self, dlmm_walk* w, Quote* out) noexcept nogil:
        quote_clear(out)
        out.status = w.status
        if w.status != STATUS_OK and w.status != STATUS_PARTIAL:
            return
        out.amount_in.w[0] = w.sent
        out.amount_out.w[0] = w.got
        out.fee.w[0] = w.fee
        out.price_after = u256_from_u128(w.price)
        out.tick_after = w.head.active
        out.crossed = <int32_t>w.steps - 1
        out.cost = dlmm_cost(w)

    cdef void quote_in_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        cdef dlmm_walk w
        self.walk(direction, 1, amount, limit, 0, &w)
        self.answer_from(&w, out)

    cdef void quote_out_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        cdef dlmm_walk w
        self.walk(direction, 0, amount, limit, 0, &w)
        self.answer_from(&w, out)

    cdef void move(self, int direction, int exact_in, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        cdef dlmm_walk w
        cdef int status = self.walk(direction, exact_in, amount, limit, 0, &w)
        self.answer_from(&w, out)
        if w.beyond and (status == STATUS_OK or status == STATUS_PARTIAL):
            quote_clear(out)
            out.status = STATUS_OVERFLOW  # a bin's amount would not fit: the SDK quotes that, the program fails
        # out of bins the program fails; where a price limit ended it, it is the swap of what was filled
        elif status == STATUS_OK or (status == STATUS_PARTIAL and w.limited):
            self.walk(direction, exact_in, amount, limit, 1, &w)
            self.p.head = w.head

    cdef void execute_in_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        self.move(direction, 1, amount, limit, out)

    cdef void execute_out_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        self.move(direction, 0, amount, limit, out)

    cdef int apply_raw(self, const uint8_t* topics, int n_topics, const uint8_t* data, size_t n) noexcept nogil:
        return dlmm_apply_account(&self.p, data, n)

    cdef double spot(self, int direction) noexcept nogil:
        cdef double price = u256_to_double(u256_from_u128(dlmm_price(self.p.head.active, <uint32_t>self.p.step))) * 2.0 ** -64
        if price == 0.0:
            return 0.0
        return 1.0 / price if direction else price

    cdef double rank(self, int direction) noexcept nogil:
        cdef dlmm_head h = self.p.head
        dlmm_update_reference(&self.p, &h)
        dlmm_update_volatility(&self.p, &h)
        return self.spot(direction) * (1.0 - dlmm_rate(&self.p, &h) * 1e-9)

    def at(self, timestamp):
        """Quote as of this block time, seconds: the variable fee hangs on it."""
        self.p.now = <int64_t>small({"timestamp": timestamp}, "timestamp", 63)

    def depth(self, int direction, price_limit):
        """What can be paid in on side `direction` in bins up to the price `price_limit`; pure. A Quoted."""
        return self.quote_in(direction, (1 << 64) - 1, price_limit)

    def apply(self, event):
        """One account's bytes (LbPair, BinArray, BinArrayBitmapExtension) or one decoded event (Swap,
        Swap2Evt, GoToABin, FeeParameterUpdate, DynamicFeeParameterUpdate, InitializeReward; others move
        nothing). Events that move bins without saying which, or how, raise Refusal("bad_field"): apply
        the arrays' accounts. Diverged when this state could not have done it."""
        cdef bytes data
        if self.diverged:
            raise Diverged("this pool diverged from the chain before")
        data = account_bytes(event)
        if data is not None:
            if dlmm_apply_account(&self.p, <const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data)):
                raise Refusal("bad_field", "not an account of this pool")
            return
        for name in ("Swap", "Swap2Evt"):
            args = event_args(event, name)
            if args is not None:
                if "timestamp" in event:
                    self.at(event["timestamp"])
                self.follow(name, args)
                return
        args = event_args(event, "GoToABin")
        if args is not None:
            self.p.head.active = <int32_t>signed_small(args, "to_bin_id")
            return
        args = event_args(event, "FeeParameterUpdate")
        if args is not None:
            self.set_fees(args)
            return
        args = event_args(event, "DynamicFeeParameterUpdate")
        if args is not None:
            self.set_dynamic_fees(args)
            return
        if event.get("event") == "InitializeReward":
            self.p.has_rewards = True
            dlmm_set_rates(&self.p)
            return
        if event.get("event") in HIDE_THEIR_BINS:
            raise Refusal("bad_field", "the event does not say how the bins moved: apply the bin arrays' accounts")

    cdef object set_fees(self, dict args):
        """The base fee's parameters as the program sets them."""
        cdef uint32_t share = <uint32_t>small(args, "protocol_share", 16), factor = <uint32_t>small(args, "base_factor", 16)
        cdef uint32_t power = self.p.base_power
        if "base_fee_power_factor" in args:
            power = <uint32_t>small(args, "base_fee_power_factor", 8)
        if share > 10000:
            raise Refusal("bad_field", "protocol_share is at most 10000")
        self.p.share = share
        self.p.base_factor = factor
        self.p.base_power = power
        dlmm_set_rates(&self.p)

    cdef object set_dynamic_fees(self, dict args):
        """The variable fee's parameters as the program sets them."""
        cdef uint32_t filter_period = <uint32_t>small(args, "filter_period", 16), decay = <uint32_t>small(args, "decay_period", 16)
        cdef uint32_t reduction = <uint32_t>small(args, "reduction_factor", 16)
        cdef uint32_t control = <uint32_t>small(args, "variable_fee_control", 32)
        cdef uint32_t most = <uint32_t>small(args, "max_volatility_accumulator", 32)
        if reduction > 10000:
            raise Refusal("bad_field", "reduction_factor is at most 10000")
        self.p.filter_period = filter_period
        self.p.decay_period = decay
        self.p.reduction = reduction
        self.p.control = control
        self.p.max_volatility = most

    cdef object follow(self, str name, dict args):
        """Execute a swap that an event tells of, as an exact input, else as an exact output; amounts of
        the vaults or the user. What a partial fill left is in Swap2Evt's amount_in or not: both are tried.
        A program may tell of one swap in both forms: the second, right after the first, moves nothing."""
        cdef bint for_y = flag(args, "swap_for_y")
        cdef uint64_t paid = small(args, "amount_in"), given = small(args, "amount_out"), left = 0
        cdef int32_t start = <int32_t>signed_small(args, "start_bin_id"), end = <int32_t>signed_small(args, "end_bin_id")
        cdef dlmm_walk w
        cdef int k
        told, twice = (for_y, start, end, given), self.told
        self.told = None
        if twice is not None and twice[0] != name and twice[1] == told:
            return
        if name == "Swap2Evt" and "amount_left" in args:
            left = small(args, "amount_left")
        if start == self.p.head.active:
            for k in range(8):
                # 0 and 1: amounts of the vaults, 2 and 3: with the mints' transfer fees; then less what was left
                if k == 4:
                    if not left or left > paid:
                        break
                    paid -= left
                self.walk_told(k & 3, paid, given, for_y, 0, &w)
                if w.status == STATUS_OK and not w.beyond and w.head.active == end and w.sent == paid and w.got == given:
                    self.walk_told(k & 3, paid, given, for_y, 1, &w)
                    self.p.head = w.head
                    self.told = (name, told)
                    return
        self.diverged = True
        raise Diverged(f"the state could not have done this: {args}")

    cdef void walk_told(self, int k, uint64_t paid, uint64_t given, bint for_y, bint move, dlmm_walk* w) noexcept nogil:
        if k < 2:
            dlmm_walk_bins(&self.p, given if k else paid, 0, for_y, not k, move, w)
            w.sent = <uint64_t>w.paid
            w.got = <uint64_t>w.given
        else:
            dlmm_swap(&self.p, given if k == 3 else paid, 0, for_y, k == 2, move, w)

    def is_diverged(self):
        """Whether an event showed that the state is not the chain's."""
        return bool(self.diverged)

    def state(self):
        """The state with the members of a batch line; integers as decimal strings."""
        cdef dlmm_pool* p = &self.p
        cdef uint32_t i
        cdef dlmm_bin* b
        bins = []
        for i in range(p.count):
            b = &p.bins[i]
            row = [str(p.keys[i]), str(b.x), str(b.y)]
            if b.open or b.done or b.ask:
                row += [str(b.open), str(b.done), str(b.ask)]
            bins.append(row)
        fees = []
        for k in range(2):
            bps = p.transfer[k].bps
            fees.append({"feeBps": str(bps), "maxFee": str(p.transfer[k].most)} if bps or p.transfer[k].most else None)
        return {
            "lb_pair": {
                "active_id": str(p.head.active), "bin_step": str(p.step),
                "has_rewards": bool(p.has_rewards), "closed": bool(p.closed),
                "opens_at": str(p.opens_at),
                "parameters": {
                    "baseFactor": str(p.base_factor), "filterPeriod": str(p.filter_period),
                    "decayPeriod": str(p.decay_period), "reductionFactor": str(p.reduction),
                    "variableFeeControl": str(p.control), "maxVolatilityAccumulator": str(p.max_volatility),
                    "minBinId": str(p.min_id), "maxBinId": str(p.max_id), "protocolShare": str(p.share),
                    "baseFeePowerFactor": str(p.base_power), "functionType": str(p.function_type),
                    "collectFeeMode": str(p.fee_mode),
                },
                "v_parameters": {
                    "volatilityAccumulator": str(p.head.volatility),
                    "volatilityReference": str(p.head.volatility_reference),
                    "indexReference": str(p.head.index_reference), "lastUpdateTimestamp": str(p.head.last_update),
                },
            },
            "timestamp": str(p.now),
            "bins": bins,
            "bin_arrays": [[str(p.arrays[i]), bool(p.flags[i] & DLMM_KNOWN)] for i in range(p.n_arrays) if p.flags[i] & DLMM_SET],
            "bitmap_extension": bool(p.has_extension),
            "transfer_fee_x": fees[0], "transfer_fee_y": fees[1],
        }

    @classmethod
    def from_state(cls, state):
        """A pool from the `state` of a batch line; unknown members are ignored."""
        cdef MeteoraDlmm pool = cls.__new__(cls)
        if type(state) is not dict:
            raise Refusal("bad_field", "state is an object")
        fill(pool, state)
        return pool


WHY = {
    STATUS_PARTIAL: ("no_liquidity", "the bins end before the swap does"),
    STATUS_REFUSED: ("refused", "the program refuses this swap"),
    STATUS_OVERFLOW: ("overflow", "an amount does not fit the program's integers"),
    STATUS_NO_LIQUIDITY: ("no_liquidity", "there is nothing to fill"),
    STATUS_TOO_MANY_STEPS: ("too_many_steps", "the swap walks further than tiercel does"),
    STATUS_BAD_FIELD: ("bad_field", "amount is none that the program takes"),
}


def answer(state, swap):
    """The batch command's answer: the members that the SDK's swapQuote or swapQuoteExactOut gives."""
    cdef MeteoraDlmm pool = MeteoraDlmm.__new__(MeteoraDlmm)
    cdef dlmm_walk w
    cdef bint exact_in = flag(state, "exact_in"), for_y = flag(state, "swap_for_y")
    cdef bint partial = flag(state, "is_partial_fill") if "is_partial_fill" in state else False
    cdef uint64_t amount = small(state, "amount")
    cdef uint32_t arrays
    fill(pool, state)
    dlmm_swap(&pool.p, amount, 0, for_y, exact_in, 0, &w)
    if w.status != STATUS_OK and not (w.status == STATUS_PARTIAL and exact_in and partial):
        raise Refusal(*WHY[w.status])
    arrays = dlmm_arrays_walked(&pool.p, for_y, w.head.active, w.status == STATUS_PARTIAL)
    return {
        "consumed_in_amount" if exact_in else "in_amount": str(w.sent),
        "out_amount": str(w.got),
        "fee": str(w.user_fee),
        "protocol_fee": str(w.protocol_fee),
        "bin_arrays": str(arrays),
    }


def price_of_bin(int32_t bin_id, uint32_t bin_step):
    """get_price_from_id, Q64.64; 0 where the program has none."""
    return to_int(u256_from_u128(dlmm_price(bin_id, bin_step)))
