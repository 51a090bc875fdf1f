"""What seldom happens to an order, in the views, in words and in the profit: each has its row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.decimals import plain
from engine.journal.actor import Journal
from engine.journal.check import check
from engine.journal.names import Names, kind_name
from engine.journal.profit import profit
from engine.journal.store import FILE, SET, JournalForeignLog, Store, open_reader
from engine.journal.why import Teller
from hotpath.records import (
    Approved,
    Command,
    Document,
    EventType,
    Flag,
    Intent,
    Kind,
    Op,
    OrderEvent,
    Refused,
    pack_order_id,
)
from tests.engine.journal.session import (
    APPLIED,
    FILLED,
    INSTANCE,
    MOVES,
    NEW,
    PARTIAL,
    STRATEGY,
    VENUE,
    Session,
)

LOG = bytes(32)  # of a write-ahead log at least its header

COMPENSATED, IGNORED = 2048, 2


def stored(state: Path, s: Session, legal: bool = True) -> Any:
    journal = Journal.open(state, INSTANCE)
    journal.take(s.records)
    journal.commit()
    journal.close()
    answer = check(state)
    assert answer["ok"] is legal, answer["differences"]
    return open_reader(state)


def cancel(s: Session, order: int, by: int, op: Op = Op.CANCEL) -> int:
    return s.write(
        STRATEGY,
        Intent(target=order, op=op, side=1, legs=1, venue=VENUE, strategy=STRATEGY),
        by,
    )


def cell(db: Any, column: str, order: int) -> Any:
    found = db.execute(f"SELECT {column} FROM orders WHERE id = ?", (f"{order:032x}",)).fetchone()
    return None if found is None else found[0]


def test_a_cancel_is_part_of_its_order_and_makes_none(tmp_path: Path) -> None:
    s = Session(1)
    asked, order = s.intent(1, 100, 10)
    approved = s.approve(order, asked, 1, 100, 10)
    s.event(order, approved, EventType.ACK, NEW, 501)
    wanted = cancel(s, order, approved)
    s.write(VENUE, Approved(id=order, op=Op.CANCEL, side=1, venue=VENUE), wanted)
    refused = Refused(id=order, op=Op.CANCEL, side=1, control=11, venue=VENUE)
    s.write(VENUE, refused, wanted)
    cancel(s, 0, 0, Op.CANCEL_ALL)
    db = stored(tmp_path, s)
    assert db.execute("SELECT count(*) FROM orders").fetchone() == (1,)
    assert (cell(db, "status", order), cell(db, "control", order)) == (NEW, 0)
    told = Teller(db, Names(tmp_path, db)).tell(f"{order:032x}")
    words = " ".join(str(step) for step in told.values())
    assert "intent: cancel" in words


def test_reports_that_do_not_apply_change_no_status(tmp_path: Path) -> None:
    s = Session(1)
    asked, order = s.intent(1, 100, 10)
    approved = s.approve(order, asked, 1, 100, 10)
    s.event(order, approved, EventType.ACK, NEW, 501)

    def report(**more: Any) -> None:
        values: dict[str, Any] = {"id": order, "cumulative": -1, "venue": VENUE, "side": 1}
        values |= {"type": EventType.ACK, "effect": APPLIED, "strategy": STRATEGY}
        s.write(VENUE, OrderEvent(**{k: v for k, v in (values | more).items() if k != "side"}), 0)

    report(status=FILLED, effect=IGNORED)
    report(status=0)
    report(id=0, status=FILLED)
    report(status=NEW, venue_order_id=777)
    successor = pack_order_id(INSTANCE, STRATEGY, 99, 0, 0)
    report(status=NEW, type=EventType.REPLACED, successor=successor, reason=-2010)
    db = stored(tmp_path, s)
    assert cell(db, "status", order) == NEW
    assert cell(db, "venue_order_id", order) == "501", "the first number the venue gave"
    assert cell(db, "successor", order) == f"{successor:032x}"
    assert cell(db, "reason", order) == -2010
    assert db.execute("SELECT count(*) FROM orders").fetchone() == (1,)


def test_what_comes_after_the_end_does_not_begin_the_order_again(tmp_path: Path) -> None:
    """An approval or a refusal that is stored after a report leaves the report's status."""
    s = Session(1)
    asked, order = s.intent(1, 100, 10)
    s.event(order, asked, EventType.ACK, NEW, 501)
    s.approve(order, asked, 1, 100, 10)
    s.write(VENUE, Refused(id=order, op=Op.PLACE, side=1, control=12, venue=VENUE), asked)
    db = stored(tmp_path, s, legal=False)
    assert (cell(db, "status", order), cell(db, "control", order)) == (NEW, 12)


