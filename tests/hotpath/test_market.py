"""Who is called when a market's top changes, and in which order."""

from __future__ import annotations

from bench.wire_actors import Taker
from hotpath.book import Book
from hotpath.lane import Lane
from hotpath.market import Market
from hotpath.ring import Outbox
from hotpath.strategy import Strategy


class Slow(Strategy):
    """A strategy in Python."""


def test_compiled_strategies_do_not_wait_for_those_in_python() -> None:
    lane = Lane("lane")
    market = Market(
        instrument=1, spec=None, name="m", feed=3, venue=4, index=0, slot=-1, book=Book(1024, 10)
    )
    kinds = [Slow, Taker, Slow, Taker, Taker]
    made = [kind(lane, f"s{n}", Outbox.private(1 << 16, 10 + n)) for n, kind in enumerate(kinds)]
    for n, strategy in enumerate(made):
        market.follow(strategy, every=n in (0, 3))
    market.follow(made[1])  # again changes nothing
    assert market.called == (["s1", "s3", "s4", "s0", "s2"], ["s3", "s0"])
