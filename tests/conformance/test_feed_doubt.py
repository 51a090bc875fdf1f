"""Every feed, by the same rules: whatever is lost, cut or late is a doubt of its book at once, and
a doubt ends only by a new beginning.

A new feed passes this with one small file, `tests/conformance/feed_<name>.py` (played.py).
"""

from __future__ import annotations

import pytest

from hotpath.records import Doubt
from tests.conformance.played import PlayedFeed, played_feed
from tests.conformance.test_feed import FEEDS


@pytest.fixture(params=sorted(n for n, p in FEEDS.items() if p.actor))
def feed(request: pytest.FixtureRequest) -> PlayedFeed:
    return played_feed(str(request.param))


LOSSES = {
    "gap": (Doubt.GAP,),
    "garbage": (Doubt.REJECTED_FRAME, Doubt.GAP),
    "disconnect": (Doubt.RECONNECT,),
    "silence": (Doubt.STALE, Doubt.RECONNECT),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_is_a_doubt_and_a_new_beginning_ends_it(feed: PlayedFeed, loss: str) -> None:
    feed.update()
    assert feed.doubt() == Doubt.VALID
    getattr(feed, loss)()
    assert feed.doubt() in LOSSES[loss]
    feed.recover()
    assert feed.doubt() == Doubt.VALID
    feed.update()
    assert feed.doubt() == Doubt.VALID


@pytest.mark.parametrize("loss", ["gap", "garbage"])
def test_updates_alone_end_no_doubt(feed: PlayedFeed, loss: str) -> None:
    getattr(feed, loss)()
    for _ in range(20):
        feed.update()
        assert feed.doubt() != Doubt.VALID
