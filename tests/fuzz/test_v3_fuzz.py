"""Uniswap V3 from bytes under address and undefined-behaviour sanitizers: no report, no hang, and
every swap as the twin does it. The program is v3_fuzz.c, which a fuzzer can drive as well."""

from __future__ import annotations

from typing import Any

import pytest

from hotpath.pools.pool import Status
from tests.fuzz.programs import build, inputs, run
from tests.reference.pools import uniswap_v3 as twin


def compare(document: dict[str, Any]) -> int:
    """One input's swaps as the twin does them; how many were executed."""
    slow = twin.Pool.from_state(document["state"])
    executed = 0
    for swap in document["swaps"]:
        amount = int(swap["amount"]) * (1 if swap["exact_in"] else -1)
        before = slow.copy()
        try:
            amount0, amount1, crossed = slow.swap(swap["down"], amount, int(swap["limit"]))
        except twin.Reverts:
            slow = before
            assert swap["status"] in (Status.REFUSED, Status.OVERFLOW), swap
            assert slow.after() == swap["after"]
            continue
        paid, given = (amount0, -amount1) if swap["down"] else (amount1, -amount0)
        assert [str(paid), str(given), crossed] == [swap["paid"], swap["given"], swap["crossed"]]
        assert slow.after() == swap["after"]
        executed += 1
    return executed


def test_bytes_under_the_sanitizers_equal_the_twin() -> None:
    assert sum(map(compare, inputs(build("v3_fuzz"), 1, 600))) > 600


def test_more_bytes_and_no_report() -> None:
    assert run(build("v3_fuzz"), "77", "4000", "quiet") == ""


@pytest.mark.long
def test_many_bytes_under_the_sanitizers() -> None:
    assert run(build("v3_fuzz"), "1000", "300000", "quiet") == ""
    assert sum(map(compare, inputs(build("v3_fuzz"), 5, 20_000))) > 20_000
