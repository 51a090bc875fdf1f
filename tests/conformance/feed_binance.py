"""Binance spot's words for what the rules of every feed play."""

from __future__ import annotations

from tests.feeds.test_binance_feed import Stage, depth


class Played:
    """See played.PlayedFeed."""

    def __init__(self) -> None:
        self.stage = Stage().joined()
        self.last = 10

    def update(self) -> None:
        self.last += 1
        self.stage.say(depth(self.last, self.last, '["1.1","3"]'))

    def gap(self) -> None:
        self.last += 2
        self.stage.say(depth(self.last, self.last, '["1.1","3"]'))

    def garbage(self) -> None:
        self.stage.say(depth(self.last + 1, self.last + 1, '["1.1","3"]')[:-9])

    def disconnect(self) -> None:
        self.stage.closes(self.stage.feed.active)

    def silence(self) -> None:
        self.stage.wait(90_000)

    def recover(self) -> None:
        """A connection where one is asked for, an update, and the snapshot it asks for."""
        stage = self.stage
        for _ in range(40):
            if not self.doubt():
                return
            if len(stage.transport.opens) > len(stage.sent):
                stage.open()
            self.update()
            for instrument, number in stage.asked():
                stage.snapshot(self.last, [(10, 5)], [(20, 5)], number, instrument)
            stage.wait(500)

    def doubt(self) -> int:
        return self.stage.market.reason