def test_a_trade_without_a_status_counts_and_takes_the_first_number(tmp_path: Path) -> None:
    s = Session(1)
    asked, order = s.intent(1, 100, 10)
    approved = s.approve(order, asked, 1, 100, 10)
    s.fill(order, approved, 1, 100, 4, 0, trade=71)
    s.fill(order, approved, 1, 100, 0, 0, trade=72, fee_asset=9)
    db = stored(tmp_path, s)
    assert cell(db, "cumulative", order) == 4
    assert cell(db, "status", order) == 3, "pending new: no fill has said otherwise"
    assert db.execute("SELECT count(*) FROM fees").fetchone() == (1,), "a fee of nothing is none"


def test_a_compensation_without_its_guess_is_a_trade_like_any(tmp_path: Path) -> None:
    s = Session(1)
    asked, order = s.intent(1, 100, 10)
    approved = s.approve(order, asked, 1, 100, 10)
    s.fill(order, approved, 1, 100, 4, PARTIAL, trade=71, effect=APPLIED | MOVES | COMPENSATED)
    s.fill(order, approved, 1, 100, 6, FILLED, trade=90, flags=Flag.GUESS)
    s.fill(order, approved, 1, 100, 6, FILLED, trade=91, effect=APPLIED | MOVES | COMPENSATED)
    db = stored(tmp_path, s)
    assert cell(db, "cumulative", order) == 10
    assert db.execute("SELECT quantity FROM positions").fetchone() == ("10",)


def test_documents_that_are_no_listing_are_kept_and_nothing_else(tmp_path: Path) -> None:
    s = Session(1)
    for document in ({"journal": "listing"}, {"journal": "x"}, [1], "text", {"journal": None}):
        s.write(STRATEGY, Document(document=document))
    db = stored(tmp_path, s)
    assert db.execute("SELECT count(*) FROM listings").fetchone() == (0,)
    assert db.execute("SELECT count(*) FROM event").fetchone() == (5,)


def test_numbers_without_a_scale_are_said_as_they_are(tmp_path: Path) -> None:
    s = Session(1)
    asked, order = s.intent(1, 100, 10)
    approved = s.approve(order, asked, 1, 100, 10)
    s.fill(order, approved, 1, 100, 10, FILLED)
    db = stored(tmp_path, s)
    (tmp_path / "registry.jsonl").write_bytes(
        b'{"kind":"source","number":20,"name":"venue_alpha"}\n[]\n{"kind":"x"}\nnot json\n"\xff"\n'
    )
    names = Names(tmp_path, db)
    assert (names.price(1, 5), names.quantity(1, 7)) == ("5 ticks", "7 lots")
    assert names.value(1, 5) is None
    assert (names.source(20), names.source(21)) == ("venue_alpha", "21")
    assert (names.asset(3), names.instrument(1)) == ("3", "1")
    found = profit(tmp_path, db)
    assert found["unknown"] == [1]
    assert found["listings"] == []


def test_fees_in_the_base_asset_are_money_and_in_others_stand_alone(tmp_path: Path) -> None:
    s = Session(1)
    s.listing()
    asked, order = s.intent(1, 100, 30)
    approved = s.approve(order, asked, 1, 100, 30)
    for trade, asset in ((1, 7), (2, 8), (3, 99), (4, 99)):
        s.fill(order, approved, 1, 100, 5, PARTIAL, trade=trade, fee_asset=asset)
    found = profit(tmp_path, stored(tmp_path, s))
    assert found["fees_unconverted"] == {"99": "0.0000003"}
    assert found["fees"] == plain_sum("0.00000015", "0.00000015")


def plain_sum(quote: str, base: str) -> str:
    """A fee in the quote asset, and one in the base asset at 100 ticks of 0.01."""
    from decimal import Decimal

    return plain(Decimal(quote) + Decimal(base) * 100 * Decimal("0.01"))


def test_a_kind_this_build_does_not_know_is_its_number() -> None:
    assert kind_name(Kind.FILL) == "fill"
    assert kind_name(250) == "250"


