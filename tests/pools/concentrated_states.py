"""Random whirlpools, CLMM pools and DLMM pairs in the shape of the vectors, from a seed."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.reference.pools import orca_whirlpool, raydium_clmm

Json = dict[str, Any]
U64 = (1 << 64) - 1


def log_uniform(draw: Random, low_bits: int, high_bits: int) -> int:
    bits = draw.randint(low_bits, high_bits)
    return draw.getrandbits(bits) | 1 << max(bits - 1, 0) if bits else 0


def positions(
    draw: Random, centre: int, reach: int, spacing: int, lowest: int, highest: int
) -> tuple[dict[int, tuple[int, int]], int]:
    """Ticks (net, gross) of random positions, and the liquidity at `centre`."""
    ticks: dict[int, tuple[int, int]] = {}
    here = 0
    bits = draw.randint(8, 70)
    for _ in range(draw.randint(0, 14)):
        ends = sorted(
            min(max((centre + draw.randint(-reach, reach)) // spacing * spacing, lowest), highest)
            for _ in range(2)
        )
        if ends[0] == ends[1]:
            continue
        liquidity = log_uniform(draw, 1, bits)
        for end, sign in zip(ends, (1, -1), strict=True):
            net, gross = ticks.get(end, (0, 0))
            ticks[end] = (net + sign * liquidity, gross + liquidity)
        if ends[0] <= centre < ends[1]:
            here += liquidity
    return ticks, here


def centre_tick(draw: Random, span: int) -> int:
    shape = draw.random()
    if shape < 0.6:
        return draw.randint(-60000, 60000)
    if shape < 0.9:
        return draw.randint(-443000, 443000)
    return draw.choice((-1, 1)) * (443636 - draw.randint(1, 4 * span))


def whirlpool(draw: Random) -> Json:
    spacing = draw.choice((1, 2, 4, 8, 16, 64, 96, 128, 256, 32896))
    span = 88 * spacing
    tick = max(min(centre_tick(draw, min(span, 20000)), 443635), -443636)
    low, high = orca_whirlpool.price_at_tick(tick), orca_whirlpool.price_at_tick(tick + 1)
    price = low if draw.random() < 0.15 else draw.randint(low, high - 1)
    edge = 443636 // spacing * spacing
    reach = draw.choice((spacing * 10, span, 3 * span))
    ticks, here = positions(draw, tick, reach, spacing, -edge, edge)
    if price == low and price > orca_whirlpool.MIN_PRICE and draw.random() < 0.5:
        # the pool stands on the price of a tick that it has crossed downwards
        here -= ticks.get(tick, (0, 0))[0]
        tick -= 1
    start = tick // span * span
    wanted = draw.choice(
        ((0, 1, 2, -1, -2), (0, 1, 2, -1, -2), (0, 1, -1), (0,), (0, 1, 2, 3), (1, 2, -1))
    )
    adaptive = draw.random() < 0.5
    now = 1_760_000_000 + draw.randint(0, 10**7)
    oracle = None
    if adaptive:
        group = draw.choice([g for g in (1, 2, 4, 8, 16, 64, 128) if spacing % g == 0])
        most = draw.choice((0, 10_000, 88_000, 350_000, min((1 << 32) // group - 1, 3_000_000)))
        filter_period = draw.randint(1, 60)
        last = now - draw.choice((0, 5, 20, 100, 500, 4000, 10**5))
        oracle = {
            "tradeEnableTimestamp": str(draw.choice((0, 0, 0, now, now + 1))),
            "adaptiveFeeConstants": {
                "filterPeriod": str(filter_period),
                "decayPeriod": str(filter_period + draw.randint(1, 600)),
                "reductionFactor": str(draw.randint(0, 9999)),
                "adaptiveFeeControlFactor": str(draw.choice((0, 100, 5000, 99_999))),
                "maxVolatilityAccumulator": str(most),
                "tickGroupSize": str(group),
                "majorSwapThresholdTicks": str(draw.randint(1, 2000)),
            },
            "adaptiveFeeVariables": {
                "lastReferenceUpdateTimestamp": str(last),
                "lastMajorSwapTimestamp": str(
                    draw.choice((last, now, now + 1 if draw.random() < 0.1 else last))
                ),
                "volatilityReference": str(draw.randint(0, most)),
                "tickGroupIndexReference": str(tick // group + draw.randint(-40, 40)),
                "volatilityAccumulator": str(draw.randint(0, most)),
            },
        }

    def transfer_fee() -> Json | None:
        if draw.random() < 0.7:
            return None
        most = draw.choice((0, 1000, U64))
        return {"feeBps": str(draw.choice((0, 1, 50, 1000, 10000))), "maxFee": str(most)}

    return {
        "pool": {
            "tick_spacing": str(spacing),
            "fee_rate": str(draw.choice((0, 100, 400, 3000, 10000, 65535))),
            "protocol_fee_rate": str(draw.choice((0, 300, 2500))),
            "liquidity": str(here),
            "sqrt_price": str(price),
            "tick_current_index": str(tick),
            "fee_tier_index": str(spacing if not adaptive else 1024 + draw.randint(0, 9)),
        },
        "oracle": oracle,
        "timestamp": str(now),
        "transfer_fee_a": transfer_fee(),
        "transfer_fee_b": transfer_fee(),
        "tick_array_starts": [str(start + k * span) for k in wanted],
        "ticks": [[str(t), str(n), str(g)] for t, (n, g) in sorted(ticks.items())],
        "exact_in": draw.random() < 0.5,
        "a_to_b": draw.random() < 0.5,
        "amount": str(min(log_uniform(draw, 0, draw.choice((20, 40, 64))), U64)),
        "slippage_bps": str(draw.choice((0, 50, 10000))),
    }


def clmm(draw: Random) -> Json:
    spacing = draw.choice((1, 5, 10, 60, 120, 500))
    tick = max(min(centre_tick(draw, 20 * spacing), 443634), -443635)
    low, high = raydium_clmm.price_at_tick(tick), raydium_clmm.price_at_tick(tick + 1)
    price = low if draw.random() < 0.15 else draw.randint(low, high - 1)
    edge = 443636 // spacing * spacing
    reach = draw.choice((spacing * 10, 60 * spacing, 180 * spacing))
    ticks, here = positions(draw, tick, reach, spacing, -edge, edge)
    if price == low and draw.random() < 0.5:
        here -= ticks.get(tick, (0, 0))[0]
        tick -= 1
    rows: dict[int, list[int]] = {t: [n, g] for t, (n, g) in ticks.items()}
    orders = draw.random() < 0.5
    if orders:
        for row in rows.values():
            row += [0, 0, 0, 0]
        for _ in range(draw.randint(1, 6)):
            at = (tick + draw.randint(-reach, reach)) // spacing * spacing
            if not -edge <= at <= edge:
                continue
            row = rows.setdefault(at, [0, 0, 0, 0, 0, 0])
            row[2] = draw.randint(0, 20)
            row[3] = draw.choice((0, log_uniform(draw, 1, 50)))
            row[4] = draw.choice((0, log_uniform(draw, 1, 50)))
            row[5] = draw.randint(0, 1 << 64) if row[4] else 0
        rows = {t: r for t, r in rows.items() if r[1] or r[3] or r[4]}
    now = 1_780_000_000 + draw.randint(0, 10**7)
    dynamic = None
    if draw.random() < 0.4:
        most = draw.choice((0, 20_000, 100_000, 350_000, min((1 << 32) // spacing - 1, 3_000_000)))
        filter_period = draw.randint(1, 60)
        dynamic = {
            "filterPeriod": str(filter_period),
            "decayPeriod": str(filter_period + draw.randint(1, 600)),
            "reductionFactor": str(draw.randint(1, 9999)),
            "dynamicFeeControl": str(draw.choice((1, 500, 5000, 99_999))),
            "maxVolatilityAccumulator": str(most),
            "tickSpacingIndexReference": str(tick // spacing + draw.randint(-40, 40)),
            "volatilityReference": str(draw.randint(0, most)),
            "volatilityAccumulator": str(draw.randint(0, most)),
            "lastUpdateTimestamp": str(now - draw.choice((0, 5, 20, 100, 500, 10**5))),
        }
    zero_for_one = draw.random() < 0.5
    limit = 0
    if draw.random() < 0.3:
        at = min(max(tick + draw.randint(1, reach) * (-1 if zero_for_one else 1), -443636), 443636)
        limit = raydium_clmm.price_at_tick(at) + draw.choice((0, 0, 1, 12345))
    return {
        "pool": {
            "tick_spacing": str(spacing),
            "liquidity": str(here),
            "sqrt_price_x64": str(price),
            "tick_current": str(tick),
            "fee_on": str(draw.randint(0, 2)),
            "dynamic_fee_info": dynamic,
        },
        "amm_config": {
            "tradeFeeRate": str(draw.choice((0, 100, 500, 2500, 10000))),
            "protocolFeeRate": "120000",
            "fundFeeRate": "40000",
        },
        "block_timestamp": str(now),
        "ticks": [[str(t), *(str(v) for v in row)] for t, row in sorted(rows.items())],
        "zero_for_one": zero_for_one,
        "exact_in": draw.random() < 0.5,
        "amount": str(min(log_uniform(draw, 0, draw.choice((20, 40, 64))), U64)),
        "sqrt_price_limit_x64": str(limit),
    }


def dlmm(draw: Random) -> Json:
    step = draw.choice((1, 2, 5, 10, 20, 25, 50, 80, 100, 125, 200, 400))
    reach = int(440_000 / step / 1.6)
    if draw.random() < 0.1:
        reach = min(443_636, 36_500)
    active = draw.randint(-min(reach, 36_500), min(reach, 36_500))
    if draw.random() < 0.6:
        active //= 20
    orders = draw.random() < 0.5
    bits = draw.randint(2, 56)
    bins: dict[int, list[int]] = {}
    wide = draw.choice((3, 20, 90, 300))
    for _ in range(draw.randint(0, 30)):
        at = active + draw.randint(-wide, wide)
        x = log_uniform(draw, 0, bits) if at >= active else 0
        y = log_uniform(draw, 0, bits) if at <= active else 0
        row = [x, y]
        if orders:
            open_, done = (draw.choice((0, log_uniform(draw, 1, bits))) for _ in range(2))
            ask = at > active if at != active else draw.random() < 0.5
            row += [open_, done, int(ask)]
        bins[at] = row
    now = 1_780_000_000 + draw.randint(0, 10**7)
    most = draw.choice((0, 100_000, 150_000, 350_000, 3_000_000))
    filter_period = draw.randint(1, 300)
    return {
        "lb_pair": {
            "active_id": str(active),
            "bin_step": str(step),
            "parameters": {
                "baseFactor": str(draw.choice((0, 1, 4000, 10_000, 20_000, 65_535))),
                "filterPeriod": str(filter_period),
                "decayPeriod": str(filter_period + draw.randint(1, 600)),
                "reductionFactor": str(draw.randint(0, 10_000)),
                "variableFeeControl": str(draw.choice((0, 7500, 50_000, 5_000_000))),
                "maxVolatilityAccumulator": str(most),
                "minBinId": "-443636",
                "maxBinId": "443636",
                "protocolShare": str(draw.choice((0, 500, 2000, 2500))),
                "baseFeePowerFactor": str(draw.choice((0, 0, 0, 1, 3))),
                "functionType": "2" if orders else "1",
                "collectFeeMode": str(draw.randint(0, 1)),
            },
            "v_parameters": {
                "volatilityAccumulator": str(draw.randint(0, most)),
                "volatilityReference": str(draw.randint(0, most)),
                "indexReference": str(active + draw.randint(-30, 30)),
                "lastUpdateTimestamp": str(now - draw.choice((0, 5, 100, 500, 10**5))),
            },
        },
        "timestamp": str(now),
        "bins": [[str(i), *(str(v) for v in row)] for i, row in sorted(bins.items())],
        "swap_for_y": draw.random() < 0.5,
        "exact_in": draw.random() < 0.5,
        "amount": str(min(log_uniform(draw, 0, draw.choice((10, 40, 64))), U64)),
        "is_partial_fill": draw.random() < 0.5,
    }
