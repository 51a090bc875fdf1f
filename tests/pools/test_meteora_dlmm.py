"""Meteora DLMM: what the official SDK and the program answered; real pairs; events and accounts."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from hotpath.pools.meteora_dlmm import HIDE_THEIR_BINS, MeteoraDlmm, answer, price_of_bin
from hotpath.pools.pool import Diverged, Refusal, Status, Swap
from tests.pools.concentrated_states import dlmm
from tests.reference.pools import meteora_dlmm as twin

Json = dict[str, Any]
V_PARAMETERS = {
    "volatility_accumulator_after": "volatilityAccumulator",
    "volatility_reference_after": "volatilityReference",
    "index_reference_after": "indexReference",
}


@pytest.fixture(scope="module")
def vectors(shared: Path) -> Json:
    loaded: Json = json.loads((shared / "vectors/solana/meteora_dlmm.json").read_bytes())
    return loaded


@pytest.fixture(scope="module")
def accounts(shared: Path) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = {}
    path = shared / "vectors/solana/accounts_meteora_dlmm.json"
    for account in json.loads(path.read_bytes())["accounts"]:
        found.setdefault(account["pool"], []).append(account)
    return found


@pytest.fixture(scope="module")
def real(shared: Path, accounts: dict[str, list[Json]]) -> list[Json]:
    """Cases of real pairs, with the pair's accounts beside them as a batch line has them."""
    path = shared / "vectors/solana/meteora_dlmm_real_pools.json"
    return [c | {"accounts": accounts[c["pool"]]} for c in json.loads(path.read_bytes())["cases"]]


def by_hand(case: Json) -> twin.Pool:
    if "accounts" in case:
        return twin.pool_from_accounts(case, case["accounts"])
    return twin.Pool.from_case(case)


def swap_of(case: Json) -> Swap:
    return Swap(0 if case["swap_for_y"] else 1, int(case["amount"]), not case["exact_in"])


def test_every_case_of_the_vectors_to_the_last_unit(vectors: Json, real: list[Json]) -> None:
    assert vectors["cases"]
    assert real
    for case in vectors["cases"] + real:
        if "error" in case:
            with pytest.raises(Refusal):
                answer(case, None)
            with pytest.raises(twin.Refused):
                twin.answer_of(by_hand(case), case)
        else:
            assert answer(case, None) == case["result"], case["id"]
            assert twin.answer_of(by_hand(case), case) == case["result"], case["id"]


def test_execute_leaves_what_the_program_left(vectors: Json, real: list[Json]) -> None:
    for case in vectors["cases"] + real:
        if "program_result" not in case:
            continue
        pool, left = MeteoraDlmm.from_state(case), case["program_result"]
        done = pool.execute(swap_of(case))
        if done.status == Status.PARTIAL:
            # the harness asked the program for the part that could be filled
            pool.execute(Swap(0 if case["swap_for_y"] else 1, done.amount_in))
        after = pool.state()["lb_pair"]
        assert after["active_id"] == left["active_id_after"], case["id"]
        for member, name in V_PARAMETERS.items():
            if member in left:
                assert after["v_parameters"][name] == left[member], case["id"]


def test_prices_of_bins(vectors: Json) -> None:
    for case in vectors["meta"]["math"]:
        arguments = int(case["bin_id"]), int(case["bin_step"])
        assert str(price_of_bin(*arguments)) == case["result"]
        assert str(twin.price_of_bin(*arguments)) == case["result"]


def test_a_quote_says_what_executing_does_and_changes_nothing(
    vectors: Json, real: list[Json]
) -> None:
    for case in vectors["cases"] + real:
        pool = MeteoraDlmm.from_state(case)
        before = pool.state()
        ask = pool.quote_in if case["exact_in"] else pool.quote_out
        quote = ask(0 if case["swap_for_y"] else 1, int(case["amount"]))
        assert pool.state() == before
        assert repr(pool.execute(swap_of(case))) == repr(quote)
        assert (pool.state() != before) == (quote.status == Status.OK)
        if quote.status == Status.OK:
            result = case["result"]
            paid = result["consumed_in_amount" if case["exact_in"] else "in_amount"]
            assert (str(quote.amount_in), str(quote.amount_out)) == (paid, result["out_amount"])


def test_the_state_comes_back_as_it_was(vectors: Json, real: list[Json]) -> None:
    for case in vectors["cases"] + real:
        pool = MeteoraDlmm.from_state(case)
        state = pool.state()
        again = MeteoraDlmm.from_state(state)
        assert again.state() == state
        assert repr(again.execute(swap_of(case))) == repr(pool.execute(swap_of(case)))


