"""What a session came to: counts, P&L, whether journal and ledgers agree, latencies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from engine import ledgers
from engine.decimals import plain
from engine.errors import TiercelError
from engine.journal.names import Names
from engine.journal.profit import profit
from engine.journal.store import open_reader
from engine.latency import read_hlog
from hotpath.records import Kind, unpack

if TYPE_CHECKING:
    import apsw
    from hdrh.histogram import HdrHistogram

REJECTED, UNKNOWN = 9, 1


class Ledger:
    """Where the judge's word on one venue lies."""

    def __init__(self, venue: str, path: Path, account: str) -> None:
        self.venue, self.path, self.account = venue, path, account


def session(state: Path, parties: Iterable[Ledger], hedge_deadline_ns: int) -> dict[str, Any]:
    """The report's counts and comparisons; reads the journal only."""
    db = open_reader(state)
    try:
        names = Names(state, db)
        found: dict[str, Any] = {
            "orders": one(db, "SELECT count(*) FROM orders WHERE approved > 0 AND op != 2"),
            "fills": one(db, "SELECT count(*) FROM fills WHERE quantity > 0"),
            "rejected": one(db, f"SELECT count(*) FROM orders WHERE status = {REJECTED}"),
            "refused": one(db, f"SELECT count(*) FROM event WHERE kind = {int(Kind.REFUSED)}"),
            "events": one(db, "SELECT count(*) FROM event"),
            "orders_unknown": one(db, f"SELECT count(*) FROM orders WHERE evidence = {UNKNOWN}"),
            "pnl": profit(state, db)["pnl"],
            "unhedged": plain(unhedged(db, names, hedge_deadline_ns)),
        }
        wrong = []
        for party in parties:
            ours = ledgers.journal_trades(db, names, party.venue)
            theirs = ledgers.ledger_trades(party.path, party.account)
            wrong += [{"venue": party.venue, **d} for d in ledgers.differences(ours, theirs)]
        found["ledger_matches"] = not wrong
        found["ledger_differences"] = wrong[:20]
        return found
    finally:
        db.close()


def one(db: apsw.Connection, sql: str) -> int:
    """The one number a query gives."""
    return int(next(iter(db.execute(sql)))[0])


def is_settled(state: Path, hedge_deadline_ns: int) -> bool:
    """No order in doubt and nothing unhedged, by what the journal has taken so far."""
    db = open_reader(state)
    try:
        if one(db, f"SELECT count(*) FROM orders WHERE evidence = {UNKNOWN}"):
            return False
        return not unhedged(db, Names(state, db), hedge_deadline_ns)
    finally:
        db.close()


def unhedged(db: apsw.Connection, names: Names, deadline_ns: int) -> Decimal:
    """Base quantity of all open legs together, whichever way each stands."""
    return sum(map(abs, open_legs(db, names, deadline_ns, deadline_ns).values()), Decimal(0))


def open_legs(
    db: apsw.Connection, names: Names, deadline_ns: int, rest_ns: int | None = None
) -> dict[tuple[int, int], Decimal]:
    """Base quantity that groups have bought more than sold (or less), older than the deadline,
    by strategy and asset.

    A hedge carries its pair's group, and what is too small for any venue's minimum is carried into
    the next pair, so it is the sum over a strategy's groups that stands open, for each asset by
    itself: one asset bought is no hedge of another sold. What trades the other way closes what has
    stood open longest. Of a strategy that has traded in the last `rest_ns` (None: ever), what no
    venue would take (less than the listing's minimum) is on its way into the next pair and does
    not count.
    """
    grouped: dict[tuple[int, int], int] = {}
    for source, position, payload in db.execute(
        "SELECT source, position, payload FROM event WHERE kind = ?", (int(Kind.INTENT),)
    ):
        intent = unpack(int(Kind.INTENT), payload)
        if intent.group:
            grouped[source, position] = source
    sql = (
        "SELECT o.intent_source, o.intent_position,"
        " f.instrument, f.side, f.quantity, f.price, f.time"
        " FROM fills f JOIN orders o ON o.id = f.order_id WHERE f.quantity > 0"
        " ORDER BY f.time, f.event"
    )
    still: dict[tuple[int, int], list[tuple[int, Decimal]]] = {}
    last: dict[tuple[int, int], tuple[int, Decimal]] = {}
    for source, position, instrument, side, quantity, price, time in db.execute(sql):
        if (source, position) not in grouped:
            continue
        listing = names.listings[instrument]
        key = source, listing["base_asset"]
        base = quantity * Decimal(listing["lot"])
        close(still.setdefault(key, []), time, base if side == 1 else -base)
        last[key] = time, smallest(listing, price)
    end = one(db, "SELECT coalesce(max(time), 0) FROM event")
    found = {}
    for key, lots in still.items():
        time, least = last[key]
        overdue = sum((q for since, q in lots if end - since > deadline_ns), Decimal(0))
        rests = rest_ns is not None and end - time > rest_ns
        if overdue and (abs(overdue) >= least or rests):
            found[key] = overdue
    return found


