"""Meteora DLMM in plain Python integers: one bin at a time, after the official SDK and the program.

`answer(case)` gives the members that the official SDK gives, or raises Refused with the batch
command's code. `Pool.swap` leaves the state that the program leaves. `pool_from_accounts` reads the
bytes of real accounts by hand, so that it shares nothing with the compiled decoder.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

U64, U128 = (1 << 64) - 1, (1 << 128) - 1
ONE = 1 << 64
PRECISION = 10**9
MAX_RATE = 10**8
BPS = 10_000
BINS = 70
MIN_BIN, MAX_BIN = -443636, 443636
BITMAP = 512


class Refused(Exception):
    """The SDK or the program refuses; `code` is the batch command's."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(code, why)
        self.code = code


def ceil(a: int, b: int) -> int:
    return -(-a // b)


def fits(value: int) -> int:
    if value > U64:
        raise Refused("overflow", "beyond u64")
    return value


def price_of_bin(bin_id: int, bin_step: int) -> int:
    """(1 + step/10000)^id as Q64.64, each product truncated as the program does; 0: no price."""
    if bin_id == 0:
        return ONE
    power, invert, result = abs(bin_id), bin_id < 0, ONE
    if power >= 0x80000:
        return 0
    base = ONE + (bin_step << 64) // BPS
    if base >= result:
        base, invert = U128 // base, not invert
    while power:
        if power & 1:
            result = result * base >> 64
        base = base * base >> 64
        power >>= 1
    if result == 0:
        return 0
    return U128 // result if invert else result


@dataclass
class Bin:
    price: int
    x: int
    y: int
    open: int = 0
    processed: int = 0
    ask: int = 0

    def orders(self, for_y: bool) -> tuple[int, int]:
        """(processed, open) that a swap in this direction may fill."""
        return (0, 0) if for_y == bool(self.ask) else (self.processed, self.open)

    def required(self, out: int, for_y: bool) -> int:
        return ceil(out << 64, self.price) if for_y else ceil(out * self.price, ONE)

    def given(self, paid: int, for_y: bool) -> int:
        return paid * self.price >> 64 if for_y else (paid << 64) // self.price


@dataclass(frozen=True)
class TransferFee:
    bps: int = 0
    max_fee: int = 0

    def of(self, amount: int) -> int:
        return min(ceil(amount * self.bps, BPS), self.max_fee)

    def after(self, amount: int) -> int:
        return amount - self.of(amount)

    def before(self, amount: int) -> int:
        if amount == 0 or self.bps == 0:
            return amount
        if self.bps == BPS:
            return amount + self.max_fee
        sent = ceil(amount * BPS, BPS - self.bps)
        if sent - amount >= self.max_fee:
            sent = amount + self.max_fee
        return amount + self.of(sent)


@dataclass
class Filled:
    paid: int
    given: int
    user_fee: int
    protocol_fee: int
    layers: tuple[tuple[int, int], ...]


@dataclass
class Done:
    left: int
    paid: int
    given: int
    fee: int
    protocol_fee: int
    arrays: int
    steps: int


@dataclass
class Pool:
    active: int
    step: int
    parameters: dict[str, int]
    volatility: int
    volatility_reference: int
    index_reference: int
    last_update: int
    now: int
    bins: dict[int, Bin]
    arrays: dict[int, bool] = field(default_factory=dict)
    """Bin arrays whose bit is set: True where the account is given, False where it is not."""
    extension: bool = False
    orders_supported: bool = False
    fee_x: TransferFee = TransferFee()
    fee_y: TransferFee = TransferFee()

    @classmethod
    def from_case(cls, case: dict[str, Any]) -> Pool:
        pair = case["lb_pair"]
        p = {k: int(v) for k, v in pair["parameters"].items()}
        v = {k: int(x) for k, x in pair["v_parameters"].items()}
        step = int(pair["bin_step"])
        bins = {}
        for row in case["bins"]:
            numbers = [int(x) for x in row]
            bins[numbers[0]] = Bin(price_of_bin(numbers[0], step), *numbers[1:])
        return cls(
            int(pair["active_id"]),
            step,
            p,
            v["volatilityAccumulator"],
            v["volatilityReference"],
            v["indexReference"],
            v["lastUpdateTimestamp"],
            int(case["timestamp"]),
            bins,
            {i // BINS: True for i in bins},
            # what the vectors' pools have for reward mints: none
            orders_supported=p["functionType"] in (0, 2),
        )

    def rate(self) -> int:
        p = self.parameters
        base: int = p["baseFactor"] * self.step * 10 ** (1 + p["baseFeePowerFactor"])
        squared = (self.volatility * self.step) ** 2
        return min(base + ceil(p["variableFeeControl"] * squared, 10**11), MAX_RATE)

    def update_reference(self) -> None:
        p, elapsed = self.parameters, self.now - self.last_update
        if elapsed >= p["filterPeriod"]:
            self.index_reference = self.active
            decays = elapsed < p["decayPeriod"]
            self.volatility_reference = (
                self.volatility * p["reductionFactor"] // BPS if decays else 0
            )

    def update_volatility(self) -> None:
        grown = self.volatility_reference + abs(self.index_reference - self.active) * BPS
        self.volatility = min(grown, self.parameters["maxVolatilityAccumulator"])

    def fee_on_input(self, for_y: bool) -> bool:
        return not (self.parameters["collectFeeMode"] == 1 and for_y)

    def max_out(self, b: Bin, for_y: bool) -> int:
        maker = b.y if for_y else b.x
        return maker + (sum(b.orders(for_y)) if self.orders_supported else 0)

    def exact_in_at(self, b: Bin, amount: int, for_y: bool) -> Filled:
        rate, on_input = self.rate(), self.fee_on_input(for_y)
        fee = ceil(amount * rate, PRECISION) if on_input else 0
        usable = amount - fee
        sources = [b.y if for_y else b.x, *(b.orders(for_y) if self.orders_supported else ())]
        left, layers = usable, []
        for i, most in enumerate(sources):
            if i and left == 0:
                layers.append((0, 0))
                continue
            need = b.required(most, for_y)
            paid, given = (need, most) if left >= need else (left, b.given(left, for_y))
            left -= paid
            layers.append((paid, given))
        used, given = sum(p for p, _ in layers), sum(g for _, g in layers)
        paid = amount
        if left:
            paid = used
            if on_input:
                paid = ceil(used * PRECISION, PRECISION - rate)
                fee = paid - used
        if not on_input:
            fee = ceil(given * rate, PRECISION)
            given -= fee
        user = protocol = 0
        if used:
            maker_fee = ceil(fee * layers[0][0], used)
            order_fee = fee - maker_fee
            protocol = order_fee - order_fee // 2
            protocol += maker_fee * self.parameters["protocolShare"] // BPS
            user = fee - protocol
        return Filled(paid, given, user, protocol, tuple(layers))

    def exact_out_at(self, b: Bin, amount: int, for_y: bool) -> Filled:
        rate, on_input = self.rate(), self.fee_on_input(for_y)
        gross = amount if on_input else ceil(amount * PRECISION, PRECISION - rate)
        if gross >= self.max_out(b, for_y):
            return self.exact_in_at(b, U64, for_y)
        left, need = gross, 0
        # the SDK reads the orders here whether or not the pair supports them; above, it did not
        # count them, so nothing is left for them
        for most in (b.y if for_y else b.x, *b.orders(for_y)):
            take = min(left, most)
            need += b.required(take, for_y)
            left -= take
        if on_input:
            need = ceil(need * PRECISION, PRECISION - rate)
        filled = self.exact_in_at(b, fits(need), for_y)
        if filled.given - amount > 1:
            filled.protocol_fee += filled.given - amount
        filled.given = amount
        return filled

    def next_array(self, for_y: bool) -> int | None:
        """The array that the program loads for the active bin: the nearest with a set bit."""
        here = self.active // BINS
        if not self.extension and not -BITMAP <= here < BITMAP:
            return None
        inside = [
            i
            for i in self.arrays
            if (i <= here if for_y else i >= here) and (self.extension or -BITMAP <= i < BITMAP)
        ]
        if not inside:
            return None
        found = max(inside) if for_y else min(inside)
        return found if self.arrays[found] else None

    def swap(self, amount: int, for_y: bool, is_input: bool, limit: int = 0) -> Done:
        """The walk over the bins; the state moves. `left` is what the bins did not take or give.

        A price `limit` (not 0) ends it before the first bin beyond, on the last bin that was asked.
        """
        self.update_reference()
        left, stood = amount, self.active
        done = Done(0, 0, 0, 0, 0, 0, 0)
        seen: set[int] = set()
        while left:
            array = self.next_array(for_y)
            if array is None:
                break
            seen.add(array)
            here = self.active // BINS
            if here != array:
                # nothing lies between: stand on the array's first bin in this direction
                self.active = array * BINS + (BINS - 1 if for_y else 0)
            b = self.bins.get(self.active)
            if b is not None and self.max_out(b, for_y):
                if limit and (b.price < limit if for_y else b.price > limit):
                    self.active = stood
                    break
                if not b.price:
                    raise Refused("refused", "the bin has no price")
                stood = self.active
                self.update_volatility()
                at = self.exact_in_at if is_input else self.exact_out_at
                filled = at(b, left, for_y)
                if filled.paid if is_input else filled.given:
                    left -= filled.paid if is_input else filled.given
                    done.paid += filled.paid
                    done.given += filled.given
                    done.fee += filled.user_fee
                    done.protocol_fee += filled.protocol_fee
                    done.steps += 1
                    self.move(b, filled.layers, for_y)
            if left:
                self.active += -1 if for_y else 1
        fits(max(done.paid, done.given))
        done.left, done.arrays = left, len(seen)
        self.last_update = self.now
        return done

    def move(self, b: Bin, layers: tuple[tuple[int, int], ...], for_y: bool) -> None:
        paid, given = layers[0]
        b.x += paid if for_y else -given
        b.y += -given if for_y else paid
        if len(layers) == 3:
            b.processed -= layers[1][1]
            if layers[2][1]:
                # an open cohort that is touched is being processed from then on
                b.processed, b.open = b.open - layers[2][1], 0


def pubkey_is_zero(data: bytes) -> bool:
    return not any(data)


def mint_fee(data: bytes, owner_is_2022: bool, epoch: int) -> TransferFee:
    """The transfer fee of a Token-2022 mint at an epoch: extension 1, 108 bytes, two fees."""
    if not owner_is_2022 or len(data) <= 166:
        return TransferFee()
    at = 166
    while at + 4 <= len(data):
        kind = int.from_bytes(data[at : at + 2], "little")
        size = int.from_bytes(data[at + 2 : at + 4], "little")
        if kind == 0:
            break
        if kind == 1:
            fees = []
            for k in range(2):
                piece = data[at + 4 + 72 + 18 * k :]
                fees.append(
                    [int.from_bytes(piece[a:b], "little") for a, b in ((0, 8), (8, 16), (16, 18))]
                )
            older, newer = fees
            chosen = newer if epoch >= newer[0] else older
            return TransferFee(chosen[2], chosen[1])
        at += 4 + size
    return TransferFee()


def pool_from_accounts(case: dict[str, Any], accounts: list[dict[str, Any]]) -> Pool:
    """A pool from the bytes of its accounts (members name, owner, data_base64)."""
    named: dict[str, tuple[bytes, str]] = {
        a["name"]: (base64.b64decode(a["data_base64"]), a["owner"]) for a in accounts
    }
    data = named["lb_pair"][0]

    def number(at: int, size: int, signed: bool = False, source: bytes = data) -> int:
        return int.from_bytes(source[at : at + size], "little", signed=signed)

    p = {
        "baseFactor": number(8, 2),
        "filterPeriod": number(10, 2),
        "decayPeriod": number(12, 2),
        "reductionFactor": number(14, 2),
        "variableFeeControl": number(16, 4),
        "maxVolatilityAccumulator": number(20, 4),
        "minBinId": number(24, 4, True),
        "maxBinId": number(28, 4, True),
        "protocolShare": number(32, 2),
        "baseFeePowerFactor": number(34, 1),
        "functionType": number(35, 1),
        "collectFeeMode": number(36, 1),
    }
    step = number(80, 2)
    rewards = [data[264 + 144 * i :][:32] for i in range(2)]
    arrays = {
        64 * i + j - BITMAP: False
        for i in range(16)
        for j in range(64)
        if number(584 + 8 * i, 8) >> j & 1
    }
    bins: dict[int, Bin] = {}
    for name, (raw, _) in named.items():
        if not name.startswith("bin_array_"):
            continue
        index = number(8, 8, True, raw)
        if index in arrays:
            arrays[index] = True
        for i in range(BINS):
            at = 56 + 144 * i
            open_, done = number(at + 112, 8, False, raw), number(at + 128, 8, False, raw)
            x, y = number(at, 8, False, raw), number(at + 8, 8, False, raw)
            here = index * BINS + i
            bins[here] = Bin(price_of_bin(here, step), x, y, open_, done, raw[at + 140])
    fees = []
    for side in "xy":
        mint = named.get(f"token_{side}_mint", (b"", ""))
        fees.append(mint_fee(mint[0], mint[1].startswith("TokenzQ"), int(case["epoch"])))
    return Pool(
        number(76, 4, True),
        step,
        p,
        number(40, 4),
        number(44, 4),
        number(48, 4, True),
        number(56, 8, True),
        int(case["timestamp"]),
        bins,
        arrays,
        orders_supported=p["functionType"] == 2
        or (p["functionType"] == 0 and all(pubkey_is_zero(r) for r in rewards)),
        fee_x=fees[0],
        fee_y=fees[1],
    )


def answer(case: dict[str, Any], accounts: list[dict[str, Any]] | None = None) -> dict[str, str]:
    """The `result` of a case, or Refused."""
    pool = Pool.from_case(case) if accounts is None else pool_from_accounts(case, accounts)
    return answer_of(pool, case)


def answer_of(pool: Pool, case: dict[str, Any]) -> dict[str, str]:
    for_y, amount = case["swap_for_y"], int(case["amount"])
    fee_in, fee_out = (pool.fee_x, pool.fee_y) if for_y else (pool.fee_y, pool.fee_x)
    if amount == 0:
        raise Refused("refused", "nothing to trade")
    if case["exact_in"]:
        usable = fee_in.after(amount)
        done = pool.swap(usable, for_y, True)
        if done.left and not case.get("is_partial_fill"):
            raise Refused("no_liquidity", "the bins end here")
        if done.steps == 0:
            raise Refused("no_liquidity", "nothing to fill")
        named = {
            "consumed_in_amount": min(fee_in.before(usable - done.left), amount),
            "out_amount": fee_out.after(fits(done.given)),
        }
    else:
        done = pool.swap(fits(fee_out.before(amount)), for_y, False)
        if done.left:
            raise Refused("no_liquidity", "the bins end here")
        named = {"in_amount": fits(fee_in.before(done.paid)), "out_amount": amount}
    named |= {
        "fee": done.fee,
        "protocol_fee": done.protocol_fee,
        "bin_arrays": done.arrays,
    }
    return {k: str(v) for k, v in named.items()}
