"""Solana's concentrated pools from bytes under address and undefined-behaviour sanitizers: no
report, no hang, and every swap, with the state that it leaves, as the twin does it. Account bytes
of any kind are applied afterwards and the pool is asked again. A fuzzer can drive the programs."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from hotpath.pools.pool import Status
from tests.fuzz.programs import build, inputs, run
from tests.reference.pools import meteora_dlmm, orca_whirlpool, raydium_clmm

Json = dict[str, Any]
REFUSED = (orca_whirlpool.Refused, raydium_clmm.Refused, meteora_dlmm.Refused)


def whirlpool_swap(pool: orca_whirlpool.Pool, state: Json, swap: Json) -> Json:
    """A swap by the twin, transfer fees included, in the members that orca_fuzz.c prints."""
    a_to_b, amount, limit = bool(swap["a_to_b"]), int(swap["amount"]), int(swap["limit"])
    fees = [orca_whirlpool.transfer_fee(state[f"transfer_fee_{c}"]) for c in "ab"]
    fee_in, fee_out = fees if a_to_b else fees[::-1]
    usable = fee_in.after(amount) if swap["exact_in"] else fee_out.before(amount)
    done = pool.swap(usable, a_to_b, bool(swap["exact_in"]), limit)
    oracle = pool.oracle
    return {
        "status": Status.PARTIAL if done.left else Status.OK,
        "paid": str(fee_in.before(done.amount_in)),
        "given": str(fee_out.after(done.amount_out)),
        "fee": str(done.fee),
        "left": str(done.left),
        "crossed": done.crossed,
        "rate_min": done.rate_min,
        "rate_max": done.rate_max,
        "after": {
            "price": str(pool.price),
            "liquidity": str(pool.liquidity),
            "tick": pool.tick,
            "last_reference": oracle.last_reference if oracle else 0,
            "last_major": oracle.last_major if oracle else 0,
            "volatility_reference": oracle.volatility_reference if oracle else 0,
            "group_reference": oracle.group_reference if oracle else 0,
            "volatility": oracle.volatility if oracle else 0,
        },
    }


def clmm_swap(pool: raydium_clmm.Pool, state: Json, swap: Json) -> Json:
    """A swap by the twin in the members that raydium_fuzz.c prints; ticks as they are kept."""
    exact_in, before = bool(swap["exact_in"]), deepcopy(pool.ticks)
    done = pool.swap(int(swap["amount"]), bool(swap["zero_for_one"]), exact_in, int(swap["limit"]))
    used = int(swap["amount"]) - done.left
    amounts = (used, done.calculated) if exact_in else (done.calculated, used)
    dynamic = pool.dynamic
    rows = [
        [t, str(k.net), str(k.gross), str(k.phase), str(k.orders), str(k.part), str(k.ratio)]
        for t, k in sorted((before if swap["kept"] else pool.ticks).items())
        if k.gross or k.unfilled()
    ]
    return {
        "status": Status.PARTIAL if done.left else Status.OK,
        "ended": int(not done.whole),
        "in": str(amounts[0]),
        "out": str(amounts[1]),
        "fee": str(done.fee),
        "unowned": str(done.unowned),
        "left": str(done.left),
        "crossed": done.crossed,
        "after": {
            "price": str(pool.price),
            "liquidity": str(pool.liquidity),
            "tick": pool.tick,
            "index_reference": dynamic.index_reference if dynamic else 0,
            "volatility_reference": dynamic.volatility_reference if dynamic else 0,
            "volatility": dynamic.volatility if dynamic else 0,
            "last_update": dynamic.last_update if dynamic else 0,
            "ticks": rows,
        },
    }


def dlmm_pair(state: Json) -> meteora_dlmm.Pool:
    pool = meteora_dlmm.Pool.from_case(state)
    pool.arrays, pool.extension = dict(state["bin_arrays"]), state["bitmap_extension"]
    pool.fee_x, pool.fee_y = (
        meteora_dlmm.TransferFee(f["feeBps"], int(f["maxFee"]))
        for f in (state["transfer_fee_x"], state["transfer_fee_y"])
    )
    return pool


def dlmm_swap(pool: meteora_dlmm.Pool, state: Json, swap: Json) -> Json:
    """A swap by the twin, transfer fees included, in the members that dlmm_fuzz.c prints."""
    amount, for_y, limit = int(swap["amount"]), bool(swap["for_y"]), int(swap["limit"])
    exact_in, before = bool(swap["exact_in"]), deepcopy(pool.bins)
    fee_in, fee_out = (pool.fee_x, pool.fee_y) if for_y else (pool.fee_y, pool.fee_x)
    if not amount:
        raise meteora_dlmm.Refused("refused", "nothing to trade")
    usable = fee_in.after(amount) if exact_in else meteora_dlmm.fits(fee_out.before(amount))
    done = pool.swap(usable, for_y, exact_in, limit)
    if not done.paid and not done.given:
        raise meteora_dlmm.Refused("no_liquidity", "nothing to fill")
    sent = fee_in.before(done.paid)
    given = fee_out.after(done.given)
    bins = before if swap["kept"] else pool.bins
    beyond = any(max(b.x, b.y) > meteora_dlmm.U64 for b in pool.bins.values())
    return {
        "status": Status.PARTIAL if done.left else Status.OK,
        "beyond": int(beyond),
        "sent": str(min(sent, amount) if exact_in else meteora_dlmm.fits(sent)),
        "got": str(given if exact_in or done.left else amount),
        "left": str(done.left),
        "user_fee": str(done.fee),
        "protocol_fee": str(done.protocol_fee),
        "after": {
            "active": swap["after"]["active"] if swap["kept"] else pool.active,
            "volatility": pool.volatility,
            "volatility_reference": pool.volatility_reference,
            "index_reference": pool.index_reference,
            "last_update": pool.last_update,
            "bins": [
                [i, str(b.x), str(b.y), str(b.open), str(b.processed), b.ask]
                for i, b in sorted(bins.items())
            ],
        },
    }


KINDS: dict[str, tuple[Callable[[Json], Any], Callable[[Any, Json, Json], Json]]] = {
    "orca_fuzz": (orca_whirlpool.Pool.from_case, whirlpool_swap),
    "raydium_fuzz": (raydium_clmm.Pool.from_case, clmm_swap),
    "dlmm_fuzz": (dlmm_pair, dlmm_swap),
}


def compare(name: str, document: Json) -> set[Status]:
    """One input's swaps by the twin, in turn on one state; the outcomes met."""
    make, swap_as = KINDS[name]
    pool, met = make(document["state"]), set()
    for swap in document["swaps"]:
        met.add(status := Status(swap["status"]))
        if swap["skipped"]:
            continue
        trial = deepcopy(pool)
        try:
            wanted = swap_as(trial, document["state"], swap)
        except REFUSED as refused:
            assert status.name.lower() == refused.code, (swap, refused)
            continue
        assert {k: swap[k] for k in wanted} == wanted, document["state"]
        if not swap.get("kept"):
            pool = trial
    return met


@pytest.mark.parametrize("name", KINDS)
def test_bytes_under_the_sanitizers_equal_the_twin(name: str) -> None:
    met: set[Status] = set()
    for document in inputs(build(name), 1, 300):
        met |= compare(name, document)
    assert met >= {Status.OK, Status.PARTIAL, Status.REFUSED}


@pytest.mark.parametrize("name", KINDS)
def test_more_bytes_and_no_report(name: str) -> None:
    assert run(build(name), "77", "4000", "quiet") == ""


@pytest.mark.long
@pytest.mark.parametrize("name", KINDS)
def test_many_bytes_under_the_sanitizers(name: str) -> None:
    assert run(build(name), "1000", "50000", "quiet") == ""
    for document in inputs(build(name), 5, 5_000):
        compare(name, document)
