"""Back-tests: deterministic by seed, never ahead of the latency model, real gate and order life."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from click.testing import CliRunner

from bench.depth_frames import make
from engine.backtest import StateTaken, StrategyFailed, backtest_file
from engine.capture_map import CapturesUnclear
from engine.commands.replay import command
from engine.errors import TiercelError
from engine.journal.check import check
from engine.journal.show import show
from engine.journal.why import why
from engine.journal.why_not import why_not
from engine.market_tape import FeedNotPlayable, ListingNotRecorded, NothingPlayed, NotMarketData
from engine.one_lane import NothingToTest
from engine.paper_account import FeeNotPriced
from engine.recording import Writing
from hotpath.records import Document, Header, Kind, join, pack, split, unpack
from tests.engine.running import until
from tests.reference.account import Account

MS = 1_000_000
START = 1_700_000_000_000_000_000
STEP = 10 * MS
STRATEGY = '''
from hotpath.strategy import Strategy
from hotpath.records import Side, TimeInForce

class Crosser(Strategy):
    """Takes the best ask at every tenth change, sells it again at the next tenth."""

    def on_start(self):
        self.seen = 0

    def on_book(self, market):
        if not market.is_valid:
            return
        self.seen += 1
        if self.seen % 20 == 10:
            self.place(market, Side.BUY, market.best_ask + 50, 100, time_in_force=TimeInForce.IOC)
        elif self.seen % 20 == 0:
            self.place(market, Side.SELL, market.best_bid - 50, 100, time_in_force=TimeInForce.IOC)
'''


def capture(folder: Path, count: int = 400) -> Path:
    """A synthetic Binance capture: snapshot, then a diff and a best bid and ask every 10 ms."""
    stream = make(count)
    lines = [b"%d %s" % (START, stream.snapshot)]
    for n, (depth, ticker) in enumerate(zip(stream.depth, stream.ticker, strict=True), 1):
        wrapped = b'{"stream":"btcusdt@depth@100ms","data":%s}' % depth
        lines += [b"%d %s" % (START + n * STEP, wrapped), b"%d %s" % (START + n * STEP, ticker)]
    path = folder / "capture.raw"
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def application(folder: Path, strategy: str = STRATEGY, **backtest: Any) -> Path:
    """A configuration with one venue and a strategy of one's own beside it."""
    (folder / "crosser.py").write_text(strategy)
    listing = {"base": "BTC", "quote": "USDT", "tick": "0.01", "lot": "0.00001"}
    limits = {"max_order_quantity": "1", "max_order_notional": "100000", "max_long": "3",
              "max_short": "3", "max_data_age_ms": 5000}  # fmt: skip
    lease = {"strategy": "crosser", "venue": "one", "gross_notional": "1000000",
             "open_notional": "1000000", "open_orders": 20}  # fmt: skip
    actors = [
        {"name": "feed", "kind": "feeds/binance", "venue": "one", "instruments": ["one.BTCUSDT"]},
        {"name": "venue", "kind": "venues/binance", "venue": "one",
         "instruments": ["one.BTCUSDT"], "follows": ["crosser"]},
        {"name": "crosser", "kind": "./crosser.py", "instruments": ["one.BTCUSDT"],
         "follows": ["feed", "venue"]},
    ]  # fmt: skip
    document = {
        "application": "tested",
        "instruments": {"one.BTCUSDT": listing},
        "venues": {"one": {"kind": "venues/binance", "taker_fee_ppm": 100, "maker_fee_ppm": 0}},
        "lanes": [
            {
                "name": "journal",
                "runtime": "trio",
                "actors": [{"name": "journal", "kind": "engine/journal"}],
            },
            {"name": "trade", "runtime": "uvloop", "actors": actors},
        ],
        "risk": {
            "total": {"max_gross_notional": "1000000", "max_open_notional": "1000000"},
            "venues": {"one": {}},
            "instruments": {"one.BTCUSDT": limits},
            "strategies": {"crosser": {"max_executions": 100000}},
            "leases": [lease],
        },
        "backtest": backtest,
    }
    path = folder / "tested.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


