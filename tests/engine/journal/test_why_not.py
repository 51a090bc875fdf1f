"""Why a strategy did not trade: told by itself on a timer, alike in every run, then stored."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from actors.strategies.cross_venue import CrossVenue, Settings, text_of
from engine.commands.why import command
from engine.journal.actor import Journal
from engine.journal.why_not import StrategyNotKnown, why_not
from hotpath.book import Book
from hotpath.instrument import Instrument
from hotpath.lane import Lane
from hotpath.market import Market
from hotpath.records import Balance, Document, Header, Kind, Refused, Top, join, pack, unpack
from hotpath.ring import Outbox, Reader
from hotpath.strategy import Strategy
from tests.engine.journal.session import INSTANCE, STRATEGY, VENUE, Session

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
BTC, USDT, FEEDS, VENUES = 1, 2, (31, 32), (21, 22)


class Hesitant(Strategy):
    """Skips at every timer of its own."""

    def on_start(self) -> None:
        self.arm(self.now + SECOND, 7)

    def on_timer(self, token: int) -> None:
        assert token == 7, token
        self.skip("too quiet", volume=self.now % 1000)
        self.arm(self.now + SECOND, 7)


def told(reader: Reader) -> list[dict[str, Any]]:
    found = []
    for header, payload in reader.read(1000):
        assert header.kind == Kind.DOCUMENT
        found.append(unpack(header.kind, payload).document["why_not"])
    return found


def hesitate() -> tuple[list[dict[str, Any]], list[bytes]]:
    lane = Lane("test", is_virtual=True)
    outbox = Outbox.private(1 << 16, STRATEGY)
    reader, raw = Reader.of(outbox), Reader.of(outbox)
    Hesitant(lane, "hesitant", outbox)
    lane.start(START)
    now = START
    while now < START + 12 * SECOND:
        now = lane.due or now
        lane.take_timers(now)
    return told(reader), list(raw.take(1000))


def test_a_strategy_tells_on_a_timer_and_every_run_tells_the_same() -> None:
    found, records = hesitate()
    assert [(f["from"], f["to"]) for f in found] == [
        (START, START + 5 * SECOND),
        (START + 5 * SECOND, START + 10 * SECOND),
    ]
    assert all(f["intents"] == 0 and f["reasons"].keys() == {"too quiet"} for f in found)
    assert sum(f["reasons"]["too quiet"]["count"] for f in found) in (9, 10)
    assert found[0]["reasons"]["too quiet"]["volume"] == 0
    assert hesitate()[1] == records


class Stage:
    """cross_venue on two markets, its inputs given by hand."""

    def __init__(self) -> None:
        self.lane = Lane("test", is_virtual=True)
        outbox = Outbox.private(1 << 18, STRATEGY)
        self.reader = Reader.of(outbox)
        self.strategy = CrossVenue(self.lane, "cross", outbox)
        listings = {}
        for i in range(2):
            spec = Instrument(
                "BTCUSDT",
                "0.01",
                "0.00001",
                id=i + 1,
                base="BTC",
                quote="USDT",
                base_asset=BTC,
                quote_asset=USDT,
                min_quantity="0.00001",
                max_quantity="9000",
                min_notional="5",
            )
            market = Market(
                instrument=i + 1,
                spec=spec,
                name=f"feed_{i}:v{i}.BTCUSDT",
                feed=FEEDS[i],
                venue=VENUES[i],
                index=i,
                slot=-1,
                book=Book(),
            )
            self.strategy.add_market(market)
            listings[f"v{i}.BTCUSDT"] = SimpleNamespace(spec=SimpleNamespace(venue=f"v{i}"))
        venue = SimpleNamespace(settings=SimpleNamespace(taker_fee_ppm=100))
        lane = SimpleNamespace(venues={"v0": venue, "v1": venue})
        settings = Settings(margin_ppm=50)
        self.strategy.set_up(SimpleNamespace(settings=settings, listings=listings, lane=lane))
        self.now, self.position = START, 0
        self.lane.start(START)

    def take(self, record: Any, kind: Kind, source: int, instrument: int = 0) -> None:
        self.now += 1000
        self.position += 1
        header = Header(0, kind, source, self.position, self.now, 0, instrument, 0)
        self.lane.take_record(self.strategy, join(header, pack(record)), self.now)

    def top(self, i: int, bid: int, ask: int, reason: int = 0) -> None:
        """Prices in whole USDT."""
        top = Top(
            bid_price=bid * 100,
            bid_quantity=1000,
            ask_price=ask * 100,
            ask_quantity=1000,
            update_id=self.position,
            epoch=1,
            reason=reason,
        )
        self.take(top, Kind.TOP, FEEDS[i], i + 1)

    def balance(self) -> None:
        for venue in VENUES:
            for asset in (BTC, USDT):
                free = 10**8 * 1_000_000
                self.take(Balance(free_lo=free, asset=asset, venue=venue), Kind.BALANCE, venue)

    def reasons(self) -> dict[str, Any]:
        assert self.lane.due is not None
        self.now = self.lane.due
        self.lane.take_timers(self.now)
        (found,) = told(self.reader)
        assert found["intents"] == 0
        reasons: dict[str, Any] = found["reasons"]
        return reasons


def test_cross_venue_says_what_kept_it_with_the_numbers() -> None:
    stage = Stage()
    stage.top(0, 49_999, 50_001, reason=4)
    stage.top(1, 49_999, 50_001)
    assert stage.reasons() == {
        "book invalid": {"count": 2, "market": "feed_0:v0.BTCUSDT", "doubt": 4}
    }
    stage.top(0, 49_999, 50_001)
    assert stage.reasons() == {"balance not known": {"count": 1}}
    stage.balance()
    stage.top(1, 50_005, 50_007)  # 4 USDT a coin, and fees and margin take 12.5
    stage.top(1, 50_003, 50_007)
    (reason,) = stage.reasons().items()
    assert reason[0] == "edge below cost"
    cost = (50_001 * 150 + 50_005 * 100) * 100  # in 1e-8
    assert reason[1] == {
        "count": 0,
        "ask": "50001",
        "bid": "50005",
        "edge": "4",
        "cost": text_of(cost),
        "buy": "feed_0:v0.BTCUSDT",
    } | {"count": reason[1]["count"]}
    assert stage.reasons() == {}, "an interval was told twice"


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (1, "0.00000001"), (-150_000_000, "-1.5"), (10**10, "100")]
)
def test_units_as_text(value: int, text: str) -> None:
    assert text_of(value) == text


@pytest.fixture
def state(tmp_path: Path) -> Path:
    s = Session(3)
    s.listing()
    begin = s.now
    for control, strategy in ((7, STRATEGY), (30, STRATEGY), (30, STRATEGY), (7, STRATEGY + 1)):
        refused = Refused(control=control, venue=VENUE, strategy=strategy, value=9, limit=5,
                          input=(1, 4, 5, 6))  # fmt: skip
        s.write(VENUE, refused)
    for reasons in ({"old": {"count": 1}}, {"edge below cost": {"count": 3, "edge": "4"}}):
        document = {"from": begin, "to": s.now, "intents": 3, "reasons": reasons}
        s.write(STRATEGY, Document(document={"why_not": document}))
    s.write(VENUE, Refused(control=3, venue=VENUE, strategy=STRATEGY, value=1, limit=0))
    line = {"kind": "source", "name": "cross", "number": STRATEGY}
    (tmp_path / "registry.jsonl").write_text(json.dumps(line) + "\n")
    journal = Journal.open(tmp_path, INSTANCE)
    journal.take(s.records)
    journal.commit()
    journal.close()
    return tmp_path


def test_limits_and_deadlines_are_read_from_the_journal(state: Path) -> None:
    found = why_not(state, "cross")
    assert found["reasons"] == {"edge below cost": {"count": 3, "edge": "4"}}
    assert found["refused"] == {
        "position limit": {
            "control": 7, "count": 1, "value": 9, "limit": 5, "why": "of the instrument, lots",
            "inputs": {"position": 4, "buying": 5, "selling": 6},
        },
        "deadline": {
            "control": 30, "count": 2, "value": 9, "limit": 5, "why": "ns",
            "inputs": {"at_send": 1},
        },
    }  # fmt: skip
    with pytest.raises(StrategyNotKnown, match="cross"):
        why_not(state, "other")


def test_the_command_says_it(state: Path) -> None:
    done = CliRunner().invoke(command, ["--not", "cross", "--state", str(state)])
    assert done.exit_code == 0, done.output
    assert "3 x  edge below cost: edge 4" in done.output
    assert "2 x  refused by the gate, deadline: 9 against 5; ns; at_send 1" in done.output
    limit = "position limit: 9 against 5; of the instrument, lots; position 4, buying 5, selling 6"
    assert limit in done.output
    done = CliRunner().invoke(command, ["--not", "cross", "--state", str(state), "--json"])
    assert json.loads(done.output)["strategy"] == "cross"
    assert CliRunner().invoke(command, ["--state", str(state)]).exit_code != 0