def state_of(pool: MeteoraDlmm) -> Json:
    state = pool.state()
    v = state["lb_pair"]["v_parameters"]
    return {
        "active": int(state["lb_pair"]["active_id"]),
        "v": [int(v[n]) for n in (*V_PARAMETERS.values(), "lastUpdateTimestamp")],
        "bins": {int(r[0]): [int(x) for x in r[1:]] + [0] * (6 - len(r)) for r in state["bins"]},
    }


def after_of(pool: twin.Pool) -> Json:
    v = [pool.volatility, pool.volatility_reference, pool.index_reference, pool.last_update]
    bins = {}
    for at, b in pool.bins.items():
        orders = [b.open, b.processed, b.ask]
        bins[at] = [b.x, b.y, *(orders if any(orders) else [0, 0, 0])]
    return {"active": pool.active, "v": v, "bins": bins}


def test_executing_moves_bins_as_the_twin_does() -> None:
    moved = 0
    for seed in range(2000):
        case = dlmm(Random(seed))
        pool, hand = MeteoraDlmm.from_state(case), twin.Pool.from_case(case)
        if pool.execute(swap_of(case)).status != Status.OK:
            continue
        hand.swap(int(case["amount"]), case["swap_for_y"], case["exact_in"])
        assert state_of(pool) == after_of(hand), seed
        moved += 1
    assert moved > 500


def test_account_bytes_give_what_the_official_decoder_gives(
    accounts: dict[str, list[Json]],
) -> None:
    for listed in accounts.values():
        state = {"timestamp": "1700000000", "epoch": "900", "accounts": listed}
        got = MeteoraDlmm.from_state(state).state()
        for account in listed:
            decoded = account["decoded"]
            if account["name"] == "lb_pair":
                pair = got["lb_pair"]
                assert pair["active_id"] == decoded["activeId"]
                assert pair["bin_step"] == decoded["binStep"]
                for part, name in (("parameters", "parameters"), ("v_parameters", "vParameters")):
                    assert pair[part] == {k: decoded[name][k] for k in pair[part]}
            elif account["name"].startswith("bin_array"):
                ids = {int(r[0]): r[1:] for r in got["bins"]}
                first = int(decoded["index"]) * 70
                for b in decoded["bins"]:
                    row = ids[first + int(b["i"])]
                    assert row[:2] == [b["amountX"], b["amountY"]]


def plain_pair(**members: object) -> Json:
    state = {
        "lb_pair": {
            "active_id": "0",
            "bin_step": "10",
            "parameters": {
                "baseFactor": "10000",
                "filterPeriod": "30",
                "decayPeriod": "600",
                "reductionFactor": "5000",
                "variableFeeControl": "40000",
                "maxVolatilityAccumulator": "350000",
                "protocolShare": "500",
                "functionType": "1",
                "collectFeeMode": "0",
            },
            "v_parameters": {
                "volatilityAccumulator": "0",
                "volatilityReference": "0",
                "indexReference": "0",
                "lastUpdateTimestamp": "1700000000",
            },
        },
        "timestamp": "1700001000",
        "bins": [
            [str(i), "1000000" if i >= 0 else "0", "1000000" if i <= 0 else "0"]
            for i in range(-80, 80)
        ],
    }
    return state | members


def test_the_walk_ends_at_an_array_that_is_not_known() -> None:
    whole = MeteoraDlmm.from_state(plain_pair())
    assert whole.quote_in(0, 75 * 10**6).status == Status.OK
    arrays = [["-2", False], ["-1", True], ["0", True], ["1", True]]
    bins = [row for row in plain_pair()["bins"] if int(row[0]) >= -70]
    walled = MeteoraDlmm.from_state(plain_pair(bins=bins, bin_arrays=arrays))
    assert walled.quote_in(0, 75 * 10**6).status == Status.PARTIAL
    assert walled.quote_in(0, 60 * 10**6).status == Status.OK


def test_bins_of_an_array_whose_bit_is_not_set_are_not_seen() -> None:
    """The program loads the nearest array with a set bit: it walks past the one without."""
    arrays = [["-2", True], ["0", True], ["1", True]]
    hidden = MeteoraDlmm.from_state(plain_pair(bin_arrays=arrays))
    quote = hidden.quote_in(0, 2 * 10**6)
    assert quote.status == Status.OK
    assert quote.tick_after < -70