class Kept:
    """Every record of every actor, and a digest of them."""

    def __init__(self) -> None:
        self.records: list[bytes] = []

    def __call__(self, source: int, records: list[bytes]) -> None:
        self.records += records

    def digest(self) -> str:
        return hashlib.sha256(b"".join(self.records)).hexdigest()

    def of(self, kind: Kind) -> list[Any]:
        found = []
        for raw in self.records:
            header, payload = split(raw)
            if header.kind == kind:
                found.append((header, unpack(kind, payload)))
        return found


def run_on(path: Path, config: Path, seed: int = 1) -> tuple[dict[str, Any], Kept]:
    kept = Kept()
    return backtest_file(path, config, seed=seed, keep=kept), kept


def test_two_runs_give_identical_records_and_seeds_differ(tmp_path: Path) -> None:
    file, config = capture(tmp_path), application(tmp_path, jitter_us=3000)
    one, first = run_on(file, config)
    two, second = run_on(file, config)
    assert first.records == second.records
    assert len(first.records) == one["records"]
    for changing in ("events_per_s", "seconds"):
        one.pop(changing), two.pop(changing)
    assert one == two
    _, other = run_on(file, config, seed=2)
    assert other.digest() != first.digest(), "the jitter does not depend on the seed"


def test_it_trades_through_the_real_gate_and_journal(tmp_path: Path) -> None:
    config = application(tmp_path, fees={"paid_in": "quote"})
    found, kept = run_on(capture(tmp_path), config)
    fills = kept.of(Kind.FILL)
    assert found["orders"] == len(kept.of(Kind.APPROVED)) > 10
    assert found["fills"] == len(fills) >= found["orders"]
    assert found["identical"] is None and found["first_difference"] is None
    # fees: 100 ppm of the notional of each fill, rounded up to 1e-8 of the quote asset
    paid = sum(-(-f.price * f.quantity * 10 * 100 // 1_000_000) for _, f in fills)
    assert round(float(found["fees"]) * 1e8) == paid == sum(f.fee for _, f in fills)
    net = sum(f.quantity if f.side == 1 else -f.quantity for _, f in fills)
    assert float(found["positions"][0]["position"]) == pytest.approx(net / 1e5)


FEES: dict[str, dict[str, Any]] = {
    "received": {"paid_in": "received"},
    "quote": {"paid_in": "quote"},
    "an asset of its own": {
        "paid_in": "BNB",
        "prices": {"USDT": "612.345"},
        "discount_ppm": 250000,
    },
    "until it runs out": {"paid_in": "BNB", "prices": {"USDT": "612.345"}},
}


@pytest.mark.parametrize("how", FEES)
def test_fees_balances_and_profit_equal_a_slow_account(tmp_path: Path, how: str) -> None:
    """An odd number of rounds is cut off, so that a position stands open at the end."""
    fees = FEES[how]
    held = {"BTC": "5", "USDT": "900000", "BNB": "0.0001" if "out" in how else "7"}
    config = application(
        tmp_path, fees=fees, balances={"one": held}, reply_us=100, market_data_us=100
    )
    found, kept = run_on(capture(tmp_path, 391), config)
    twin = Account(
        "BTC", "USDT", Fraction("0.01"), Fraction("0.00001"), maker_ppm=0, taker_ppm=100,
        paid_in=fees["paid_in"], price=Fraction(fees.get("prices", {}).get("USDT", "1")),
        discount_ppm=fees.get("discount_ppm", 0),
        balances={a: Fraction(n) for a, n in held.items()},
    )  # fmt: skip
    fills = [fill for _, fill in kept.of(Kind.FILL)]
    assets: dict[str, int] = {}
    for fill in fills:
        asset, fee = twin.fill(fill.side, fill.price, fill.quantity, bool(fill.maker))
        assert fill.fee == fee * 10**8
        assert assets.setdefault(asset, fill.fee_asset) == fill.fee_asset
    assert len(set(assets.values())) == len(assets) == len(twin.fees)
    told = {
        b.asset: Fraction((b.free_hi << 64) + b.free_lo, 10**8) for _, b in kept.of(Kind.BALANCE)
    }
    assert sorted(told.values()) == sorted(
        n for a, n in twin.balances.items() if a in assets or a != "BNB"
    )
    if "out" in how:
        assert len(twin.fees) == 3, "it never ran out"
    top = kept.of(Kind.TOP)[-1][1]
    (row,) = found["positions"]
    assert twin.position != 0 == int(found["restarts"])
    mark = (top.bid_price if twin.position > 0 else top.ask_price) * twin.tick
    assert Fraction(row["mark"]) == mark
    assert Fraction(row["position"]) == twin.position
    assert Fraction(found["pnl"]) == twin.profit(mark)


def test_fees_without_a_price_are_refused(tmp_path: Path) -> None:
    for fees in ({"paid_in": "BNB"}, {"paid_in": "BNB", "prices": {"EUR": "500"}}):
        config = application(tmp_path, fees=fees)
        with pytest.raises(FeeNotPriced, match=r"TCL-7017.*BNB.*USDT"):
            backtest_file(capture(tmp_path, 20), config)


def test_nothing_is_decided_on_data_that_has_not_come(tmp_path: Path) -> None:
    """Every top that the feed tells was the market's at least `market_data_us` ago, and every order
    trades no sooner than `order_us` after its decision, at prices of that moment."""
    late, order, reply = 7, 25, 4
    config = application(
        tmp_path, market_data_us=late * 1000, order_us=order * 1000, reply_us=reply * 1000,
        jitter_us=2000,
    )  # fmt: skip
    _, kept = run_on(capture(tmp_path), config)
    stream = make(400)
    when = {orjson.loads(d)["u"]: n for n, d in enumerate(stream.depth, 1)} | {1000: 0}
    (_, first), *tops = kept.of(Kind.TOP)
    assert first.reason, "before anything came nothing holds"
    assert len(tops) > 100
    for header, top in tops:
        n = when[top.update_id]
        assert header.time >= START + n * STEP + late * MS, "ahead of the market's time"
        assert n == 0 or (top.bid_price, top.ask_price) == stream.best[n - 1]
    decided = {(h.source, h.position): h.time for h, _ in kept.of(Kind.INTENT)}
    for header, fill in kept.of(Kind.FILL):
        approved = next(h for h, a in kept.of(Kind.APPROVED) if a.id == fill.id)
        asked = decided[approved.cause >> 48, approved.cause & (1 << 48) - 1]
        assert asked + (order + 2) * MS >= fill.venue_time >= asked + order * MS
        assert fill.venue_time + (reply + 2) * MS >= header.time >= fill.venue_time + reply * MS
        # the ask of the market as it was when the order arrived, not as it was when decided
        n = (fill.venue_time - START) // STEP
        bid, ask = stream.best[n - 1]
        assert fill.price == (ask if fill.side == 1 else bid)


def test_the_future_changes_nothing_before_it(tmp_path: Path) -> None:
    """A capture that is cut off gives the same records up to there."""
    file, config = capture(tmp_path), application(tmp_path, jitter_us=3000)
    _, whole = run_on(file, config)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[: len(lines) // 2]))
    end = int(lines[len(lines) // 2 - 1].split()[0])
    _, half = run_on(file, config)

    def before(kept: Kept) -> list[bytes]:
        return sorted(r for r in kept.records if int.from_bytes(r[16:24], "little") < end)

    assert before(half) == before(whole)
    assert len(before(half)) > 50


def test_the_command(tmp_path: Path) -> None:
    file, config = capture(tmp_path, 50), application(tmp_path)
    done = CliRunner().invoke(
        command, [str(file), "--config", str(config), "--json"], standalone_mode=False
    )
    found = orjson.loads(done.output)
    assert {"records", "identical", "first_difference", "events_per_s"} <= set(found)
    assert found["identical"] is None
    assert isinstance(found["pnl"], str)
    assert done.return_value == 0


def test_what_cannot_be_tested_has_a_code(tmp_path: Path) -> None:
    file, config = capture(tmp_path, 20), application(tmp_path)
    other = tmp_path / "notes.txt"
    other.write_text("nothing of the kind\n")
    with pytest.raises(NotMarketData, match="TCL-7010"):
        backtest_file(other, config)
    with pytest.raises(NotMarketData, match="TCL-7010"):
        backtest_file(tmp_path / "absent", config)
    document = yaml.safe_load(config.read_text())
    lanes = document["lanes"]
    lanes[1]["actors"].pop()
    document["risk"].pop("strategies"), document["risk"].pop("leases")
    lanes[1]["actors"][1]["follows"] = []
    config.write_text(yaml.safe_dump(document))
    with pytest.raises(NothingToTest, match=r"TCL-7014.*no strategy"):
        backtest_file(file, config)
    config = application(tmp_path)
    config.write_text(config.read_text().replace("BTCUSDT", "ETHUSDT"))
    with pytest.raises(ListingNotRecorded, match=r"TCL-7011.*one.ETHUSDT"):
        backtest_file(file, config)
    assert issubclass(FeedNotPlayable, Exception)
    document = yaml.safe_load(application(tmp_path).read_text())
    document["lanes"][1]["actors"][0]["instruments"] = []
    config.write_text(yaml.safe_dump(document))
    with pytest.raises(NothingToTest, match=r"TCL-7014.*shows an instrument"):
        backtest_file(file, config)


def test_a_recording_without_a_frame_has_nothing_to_play(tmp_path: Path) -> None:
    listing = {"number": 5, "settings": {"tick": "0.01", "lot": "0.00001"}}
    feed = {"name": "feed", "role": "feed", "kind": "feeds/binance", "source": 3,
            "instruments": ["one.BTCUSDT"]}  # fmt: skip
    start = {"lane": "trade", "actors": [feed], "listings": {"one.BTCUSDT": listing}}
    writing = Writing(tmp_path / "run.tcr", {})
    header = Header(0, Kind.DOCUMENT, 1, 1, START, 0, 0, 0)
    writing.write([join(header, pack(Document(document={"start": start})))])
    writing.close()
    with pytest.raises(NothingPlayed, match=r"TCL-7020.*run\.tcr"):
        backtest_file(tmp_path / "run.tcr", application(tmp_path))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_that_is_ended_leaves_nothing_in_shared_memory(
    tmp_path: Path, number: signal.Signals
) -> None:
    slow = STRATEGY.replace("self.seen += 1", "self.seen += 1; import time; time.sleep(1.0)")
    file, config = capture(tmp_path, 60), application(tmp_path, slow)
    argv = [sys.executable, "-m", "engine.main", "replay", str(file), "--config", str(config)]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def held() -> set[Path]:
        found = set()
        for entry in Path(f"/proc/{process.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                at = next((p for p in Path(os.readlink(entry)).parents
                           if p.name.startswith("tiercel-backtest-")), None)  # fmt: skip
                found |= {at} if at else set()
        return found

    try:
        until(held)
        folders = held()
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130 and "Traceback" not in err
    assert folders and not any(folder.exists() for folder in folders)


def test_a_strategy_that_fails_has_a_code(tmp_path: Path) -> None:
    broken = STRATEGY.replace("self.seen += 1", "raise RuntimeError('no idea')")
    with pytest.raises(StrategyFailed, match=r"TCL-7015.*no idea"):
        backtest_file(capture(tmp_path, 20), application(tmp_path, broken))


def test_a_strategy_that_fails_now_and_then_is_started_again(tmp_path: Path) -> None:
    """As its lane would live: up to `max_restarts` in the window, and it goes on trading."""
    rare = STRATEGY.replace(
        "self.seen = 0", "self.seen, self.lives = 0, getattr(self, 'lives', 0) + 1"
    ).replace(
        "if self.seen % 20 == 10:",
        "if self.seen == 45 and self.lives <= 3:\n            raise RuntimeError('rare')\n"
        "        if self.seen % 20 == 10:",
    )
    file = capture(tmp_path)
    found, _ = run_on(file, application(tmp_path, rare))
    assert found["restarts"] == 3 and found["fills"] > 10
    (tmp_path / "more").mkdir()
    often = application(tmp_path / "more", rare.replace("<= 3", "<= 4"))
    with pytest.raises(StrategyFailed, match=r"TCL-7015.*rare"):
        run_on(file, often)


def two_venues(folder: Path) -> Path:
    """The application of one venue, doubled: the strategy sees and trades on the second only."""
    config = application(folder)
    document = yaml.safe_load(config.read_text())
    venue, listing = document["venues"]["one"], document["instruments"]["one.BTCUSDT"]
    document["venues"]["two"], document["instruments"]["two.BTCUSDT"] = venue, listing
    actors = document["lanes"][1]["actors"]
    actors.insert(0, {"name": "feed_two", "kind": "feeds/binance", "venue": "two",
                      "instruments": ["two.BTCUSDT"]})  # fmt: skip
    config.write_text(yaml.safe_dump(document))
    return config


def test_each_venue_has_the_capture_that_is_named_for_it(tmp_path: Path) -> None:
    """The second capture is the first one, a tick dearer: each feed tells its own."""
    one, config = capture(tmp_path, 60), two_venues(tmp_path)
    frames = [line.split(b" ", 1) for line in one.read_bytes().splitlines()]
    first, second = tmp_path / "first.raw", tmp_path / "second.raw"
    first.write_bytes(b"".join(b"%s %s\n" % (t, f) for t, f in frames[:50]))
    second.write_bytes(b"".join(b"%s %s\n" % (t, f) for t, f in frames[50:]))
    kept = Kept()
    found = backtest_file([f"two={one}", f"one={first}", f"one={second}"], config, keep=kept)
    assert found["market_data"] == {
        "one.BTCUSDT": [str(first), str(second)], "two.BTCUSDT": [str(one)]
    }  # fmt: skip
    tops: dict[int, list[Any]] = {}
    for header, top in kept.of(Kind.TOP):
        tops.setdefault(header.source, []).append(top)
    assert len(tops) == 2
    a, b = tops.values()
    assert a == b and len(a) > 50, "two halves read as one capture are the capture"
    short = Kept()
    backtest_file([f"two={one}", f"one={first}"], config, keep=short)
    by_feed = {h.source for h, _ in short.of(Kind.TOP)}
    counts = sorted(sum(h.source == s for h, _ in short.of(Kind.TOP)) for s in by_feed)
    assert counts[0] < counts[1] == len(a)
    with pytest.raises(CapturesUnclear, match=r"TCL-7016.*one.BTCUSDT"):
        backtest_file([f"two={one}"], config)
    with pytest.raises(CapturesUnclear, match=r"first.raw begins before"):
        backtest_file([f"two={one}", f"one={second}", f"one={first}"], config)


def test_an_unknown_venue_in_the_settings_is_refused(tmp_path: Path) -> None:
    for settings in ({"balances": {"elsewhere": {"BTC": "1"}}}, {"venue_fees": {"elsewhere": {}}}):
        with pytest.raises(TiercelError, match=r"TCL-1022.*elsewhere"):
            backtest_file(capture(tmp_path, 20), application(tmp_path, **settings))


def test_a_crossed_capture_is_in_doubt_until_it_is_no_longer(tmp_path: Path) -> None:
    """A level that the capture never took away crosses the book; its end joins the book anew."""
    file = capture(tmp_path, 60)
    lines = file.read_bytes().splitlines(keepends=True)
    stream = make(60)
    cross = orjson.loads(stream.depth[29])
    ask = stream.best[29][1]
    price, dear = f"{ask / 100:.2f}", f"{(ask + 300) / 100:.2f}"
    for n, levels in ((29, [[dear, "1"]]), (39, [[dear, "0"]])):
        frame = orjson.loads(stream.depth[n])
        frame["b"] += levels
        at = 1 + 2 * n
        wrapped = b'{"stream":"btcusdt@depth@100ms","data":%s}' % orjson.dumps(frame)
        lines[at] = b"%d %s\n" % (START + (n + 1) * STEP, wrapped)
    assert cross["u"] and price
    file.write_bytes(b"".join(lines))
    config = application(tmp_path)
    _, kept = run_on(file, config)
    states = [(h.time, s.reason) for h, s in kept.of(Kind.BOOK_STATE)]
    assert [reason for _, reason in states] == [1, 3]  # never joined, then crossed
    valid = [h.time for h, top in kept.of(Kind.TOP) if top.reason == 0]
    late = 600_000
    assert START + 30 * STEP <= states[1][0] <= START + 30 * STEP + late
    assert not [t for t in valid if START + 30 * STEP < t < START + 40 * STEP]
    assert [t for t in valid if START + 40 * STEP <= t <= START + 40 * STEP + late]
    # a snapshot that is not older than the stream ends it sooner
    upto = b"".join(lines[:65])
    whole = orjson.loads(stream.snapshot)
    whole["lastUpdateId"] = orjson.loads(stream.depth[31])["u"]
    joined = b"%d %s\n" % (START + 32 * STEP, orjson.dumps(whole))
    rest = b"".join(lines[65:])
    file.write_bytes(upto + joined + rest)
    _, kept = run_on(file, config)
    valid = [h.time for h, top in kept.of(Kind.TOP) if top.reason == 0]
    assert [t for t in valid if START + 32 * STEP < t < START + 33 * STEP]


def test_captures_of_the_shared_data(shared: Path, tmp_path: Path) -> None:
    """Every Binance spot capture that begins with a snapshot plays, twice alike."""
    played = 0
    for path in sorted((shared / "data" / "binance").glob("spot_btcusdt*.raw.gz")):
        config = application(tmp_path)
        try:
            one, first = run_on(path, config)
        except ListingNotRecorded:
            continue  # it goes on from another file and has no snapshot of its own
        two, second = run_on(path, config)
        assert first.digest() == second.digest()
        assert one["events"] == two["events"] > 1000
        played += 1
    assert played or not list((shared / "data" / "binance").glob("spot_btcusdt*"))


def test_the_journal_of_a_back_test_is_whole_and_explains_it(tmp_path: Path) -> None:
    """All invariants hold, each fill's order has its chain, and the strategy says why not."""
    state = tmp_path / "kept" / "here"
    told = STRATEGY.replace("self.seen += 1", "self.seen += 1\n        self.skip('every look')")
    config = application(tmp_path, told, fees={"paid_in": "received"}, jitter_us=3000)
    file = capture(tmp_path, 1300)  # longer than the 5 s after which a strategy tells of itself
    found = backtest_file(file, config, state=state)
    answer = check(state)
    assert answer["ok"], answer["differences"]
    assert answer["events"] > 100
    orders = show(state, "orders", 10_000)["orders"]
    assert len(orders) == found["orders"] + found["refused"]
    filled = [order for order in orders if order["status"] == "FILLED"]
    assert len(filled) > 10
    for order in filled[:5]:
        chain = why(state, order["client_order_id"])
        assert chain["status"] == "FILLED" and chain["inputs"]["strategy"] == "crosser"
        assert [step for step in chain["steps"] if step.get("kind") == "fill"]
    reasons = why_not(state, "crosser")["reasons"]
    assert reasons["every look"]["count"] > 100
    assert show(state, "positions", 1)["pnl"]
    with pytest.raises(StateTaken, match="TCL-7019"):
        backtest_file(file, config, state=state)
