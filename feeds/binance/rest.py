"""The feed's REST side: depth snapshots and metadata, within the address's request budget.

Sans-I/O like every actor: the lane does the HTTP, the answer is an input. A snapshot asked for by a
feed's request record is answered by a snapshot record with the request's number. One request is
under way at a time; of several that wait for one instrument the newest counts. A ban or a
Retry-After stops every actor of the address.
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
    """A request that waits or is under way; `instrument` 0 is the metadata of all."""

    instrument: int
    epoch: int
    cause: int
    attempt: int = 0


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
        self.metadata: dict[int, dict[str, Any]] = {}

    def on_start(self) -> None:
        self.waiting.append(Asked(0, 0, 0))
        self.arm(self.now + self.settings.metadata_refresh_s * SECOND_NS, REFRESH)
        self.go_on()

    def is_idle(self) -> bool:
        return not self.under_way

    def on_record(self, kind: int, record: bytes) -> None:
        """A feed's request; `self.cause` names it."""
        header, payload = split(record)
        asked: Request = unpack(kind, payload)
        if asked.type == RequestType.SNAPSHOT and header.instrument in self.instruments:
            self.waiting = [a for a in self.waiting if a.instrument != header.instrument]
            self.waiting.append(Asked(header.instrument, asked.epoch, self.cause))
        elif asked.type == RequestType.METADATA:
            self.waiting.append(Asked(0, 0, self.cause))
        self.go_on()

    def on_timer(self, token: int) -> None:
        if token == REFRESH:
            self.waiting.append(Asked(0, 0, 0))
            self.arm(self.now + self.settings.metadata_refresh_s * SECOND_NS, REFRESH)
        self.go_on()

    def go_on(self) -> None:
        """Send the next request when nothing is under way and the budget has room for it; books
        before metadata."""
        if self.under_way or not self.waiting:
            return
        self.waiting.sort(key=lambda a: a.instrument == 0)
        asked = self.waiting[0]
        weight = self.weight(asked)
        self.silence.hear()
        wait = self.budget.wait(self.now, weight, percent=MARKET_DATA_PERCENT)
        if wait:
            self.arm(self.now + wait, WAKE)
            return
        self.budget.spend(self.now, weight)
        self.waiting.pop(0)
        self.number += 1
        self.under_way[self.number] = asked
        self.request(self.number, "GET", self.address + self.path(asked))

    def weight(self, asked: Asked) -> int:
        if not asked.instrument:
            return METADATA_WEIGHT
        return next(w for levels, w in WEIGHTS if self.settings.snapshot_levels <= levels)

    def path(self, asked: Asked) -> str:
        if not asked.instrument:
            names = ",".join(f"%22{i.symbol}%22" for i in self.instruments.values())
            return f"/api/v3/exchangeInfo?symbols=%5B{names}%5D"
        symbol = self.instruments[asked.instrument].symbol
        return f"/api/v3/depth?symbol={symbol}&limit={self.settings.snapshot_levels}"

    def on_response(self, token: int, status: int, headers: dict[str, str], body: bytes) -> None:
        """The answer; what cannot be used is asked for again, a few times."""
        asked = self.under_way.pop(token, None)
        if asked is None:
            return
        self.budget.heard(self.now, status, headers)
        if status in BAN_S:
            self.waiting.insert(0, asked)  # not its fault: no attempt is counted
        elif status != 200 or not self.use(asked, body):
            self.refused += 1
            if asked.attempt < self.settings.retries:
                self.waiting.append(asked._replace(attempt=asked.attempt + 1))
                self.arm(self.now + (RETRY_NS << asked.attempt), WAKE)
                return
        self.go_on()

    def use(self, asked: Asked, body: bytes) -> bool:
        """Tell the feed what came; False: it was not what was asked for."""
        if not asked.instrument:
            return self.use_metadata(asked, body)
        found = self.codecs[asked.instrument].read_snapshot(body)
        if found is None:
            return False
        bids, asks, last_id = found
        answer = Snapshot(last_id=last_id, venue_time=0, epoch=asked.epoch, bids=bids, asks=asks)
        self.write(Kind.SNAPSHOT, asked.instrument, pack(answer), asked.cause)
        return True

    def use_metadata(self, asked: Asked, body: bytes) -> bool:
        """One document for each instrument whose metadata are new, saying whether they agree with
        the configuration (an order in another tick would be refused by the venue)."""
        try:
            listed = {s["symbol"]: s for s in orjson.loads(body)["symbols"]}
            for number, instrument in self.instruments.items():
                found = metadata_of(instrument, listed.get(instrument.symbol))
                if self.metadata.get(number) != found:
                    self.metadata[number] = found
                    document = pack(Document(document={"metadata": found}))
                    self.write(Kind.DOCUMENT, number, document, asked.cause)
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            return False
        return True


def metadata_of(instrument: Instrument, listed: dict[str, Any] | None) -> dict[str, Any]:
    """What exchangeInfo says of one instrument, in plain decimals, and whether ours agree."""
    if listed is None:
        return {"symbol": instrument.symbol, "status": "unknown", "agrees": False}
    filters = {f["filterType"]: f for f in listed["filters"]}
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
    found: dict[str, Any] = {
        "symbol": instrument.symbol,
        "status": "trading" if listed["status"] == "TRADING" else "halted",
        "tick": shortened(filters["PRICE_FILTER"]["tickSize"]),
        "lot": shortened(filters["LOT_SIZE"]["stepSize"]),
        "min_quantity": shortened(filters["LOT_SIZE"]["minQty"]),
        "min_notional": shortened(notional.get("minNotional", "0")),
    }
    found["agrees"] = (found["tick"], found["lot"]) == (
        shortened(instrument.tick),
        shortened(instrument.lot),
    )
    return found


def shortened(text: str) -> str:
    """A plain decimal without trailing zeros."""
    return text.rstrip("0").rstrip(".") if "." in text else text
