"""`why`, `journal check` and `journal show`: an order explained from the store alone."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apsw
import pytest
from click.testing import CliRunner

from engine.commands.journal import command as journal_command
from engine.commands.why import command as why_command
from engine.journal.actor import Journal
from engine.journal.check import check
from engine.journal.conditions import NoJournal
from engine.journal.find import journal_state
from engine.journal.names import Names
from engine.journal.store import FILE, open_reader
from engine.journal.why import OrderNotFound, why
from hotpath.order import spell_id
from hotpath.records import EventType
from tests.engine.journal.session import FEED, FILLED, INSTANCE, NEW, STRATEGY, VENUE, Session


@pytest.fixture
def traded(tmp_path: Path) -> tuple[Path, int, int]:
    """(state, an order, the order that hedged its fill)."""
    s = Session(3)
    s.listing()
    asked, order = s.intent(1, 10_000, 50)
    approved = s.approve(order, asked, 1, 10_000, 50)
    s.event(order, approved, EventType.ACK, NEW, 4711)
    filled = s.fill(order, approved, 1, 10_001, 50, FILLED)
    hedged_by, hedge = s.intent(2, 10_010, 50, by=filled)
    hedge_approved = s.approve(hedge, hedged_by, 2, 10_010, 50)
    s.fill(hedge, hedge_approved, 2, 10_010, 50, FILLED)
    lines = [
        {"kind": "source", "name": name, "number": number}
        for name, number in (("cross", STRATEGY), ("venue_alpha", VENUE), ("feed_alpha", FEED))
    ]
    (tmp_path / "registry.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    journal = Journal.open(tmp_path, INSTANCE)
    journal.take(s.records)
    journal.commit()
    journal.close()
    return tmp_path, order, hedge


def test_the_chain_from_the_inputs_to_the_fill(traded: tuple[Path, int, int]) -> None:
    state, order, hedge = traded
    told = why(state, spell_id(order))
    assert told["inputs"] == {
        "feed": "feed_alpha",
        "epoch": 3,
        "update_id": 991,
        "bid": "99.99",
        "ask": "100.01",
        "expected_price": "100",
        "edge": 0,
        "strategy": "cross",
        "rule": 4,
        "record": {"source": "feed_alpha", "position": 77},
    }
    kinds = [s["kind"] for s in told["steps"] if "kind" in s]
    assert kinds == ["intent", "approved", "order_event", "fill"]
    times = [s["at"] for s in told["steps"]]
    assert times == sorted(times)
    assert [s["after_ns"] for s in told["steps"][1:]] == [
        b - a for a, b in itertools.pairwise(times)
    ]
    stamps = [s["what"] for s in told["steps"] if "kind" not in s]
    assert stamps == ["frame in hand", "decided", "approved", "answer received"]
    told_in_order = [s.get("kind", s["what"]) for s in told["steps"]]
    assert told_in_order[:5] == ["frame in hand", "decided", "intent", "approved", "approved"]
    assert (told["status"], told["filled"], told["venue_order_id"]) == ("FILLED", "0.005", "4711")
    assert [s["order"] for s in told["led_to"]] == [f"{hedge:032x}"]
    assert "sell 0.005 at 100.1" in told["led_to"][0]["what"]


def test_two_orders_that_venues_gave_one_number_are_both_named(
    traded: tuple[Path, int, int],
) -> None:
    """The newer one is told, and the other's name said: an answer about the wrong one is none."""
    state, order, hedge = traded
    db = apsw.Connection(str(state / FILE))
    db.execute("UPDATE orders SET venue_order_id = '4711' WHERE id = ?", (f"{hedge:032x}",))
    db.close()
    told = why(state, "4711")
    assert (told["order"], told["also"]) == (f"{hedge:032x}", [spell_id(order)])
    assert why(state, spell_id(order))["also"] == []


def test_a_hedge_names_what_made_it_necessary(traded: tuple[Path, int, int]) -> None:
    state, order, hedge = traded
    told = why(state, f"{hedge:032X}")
    assert [(c["kind"], c["order"]) for c in told["caused_by"]] == [("fill", f"{order:032x}")]


