"""What Python sees of a feed: see feed.pxd."""

from hotpath.lane import Actor
from hotpath.market import Market

class Feed(Actor):
    markets: list[Market]
    touched_count: int
    rejected: int
    not_mine: int
    def add_market(self, market: Market) -> None: ...