@pytest.mark.parametrize("content", [b"no set", b"[]", b"{}", b'"\xff"'])
def test_a_log_beside_a_damaged_name_of_its_set_is_foreign(tmp_path: Path, content: bytes) -> None:
    Store(tmp_path, INSTANCE).close()
    (tmp_path / (FILE + "-wal")).write_bytes(LOG)
    Store(tmp_path, INSTANCE).close()
    (tmp_path / (FILE + "-wal")).write_bytes(LOG)
    (tmp_path / SET).write_bytes(content)
    with pytest.raises(JournalForeignLog):
        Store(tmp_path, INSTANCE)


def test_a_log_without_its_database_is_foreign(tmp_path: Path) -> None:
    (tmp_path / (FILE + "-wal")).write_bytes(LOG)
    with pytest.raises(JournalForeignLog, match="is there and it is not"):
        Store(tmp_path, INSTANCE)


def test_a_store_that_died_before_it_named_its_set_is_begun_again(tmp_path: Path) -> None:
    Store(tmp_path, INSTANCE).close()
    (tmp_path / SET).unlink()
    (tmp_path / (FILE + "-wal")).touch()
    Store(tmp_path, INSTANCE).close()
    assert (tmp_path / SET).exists()


def told_of(state: Path, s: Session, order: int) -> dict[str, Any]:
    db = stored(state, s, legal=check_is_legal(s))
    return Teller(db, Names(state, db)).tell(f"{order:032x}")


def check_is_legal(s: Session) -> bool:
    return not getattr(s, "breaks_rules", False)


def test_an_order_by_an_operator_s_command_says_so(tmp_path: Path) -> None:
    s = Session(1)
    operator = s.write(50, Command(document={"do": "flatten"}))
    asked, order = s.intent(2, 100, 10, operator)
    s.approve(order, asked, 2, 100, 10)
    [cause] = told_of(tmp_path, s, order)["caused_by"]
    assert cause["kind"] == "command"
    assert cause["what"] == "command: {'do': 'flatten'}"


def test_an_order_by_a_record_without_a_sentence_names_its_kind(tmp_path: Path) -> None:
    s = Session(1)
    document = s.write(50, Document(document={"note": 1}))
    asked, order = s.intent(2, 100, 10, document)
    s.approve(order, asked, 2, 100, 10)
    [cause] = told_of(tmp_path, s, order)["caused_by"]
    assert (cause["kind"], cause["what"]) == ("document", "document")


def test_an_approval_by_the_gate_without_its_intent_is_told_from_what_is_there(
    tmp_path: Path,
) -> None:
    s = Session(1)
    s.breaks_rules = True  # type: ignore[attr-defined]
    order = pack_order_id(INSTANCE, STRATEGY, 44, 0, 0)
    s.approve(order, 0, 1, 100, 10)
    told = told_of(tmp_path, s, order)
    assert told["inputs"] is None and told["caused_by"] == []
    assert [step["kind"] for step in told["steps"] if "kind" in step] == ["approved"]


def test_refusals_say_the_control_and_that_it_is_the_journal_s_disk(tmp_path: Path) -> None:
    from engine.journal.why import CANCEL_ONLY

    said = []
    for number, (control, value) in enumerate(((3, 9), CANCEL_ONLY)):
        state = tmp_path / str(number)
        state.mkdir()
        s = Session(1)
        asked, order = s.intent(1, 100, 10)
        refused = Refused(
            id=order, op=Op.PLACE, side=1, control=control, value=value, limit=5, venue=VENUE
        )
        s.write(VENUE, refused, asked)
        said += [step["what"] for step in told_of(state, s, order)["steps"]]
    assert "refused by R03: 9 against a limit of 5" in said
    assert "refused by R21: cancel only, the journal could not keep what comes of it" in said


def test_reports_are_told_with_all_they_change(tmp_path: Path) -> None:
    s = Session(1)
    asked, order = s.intent(1, 100, 10)
    approved = s.approve(order, asked, 1, 100, 10)
    report = OrderEvent(
        id=order,
        cumulative=-1,
        type=EventType.UNKNOWN,
        status=3,
        pending=1,
        evidence=1,
        reason=-1007,
        venue=VENUE,
        strategy=STRATEGY,
        effect=APPLIED | 64,
    )
    s.write(VENUE, report, approved)
    said = [step["what"] for step in told_of(tmp_path, s, order)["steps"]]
    assert "UNKNOWN: now PENDING_NEW, pending CANCEL, UNKNOWN, reason -1007 (QUERY)" in said
