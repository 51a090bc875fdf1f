"""The words on a connection before it tells our orders: asked in time, and given time."""

from __future__ import annotations

import struct

from tests.venues.binance.stage import S, Stage

SILENT = struct.Struct("<QQ")
ENDED = {"subscriptionId": 0, "event": {"e": "eventStreamTerminated", "E": 1}}


def old_connection() -> Stage:
    """Longer there than a first word may take."""
    stage = Stage()
    stage.start()
    stage.wait(60_000)
    stage.sent.clear()
    stage.served = 0
    stage.answers = False
    return stage


def is_open(stage: Stage) -> bool:
    return stage.connection is not None and stage.connection.is_open


def test_a_stream_that_ends_on_an_old_connection_begins_again_there() -> None:
    """It was hung up at the next tick, and the gate was shut for a connection's time."""
    stage = old_connection()
    stage.say(ENDED)
    assert stage.methods() == ["userDataStream.subscribe"]
    stage.wait(5_000)
    assert stage.venue.state == "subscribing" and is_open(stage)
    stage.answers = True
    stage.serve()
    stage.wait(500)
    assert stage.venue.state == "ready" and is_open(stage)
    assert stage.methods().count("userDataStream.subscribe") == 1


def test_a_subscription_that_is_not_answered_ends_the_connection() -> None:
    stage = old_connection()
    stage.say(ENDED)
    stage.wait(19_900)
    assert is_open(stage)
    stage.wait(300)
    assert not is_open(stage)
    assert stage.methods() == ["userDataStream.subscribe"]


def test_a_subscription_that_a_ban_kept_back_has_its_own_time() -> None:
    """A connection that cancels may still leave on is not given up for what was never asked."""
    stage = old_connection()
    stage.board.write(6, SILENT.pack(stage.now + 60 * S, 418))
    stage.wait(100)
    stage.say(ENDED)
    stage.wait(59_000)
    assert stage.methods() == [] and is_open(stage)
    stage.wait(15_000)
    assert stage.methods() == ["userDataStream.subscribe"] and is_open(stage)
    stage.answers = True
    stage.wait(1_000)
    assert stage.venue.state == "ready"
