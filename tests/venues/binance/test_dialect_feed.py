"""What the simulated exchange streams is what our feed reads: recorded, replayed, compared."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.wiring import load_command
from hotpath.matching import BUY, SELL
from venues.simulated import amounts
from venues.simulated.spec import ExchangeSpec, FlowSpec, MarketSpec
from venues.simulated.wire import Wire

START = 1_700_000_000_000_000_000
STREAMS = "btcusdt@depth@100ms/btcusdt@bookTicker/btcusdt@trade"


def record(path: Path, seed: int) -> Wire:
    """Two virtual seconds and a calm end as a raw capture, the REST snapshot in the middle."""
    flow = FlowSpec(maker_events_per_s=2000, taker_events_per_s=200)
    market = MarketSpec("BTCUSDT", "BTC", "USDT", price="61000")
    spec = ExchangeSpec(name="alpha", ledger="unused", markets=[market], seed=seed, flow=flow)
    wire = Wire(spec, START)
    assert wire.open(1, f"/stream?streams={STREAMS}", START)
    lines: list[bytes] = []
    for step in range(1, 121):
        now = START + step * 20_000_000
        if step == 101:  # the last updates come when nothing changes any more
            wire.flow.flow = FlowSpec(maker_events_per_s=0, taker_events_per_s=0)
        if step == 20:
            wire.request(9, "GET", "/api/v3/depth?symbol=BTCUSDT&limit=5000", {}, b"", now)
        else:
            wire.advance(now)
        for kind, _, payload, _ in wire.take():
            if kind in ("send", "answer"):
                lines.append(b"%d %b\n" % (now, payload))
    path.write_bytes(b"".join(lines))
    return wire


@pytest.mark.parametrize("seed", [1, 2])
def test_the_feed_rebuilds_the_exchanges_book(tmp_path: Path, seed: int) -> None:
    capture = tmp_path / "session.raw"
    wire = record(capture, seed)
    arguments = [str(capture), "--venue", "binance", "--symbol", "BTCUSDT", "--json"]
    ran = CliRunner().invoke(load_command("book"), arguments)
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout)
    book, terms = wire.exchange.markets["BTCUSDT"].book, wire.exchange.markets["BTCUSDT"].terms
    rows = {
        side: [
            [amounts.short(price * terms.tick), amounts.short(total * terms.lot)]
            for price, total in book.levels(side)
        ]
        for side in (BUY, SELL)
    }
    assert found["gaps"] == 0
    assert found["applied"] > 10
    assert found["last_id"] == wire.exchange.markets["BTCUSDT"].update_id
    assert (found["bid_levels"], found["ask_levels"]) == (len(rows[BUY]), len(rows[SELL]))
    assert (found["best_bid"], found["best_ask"]) == (rows[BUY][0], rows[SELL][0])
    text = "#".join("|".join(":".join(r) for r in rows[side][:10]) for side in (BUY, SELL))
    assert found["digest10"] == hashlib.sha256(text.encode()).hexdigest()[:32]
