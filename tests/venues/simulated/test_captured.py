"""A real capture served as an exchange: frames as received, own orders by the queue model."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.capture import frames
from hotpath import matching as m
from tests.venues.simulated.process import ACCOUNTS, Exchange
from venues.simulated.accounts import Order
from venues.simulated.captured import CaptureWithoutSnapshot
from venues.simulated.spec import ExchangeSpec
from venues.simulated.spec import read_spec as read
from venues.simulated.wire import Wire

START = 1_700_000_000_000_000_000
STREAMS = ("depth@100ms", "bookTicker", "trade")


def finest(texts: list[str]) -> str:
    """The coarsest power of ten that divides all of these decimals."""
    places = max(len(t.partition(".")[2].rstrip("0")) for t in texts)
    return "1" if places == 0 else "0." + "0" * (places - 1) + "1"


@pytest.fixture(scope="module")
def capture(shared: Path) -> dict[str, Any]:
    """A spot capture with a snapshot, and the market that fits it."""
    for path in sorted((shared / "data" / "binance").glob("*.raw.gz")):
        snapshot: dict[str, Any] = {}
        symbol = ""
        for n, frame in enumerate(frames(path)):
            data = orjson.loads(frame.data)
            if "pu" in data.get("data", {}) or n > 2000:
                break  # futures chain their updates otherwise
            symbol = symbol or data.get("data", {}).get("s", "")
            if "lastUpdateId" in data:
                snapshot = data
                break
        if snapshot and symbol:
            rows = snapshot["bids"] + snapshot["asks"]
            market = {"symbol": symbol, "base": symbol[:3], "quote": symbol[3:],
                      "tick": finest([r[0] for r in rows]), "lot": finest([r[1] for r in rows]),
                      "min_quantity": finest([r[1] for r in rows])}  # fmt: skip
            return {"path": str(path), "market": market, "snapshot": snapshot}
    pytest.skip("no spot capture with a snapshot among the shared data")


def spec_of(capture: dict[str, Any], **options: Any) -> ExchangeSpec:
    market = capture["market"]
    account = {"name": "main", "api_key": "K", "hmac_secret": "s",
               "balances": {market["base"]: "1000", market["quote"]: "100000000"}}  # fmt: skip
    document = {
        "name": "alpha",
        "ledger": "unused",
        "markets": [market],
        "accounts": [account],
        "capture": {"files": [capture["path"]]} | options,
    }
    return read(json.dumps(document).encode())


def play(wire: Wire, seconds: float) -> list[bytes]:
    """Advance virtual time in steps; the frames that went to connection 1."""
    found = []
    assert wire.captured is not None
    end = wire.exchange.now + int(seconds * 1e9)
    while wire.exchange.now < end and not wire.captured.ended:
        wire.advance(wire.exchange.now + 20_000_000)
        wire.take_lines()
        found += [o[2] for o in wire.take() if o[0] == "send" and o[1] == 1]
    return found


def subscribe(wire: Wire, symbol: str) -> None:
    names = "/".join(f"{symbol.lower()}@{s}" for s in STREAMS)
    assert wire.open(1, f"/stream?streams={names}", wire.exchange.now)


def test_the_frames_go_out_as_they_came(capture: dict[str, Any]) -> None:
    wire = Wire(spec_of(capture, speed=50, restamp=False), START)
    subscribe(wire, capture["market"]["symbol"])
    sent = play(wire, 1)
    assert len(sent) > 100
    wanted = {f"{capture['market']['symbol'].lower()}@{s}".encode() for s in STREAMS}
    known = [
        f.data
        for f in frames(Path(capture["path"]))
        if f.data[11 : f.data.find(b'"', 11)] in wanted
    ]
    at = known.index(sent[0])
    assert sent == known[at : at + len(sent)]


def test_the_rest_snapshot_joins_the_stream(capture: dict[str, Any]) -> None:
    wire = Wire(spec_of(capture, speed=20), START)
    symbol = capture["market"]["symbol"]
    subscribe(wire, symbol)
    before = [orjson.loads(f)["data"] for f in play(wire, 0.3)]
    wire.request(5, "GET", f"/api/v3/depth?symbol={symbol}&limit=5000", {}, b"", wire.exchange.now)
    answer = next(o for o in wire.take() if o[0] == "answer")
    last = orjson.loads(answer[2])["lastUpdateId"]
    after = [orjson.loads(f)["data"] for f in play(wire, 0.3)]
    ids = [(d["U"], d["u"]) for d in after if d.get("e") == "depthUpdate"]
    assert max(d["u"] for d in before if d.get("e") == "depthUpdate") == last
    assert ids[0][0] == last + 1
    stamps = [d["E"] for d in after if "E" in d]
    assert all(abs(t - wire.exchange.now // 1_000_000) < 1000 for t in stamps), "restamped"


@pytest.mark.parametrize("conservative", [False, True])
def test_an_order_rests_in_the_queue_until_trades_reach_it(
    capture: dict[str, Any], conservative: bool
) -> None:
    wire = Wire(spec_of(capture, speed=10, conservative=conservative), START)
    market = wire.exchange.markets[capture["market"]["symbol"]]
    account = wire.exchange.accounts["main"]
    terms = market.terms
    best = market.book.top(m.BUY)
    assert best is not None
    lots = max(terms.min_quantity, terms.min_notional // terms.quote_of(best[0], 1) + 1) * 2
    order = wire.exchange.place(
        account, market, "rest", m.BUY, m.LIMIT, m.GTC, best[0] * terms.tick, lots * terms.lot
    )
    taker = wire.exchange.place(
        account, market, "take", m.BUY, m.MARKET, m.GTC, 0, lots * terms.lot
    )
    assert isinstance(order, Order)
    assert isinstance(taker, Order)
    assert (taker.status, taker.trades[0].maker, order.status) == ("FILLED", False, "NEW")
    for _ in range(600):
        play(wire, 0.1)
        if not order.is_open:
            break
    if order.trades:
        assert all(t.maker and t.price == best[0] for t in order.trades)
    held = {a: account.total(a) for a in account.free}
    wire.exchange.cancel(order)
    assert {a: account.total(a) for a in account.free} == held, "only fills move totals"
    assert sum(account.locked.values()) == 0


def test_it_is_served_over_sockets_as_fast_as_it_is_taken(
    capture: dict[str, Any], tmp_path: Path
) -> None:
    market = capture["market"]
    balances = {market["base"]: "10", market["quote"]: "1000000"}
    accounts = [a | {"balances": balances} for a in ACCOUNTS]
    options = {"files": [capture["path"]], "speed": 0}
    joined = Wire(spec_of(capture), START).exchange.markets[market["symbol"]].update_id
    with (
        Exchange(tmp_path, markets=[market], accounts=accounts, capture=options) as exchange,
        exchange.ws(f"/ws/{market['symbol'].lower()}@depth@100ms", close_timeout=0.2) as ws,
    ):
        first = json.loads(ws.recv(10))
        assert first["U"] == joined + 1, "it waited for us"
        previous = first["u"]
        for _ in range(300):
            found = json.loads(ws.recv(10))
            assert found["U"] == previous + 1, "a slow reader holds the source, nothing is lost"
            previous = found["u"]
        assert exchange.control(op="status")["capture"]["frames"] >= 300


def test_recorded_json_lines_of_several_markets_are_served_too(shared: Path) -> None:
    """The other format: REST snapshots with their market in the address, streams of several."""
    served = 0
    for path in sorted((shared / "data" / "binance").glob("*.jsonl.zst")):
        snapshots: dict[str, dict[str, Any]] = {}
        for frame in frames(path):
            data = orjson.loads(frame.data) if frame.kind == "http" else {}
            if "lastUpdateId" in data and frame.symbol:
                snapshots.setdefault(frame.symbol, data)
        markets = []
        for symbol, found in snapshots.items():
            rows = found["bids"] + found["asks"]
            lot = finest([r[1] for r in rows])
            tick = finest([r[0] for r in rows])
            markets.append({"symbol": symbol, "base": symbol[:3], "quote": symbol[3:],
                            "tick": tick, "lot": lot, "min_quantity": lot,
                            "price": "1000"})  # fmt: skip
        if not markets:
            continue
        spec = read(
            json.dumps(
                {
                    "name": "alpha",
                    "ledger": "unused",
                    "markets": markets,
                    "capture": {"files": [str(path)], "speed": 20},
                }
            ).encode()
        )
        wire = Wire(spec, START)
        names = "/".join(f"{k['symbol'].lower()}@depth@100ms" for k in markets)
        assert wire.open(1, f"/stream?streams={names}", START)
        heard = {orjson.loads(f)["data"]["s"] for f in play(wire, 5)}
        assert heard <= set(snapshots)
        assert heard
        assert wire.captured is not None
        assert wire.captured.odd == 0
        served += 1
    if not served:
        pytest.skip("no such recording among the shared data")


def test_a_capture_without_the_market_is_refused_by_name(
    capture: dict[str, Any], tmp_path: Path
) -> None:
    lines = list(islice(frames(Path(capture["path"])), 3))
    short = tmp_path / "short.raw"
    short.write_bytes(b"".join(b"%d %b\n" % (f.time_ns, f.data) for f in lines))
    with pytest.raises(CaptureWithoutSnapshot, match="TCL-5204"):
        Wire(spec_of(capture | {"path": str(short)}), START)
    coarse = capture | {"market": capture["market"] | {"tick": "10", "price": "100"}}
    with pytest.raises(CaptureWithoutSnapshot, match="whole number of ticks"):
        Wire(spec_of(coarse), START)
