"""The live screen of a running engine: what its state directory and shared memory say, drawn.

`look` reads; `draw` makes a rich renderable of it and `plain` one line of text. Nothing here talks
to a lane: books come from the board, latencies from the histograms, orders and P&L from the
journal's views, all read-only.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import control
from engine.errors import TiercelError
from engine.journal.names import Names
from engine.journal.profit import profit
from engine.journal.store import open_reader
from engine.journal.why import SHOWN_DIGITS
from engine.memory import Memory
from engine.state import read_run
from hotpath.board import Board
from hotpath.histogram import Stages
from hotpath.records import Kind, unpack

if TYPE_CHECKING:
    from rich.console import RenderableType

TOP_BYTES = 56
STATUS = {
    1: "intent",
    2: "denied",
    3: "pending",
    4: "new",
    5: "partial",
    6: "filled",
    7: "done for day",
    8: "cancelled",
    9: "rejected",
    10: "suspended",
    11: "expired",
}
DOUBTS = {
    0: "valid",
    1: "not joined",
    2: "gap",
    3: "crossed",
    4: "stale",
    5: "reconnect",
    6: "bad frame",
    7: "overflow",
    8: "checksum",
    9: "late turn",
    10: "lapped",
}
COLUMNS = 110
"""The screen is drawn to fit this width."""
SHOWN_STAGES = ("tick_to_order", "ack", "fill")
READING_SHARE = 20
"""One part in so many of the time goes into reading the journal, however long it has become."""


class Looker:
    """Reads a running engine; keeps what need not be opened again at each look."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self._run = ""
        self._board: Board | None = None
        self._stages: dict[str, Stages] = {}
        self._journal: dict[str, Any] = {}
        self._next_reading = 0.0

    def attach(self) -> None:
        """Open the board and the histograms of the run going on, when it is another one."""
        run = read_run(self.state)
        if run is None or run.run == self._run:
            return
        memory = Memory.of_instance(run.instance)
        self._board, self._stages = None, {}
        try:
            fd = memory.open("board")
        except (TiercelError, OSError):
            return
        self._board = Board.attach(fd)
        os.close(fd)
        for name in memory.names():
            if name.endswith(".stages"):
                fd = memory.open(name)
                self._stages[name.removesuffix(".stages")] = Stages.attach(fd)
                os.close(fd)
        self._run = run.run

    def look(self) -> dict[str, Any]:
        """Books, orders, fills, P&L, positions, lanes, latencies; what is not there is empty."""
        found: dict[str, Any] = {"lanes": [], "books": [], "latency": {}, "orders": [], "fills": []}
        try:
            self.attach()
            told = control.call(self.state, "top")
            found["lanes"], found["alerts"] = told["lanes"], told.get("alerts", [])
            found["killed"] = told["killed"]
        except (TiercelError, OSError):
            pass  # starting or ending: the rest is shown all the same
        found["latency"] = self.latency()
        try:
            db = open_reader(self.state)
        except TiercelError:
            return found
        try:
            names = Names(self.state, db)
            found["books"] = self.books(names)
            began = time.monotonic()
            if began >= self._next_reading:
                self._journal = self.journal(names, db)
                self._next_reading = began + READING_SHARE * (time.monotonic() - began)
        finally:
            db.close()
        return found | self._journal

    def journal(self, names: Names, db: Any) -> dict[str, Any]:
        """Orders, fills, P&L and counts; what it costs grows with the journal."""
        counts = next(iter(db.execute(COUNTS)))
        quotes = {names.asset(x["quote_asset"]) for x in names.listings.values()}
        return profit(self.state, db) | {
            "quote": ", ".join(sorted(quotes)),
            "orders": last_orders(names, db),
            "fills": last_fills(names, db),
            "counts": dict(zip(("orders", "fills", "refused", "events"), counts, strict=True)),
        }

    def books(self, names: Names) -> list[dict[str, Any]]:
        """The top of every market on the board."""
        if self._board is None:
            return []
        found = []
        numbers = {document["name"]: n for n, document in names.listings.items()}
        for index, name in enumerate(self._board.names):
            if not name.startswith("top:"):
                continue
            _, feed, listing = name.split(":")
            version, data = self._board.read(index, TOP_BYTES)
            number = numbers.get(listing)
            if not version or number is None:
                continue
            top = unpack(int(Kind.TOP), data)
            found.append(
                {
                    "feed": feed,
                    "listing": listing,
                    "bid": names.price(number, top.bid_price),
                    "bid_quantity": names.quantity(number, top.bid_quantity),
                    "ask": names.price(number, top.ask_price),
                    "ask_quantity": names.quantity(number, top.ask_quantity),
                    "state": DOUBTS.get(top.reason, str(top.reason)),
                }
            )
        return found

    def latency(self) -> dict[str, dict[str, int]]:
        """Stages with counts, of the lane that recorded most of it: those of orders have one."""
        found: dict[str, dict[str, int]] = {}
        for stages in self._stages.values():
            for name, row in stages.summary().items():
                known = found[name]["count"] if name in found else 0
                if row["count"] > known:
                    found[name] = row
        return found


COUNTS = (
    "SELECT (SELECT count(*) FROM orders WHERE approved > 0),"
    " (SELECT count(*) FROM fills WHERE quantity > 0),"
    f" (SELECT count(*) FROM event WHERE kind = {int(Kind.REFUSED)}),"
    " (SELECT max(id) FROM event)"
)


