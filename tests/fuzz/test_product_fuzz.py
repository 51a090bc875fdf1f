"""V2 pairs and DAMM v2 pools from bytes under address and undefined-behaviour sanitizers: no
report, and every swap as the twin does it. The programs can be driven by a fuzzer."""

from __future__ import annotations

from typing import Any

import pytest

from hotpath.pools.pool import Status
from tests.fuzz.programs import build, inputs, run
from tests.reference.pools import meteora_damm_v2, uniswap_v2
from tests.reference.pools.solana_steps import Refuses

Json = dict[str, Any]


def compare_pair(document: Json) -> int:
    """One pair's swaps by the twin; how many went through."""
    r_in, r_out = int(document["reserve_in"]), int(document["reserve_out"])
    fee_bps, executed = document["fee_bps"], 0
    keep, scale = uniswap_v2.fraction(fee_bps)
    for swap in document["swaps"]:
        amount, status = int(swap["amount"]), Status(swap["status"])
        try:
            if swap["exact_in"]:
                paid, given = amount, uniswap_v2.amount_out(amount, r_in, r_out, fee_bps)
            else:
                paid, given = uniswap_v2.amount_in(amount, r_in, r_out, fee_bps), amount
            if not document["library"]:
                uniswap_v2.pair_swap(paid, given, r_in, r_out, fee_bps)
        except uniswap_v2.Reverts:
            assert status in (Status.REFUSED, Status.OVERFLOW, Status.NO_LIQUIDITY), document
            continue
        assert (status, swap["paid"], swap["given"]) == (Status.OK, str(paid), str(given)), document
        assert swap["kept"] in ("", str(-(-paid * (scale - keep) // scale))), document
        executed += 1
    return executed


def compare_damm(document: Json) -> int:
    """One pool's swaps by the twin, each from the state that the ones before left."""
    executed = 0
    for swap in document["swaps"]:
        try:
            wanted = meteora_damm_v2.answer(swap["state"])
        except Refuses:
            assert swap["status"] != Status.OK, swap
            continue
        assert (swap["status"], swap["result"]) == (Status.OK, wanted), swap["state"]
        executed += 1
    return executed


KINDS = {"v2_fuzz": compare_pair, "damm_fuzz": compare_damm}


@pytest.mark.parametrize("name", KINDS)
def test_bytes_under_the_sanitizers_equal_the_twin(name: str) -> None:
    assert sum(map(KINDS[name], inputs(build(name), 1, 2_000))) > 1_500


@pytest.mark.parametrize("name", KINDS)
def test_more_bytes_and_no_report(name: str) -> None:
    assert run(build(name), "77", "20000", "quiet") == ""


@pytest.mark.long
@pytest.mark.parametrize("name", KINDS)
def test_many_bytes_under_the_sanitizers(name: str) -> None:
    assert run(build(name), "1000", "300000", "quiet") == ""
    assert sum(map(KINDS[name], inputs(build(name), 5, 30_000))) > 22_500
