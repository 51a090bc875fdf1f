"""What each lane did, in its own three log files, written by the root: DIR/log/<lane>.*.jsonl.

No lane writes a file. What its actors decided stands in their outboxes already, so the root reads
these as anybody does who may fall behind (lossy: a writer never waits for a log), turns orders,
fills, refusals and doubts into lines, and adds what it knows itself of the lane: started, ended,
restarted, failed. Every price and quantity is a plain decimal. What was overwritten before it was
read is counted in a line; the journal has it.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine.application import Logs
from engine.assembly import ROOT, Assembly
from engine.build_hash import build_hash
from engine.decimals import plain
from engine.lane_spec import ListingSpec
from engine.logs import Log, open_logs
from hotpath.order import EVENTS, EVIDENCE, STATUS, spell_id
from hotpath.records import (
    Approved,
    BookState,
    Document,
    Doubt,
    Fill,
    Flag,
    Header,
    Kind,
    Op,
    OrderEvent,
    OrderType,
    RecordError,
    Refused,
    Side,
    split,
    unpack,
)
from hotpath.ring import CorruptRing, Reader

BATCH = 256
"""Records of one outbox made into lines between two beats of the root: the rest waits its turn."""
STEPS = 65_536
"""Records passed over between two beats in search of those: what is read cheaply has an end too."""
WANTED = (Kind.APPROVED, Kind.ORDER_EVENT, Kind.FILL, Kind.REFUSED, Kind.BOOK_STATE)
OF_VENUES = (*WANTED, Kind.DOCUMENT)
WRONG = frozenset(
    n
    for n, name in enumerate(EVENTS)
    if name in ("UNKNOWN", "REJECT", "CANCEL_REJECTED", "REPLACE_REJECTED")
)
"""Events of an order that a person wants in the errors too."""


class LaneLogs:
    """The logs of all lanes but the root's own."""

    def __init__(self, assembly: Assembly, settings: Logs, root: Log) -> None:
        folder: Path = assembly.state / "log"
        lanes = dict.fromkeys(assembly.homes.values())
        self.root = root
        self.logs = {lane: open_logs(folder, lane, settings, root.redaction) for lane in lanes}
        self.names = {number: name for name, number in assembly.sources.items()}
        self.listings = {listing.number: listing for listing in assembly.listings.values()}
        self.masks = {
            name: sum(1 << kind for kind in (OF_VENUES if role == "venue" else WANTED))
            for name, role in assembly.roles.items()
        }
        self.readers = {
            box.name: Reader.attach(box.fd, "", True, build_hash=build_hash())
            for box in assembly.boxes.values()
            if box.lane != ROOT
        }
        self.lost = dict.fromkeys(self.readers, 0)
        self.homes = assembly.homes
        self._lines: dict[int, Callable[[Log, str, Header, Any], None]] = {
            Kind.APPROVED: self._approved,
            Kind.ORDER_EVENT: self._order,
            Kind.FILL: self._fill,
            Kind.REFUSED: self._refused,
            Kind.BOOK_STATE: self._book,
            Kind.DOCUMENT: self._document,
        }

    def note(self, lane: str, level: str, event: str, **values: Any) -> None:
        """What the root knows of a lane: a line in the lane's own log and in the root's."""
        self.root.say(level, event, name=lane, **values)
        self.logs[lane].say(level, event, **values)

    def look(self) -> None:
        """Read what the actors wrote since the last look, and write the lines."""
        for actor, reader in self.readers.items():
            log = self.logs[self.homes[actor]]
            try:
                records = reader.take(BATCH, self.masks[actor], STEPS)
            except CorruptRing as error:
                log.error("outbox not readable", actor=actor, detail=str(error))
                reader.skip_to_last()
                continue
            if reader.lost != self.lost[actor]:
                more, self.lost[actor] = reader.lost - self.lost[actor], reader.lost
                log.problem("records not logged", actor=actor, records=more)
            for raw in records:
                self._line(log, actor, raw)
        for log in self.logs.values():
            log.flush()

    def close(self) -> None:
        self.look()
        for log in self.logs.values():
            log.close()

    def _line(self, log: Log, actor: str, raw: bytes) -> None:
        header, payload = split(raw)
        try:
            record = unpack(header.kind, payload)
        except RecordError as error:
            log.error("record not readable", actor=actor, detail=str(error))
            return
        self._lines[header.kind](log, actor, header, record)

    def _approved(self, log: Log, actor: str, header: Header, record: Approved) -> None:
        values = self._about(actor, header, record.id, record.strategy) | {
            "op": Op(record.op).name.lower(),
            "target": spell_id(record.target) if record.target else None,
        }
        if record.op in (Op.PLACE, Op.REPLACE):
            values |= {
                "side": "sell" if record.side == Side.SELL else "buy",
                "type": OrderType(record.type).name.lower(),
                "price": self._price(header.instrument, record.price),
                "quantity": self._quantity(header.instrument, record.quantity),
            }
        log.trade("approved", **values)

    def _order(self, log: Log, actor: str, header: Header, record: OrderEvent) -> None:
        """What the event does not tell (0, or -1 filled) has no member."""
        values = self._about(actor, header, record.id, record.strategy) | {
            "status": STATUS[record.status],
            "evidence": EVIDENCE[record.evidence],
        }
        if record.price:
            values["price"] = self._price(header.instrument, record.price)
        if record.quantity:
            values["quantity"] = self._quantity(header.instrument, record.quantity)
        if record.cumulative >= 0:
            values["filled"] = self._quantity(header.instrument, record.cumulative)
        if record.venue_order_id:
            values["venue_order_id"] = record.venue_order_id
        if record.reason:
            values["reason"] = record.reason
        event = EVENTS[record.type].lower()
        log.trade(event, **values)
        if record.type in WRONG or EVIDENCE[record.evidence] == "DISPUTED":
            log.problem(event, **values)

    def _fill(self, log: Log, actor: str, header: Header, record: Fill) -> None:
        values = self._about(actor, header, record.id, record.strategy) | {
            "side": "sell" if record.side == Side.SELL else "buy",
            "price": self._price(header.instrument, record.price),
            "quantity": self._quantity(header.instrument, record.quantity),
            "filled": self._quantity(header.instrument, record.cumulative),
            "trade_id": record.trade_id,
            "fee": plain(Decimal(record.fee).scaleb(-8)),
            "fee_asset": self._asset(record.fee_asset),
            "maker": bool(record.maker),
            "guess": bool(header.flags & Flag.GUESS),
        }
        log.trade("trade", **values)

    def _refused(self, log: Log, actor: str, header: Header, record: Refused) -> None:
        values = self._about(actor, header, record.id, record.strategy) | {
            "control": f"R{record.control:02d}",
            "value": record.value,
            "limit": record.limit,
            "limit_version": record.limit_version,
            "inputs": list(record.input),
        }
        log.trade("refused", **values)

    def _book(self, log: Log, actor: str, header: Header, record: BookState) -> None:
        listing = self._listing(header.instrument)
        values = {"at": header.time, "actor": actor, "listing": listing, "epoch": record.epoch}
        if record.reason == Doubt.VALID:
            log.main("info", "book valid", **values)
        else:
            log.main("warning", "book in doubt", why=Doubt(record.reason).name.lower(), **values)

    def _document(self, log: Log, actor: str, header: Header, record: Document) -> None:
        """An order on the account that is not ours, as the venue wrote it."""
        found = record.document.get("external")
        if not isinstance(found, dict):
            return
        listing = self._listing(header.instrument)
        told = {"venue_order_id": found.get("order")} | {k: v for k, v in found.items() if v}
        told.pop("order", None)
        log.trade("external order", at=header.time, actor=actor, listing=listing, **told)

    def _about(self, actor: str, header: Header, order: int, strategy: int) -> dict[str, Any]:
        return {
            "at": header.time,
            "actor": actor,
            "strategy": self.names.get(strategy, str(strategy)),
            "listing": self._listing(header.instrument),
            "order": spell_id(order) if order else None,
        }

    def _listing(self, number: int) -> str | None:
        known: ListingSpec | None = self.listings.get(number)
        return known.name if known is not None else (str(number) if number else None)

    def _asset(self, number: int) -> str:
        for listing in self.listings.values():
            if number == listing.base_asset:
                return listing.settings.base
            if number == listing.quote_asset:
                return listing.settings.quote
        return str(number)

    def _price(self, instrument: int, ticks: int) -> str:
        known = self.listings.get(instrument)
        return plain(ticks * Decimal(known.settings.tick)) if known else f"{ticks} ticks"

    def _quantity(self, instrument: int, lots: int) -> str:
        known = self.listings.get(instrument)
        return plain(lots * Decimal(known.settings.lot)) if known else f"{lots} lots"
