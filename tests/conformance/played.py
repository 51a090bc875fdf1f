"""What an adapter of a folder gives, so that the rules of every feed and every venue can be played.

`tests/conformance/venue_<name>.py` has `Played`, a `PlayedVenue`, and `feed_<name>.py` beside it
has `Played`, a `PlayedFeed`: the exchange's words for a few things, and nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast


class PlayedVenue(Protocol):
    """A venue actor on virtual time, reconciled, whose exchange the test plays. Quantities in lots,
    prices of the adapter's choice; every order is for 100 lots."""

    def place(self) -> int:
        """The strategy's order; its id."""

    def cancel(self, order: int) -> None:
        """The strategy asks for its cancel."""

    def placements(self) -> int:
        """Placements that the exchange has heard."""

    def acknowledge(self, order: int) -> None:
        """The exchange took the order."""

    def refuse(self, order: int) -> None:
        """The exchange refuses the placement for certain."""

    def doubt(self, order: int) -> None:
        """The answer to the placement says that its outcome is not known."""

    def fill(self, order: int, trade: int, lots: int, total: int) -> None:
        """A trade; `total` lots are filled now."""

    def cancelled(self, order: int) -> None:
        """The exchange says that the order is cancelled."""

    def disconnect(self) -> None:
        """The order connection is lost; the adapter lets it come back by itself in `wait`."""

    def answer_queries(self, on: bool) -> None:
        """Whether queries are answered."""

    def fail_queries(self, on: bool) -> None:
        """Queries are answered, by an error that says nothing about the order."""

    def holds(self, order: int) -> None:
        """From now on queries show the order as working; else they know no such order."""

    def wait(self, ms: int) -> None:
        """Time passes; queries are answered."""

    def state(self, order: int) -> tuple[str, str, str, int]:
        """status, pending, evidence, lots filled."""

    def refusals(self) -> list[int]:
        """Controls of the gate's refusals since the last call."""


class PlayedFeed(Protocol):
    """A feed of one market on virtual time, its book valid."""

    def update(self) -> None:
        """The next update, without a gap."""

    def gap(self) -> None:
        """An update after one that was lost."""

    def garbage(self) -> None:
        """A frame that cannot be read."""

    def disconnect(self) -> None:
        """The connection of the stream is lost."""

    def silence(self) -> None:
        """Nothing comes for so long that the book must be stale."""

    def recover(self) -> None:
        """All that the venue would do to make the book valid again."""

    def doubt(self) -> int:
        """Why the book is not valid, 0: it is (`hotpath.records.Doubt`)."""


def played_venue(name: str) -> PlayedVenue:
    return cast(PlayedVenue, import_module(f"tests.conformance.venue_{name}").Played())


def played_feed(name: str) -> PlayedFeed:
    return cast(PlayedFeed, import_module(f"tests.conformance.feed_{name}").Played())
