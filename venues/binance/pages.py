"""A listing of the venue read page by page to its end (reliability.md 8.2).

The venue gives at most PAGE rows, in the order of their numbers, and takes a start in time of which
it looks at no more than a day. So the first page is asked by time, each further one from the number
of the last row seen, that row included: a page that does not begin with it is no continuation, and
then the whole listing proves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

PAGE = 1000
DAY_MS = 86_400_000


class Walk:
    """One listing on its way to the end; `asked` is the engine time of its first question."""

    def __init__(
        self,
        method: Literal["allOrders", "myTrades"],
        symbol: str,
        asked: int,
        *,
        start_ms: int | None = None,
        order_id: int | None = None,
        last: int = 0,
    ) -> None:
        """From `start_ms`, or the trades of `order_id`, or from the row with the number `last`."""
        self.method, self.asked, self.start_ms, self.last = method, asked, start_ms, last
        self.end_ms = 0  # of the window that the page asked last looks at, 0 = to the end
        self.turned = asked  # when its last page was asked
        self.fixed: dict[str, Any] = {"symbol": symbol, "limit": PAGE}
        if order_id is not None:
            self.fixed["orderId"] = order_id

    def question(self, now: int) -> dict[str, Any]:
        """The parameters of the page to ask at engine time `now`."""
        self.turned = now
        self.end_ms = 0
        if self.last:
            return self.fixed | {"orderId" if self.method == "allOrders" else "fromId": self.last}
        if self.start_ms is None:
            return self.fixed
        if now // 1_000_000 - self.start_ms <= DAY_MS:
            return self.fixed | {"startTime": self.start_ms}
        self.end_ms = self.start_ms + DAY_MS
        return self.fixed | {"startTime": self.start_ms, "endTime": self.end_ms}

    def take(self, numbers: Sequence[int], listed: int) -> Literal["more", "end", "broken"]:
        """A page of `listed` rows with these numbers: is there more, was it all, or no page?"""
        if len(numbers) != listed or any(a >= b for a, b in pairwise(numbers)):
            return "broken"
        if self.last and (not numbers or numbers[0] != self.last):
            return "broken"
        if listed >= PAGE or (self.end_ms and numbers):
            self.last = numbers[-1]
            return "more"
        if self.end_ms:
            self.start_ms = self.end_ms
            return "more"
        return "end"