def smallest(listing: dict[str, Any], price: int) -> Decimal:
    """The least base quantity that the venue takes at a price in ticks."""
    notional = Decimal(listing.get("min_notional", "0"))
    worth = price * Decimal(listing["tick"])
    least = Decimal(listing.get("min_quantity", "0"))
    return max(least, notional / worth) if worth > 0 else least


def close(lots: list[tuple[int, Decimal]], time: int, quantity: Decimal) -> None:
    """Add a trade to what is open of one asset: it closes the oldest that went the other way."""
    while lots and quantity and (lots[0][1] > 0) != (quantity > 0):
        since, held = lots[0]
        if abs(held) > abs(quantity):
            lots[0] = since, held + quantity
            return
        del lots[0]
        quantity += held
    if quantity:
        lots.append((time, quantity))


def told_by_root(state: Path, runs: Iterable[str]) -> Iterator[dict[str, Any]]:
    """What the root told in these runs, in order: its documents, `root_started` of each first."""
    wanted, current = set(runs), ""
    db = open_reader(state)
    try:
        rows = db.execute(
            "SELECT payload FROM event WHERE kind = ? ORDER BY id", (int(Kind.DOCUMENT),)
        )
        for (payload,) in rows:
            document = unpack(int(Kind.DOCUMENT), payload).document
            if not isinstance(document, dict) or "event" not in document:
                continue
            if document["event"] == "root_started":
                current = document["run"]
            if current in wanted:
                yield document
    finally:
        db.close()


def restarts(state: Path, runs: Iterable[str]) -> int:
    """Lanes started again and actors restarted in place, in these runs, as the root told them."""
    lanes, count = set[str](), 0
    for document in told_by_root(state, runs):
        event = document["event"]
        if event == "root_started":
            lanes = set()
        elif event == "lane_started":
            count += document["lane"] in lanes
            lanes.add(document["lane"])
        elif event == "actor_restarted":
            count += 1
    return count


def inputs_lost(state: Path, runs: Iterable[str]) -> int:
    """Inputs that found no room in these runs' recordings, as the root was told."""
    told = told_by_root(state, runs)
    return sum(document["inputs"] for document in told if document["event"] == "inputs_lost")


def latencies(state: Path, runs: Iterable[str]) -> dict[str, dict[str, int]]:
    """{stage: {count, p50_ns, p99_ns, p999_ns, max_ns}} over all lanes of these runs."""
    merged: dict[str, HdrHistogram] = {}
    for run in runs:
        for path in sorted((state / "latency").glob(f"{run}-*.hlog")):
            for stage, histogram in read_hlog(path).items():
                if stage in merged:
                    merged[stage].add(histogram)
                else:
                    merged[stage] = histogram
    return {stage: summary(h) for stage, h in sorted(merged.items())}


def summary(h: HdrHistogram) -> dict[str, int]:
    """A histogram as the contract prints it."""
    return {
        "count": h.total_count,
        "p50_ns": h.get_value_at_percentile(50),
        "p99_ns": h.get_value_at_percentile(99),
        "p999_ns": h.get_value_at_percentile(99.9),
        "max_ns": h.get_max_value(),
    }


class NoLatencies(TiercelError):
    """Nothing was measured yet."""

    code: ClassVar[str] = "TCL-3301"
    what = "There are no latencies at {state}"
    why = "No run of this state directory has measured anything (a running one tells after 2 s)"
    do = "Run an application first, or name another directory with --state"


def newest(parent: Path) -> Path:
    """The state directory under `parent` that was used last."""
    found = [d for d in parent.glob("*") if (d / "latency").is_dir()]
    if not found:
        raise NoLatencies(state=parent)
    return max(found, key=lambda d: d.stat().st_mtime)
