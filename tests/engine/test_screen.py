"""The screen fits its width with the longest values it is meant for, and shows all of them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from engine import screen
from engine.journal.actor import Journal
from engine.journal.why import why
from engine.screen import COLUMNS, STATUS, Looker, draw, plain_line
from tests.engine.journal.session import INSTANCE, Session

FOUND: dict[str, Any] = {
    "counts": {"orders": 123456, "fills": 123457, "refused": 1234, "events": 9876543},
    "pnl": "-12345.6789012345",
    "books": [
        {"feed": "feed_alpha", "bid_quantity": "12.34567", "bid": "123456.78",
         "ask": "123457.89", "ask_quantity": "98.76543", "state": "not joined"},
    ],
    "listings": [
        {"listing": "alpha.BTCUSDT", "position": "-12.34567", "realised": "-12345.678901",
         "fees": "1234.5678901"},
    ],
    "latency": {
        "tick_to_order": {"count": 7654321, "p50_ns": 98765, "p99_ns": 999_900_000,
                          "max_ns": 998_800_000},
    },
    "lanes": [
        {"name": "recorder", "pid": 4194304, "runtime": "uvloop", "state": "starting",
         "restarts": 119},
    ],
    "orders": [
        {"id": "0000500100a1", "venue": "venue_alpha", "side": "sell", "price": "123459.12",
         "quantity": "12.34562", "filled": "11.34561", "status": status}
        for status in STATUS.values()
    ],
    "fills": [{"venue": "venue_beta", "side": "buy", "price": "123451.23", "quantity": "0.01002"}],
}  # fmt: skip


def drawn(width: int) -> str:
    from rich.console import Console

    out = io.StringIO()
    Console(file=out, width=width).print(draw(FOUND, "title"))
    return out.getvalue()


def texts(found: Any) -> list[str]:
    """Every text and number of the rows as the screen shows it (nanoseconds are shown as times)."""
    rows = [r for part in ("books", "listings", "orders", "fills") for r in found[part]]
    lanes = [str(lane[k]) for lane in found["lanes"] for k in ("name", "pid", "state", "restarts")]
    return [v for r in rows for v in r.values()] + lanes + ["98.8 us", "999.9 ms", "998.8 ms"]


@pytest.mark.parametrize("width", [80, COLUMNS, 200])
def test_nothing_is_cut(width: int) -> None:
    text = drawn(width)
    assert "…" not in text
    assert [v for v in texts(FOUND) if v not in text] == []
    assert max(map(len, text.splitlines())) <= min(width, COLUMNS)


def test_lanes_stand_beside_the_books_where_there_is_room() -> None:
    assert any("feed_alpha" in line and "recorder" in line for line in drawn(COLUMNS).splitlines())
    assert not any("feed_alpha" in line and "recorder" in line for line in drawn(80).splitlines())


def test_the_kill_switch_is_seen_on_the_screen_and_in_the_line() -> None:
    from rich.console import Console

    assert "KILLED" not in drawn(COLUMNS) + plain_line(FOUND, 1.0)
    killed = FOUND | {"killed": ["alpha", "cross"]}
    out = io.StringIO()
    Console(file=out, width=80).print(draw(killed, "title"))
    assert "KILLED: alpha, cross" in out.getvalue() and "tiercel resume" in out.getvalue()
    assert "KILLED: alpha, cross" in plain_line(killed, 1.0)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    journal = Journal.open(tmp_path, INSTANCE)
    journal.take(Session(3).run(30).records)
    journal.commit()
    journal.close()
    return tmp_path


def test_an_order_is_shown_by_the_name_that_why_takes(state: Path) -> None:
    shown = Looker(state).look()["orders"]
    assert shown
    for order in shown:
        assert why(state, order["id"])["order"].endswith(order["id"])


def test_reading_a_long_journal_takes_its_share_of_the_time_and_no_more(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four looks a second; a journal that takes 100 ms to sum up is read every 2 s."""
    now, readings = [100.0], []
    read = Looker.journal

    def slow(self: Looker, *args: Any) -> dict[str, Any]:
        now[0] += 0.1
        readings.append(now[0])
        return read(self, *args)

    monkeypatch.setattr(screen.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(Looker, "journal", slow)
    looker = Looker(state)
    while now[0] < 110:
        assert looker.look()["counts"]["events"] > 0
        now[0] += 0.25
    assert 4 <= len(readings) <= 6
