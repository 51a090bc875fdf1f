"""Execution quality: the corrected definitions, the vectors, and what must be refused."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from hotpath import score as s


def test_the_vectors_of_the_latency_penalties() -> None:
    at = (0, 500, 1000, 1500, 2000)
    assert [s.latency_penalty(ms) for ms in at] == [0, 0.5, 1, 1, 1]
    assert [s.latency_penalty_grace(ms) for ms in at] == [0, 0, 0, 0.5, 1]


def test_the_vector_of_the_score() -> None:
    """Slippage 0.0005, latency 50 ms, adherence 1, venue 0.8: the original said -9.04."""
    found = s.execution_score(slippage=5.0, latency_ms=50, filled=10, intended=10, venue_score=0.8)
    assert found.total == pytest.approx(0.935, abs=1e-12)
    assert (found.slippage, found.latency, found.adherence, found.venue) == (0.95, 0.95, 1.0, 0.8)


def test_slippage_is_a_cost_by_side() -> None:
    assert s.slippage_bps(1, 101, 100) == pytest.approx(100)
    assert s.slippage_bps(2, 101, 100) == pytest.approx(-100)
    assert s.slippage_penalty(-50) == 0, "an improvement is not punished"
    assert (s.slippage_penalty(50), s.slippage_penalty(500)) == (0.5, 1)
    assert s.slippage_penalty_unsigned(99, 100) == pytest.approx(0.01)


def test_adherence_is_clipped_and_overfills_are_named() -> None:
    assert [s.adherence(f, 10) for f in (0, 5, 10, 15, 30)] == [0, 0.5, 1, 0.5, 0]
    assert s.is_overfilled(11, 10) and not s.is_overfilled(10, 10)


def test_every_score_lies_between_zero_and_one() -> None:
    rng = random.Random(1)
    for _ in range(2000):
        found = s.execution_score(
            slippage=rng.uniform(-1e6, 1e6), latency_ms=rng.uniform(0, 1e7),
            filled=rng.randrange(0, 1000), intended=rng.randrange(1, 1000),
            venue_score=rng.random(), grace=rng.random() < 0.5,
        )  # fmt: skip
        parts = (found.slippage, found.latency, found.adherence, found.venue)
        assert 0 <= found.total <= 1 and all(0 <= p <= 1 for p in parts)
        w = s.Weights()
        again = sum(
            a * b for a, b in zip(parts, (w.slippage, w.latency, w.adherence, w.venue), strict=True)
        )
        assert found.total == pytest.approx(again)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: s.slippage_bps(1, 1, 0),
        lambda: s.slippage_bps(3, 1, 1),
        lambda: s.adherence(1, 0),
        lambda: s.latency_penalty(1, 0),
        lambda: s.Weights(0.5, 0.5, 0.5, 0.5),
        lambda: s.Weights(1.3, -0.3, 0, 0),
        lambda: s.execution_score(slippage=0, latency_ms=0, filled=1, intended=1, venue_score=1.1),
        lambda: s.impact_square_root(1, 0, 1),
        lambda: s.impact_linear(1, 0, 1),
        lambda: s.walk_cost_bps(1, [], 5, 100),
        lambda: s.hop_latencies_ns({"decision": 5, "sent": 4}),
        lambda: s.almgren_chriss_holdings(1, 0, 1, 1, 1, 1, 1),
    ],
)
def test_what_does_not_exist_is_refused(ask: object) -> None:
    with pytest.raises(s.Undefined):
        ask()  # type: ignore[operator]


def test_the_cost_of_walking_a_book() -> None:
    levels = [(100, 5), (101, 5), (110, 100)]
    assert s.walk_cost_bps(1, levels, 10, 100) == (pytest.approx(50), 10)
    assert s.walk_cost_bps(1, levels[:2], 50, 100)[1] == 10, "the book has no more"
    assert s.walk_cost_bps(2, [(99, 5), (98, 5)], 10, 100) == (pytest.approx(150), 10)


def test_the_square_root_law() -> None:
    assert s.impact_square_root(1, 100, 0.02) == pytest.approx(0.002)
    assert s.impact_square_root(4, 100, 0.02) == pytest.approx(
        2 * s.impact_square_root(1, 100, 0.02)
    )


def test_the_optimal_schedule_costs_least() -> None:
    """Its cost plus risk is below that of every schedule near it (Almgren and Chriss 2000)."""
    rng = random.Random(2)
    horizon, steps, sigma, eta, gamma, risk = 5.0, 5, 0.95, 2.5e-6, 2.5e-7, 1e-6
    best = s.almgren_chriss_holdings(1e6, steps, horizon, sigma, eta, gamma, risk)
    assert best[0] == pytest.approx(1e6) and best[-1] == 0 and all(a > b for a, b in pairwise(best))

    def utility(x: list[float]) -> float:
        tau = horizon / steps
        variance = sigma**2 * tau * sum(h * h for h in x[1:])
        return s.almgren_chriss_cost(x, horizon, eta, gamma) + risk * variance

    for _ in range(200):
        other = [best[0], *(h + rng.uniform(-5e4, 5e4) for h in best[1:-1]), 0.0]
        assert utility(other) > utility(best)


def test_without_urgency_the_schedule_is_even() -> None:
    assert s.almgren_chriss_holdings(100, 4, 1, 0.1, 1, 0, 0) == [100, 75, 50, 25, 0]
    urgent = s.almgren_chriss_holdings(100, 4, 1e6, 10, 1, 0, 1e6)
    assert urgent[0] == pytest.approx(100) and urgent[1] < 1e-3  # at once, no overflow


def test_shortfall_counts_what_was_not_filled() -> None:
    assert s.implementation_shortfall(1, [(101, 6)], 10, 100, 103, fees=1) == 6 + 12 + 1
    assert s.implementation_shortfall(2, [(99, 10)], 10, 100, 90) == 10


def test_hops_are_differences_of_one_clock() -> None:
    stamps = {"md_recv": 10, "decision": 25, "sent": 40, "ack": 1040, "fill": None}
    assert s.hop_latencies_ns(stamps) == {"decision": 15, "sent": 15, "ack": 1000}
