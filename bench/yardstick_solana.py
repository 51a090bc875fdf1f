"""The yardstick of Solana's concentrated pools: exact quotes in plain Python integers.

Prices are computed from ticks and bins, as someone without a table would. The two walks go down:
coin A, token 0 or x is paid in.
"""

from __future__ import annotations

from collections.abc import Sequence

MILLION = 1_000_000
PRECISION = 10**9
ONE = 1 << 64
MOST = (1 << 128) - 1
BELOW_ORCA = (
    18445821805675392311,
    18444899583751176498,
    18443055278223354162,
    18439367220385604838,
    18431993317065449817,
    18417254355718160513,
    18387811781193591352,
    18329067761203520168,
    18212142134806087854,
    17980523815641551639,
    17526086738831147013,
    16651378430235024244,
    15030750278693429944,
)
BELOW_RAYDIUM = (
    0xFFFCB933BD6FB800,
    0xFFF97272373D4000,
    0xFFF2E50F5F657000,
    0xFFE5CACA7E10F000,
    0xFFCB9843D60F7000,
    0xFF973B41FA98E800,
    0xFF2EA16466C9B000,
    0xFE5DEE046A9A3800,
    0xFCBE86C7900BB000,
    0xF987A7253AC65800,
    0xF3392B0822BB6000,
    0xE7159475A2CAF000,
    0xD097F3BDFD2F2000,
)


def price_below(tick: int, factors: Sequence[int]) -> int:
    """The square-root price of a tick from -8191 to 0."""
    ratio, steps = ONE, -tick
    for i, factor in enumerate(factors):
        if steps >> i & 1:
            ratio = ratio * factor >> 64
    return ratio


def ceil(a: int, b: int) -> int:
    return -(-a // b)


def range_exact_in(
    amount: int,
    price: int,
    liquidity: int,
    ticks: Sequence[tuple[int, int]],
    fee: int,
    factors: Sequence[int],
) -> tuple[int, int, int]:
    """Walk down over `ticks` (number, liquidity_net; descending): (amount out, price, crossed)."""
    left, out, crossed = amount, 0, 0
    for tick, net in ticks:
        target = price_below(tick, factors)
        counted = left * (MILLION - fee) // MILLION
        need = ceil((liquidity << 64) * (price - target), price * target)
        if counted >= need:
            after = target
        else:
            after = ceil((liquidity << 64) * price, (liquidity << 64) + counted * price)
            need = ceil((liquidity << 64) * (price - after), price * after)
        out += liquidity * (price - after) >> 64
        price = after
        if after != target:
            break
        left -= need + ceil(need * MILLION, MILLION - fee) - need
        liquidity -= net
        crossed += 1
        if not left:
            break
    return out, price, crossed


def price_of_bin(bin_id: int, step: int) -> int:
    """Q64.64 of a bin at or below 0."""
    power, result = -bin_id, ONE
    base = MOST // (ONE + (step << 64) // 10_000)
    while power:
        if power & 1:
            result = result * base >> 64
        base = base * base >> 64
        power >>= 1
    return result


def bins_exact_in(
    amount: int,
    bins: Sequence[tuple[int, int]],
    step: int,
    base: int,
    control: int,
    reference: int,
    most: int,
) -> tuple[int, int]:
    """Walk down over `bins` (id, amount of y; descending): (amount out, bins touched)."""
    left, out, touched = amount, 0, 0
    for bin_id, there in bins:
        price = price_of_bin(bin_id, step)
        moved = min(abs(reference - bin_id) * 10_000, most)
        rate = min(base + ceil(control * (moved * step) ** 2, 10**11), 10**8)
        usable = left - ceil(left * rate, PRECISION)
        need = ceil(there << 64, price)
        touched += 1
        if usable < need:
            return out + (usable * price >> 64), touched
        out += there
        left -= ceil(need * PRECISION, PRECISION - rate)
        if not left:
            break
    return out, touched
