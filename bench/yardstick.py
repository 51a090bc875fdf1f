"""The yardstick of the pools: exact quotes in plain Python integers, prices computed from ticks."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

FACTORS = (
    0xFFFCB933BD6FAD37AA2D162D1A594001,
    0xFFF97272373D413259A46990580E213A,
    0xFFF2E50F5F656932EF12357CF3C7FDCC,
    0xFFE5CACA7E10E4E61C3624EAA0941CD0,
    0xFFCB9843D60F6159C9DB58835C926644,
    0xFF973B41FA98C081472E6896DFB254C0,
    0xFF2EA16466C96A3843EC78B326B52861,
    0xFE5DEE046A99A2A811C461F1969C3053,
    0xFCBE86C7900A88AEDCFFC83B479AA3A4,
    0xF987A7253AC413176F2B074CF7815E54,
    0xF3392B0822B70005940C7A398E4B70F3,
    0xE7159475A2C29B7443B29C7FA6E889D9,
    0xD097F3BDFD2022B8845AD8F792AA5825,
    0xA9F746462D870FDF8A65DC1F90E061E5,
    0x70D869A156D2A1B890BB3DF62BAF32F7,
    0x31BE135F97D08FD981231505542FCFA6,
    0x9AA508B5B7A84E1C677DE54F3E99BC9,
    0x5D6AF8DEDB81196699C329225EE604,
    0x2216E584F5FA1EA926041BEDFE98,
    0x48A170391F7DC42444E8FA2,
)
MOST = (1 << 256) - 1
Q96 = 1 << 96
MILLION = 1_000_000


def call_ns(call: Callable[[], object], repetitions: int = 41) -> float:
    """Median ns of a call, in rounds of a third of a millisecond: few are cut by the scheduler."""
    start = time.perf_counter_ns()
    for _ in range(3):
        call()
    calls = max(1, 1_000_000 // max(1, time.perf_counter_ns() - start))
    times = []
    for _ in range(repetitions):
        start = time.perf_counter_ns()
        for _ in range(calls):
            call()
        times.append((time.perf_counter_ns() - start) / calls)
    return statistics.median(times)


def v2_amount_out(amount: int, reserve_in: int, reserve_out: int) -> int:
    counted = amount * 997
    return counted * reserve_out // (reserve_in * 1000 + counted)


def price_at_tick(tick: int) -> int:
    steps = abs(tick)
    ratio = FACTORS[0] if steps & 1 else 1 << 128
    for i in range(1, 20):
        if steps >> i & 1:
            ratio = ratio * FACTORS[i] >> 128
    if tick > 0:
        ratio = MOST // ratio
    return (ratio >> 32) + (1 if ratio & 0xFFFFFFFF else 0)


def tick_at_price(price: int) -> int:
    """By halving the range: without a logarithm this is what plain integers offer."""
    low, high = -887272, 887272
    while low < high:
        middle = (low + high + 1) // 2
        if price_at_tick(middle) <= price:
            low = middle
        else:
            high = middle - 1
    return low


def amount0_up(low: int, high: int, liquidity: int) -> int:
    first = -(-(liquidity << 96) * (high - low) // high)
    return -(-first // low)


def v3_exact_in(
    amount: int, price: int, liquidity: int, ticks: Sequence[tuple[int, int]], fee: int
) -> tuple[int, int, int]:
    """Walk down over `ticks` (number, liquidityNet; descending): (amount out, price, crossed)."""
    left, out, crossed = amount, 0, 0
    for tick, net in ticks:
        target = price_at_tick(tick)
        counted = left * (MILLION - fee) // MILLION
        need = amount0_up(target, price, liquidity)
        reached = counted >= need
        if reached:
            after = target
        else:
            numerator = liquidity << 96
            after = -(-numerator * price // (numerator + counted * price))
        full = after == target
        paid = need if full else amount0_up(after, price, liquidity)
        out += liquidity * (price - after) // Q96
        charged = -(-paid * fee // (MILLION - fee)) if full else left - paid
        left -= paid + charged
        price = after
        if not full or left <= 0:
            break
        liquidity -= net
        crossed += 1
    return out, price, crossed
