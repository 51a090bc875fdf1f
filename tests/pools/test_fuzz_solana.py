"""The compiled Solana kinds against their twins on random states, and what holds of any pool."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hotpath.pools.meteora_damm_v2 import MeteoraDammV2
from hotpath.pools.pool import Pool, Refusal, Status, Swap
from hotpath.pools.pump_curve import PumpCurve
from hotpath.pools.pump_swap import PumpSwap
from hotpath.pools.raydium_amm_v4 import RaydiumAmmV4
from hotpath.pools.raydium_cpmm import RaydiumCpmm
from tests.pools.solana_cases import answered, cases_of
from tests.pools.solana_states import (
    State,
    amm_state,
    amount,
    bits,
    cpmm_given,
    cpmm_program,
    curve_state,
    damm_state,
    swap_state,
)
from tests.reference.pools import meteora_damm_v2 as damm_twin
from tests.reference.pools import pump as pump_twin
from tests.reference.pools import raydium_amm_v4 as amm_twin
from tests.reference.pools import raydium_cpmm as cpmm_twin
from tests.reference.pools.solana_steps import Refuses

Twin = Callable[[State], Any]
ANSWERS: dict[str, tuple[str, Callable[[random.Random], State], Twin]] = {
    "cpmm": ("raydium_cpmm", cpmm_given, cpmm_twin.answer),
    "curve": ("pump_curve", curve_state, pump_twin.curve_answer),
    "pump_swap": ("pump_swap", swap_state, pump_twin.swap_answer),
    "damm": ("meteora_damm_v2", damm_state, damm_twin.answer),
}


def compare_answers(name: str, rounds: int, seed: int) -> None:
    kind, make, twin = ANSWERS[name]
    rng = random.Random(seed)
    equal = 0
    for _ in range(rounds):
        state = make(rng)
        got = answered(kind, state)
        try:
            want = twin(state)
        except Refuses:
            assert isinstance(got, Refusal), (state, got)
        else:
            assert got == want, state
            equal += 1
    assert equal > rounds // 4, "most states must be quotable for this to say anything"


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_equal_the_twins(name: str) -> None:
    compare_answers(name, 4_000, 41)


@pytest.mark.long
@pytest.mark.parametrize("name", ANSWERS)
def test_answers_equal_the_twins_for_long(name: str) -> None:
    compare_answers(name, 150_000, 42)


def compare_programs(rounds: int, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(rounds):
        direction, exact_in = rng.randrange(2), rng.random() < 0.5
        state = amm_state(rng)
        n = amount(rng, int(state["coin_vault_amount"]))
        pool: Pool = RaydiumAmmV4.from_state(state)
        quote = pool.quote_in(direction, n) if exact_in else pool.quote_out(direction, n)
        try:
            want = amm_twin.swap(state, direction == 0, exact_in, n)
        except Refuses:
            assert quote.status != Status.OK, (state, direction, exact_in, n)
        else:
            assert (quote.amount_in, quote.amount_out) == want, (state, direction, exact_in, n)
        state = cpmm_program(rng)
        pool = RaydiumCpmm.from_state(state)
        n = amount(rng, int(state["vault_0_amount"]))
        done = pool.execute(Swap(direction, n, not exact_in))
        try:
            after = cpmm_twin.swap(state, direction, exact_in, n)
        except Refuses:
            assert done.status != Status.OK, (state, direction, exact_in, n)
            assert pool.state() == RaydiumCpmm.from_state(state).state()
        else:
            assert (done.amount_in, done.amount_out) == (after.pop("paid"), after.pop("given"))
            told = pool.state()
            assert {k: int(told[k]) for k in after} == after, (state, direction, exact_in, n)


def test_raydiums_programs_equal_the_twins() -> None:
    compare_programs(4_000, 43)


@pytest.mark.long
def test_raydiums_programs_equal_the_twins_for_long() -> None:
    compare_programs(150_000, 44)


MAKERS: dict[str, Callable[[random.Random], Pool]] = {
    "amm": lambda rng: RaydiumAmmV4.from_state(amm_state(rng)),
    "cpmm": lambda rng: RaydiumCpmm.from_state(cpmm_program(rng)),
    "curve": lambda rng: PumpCurve.from_state(curve_state(rng)),
    "pump_swap": lambda rng: PumpSwap.from_state(swap_state(rng)),
    "damm": lambda rng: MeteoraDammV2.from_state(damm_state(rng)),
}


def reserves(name: str, state: State) -> tuple[int, int] | None:
    """The two sides whose product may not fall, where the kind is one product."""
    if name == "amm":
        owed = int(state["need_take_pnl_coin"]), int(state["need_take_pnl_pc"])
        return int(state["coin_vault_amount"]) - owed[0], int(state["pc_vault_amount"]) - owed[1]
    if name == "cpmm":
        fees = ("protocol", "fund", "creator")
        kept = [sum(int(state[f"{f}_fees_token_{i}"]) for f in fees) for i in (0, 1)]
        return int(state["vault_0_amount"]) - kept[0], int(state["vault_1_amount"]) - kept[1]
    if name == "curve":
        c = state["bonding_curve"]
        return int(c["virtual_token_reserves"]), int(c["virtual_quote_reserves"])
    if name == "pump_swap":
        lifted = int(state["quote_reserve"]) + int(state["virtual_quote_reserves"])
        return int(state["base_reserve"]), lifted
    if state["pool"]["collect_fee_mode"] == "2":
        return int(state["pool"]["token_a_amount"]), int(state["pool"]["token_b_amount"])
    return None


def size_fee(name: str, pool: Pool) -> bool:
    """Whether the rate grows with the amount (a rate limiter): parts then pay less, by design."""
    return name == "damm" and pool.state()["pool"]["base_fee_data_hex"][16:18] == "02"


def invariants(name: str, rounds: int, seed: int) -> None:
    rng = random.Random(seed)
    seen = 0
    for _ in range(rounds):
        pool = MAKERS[name](rng)
        state, direction = pool.state(), rng.randrange(2)
        sides = reserves(name, state)
        n = amount(rng, sides[direction] if sides else bits(rng, 50)) & ((1 << 63) - 1)
        quote = pool.quote_in(direction, n)
        if quote.status != Status.OK:
            continue
        seen += 1
        assert 0 < quote.amount_in <= n and quote.amount_out > 0
        again = pool.quote_in(direction, n - 1)
        if again.status == Status.OK and not size_fee(name, pool):
            # PumpSwap's SDK takes three fees, each rounded up, out of what is paid: one unit more
            # may leave up to three units less to trade, and we quote what it sends
            less = name == "pump_swap" and 0 < again.amount_in - quote.amount_in <= 3
            assert again.amount_out <= quote.amount_out or less, (state, direction, n)
        asked = pool.quote_out(direction, quote.amount_out)
        if asked.status == Status.OK:  # out(in(x)) only in the pool's favour
            assert asked.amount_out >= quote.amount_out
            back = pool.quote_in(direction, asked.amount_in).amount_out
            inverts = name in ("amm", "cpmm") or (name == "damm" and not size_fee(name, pool))
            assert back >= quote.amount_out or not inverts, (state, direction, n)
        whole = type(pool).from_state(state)
        assert whole.execute(Swap(direction, n)).amount_out == quote.amount_out
        left = reserves(name, whole.state())
        if sides and left:
            assert left[0] * left[1] >= sides[0] * sides[1], (state, direction, n)
        parts = type(pool).from_state(state)
        first = parts.execute(Swap(direction, n // 2))
        second = parts.execute(Swap(direction, n - n // 2))
        # a schedule by capitalisation, or by volatility, may charge the second part otherwise;
        # PumpSwap's sellers leave the LP fee in the coin that the second part takes out
        bare = name == "pump_swap" and direction == 1 and state["fee_schedule"] is None
        steady = name in ("amm", "cpmm") or bare
        if steady and Status.OK == first.status == second.status:
            assert first.amount_out + second.amount_out <= quote.amount_out, (state, direction, n)
        assert type(pool).from_state(whole.state()).state() == whole.state()
    assert seen > rounds // 8


@pytest.mark.parametrize("name", MAKERS)
def test_what_must_hold_of_any_pool(name: str) -> None:
    invariants(name, 2_000, 45)


@pytest.mark.long
@pytest.mark.parametrize("name", MAKERS)
def test_what_must_hold_of_any_pool_for_long(name: str) -> None:
    invariants(name, 60_000, 46)


@pytest.mark.parametrize("name", MAKERS)
def test_depth_is_the_most_that_keeps_the_price(name: str) -> None:
    rng = random.Random(47)
    found = 0
    for _ in range(400):
        pool, direction = MAKERS[name](rng), rng.randrange(2)
        sides = reserves(name, pool.state())
        probe = pool.quote_in(
            direction, max(2, (sides[direction] if sides else bits(rng, 50)) // 7)
        )
        if probe.status != Status.OK or not probe.price_after:
            continue
        limit = probe.price_after
        deep = pool.depth(direction, limit)
        if deep.status != Status.OK:
            continue
        found += 1
        assert deep.price_after >= limit if direction == 0 else deep.price_after <= limit
        assert deep.amount_out >= probe.amount_out or size_fee(name, pool)
    assert found > 20


@pytest.mark.parametrize("name", MAKERS)
def test_floats_rank_what_small_swaps_give(name: str) -> None:
    rng = random.Random(48)
    found = 0
    for _ in range(600):
        pool, direction = MAKERS[name](rng), rng.randrange(2)
        sides = reserves(name, pool.state())
        if not sides or min(sides) < 10**9 or size_fee(name, pool):
            continue
        n = sides[direction] // 10**5
        quote = pool.quote_in(direction, n)
        if quote.status != Status.OK or quote.amount_out < 10**4:
            continue
        found += 1
        rank = pool.rank_float(direction)
        assert rank <= pool.spot_float(direction)
        assert abs(quote.amount_out / quote.amount_in / rank - 1) < 2e-3, (name, pool.state())
    assert found > 10 or name in ("curve",)


def test_mutated_cases_are_answered_or_refused(shared: Path) -> None:
    rng = random.Random(49)
    files = {
        "raydium_amm_v4": "raydium_amm_v4.json",
        "raydium_cpmm": "raydium_cpmm_program.json",
        "pump_curve": "pump_bonding_curve.json",
        "pump_swap": "pump_swap.json",
        "meteora_damm_v2": "meteora_damm_v2.json",
    }
    junk = (None, -1, "x", "", [], {}, True, 1.5, str(1 << 70), "0", "1", str((1 << 64) - 1))
    for kind, file in files.items():
        for _, state in cases_of(shared, file):
            for _ in range(20):
                changed = {k: dict(v) if isinstance(v, dict) else v for k, v in state.items()}
                target = changed
                key = rng.choice(list(target))
                if isinstance(target[key], dict) and target[key] and rng.random() < 0.8:
                    target = target[key]
                    key = rng.choice(list(target))
                if rng.random() < 0.2:
                    del target[key]
                else:
                    target[key] = rng.choice(junk)
                answered(kind, changed)  # anything but a Refusal would escape