@pytest.mark.parametrize("spelling", ["base62", "hex", "venue"])
def test_an_order_is_found_by_each_of_its_names(
    traded: tuple[Path, int, int], spelling: str
) -> None:
    state, order, _ = traded
    name = {"base62": spell_id(order), "hex": f"{order:032x}", "venue": "4711"}[spelling]
    result = CliRunner().invoke(why_command, [name, "--state", str(state), "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["order"] == f"{order:032x}"


def test_for_people(traded: tuple[Path, int, int]) -> None:
    state, _order, hedge = traded
    text = CliRunner().invoke(why_command, ["4711", "--state", str(state)]).stdout
    assert "decided by cross, rule 4, on feed_alpha update 991" in text
    assert f"led to {hedge:032x}" in text
    text = CliRunner().invoke(why_command, [spell_id(hedge), "--state", str(state)]).stdout
    assert "because of venue_alpha/3: fill 1: buy 0.005 at 100.01" in text


def test_what_is_not_there_has_a_code(traded: tuple[Path, int, int], tmp_path: Path) -> None:
    state = traded[0]
    for unknown in ("12345", f"{1:032x}", "zzz", "-"):
        with pytest.raises(OrderNotFound, match="TCL-3030"):
            why(state, unknown)
    with pytest.raises(NoJournal):
        journal_state(tmp_path / "nowhere")


def test_the_only_journal_is_found(
    traded: tuple[Path, int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / "var").mkdir(parents=True)
    monkeypatch.chdir(home)
    with pytest.raises(NoJournal, match="None was found"):
        journal_state(None)
    (home / "var" / "demo").symlink_to(traded[0])
    assert journal_state(None) == Path("var/demo")
    (home / "var" / "other").symlink_to(traded[0])
    with pytest.raises(NoJournal, match="Several"):
        journal_state(None)


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(journal_command, [*arguments, "--json"])
    return result.exit_code, json.loads(result.stdout)


def test_journal_check_says_yes_and_no(traded: tuple[Path, int, int]) -> None:
    state = str(traded[0])
    code, answer = run("check", "--state", state)
    assert (code, answer["ok"], answer["events"], answer["differences"]) == (0, True, 8, [])
    db = apsw.Connection(str(traded[0] / FILE))
    db.execute("UPDATE orders SET quantity = quantity + 1")
    db.close()
    code, answer = run("check", "--state", state)
    assert (code, answer["ok"]) == (1, False)
    assert answer["differences"][0]["fields"] == ["quantity"]
    text = CliRunner().invoke(journal_command, ["check", "--state", state]).stdout
    assert "I7: a view is not what its events give" in text and "NOT whole" in text


def test_journal_show(traded: tuple[Path, int, int]) -> None:
    state = str(traded[0])
    code, answer = run("show", "--state", state)
    assert code == 0 and len(answer["events"]) == 8
    _, answer = run("show", "--state", state, "--orders")
    assert [o["side"] for o in answer["orders"]] == ["sell", "buy"]
    assert answer["orders"][1]["venue_order_id"] == "4711"
    _, answer = run("show", "--state", state, "--fills", "--limit", "1")
    assert [f["price"] for f in answer["fills"]] == ["100.1"]
    _, answer = run("show", "--state", state, "--positions")
    assert (answer["realised"], answer["positions"][0]["position"]) == ("0.00045", "0")
    _, answer = run("show", "--state", state, "--strands")
    assert [(s["root"], s["fills"]) for s in answer["strands"]] == [("feed_alpha/77", 2)]
    assert (
        "alpha.BTCUSDT"
        in CliRunner().invoke(journal_command, ["show", "--state", state, "--fills"]).stdout
    )


def test_the_journal_says_once_what_its_numbers_mean(tmp_path: Path) -> None:
    """Scales are events too: the store explains itself without the configuration."""
    settings = SimpleNamespace(
        tick="0.01", lot="0.0001", base="BTC", quote="USDT", min_quantity="0", min_notional="0"
    )
    listing = SimpleNamespace(
        name="alpha.BTCUSDT",
        venue="alpha",
        symbol="BTCUSDT",
        number=1,
        base_asset=7,
        quote_asset=8,
        settings=settings,
    )
    lane = SimpleNamespace(state=str(tmp_path), instance=INSTANCE, listings={"a": listing})
    setup = SimpleNamespace(lane=lane, actor=SimpleNamespace(source=40))
    for tick, events in (("0.01", 1), ("0.01", 1), ("0.1", 2)):
        settings.tick = tick
        journal = Journal(setup)  # type: ignore[arg-type]
        assert journal.store.last_id == events
        assert journal.health() in ("ok", "alarm", "cancel_only")
        journal.close()
    db = open_reader(tmp_path)
    assert Names(tmp_path, db).price(1, 15) == "1.5"
    assert check(tmp_path)["ok"]