def test_outside_the_pairs_own_bitmap_the_extension_must_be_there() -> None:
    pair = plain_pair()["lb_pair"] | {"active_id": "36000", "bin_step": "1"}
    state = plain_pair(lb_pair=pair, bins=[["36000", "5000000", "5000000"]])
    assert MeteoraDlmm.from_state(state).quote_in(0, 100).status == Status.NO_LIQUIDITY
    with_it = MeteoraDlmm.from_state(state | {"bitmap_extension": True})
    assert with_it.quote_in(1, 10_000).status == Status.OK


def test_a_price_limit_ends_before_the_bin_beyond_it() -> None:
    pool = MeteoraDlmm.from_state(plain_pair())
    limit = price_of_bin(-5, 10)
    depth = pool.depth(0, limit)
    assert depth.status == Status.PARTIAL
    assert depth.tick_after == -5
    assert pool.quote_in(0, depth.amount_in).amount_out == depth.amount_out
    assert pool.quote_in(0, depth.amount_in).status == Status.OK
    assert pool.execute(Swap(0, 1 << 40, False, limit)).amount_in == depth.amount_in
    assert pool.state()["lb_pair"]["active_id"] == "-5"


def test_a_bin_that_would_hold_more_than_64_bits_is_quoted_and_not_executed() -> None:
    """The SDK has no bound on a bin and quotes it; the program's checked sum fails."""
    pool = MeteoraDlmm.from_state(plain_pair(bins=[["0", str((1 << 64) - 10), "1000000"]]))
    assert pool.quote_in(0, 1000).status == Status.OK
    before = pool.state()
    refused = pool.execute(Swap(0, 1000))
    assert (refused.status, refused.amount_out) == (Status.OVERFLOW, 0)
    assert pool.state() == before
    assert pool.execute(Swap(0, 5)).status == Status.OK


def test_a_clock_of_any_64_bits_ages_the_volatility() -> None:
    """Found by bytes: `now` less the least of i64 does not fit i64."""
    pair = plain_pair()["lb_pair"]
    pair["parameters"] |= {"baseFeePowerFactor": "0"}
    old = pair["v_parameters"] | {"volatilityAccumulator": "350000", "indexReference": "-9"}
    for last_update in (-(1 << 63), -1, 0, 1700000999):
        v = old | {"lastUpdateTimestamp": str(last_update)}
        case = plain_pair(lb_pair=pair | {"v_parameters": v})
        case |= {"swap_for_y": True, "exact_in": True, "amount": "12345", "is_partial_fill": False}
        assert answer(case, None) == twin.answer(case), last_update


def test_spot_and_rank() -> None:
    pool = MeteoraDlmm.from_state(plain_pair())
    assert pool.spot_float(0) == pytest.approx(1.0)
    assert pool.rank_float(0) == pytest.approx(0.999)


def test_following_swaps_keeps_the_state_equal() -> None:
    draw = Random(7)
    followed = 0
    for seed in range(500):
        case = dlmm(Random(seed))
        leader, follower = MeteoraDlmm.from_state(case), MeteoraDlmm.from_state(case)
        for _ in range(4):
            for_y, amount = draw.random() < 0.5, draw.randint(1, 1 << draw.randint(1, 40))
            start = leader.state()["lb_pair"]["active_id"]
            done = leader.execute(Swap(0 if for_y else 1, amount, draw.random() < 0.5))
            if done.status != Status.OK:
                continue
            args = {
                "swap_for_y": for_y,
                "amount_in": str(done.amount_in),
                "amount_out": str(done.amount_out),
                "start_bin_id": int(start),
                "end_bin_id": done.tick_after,
            }
            follower.apply({"event": "Swap", "args": args})
            assert follower.state()["lb_pair"] == leader.state()["lb_pair"], seed
            followed += 1
    assert followed > 300


def test_one_swap_told_in_both_forms_moves_the_pair_once() -> None:
    """Swap and Swap2Evt may both stand in one transaction; the same swap again is another swap."""
    leader, follower = MeteoraDlmm.from_state(plain_pair()), MeteoraDlmm.from_state(plain_pair())
    for _ in range(2):
        done = leader.execute(Swap(0, 1000))
        args = {"swap_for_y": True, "start_bin_id": 0, "end_bin_id": done.tick_after}
        args |= {"amount_in": "1000", "amount_out": str(done.amount_out)}
        follower.apply({"event": "Swap", "args": args})
        assert follower.state() == leader.state()
        follower.apply({"event": "Swap2Evt", "args": args | {"amount_left": "0"}})
        assert follower.state() == leader.state()
    for with_left in (True, False):
        start = int(leader.state()["lb_pair"]["active_id"])
        done = leader.execute(Swap(1, 5_000_000))
        args = {"swap_for_y": False, "start_bin_id": start, "end_bin_id": done.tick_after}
        args |= {"amount_in": str(5_000_000 + 77 * with_left), "amount_left": str(77 * with_left)}
        follower.apply({"event": "Swap2Evt", "args": args | {"amount_out": str(done.amount_out)}})
        assert follower.state() == leader.state()


