"""The life of an order at every venue, by the same rules: what may be believed, what must be asked,
and that a lost word never leads to a second order.

A new venue passes this with one small file, `tests/conformance/venue_<name>.py` (played.py).
"""

from __future__ import annotations

import pytest

from tests.conformance.played import PlayedVenue, played_venue
from tests.conformance.test_venue import VENUES


@pytest.fixture(params=sorted(n for n, p in VENUES.items() if p.actor))
def venue(request: pytest.FixtureRequest) -> PlayedVenue:
    return played_venue(str(request.param))


def test_placed_acknowledged_filled_in_parts(venue: PlayedVenue) -> None:
    order = venue.place()
    assert venue.placements() == 1
    assert venue.state(order) == ("PENDING_NEW", "NONE", "CONFIRMED", 0)
    venue.acknowledge(order)
    assert venue.state(order) == ("NEW", "NONE", "CONFIRMED", 0)
    venue.fill(order, 5, 40, 40)
    venue.fill(order, 5, 40, 40)
    assert venue.state(order) == ("PARTIALLY_FILLED", "NONE", "CONFIRMED", 40), "counted once"
    venue.fill(order, 6, 60, 100)
    venue.acknowledge(order)
    venue.cancelled(order)
    assert venue.state(order) == ("FILLED", "NONE", "CONFIRMED", 100), "late words change nothing"


def test_a_trade_before_the_acknowledgement(venue: PlayedVenue) -> None:
    order = venue.place()
    venue.fill(order, 5, 40, 40)
    venue.acknowledge(order)
    assert venue.state(order) == ("PARTIALLY_FILLED", "NONE", "CONFIRMED", 40)


def test_cancelled_and_a_trade_that_comes_after(venue: PlayedVenue) -> None:
    order = venue.place()
    venue.acknowledge(order)
    venue.cancel(order)
    assert venue.state(order)[:2] == ("NEW", "CANCEL")
    venue.cancelled(order)
    assert venue.state(order) == ("CANCELED", "NONE", "CONFIRMED", 0)
    venue.fill(order, 5, 40, 40)
    assert venue.state(order) == ("CANCELED", "NONE", "CONFIRMED", 40), "it happened all the same"


def test_refused_for_certain(venue: PlayedVenue) -> None:
    order = venue.place()
    venue.refuse(order)
    assert venue.state(order) == ("REJECTED", "NONE", "CONFIRMED", 0)


def test_a_lost_reply_is_unknown_and_never_a_second_order(venue: PlayedVenue) -> None:
    order = venue.place()
    venue.answer_queries(False)
    venue.wait(5_000)
    assert venue.state(order)[::2] == ("PENDING_NEW", "UNKNOWN")
    venue.holds(order)
    venue.answer_queries(True)
    venue.wait(30_000)
    assert venue.state(order) == ("NEW", "NONE", "CONFIRMED", 0), "it was asked for, and found"
    assert venue.placements() == 1


def test_an_answer_that_says_unknown_is_asked_about(venue: PlayedVenue) -> None:
    order = venue.place()
    venue.doubt(order)
    assert venue.state(order)[::2] == ("PENDING_NEW", "UNKNOWN")
    venue.holds(order)
    venue.wait(2_000)
    assert venue.state(order)[0] == "NEW" and venue.placements() == 1


def test_absence_takes_time_and_answers(venue: PlayedVenue) -> None:
    order = venue.place()
    venue.doubt(order)
    venue.wait(9_000)
    assert venue.state(order)[::2] == ("PENDING_NEW", "UNKNOWN"), "too soon to be sure"
    venue.wait(60_000)
    assert venue.state(order)[0] == "REJECTED"
    assert venue.placements() == 1


def test_failed_lookups_prove_no_absence(venue: PlayedVenue) -> None:
    order = venue.place()
    venue.doubt(order)
    venue.fail_queries(True)
    venue.wait(90_000)
    assert venue.state(order)[::2] == ("PENDING_NEW", "UNKNOWN")
    venue.fail_queries(False)
    venue.wait(60_000)
    assert venue.state(order)[0] == "REJECTED"
    assert venue.placements() == 1


def test_a_lost_connection_closes_the_gate_until_all_was_compared(venue: PlayedVenue) -> None:
    order = venue.place()
    venue.disconnect()
    assert venue.state(order)[::2] == ("PENDING_NEW", "UNKNOWN")
    venue.refusals()
    venue.place()
    assert venue.refusals(), "nothing leaves before both sides agree"
    venue.holds(order)
    venue.wait(10_000)
    assert venue.state(order) == ("NEW", "NONE", "CONFIRMED", 0)
    venue.place()
    assert venue.refusals() == []
    assert venue.placements() == 2
