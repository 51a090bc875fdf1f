"""The feed's REST side: depth snapshots and metadata, within the address's request budget.

Sans-I/O like every actor: the lane does the HTTP, the answer is an input. A snapshot asked for by a
feed's request record is answered by a snapshot record with the request's number. One request is
under way at a time; of several that wait for one instrument the newest counts, and one that failed
waits alone: the others go on. A ban stops every actor of the address; the Retry-After of a failure
stops the HTTP reads of this lane. The last quarter of the budget is the venue's, never taken here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from engine import slots
from engine.budget import BAN_S, MARKET_DATA_PERCENT, Budget, Silence, Silenced, shared_budget
from feeds.binance.codec import Codec
from feeds.binance.settings import RestSettings, endpoints_of
from hotpath.instrument import Instrument
from hotpath.lane import Actor
from hotpath.records import Document, Kind, Request, RequestType, Snapshot, pack, split, unpack

WAKE, REFRESH = 1, 2  # timer tokens
WEIGHTS = ((100, 5), (500, 25), (1000, 50), (5000, 250))
METADATA_WEIGHT = 20
RETRY_NS = 500_000_000
SECOND_NS = 1_000_000_000


class Asked(NamedTuple):
    """A request that waits or is under way: the book of one instrument, or the metadata of some."""

    what: int  # of RequestType
    instruments: tuple[int, ...]
    cause: int
    epoch: int = 0
    attempt: int = 0
    due: int = 0  # engine time before which it does not leave

    def covers(self, other: Asked) -> bool:
        """Whoever has the answer to this needs none to `other`."""
        return self.what == other.what and set(other.instruments) <= set(self.instruments)


class BinanceRest(Silenced, Actor):
    """Answers the requests of the feeds it follows."""

    def set_up(self, setup: Any) -> None:
        """From the configuration: the venue's address, the listings and the settings."""
        instruments = [listing.instrument for listing in setup.listings.values()]
        silent = setup.slots.get(slots.silent(setup.venue.name), -1) if setup.venue else -1
        self.configure(endpoints_of(setup).rest, instruments, setup.settings, silent)

    def configure(
        self, address: str, instruments: list[Instrument], settings: RestSettings | None = None,
        silent_slot: int = -1,
    ) -> None:  # fmt: skip
        """`address`: http://host:port, with or without a path behind it; `silent_slot`: where the
        time stands until which the venue wants no request."""
        self.wants = 1 << Kind.REQUEST
        self.settings = settings or RestSettings()
        self.address = address.rstrip("/").removesuffix("/api/v3").removesuffix("/api")
        self.instruments = {i.id: i for i in instruments}
        share = self.settings.weight_per_minute * self.settings.share_percent // 100
        self.budget: Budget = shared_budget(self.lane, self.address, max(share, METADATA_WEIGHT))
        self.silence = Silence(self.lane, self.budget, silent_slot)
        self.codecs = {i.id: Codec([i], rounds=True) for i in instruments}
        self.waiting: list[Asked] = []
        self.under_way: dict[int, Asked] = {}
        self.number = 0
        self.refused = 0
        self.wake_at = 0  # the earliest WAKE that is armed, 0 = none
        self.metadata: dict[int, dict[str, Any]] = {}
        self.unlisted: set[int] = set()  # asked for apart: one such refuses a whole list
        self.trouble: dict[str, Any] | None = None  # instruments unlike ours (engine/trouble.py)

    def on_start(self) -> None:
        self.want_metadata(0)
        self.arm(self.now + self.settings.metadata_refresh_s * SECOND_NS, REFRESH)
        self.go_on()

    def is_idle(self) -> bool:
        return not self.under_way

    def on_record(self, kind: int, record: bytes) -> None:
        """A feed's request; `self.cause` names it."""
        header, payload = split(record)
        asked: Request = unpack(kind, payload)
        if asked.type == RequestType.SNAPSHOT and header.instrument in self.instruments:
            self.want(Asked(asked.type, (header.instrument,), self.cause, asked.epoch))
        elif asked.type == RequestType.METADATA:
            self.want_metadata(self.cause)
        self.go_on()

    def on_timer(self, token: int) -> None:
        if token == REFRESH:
            self.want_metadata(0)
            self.arm(self.now + self.settings.metadata_refresh_s * SECOND_NS, REFRESH)
        elif self.now >= self.wake_at:
            self.wake_at = 0
        self.go_on()

    def want_metadata(self, cause: int) -> None:
        listed = tuple(number for number in self.instruments if number not in self.unlisted)
        for some in (listed, *((number,) for number in sorted(self.unlisted))):
            if some:
                self.want(Asked(RequestType.METADATA, some, cause))

    def want(self, asked: Asked) -> None:
        """A new request; older ones of the same that wait are not needed any more."""
        self.waiting = [a for a in self.waiting if not asked.covers(a)]
        self.waiting.append(asked)

    def want_again(self, asked: Asked) -> None:
        """A request that was not answered, unless a newer one waits."""
        if not any(newer.covers(asked) for newer in self.waiting):
            self.waiting.insert(0, asked)

    def wake(self, due: int) -> None:
        """Go on then; one timer does for all that wait."""
        if not self.wake_at or due < self.wake_at:
            self.wake_at = due
            self.arm(due, WAKE)

    def go_on(self) -> None:
        """Send the next request when nothing is under way and the budget has room for it; books
        before metadata."""
        if self.under_way or not self.waiting:
            return
        ready = [a for a in self.waiting if a.due <= self.now]
        if not ready:
            self.wake(min(a.due for a in self.waiting))
            return
        asked = min(ready, key=lambda a: a.what == RequestType.METADATA)
        weight = self.weight(asked)
        self.silence.hear()
        wait = self.budget.wait(self.now, weight, percent=MARKET_DATA_PERCENT)
        if wait:
            self.wake(self.now + wait)
            return
        self.budget.spend(self.now, weight)
        self.waiting.remove(asked)
        self.number += 1
        self.under_way[self.number] = asked
        self.request(self.number, "GET", self.address + self.path(asked))

    def weight(self, asked: Asked) -> int:
        if asked.what == RequestType.METADATA:
            return METADATA_WEIGHT
        return next(w for levels, w in WEIGHTS if self.settings.snapshot_levels <= levels)

    def path(self, asked: Asked) -> str:
        symbols = [self.instruments[number].symbol for number in asked.instruments]
        if asked.what == RequestType.METADATA:
            names = ",".join(f"%22{symbol}%22" for symbol in symbols)
            return f"/api/v3/exchangeInfo?symbols=%5B{names}%5D"
        return f"/api/v3/depth?symbol={symbols[0]}&limit={self.settings.snapshot_levels}"

    def on_response(self, token: int, status: int, headers: dict[str, str], body: bytes) -> None:
        """The answer; what cannot be used is asked for again, a few times."""
        asked = self.under_way.pop(token, None)
        if asked is None:
            return
        self.budget.heard(self.now, status, headers)
        if status in BAN_S:
            self.want_again(asked)  # not its fault: no attempt is counted
        elif status == 400 and asked.what == RequestType.METADATA and self.part(asked, body):
            pass
        elif status != 200 or not self.use(asked, body):
            self.refused += 1
            if asked.attempt < self.settings.retries:
                due = self.now + (RETRY_NS << asked.attempt)
                self.want_again(asked._replace(attempt=asked.attempt + 1, due=due))
        self.go_on()

    def use(self, asked: Asked, body: bytes) -> bool:
        """Tell the feed what came; False: it was not what was asked for."""
        if asked.what == RequestType.METADATA:
            return self.use_metadata(asked, body)
        (instrument,) = asked.instruments
        found = self.codecs[instrument].read_snapshot(body)
        if found is None:
            return False
        bids, asks, last_id = found
        answer = Snapshot(last_id=last_id, venue_time=0, epoch=asked.epoch, bids=bids, asks=asks)
        self.write(Kind.SNAPSHOT, instrument, pack(answer), asked.cause)
        return True

    def use_metadata(self, asked: Asked, body: bytes) -> bool:
        """What exchangeInfo says of the instruments that were asked for."""
        try:
            listed = {s["symbol"]: s for s in orjson.loads(body)["symbols"]}
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return False
        self.unlisted.difference_update(asked.instruments)
        for number in asked.instruments:
            instrument = self.instruments[number]
            self.tell(number, metadata_of(instrument, listed.get(instrument.symbol)), asked.cause)
        return True

    def part(self, asked: Asked, body: bytes) -> bool:
        """One name that the venue does not know refuses the whole list: ask its halves, down to
        that one. False: the answer says no such thing."""
        try:
            refused = orjson.loads(body)
            said = {"number": int(refused["code"]), "message": str(refused["msg"])[:200]}
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return False
        middle = len(asked.instruments) // 2
        if middle:
            for some in (asked.instruments[:middle], asked.instruments[middle:]):
                self.want(asked._replace(instruments=some, attempt=0, due=0))
            return True
        (number,) = asked.instruments
        self.unlisted.add(number)
        self.tell(number, metadata_of(self.instruments[number], None) | said, asked.cause)
        return True

    def tell(self, number: int, found: dict[str, Any], cause: int) -> None:
        """A document when it is new, and trouble while one does not agree with the configuration
        (the venue's gate refuses what is traded in other steps; this says why)."""
        if self.metadata.get(number) == found:
            return
        self.metadata[number] = found
        self.write(Kind.DOCUMENT, number, pack(Document(document={"metadata": found})), cause)
        unlike = [
            metadata | {"configured": (self.instruments[n].tick, self.instruments[n].lot)}
            for n, metadata in self.metadata.items()
            if not metadata["agrees"]
        ]
        self.trouble = {"kind": "instruments", "unlike": unlike} if unlike else None


def metadata_of(instrument: Instrument, listed: dict[str, Any] | None) -> dict[str, Any]:
    """What exchangeInfo says of one instrument, in plain decimals, and whether ours agree."""
    unknown: dict[str, Any] = {"symbol": instrument.symbol, "status": "unknown", "agrees": False}
    if listed is None:
        return unknown
    try:
        filters = {f["filterType"]: f for f in listed["filters"]}
        notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
        found = {
            "symbol": instrument.symbol,
            "status": "trading" if listed["status"] == "TRADING" else "halted",
            "tick": shortened(filters["PRICE_FILTER"]["tickSize"]),
            "lot": shortened(filters["LOT_SIZE"]["stepSize"]),
            "min_quantity": shortened(filters["LOT_SIZE"]["minQty"]),
            "min_notional": shortened(notional.get("minNotional", "0")),
        }
    except (KeyError, TypeError, AttributeError):
        return unknown  # not in words we know, and no reason to doubt the others
    ours = (shortened(instrument.tick), shortened(instrument.lot))
    return found | {"agrees": (found["tick"], found["lot"]) == ours}


def shortened(text: str) -> str:
    """A plain decimal without trailing zeros."""
    return text.rstrip("0").rstrip(".") if "." in text else text