def test_events_that_change_the_fee_change_the_fee() -> None:
    pool = MeteoraDlmm.from_state(plain_pair())
    before = pool.quote_in(0, 100_000).fee
    args = {"protocol_share": 1000, "base_factor": 20000, "base_fee_power_factor": 1}
    pool.apply({"event": "FeeParameterUpdate", "args": args})
    assert pool.quote_in(0, 100_000).fee == 20 * before
    with pytest.raises(Refusal):
        pool.apply({"event": "FeeParameterUpdate", "args": args | {"protocol_share": 10001}})
    dynamic = {"filter_period": 1, "decay_period": 2, "reduction_factor": 3}
    dynamic |= {"variable_fee_control": 4, "max_volatility_accumulator": 5}
    pool.apply({"event": "DynamicFeeParameterUpdate", "args": dynamic})
    told = pool.state()["lb_pair"]["parameters"]
    names = ("filterPeriod", "decayPeriod", "reductionFactor", "variableFeeControl")
    assert [told[n] for n in (*names, "maxVolatilityAccumulator")] == ["1", "2", "3", "4", "5"]
    assert (told["protocolShare"], told["baseFeePowerFactor"]) == ("1000", "1")


def test_a_reward_takes_the_orders_from_a_pair_that_may_have_either() -> None:
    pair = plain_pair()["lb_pair"]
    pair["parameters"] |= {"functionType": "0"}
    state = plain_pair(lb_pair=pair, bins=[["0", "0", "0", "500", "0", "0"]])
    pool = MeteoraDlmm.from_state(state)
    assert pool.quote_in(0, 100).status == Status.OK
    pool.apply({"event": "InitializeReward", "args": {}})
    assert pool.quote_in(0, 100).status == Status.NO_LIQUIDITY


def test_an_impossible_swap_stops_loudly_and_for_good() -> None:
    pool = MeteoraDlmm.from_state(plain_pair())
    args = {"swap_for_y": True, "amount_in": "1000", "amount_out": "1001"}
    event = {"event": "Swap", "args": args | {"start_bin_id": 0, "end_bin_id": 0}}
    with pytest.raises(Diverged):
        pool.apply(event)
    assert pool.is_diverged()
    assert pool.quote_in(0, 1000).status == Status.REFUSED


def test_liquidity_events_ask_for_the_accounts(accounts: dict[str, list[Json]]) -> None:
    for listed in accounts.values():
        state = {"timestamp": "1700000000", "epoch": "900", "accounts": listed}
        pool = MeteoraDlmm.from_state(state)
        for event in HIDE_THEIR_BINS:
            with pytest.raises(Refusal):
                pool.apply({"event": event, "args": {}})
        before = pool.state()
        pool.execute(Swap(0, 10_000))
        pool.execute(Swap(1, 10_000))
        assert pool.state() != before
        for account in listed:
            if account["name"] == "lb_pair" or account["name"].startswith("bin_array"):
                pool.apply(base64.b64decode(account["data_base64"]))
        after = pool.state()
        after["bins"] = [
            row for row in after["bins"] if row in before["bins"] or row[1:] != ["0", "0"]
        ]
        assert after == before


def test_short_accounts_are_refused_and_move_nothing(accounts: dict[str, list[Json]]) -> None:
    listed = next(iter(accounts.values()))
    pool = MeteoraDlmm.from_state({"timestamp": "1", "accounts": listed})
    before = pool.state()
    for account in listed:
        if account["decoded"] is None:
            continue
        data = base64.b64decode(account["data_base64"])
        for n in (0, 7, 8, 100, 600):
            with pytest.raises(Refusal):
                pool.apply(data[:n])
    assert pool.state() == before


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("lb_pair", None),
        ("lb_pair", {}),
        ("bins", None),
        ("bins", [["1", "2"]]),
        ("bins", [["1", "2", "3"], ["1", "2", "3"]]),
        ("bins", [["443637", "2", "3"]]),
        ("timestamp", None),
        ("accounts", [{"name": "lb_pair"}]),
        ("accounts", []),
        ("bin_arrays", [["1", "yes"]]),
    ],
)
def test_malformed_states_are_bad_fields(member: str, value: object) -> None:
    with pytest.raises(Refusal) as refused:
        MeteoraDlmm.from_state(plain_pair(**{member: value}))
    assert refused.value.code == "bad_field"
