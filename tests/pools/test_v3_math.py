"""Uniswap V3's libraries, executed by the real bytecode, against the compiled arithmetic."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hotpath import u256
from hotpath.pools import v3_math as v3
from hotpath.pools.v3_math import Reverts

DOORS: dict[str, Callable[..., Any]] = {
    "computeSwapStep": v3.swap_step,
    "getAmount0Delta": v3.amount0_delta,
    "getAmount1Delta": v3.amount1_delta,
    "getNextSqrtPriceFromInput": v3.next_price_from_input,
    "getNextSqrtPriceFromOutput": v3.next_price_from_output,
    "mulDiv": u256.muldiv,
    "mulDivRoundingUp": u256.muldiv_up,
    "addDelta": v3.add_delta,
    "maxLiquidityPerTick": v3.max_liquidity_per_tick,
    "getLiquidityForAmounts": v3.liquidity_for_amounts,
    "getAmountsForLiquidity": v3.amounts_for_liquidity,
    "getSqrtRatioAtTick": v3.price_at_tick,
    "getTickAtSqrtRatio": v3.tick_at_price,
}


@pytest.fixture(scope="module")
def vectors(shared: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((shared / "vectors/evm/uniswap_v3_math.json").read_bytes())
    return loaded


def argument(value: object) -> object:
    return value if isinstance(value, bool) else int(str(value))


def answer(door: str, arguments: list[object]) -> object:
    try:
        result = DOORS[door](*map(argument, arguments))
    except (Reverts, OverflowError):
        return "reverts"
    return list(result) if isinstance(result, tuple) else [result]


def test_every_library_call_of_the_vectors(vectors: dict[str, Any]) -> None:
    groups = {k: v for k, v in vectors.items() if isinstance(v, list) and k != "reverts"}
    assert set(groups) <= set(DOORS)
    for door, cases in groups.items():
        assert cases
        for inputs, outputs in cases:
            if not isinstance(inputs, list):
                inputs, outputs = [inputs], [outputs]
            want = "reverts" if isinstance(outputs, dict) else [argument(o) for o in outputs]
            assert answer(door, inputs) == want, (door, inputs)


def test_ticks_and_prices_out_of_range_are_refused(vectors: dict[str, Any]) -> None:
    assert vectors["reverts"]
    for case in vectors["reverts"]:
        assert answer(case["fn"], [case["arg"]]) == "reverts", case