def last_orders(names: Names, db: Any, limit: int = 8) -> list[dict[str, Any]]:
    """The newest orders."""
    sql = (
        "SELECT id, venue, instrument, side, price, quantity, cumulative, status FROM orders"
        " WHERE approved > 0 ORDER BY last_event DESC LIMIT ?"
    )
    return [
        {
            "id": order[-SHOWN_DIGITS:],  # `tiercel why` takes it
            "venue": names.source(venue),
            "side": "buy" if side == 1 else "sell",
            "price": names.price(instrument, price),
            "quantity": names.quantity(instrument, quantity),
            "filled": names.quantity(instrument, cumulative),
            "status": STATUS.get(status, str(status)),
        }
        for order, venue, instrument, side, price, quantity, cumulative, status in db.execute(
            sql, (limit,)
        )
    ]


def last_fills(names: Names, db: Any, limit: int = 6) -> list[dict[str, Any]]:
    """The newest fills."""
    sql = (
        "SELECT venue, instrument, side, price, quantity FROM fills WHERE quantity > 0"
        " ORDER BY event DESC LIMIT ?"
    )
    return [
        {
            "venue": names.source(venue),
            "side": "buy" if side == 1 else "sell",
            "price": names.price(instrument, price),
            "quantity": names.quantity(instrument, quantity),
        }
        for venue, instrument, side, price, quantity in db.execute(sql, (limit,))
    ]


def microseconds(ns: int) -> str:
    """Nanoseconds as people read latencies."""
    return f"{ns / 1000:.1f} us" if ns < 1_000_000 else f"{ns / 1_000_000:.1f} ms"


def plain_line(found: dict[str, Any], seconds: float | None = None) -> str:
    """One line of text for a log or a pipe; `seconds` since a session began."""
    counts = found.get("counts", {})
    books = "  ".join(f"{b['feed']} {b['bid']}/{b['ask']} {b['state']}" for b in found["books"])
    tick = found["latency"].get("tick_to_order")
    latency = f"  tick to order p50 {microseconds(tick['p50_ns'])}" if tick else ""
    alerts = "".join(f"  {a['code']}: {a['what']}" for a in found.get("alerts", []))
    if found.get("killed"):
        alerts = f"  KILLED: {', '.join(found['killed'])}{alerts}"
    since = "" if seconds is None else f"{seconds:6.1f} s  "
    return (
        f"{since}orders {counts.get('orders', 0)}  fills {counts.get('fills', 0)}  "
        f"pnl {found.get('pnl', '0')}  {books}{latency}{alerts}"
    )


def draw(found: dict[str, Any], title: str) -> RenderableType:
    """The whole screen: two columns where COLUMNS fit, one below the other where they do not."""
    from rich.columns import Columns
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    counts = found.get("counts", {})
    head = (
        f"orders [bold]{counts.get('orders', 0)}[/]   fills [bold]{counts.get('fills', 0)}[/]   "
        f"refused {counts.get('refused', 0)}   P&L [bold]{found.get('pnl', '0')}[/] "
        f"{found.get('quote', '')}   "
        f"events {counts.get('events', 0)}"
    )
    alerts = [
        Text("{code}: {what}. {why}. {do}.".format(**a), style="bold red")
        for a in found.get("alerts", [])
    ]
    books = table(
        "Books",
        ("feed", ">bid qty", ">bid", ">ask", ">ask qty", "state"),
        [
            (b["feed"], b["bid_quantity"], b["bid"], b["ask"], b["ask_quantity"], b["state"])
            for b in found["books"]
        ],
    )
    positions = table(
        "Positions",
        ("listing", ">position", ">realised", ">fees"),
        [
            (x["listing"], x["position"], x["realised"], x["fees"])
            for x in found.get("listings", [])
        ],
    )
    latency = table(
        "Latency",
        ("stage", ">count", ">p50", ">p99", ">max"),
        [
            (s, row["count"], *(microseconds(row[k]) for k in ("p50_ns", "p99_ns", "max_ns")))
            for s in SHOWN_STAGES
            if (row := found["latency"].get(s))
        ],
    )
    lanes = table(
        "Lanes",
        ("lane", ">pid", "state", ">restarts"),
        [(x["name"], x["pid"] or "-", x["state"], x["restarts"]) for x in found["lanes"]],
    )
    fills = table(
        "Fills",
        ("venue", "side", ">price", ">quantity"),
        [tuple(f.values()) for f in found["fills"]],
    )
    orders = table(
        "Orders",
        ("id", "venue", "side", ">price", ">quantity", ">filled", "status"),
        [tuple(o.values()) for o in found["orders"]],
    )
    sides = Columns([Group(books, positions, latency), Group(lanes, fills)], padding=(0, 3))
    if killed := ", ".join(found.get("killed", [])):
        text = f"KILLED: {killed}. Nothing leaves but cancels, until `tiercel resume`."
        alerts.insert(0, Text(text, style="bold red"))
    return Panel(Group(head, *alerts, "", sides, orders), title=title, width=COLUMNS)


STYLES = {
    "buy": "green",
    "sell": "red",
    "valid": "green",
    "ready": "green",
    "filled": "green",
    "rejected": "red",
}


def table(title: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> RenderableType:
    """A small table without lines and an empty line behind it; `>` in front of a column's name
    puts it to the right."""
    from rich.table import Table
    from rich.text import Text

    made = Table(
        title=title,
        title_justify="left",
        title_style="bold cyan",
        header_style="dim",
        box=None,
        padding=(0, 2, 0, 0),
        pad_edge=False,
    )
    for column in columns:
        made.add_column(
            column.removeprefix(">"),
            justify="right" if column.startswith(">") else "left",
            no_wrap=True,
        )
    for row in rows:
        cells = [str(cell) for cell in row]
        made.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in cells))
    made.add_row()
    return made
