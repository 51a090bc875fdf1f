"""The stages of a turn: told for one turn in each 64, exactly, whatever the rhythm of the turns.

The path is the wire bench's, feed to order text; only the sockets are pretended.
"""

from __future__ import annotations

import pytest

from bench.wire_lane import Bench
from engine.kept_latencies import STAGES
from hotpath.histogram import Stages
from hotpath.lane import LAPS
from tests.bench.test_steady_state import STEP_NS, TOP, trading

BLOCK = 64
FIRST_ID = 400_901_000


class Ticks:
    """Frames of the bench's one market, each later than the one before."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.began, self.n = bench, bench.lane.read_clock(), 0

    def send(self, count: int, moves: int = 1) -> None:
        """`count` frames; the price is another one in every frame whose number `moves` divides."""
        for _ in range(count):
            price = 67_234 + self.n // moves % 7
            now = self.began + (self.n + 1) * STEP_NS
            if not self.bench.lane.is_virtual:
                now = self.bench.lane.read_clock()
            ms = now // 10**6
            frame = TOP % (FIRST_ID + self.n, price, price, ms, ms)
            self.bench.lane.take_frame(self.bench.feed, 0, frame, True, now)
            self.n += 1


def measured(is_virtual: bool = True, strategy: str = "compiled") -> tuple[Bench, Ticks, Stages]:
    """A lane that trades, its turns a whole number of blocks, and histograms that are empty."""
    bench = trading(is_virtual, strategy)
    ticks = Ticks(bench)
    while bench.lane.turns % BLOCK:
        ticks.send(1)
    stages = Stages.private(STAGES)
    bench.venue.set_stages(stages)
    return bench, ticks, stages


def counts(stages: Stages) -> dict[str, int]:
    return {name: stages[name].count for name in STAGES if stages[name].count}


@pytest.mark.parametrize("strategy", ["compiled", "python"])
def test_one_turn_in_each_64_tells_all_its_stages(strategy: str) -> None:
    bench, ticks, stages = measured(strategy=strategy)
    sent = bench.venue.sent
    for blocks in range(1, 11):
        ticks.send(BLOCK)
        every = dict.fromkeys(("own", "tick_to_order"), blocks * BLOCK)
        assert counts(stages) == dict.fromkeys((*LAPS, "turn"), blocks) | every
    assert bench.venue.sent - sent == 10 * BLOCK, bench.report()
    assert all(stages[name].max == 0 for name in LAPS), "time stands still within a virtual turn"


def test_a_rhythm_of_64_turns_is_neither_missed_nor_counted_double() -> None:
    """An order in every 64th turn: of 64 of them, one is sampled."""
    bench, ticks, stages = measured()
    sent = bench.venue.sent
    ticks.send(BLOCK * BLOCK, moves=BLOCK)
    assert bench.venue.sent - sent == BLOCK, bench.report()
    found = counts(stages)
    assert {name: found[name] for name in ("record", "decode", "apply", "turn")} == dict.fromkeys(
        ("record", "decode", "apply", "turn"), BLOCK
    )
    assert {found[name] for name in ("decide", "risk", "encode", "send")} == {1}


def test_a_refused_order_has_no_text_and_is_not_sent() -> None:
    bench, ticks, stages = measured()
    bench.venue.stopping = True
    ticks.send(BLOCK)
    assert counts(stages) == dict.fromkeys(
        ("record", "decode", "apply", "decide", "risk", "turn"), 1
    )


def test_what_is_not_measured_costs_no_histogram() -> None:
    bench, ticks, stages = measured()
    bench.venue.set_stages(None)
    ticks.send(2 * BLOCK)
    assert counts(stages) == {}
    some = Stages.private(("own", "tick_to_order", "ack", "fill", "send"))
    bench.venue.set_stages(some)
    ticks.send(2 * BLOCK)
    assert some["send"].count == 2 and some["own"].count == 2 * BLOCK


def test_stages_add_up_to_less_than_their_turn() -> None:
    _, ticks, stages = measured(is_virtual=False)
    ticks.send(BLOCK * 8)
    found = counts(stages)
    assert found["turn"] == found["send"] == 8
    total = sum(stages[name].percentiles([0.5])[0] for name in LAPS)
    assert 0 < total < 2 * stages["turn"].max
    for name in LAPS:
        assert stages[name].max <= stages["turn"].max
