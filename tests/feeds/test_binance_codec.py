"""Binance's frames to messages: quick, general and twin agree; each message spelled out by hand."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.capture import frames
from feeds.binance.codec import Codec, decode
from feeds.binance.replay import BookReplay
from hotpath.instrument import Instrument
from tests.mutation import mutated
from tests.reference import binance_frames as twin

SATOSHI = Decimal("0.00000001")


def captured(shared: Path, every: int) -> list[bytes]:
    found = []
    for path in sorted((shared / "data" / "binance").iterdir()):
        found += [f.data for i, f in enumerate(frames(path)) if i % every == 0]
    assert found, "the shared folder holds no Binance frame"
    return found


def same(quick: Codec, general: Codec, text: bytes) -> dict[str, Any]:
    found = quick.read(text, True)
    assert found == general.read(text, True), text[:300]
    return found


def check(shared: Path, every: int) -> None:
    quick, general = Codec([], any_symbol=True), Codec([], any_symbol=True, quick=False)
    kinds = set()
    for text in captured(shared, every):
        found = same(quick, general, text)
        assert found == twin.read(text, SATOSHI, SATOSHI), text[:300]
        kinds.add(found["kind"])
    assert {"depth", "ticker", "trade"} <= kinds and "rejected" not in kinds


def test_frames_equal_the_twin(shared: Path) -> None:
    check(shared, 60)


@pytest.mark.long
@pytest.mark.computes
def test_every_fourth_frame_equals_the_twin(shared: Path) -> None:
    check(shared, 4)


def fuzz(shared: Path, seed: int, count: int) -> None:
    draw = random.Random(seed)
    texts = [t for t in captured(shared, 300) if len(t) < 3000]
    quick, general = Codec([], any_symbol=True), Codec([], any_symbol=True, quick=False)
    for _ in range(count):
        text = mutated(draw.choice(texts), draw, texts)
        assert same(quick, general, text) == twin.read(text, SATOSHI, SATOSHI), text
    assert quick.counts == general.counts
    assert quick.counts["rejected"] > count // 20 and quick.counts["depth"] > count // 200


def test_mutated_frames_equal_the_twin(
    shared: Path, record_property: Callable[[str, object], None]
) -> None:
    fuzz(shared, 1, 8000)
    record_property("injected", 8000)


@pytest.mark.long
@pytest.mark.computes
def test_a_hundred_thousand_mutated_frames_equal_the_twin(shared: Path) -> None:
    fuzz(shared, 2, 100_000)


def test_units_of_the_instrument_are_applied_and_others_are_unknown() -> None:
    codec = Codec([Instrument("BTCUSDT", "0.01", "0.001"), Instrument("ETHUSDT", "0.1", "1")])
    text = b'{"u":7,"s":"%s","b":"61837.60","B":"3.000","a":"61838.00000000","A":"1.0"}'
    assert codec.read(text % b"BTCUSDT") == {
        "kind": "ticker",
        "symbol": "BTCUSDT",
        "bid": (6183760, 3000),
        "ask": (6183800, 1000),
        "last_id": 7,
        "venue_time": 0,
    }
    assert codec.read(text % b"ETHUSDT")["bid"] == (618376, 3)
    assert codec.read(text % b"XRPUSDT")["kind"] == "unknown_symbol"
    fine = b'{"u":7,"s":"ETHUSDT","b":"61837.61","B":"3","a":"61838","A":"1.5"}'
    assert codec.read(fine)["kind"] == "rejected"
    assert codec.counts == {"rejected": 1, "ticker": 2, "unknown_symbol": 1}


def test_a_live_codec_rounds_quantities_that_are_older_than_the_lot_down() -> None:
    """As in the shared spot capture: 25.426189 BTC at 200,000 in lots of 0.00001."""
    btc = Instrument("BTCUSDT", "0.01", "0.00001")
    codec = Codec([btc], rounds=True)
    text = (
        b'{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[["%s","0.00100000"]],'
        b'"a":[["200000.00000000","25.42618900"],["3.0","0.000009"]]}'
    )
    found = codec.read(text % b"1.50")
    assert (found["bids"], found["asks"]) == ([(150, 100)], [(20_000_000, 2_542_618), (300, 0)])
    assert codec.rounded == 2
    assert codec.read(text % b"1.505")["kind"] == "rejected"  # a price is never rounded
    assert Codec([btc]).read(text % b"1.50")["kind"] == "rejected"


def test_microseconds_are_told_from_milliseconds() -> None:
    frame = b'{"e":"trade","E":%d,"s":"A","t":1,"p":"1","q":"1","T":%d,"m":true,"M":true}'
    for now in (1672515782136, 1672515782136000):
        found = Codec([], any_symbol=True).read(frame % (now, now))
        assert found["venue_time"] == found["event_time"] == 1672515782136000000


def test_a_table_of_many_symbols_finds_each() -> None:
    names = [f"S{i:04d}{'USDT' if i % 3 else 'BTC'}" for i in range(600)]
    codec = Codec([Instrument(n, "0.01", f"{1 + i % 7}") for i, n in enumerate(names)])
    for i, name in enumerate(names):
        found = codec.read(b'{"u":1,"s":"%s","b":"1","B":"420","a":"2","A":"840"}' % name.encode())
        assert found["bid"] == (100, 420 // (1 + i % 7)), name
    with pytest.raises(ValueError, match="twice"):
        Codec([Instrument("A", "1", "1"), Instrument("A", "1", "1")])


def test_too_many_levels_are_refused() -> None:
    levels = ",".join('["1.0","2.0"]' for _ in range(9))
    text = f'{{"e":"depthUpdate","E":1,"s":"A","U":1,"u":2,"b":[{levels}],"a":[]}}'.encode()
    assert Codec([], any_symbol=True, room=9).read(text)["kind"] == "depth"
    assert Codec([], any_symbol=True, room=8).read(text)["kind"] == "rejected"


def price(p: str, q: str) -> dict[str, str]:
    return {"price": p, "amount": q}


BY_HAND: list[tuple[str, list[dict[str, Any]]]] = [
    (  # trade stream, as documented
        '{"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.001","q":"100",'
        '"T":1672515782136,"m":true,"M":true}',
        [
            {
                "type": "trade",
                "symbol": "BNBBTC",
                "id": "12345",
                "price": "0.001",
                "amount": "100",
                "side": "sell",
                "timestamp": "2022-12-31T19:43:02.136Z",
            }
        ],
    ),
    (  # diff depth
        '{"stream":"bnbbtc@depth@100ms","data":{"e":"depthUpdate","E":1672515782136,"s":"BNBBTC",'
        '"U":157,"u":160,"b":[["0.0024","10"]],"a":[["0.0026","0"]]}}',
        [
            {
                "type": "book_change",
                "symbol": "BNBBTC",
                "isSnapshot": False,
                "bids": [price("0.0024", "10")],
                "asks": [price("0.0026", "0")],
                "first_id": 157,
                "last_id": 160,
                "timestamp": "2022-12-31T19:43:02.136Z",
            }
        ],
    ),
    (  # best bid and ask
        '{"u":400900217,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000",'
        '"A":"40.66000000"}',
        [
            {
                "type": "book_ticker",
                "symbol": "BNBUSDT",
                "bidPrice": "25.3519",
                "bidAmount": "31.21",
                "askPrice": "25.3652",
                "askAmount": "40.66",
                "id": 400900217,
                "timestamp": None,
            }
        ],
    ),
    (  # partial depth and REST snapshot have one shape
        '{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[["0.0026","100"]]}',
        [
            {
                "type": "book_change",
                "symbol": None,
                "isSnapshot": True,
                "bids": [price("0.0024", "10")],
                "asks": [price("0.0026", "100")],
                "last_id": 160,
                "timestamp": None,
            }
        ],
    ),
    ('{"result":null,"id":1}', [{"type": "reply", "id": 1}]),
    ('{"result":["btcusdt@aggTrade"],"id":3}', [{"type": "reply", "id": 3}]),
    ('{"result":true,"id":5}', [{"type": "reply", "id": 5}]),
    ('{"error":{"code":2,"msg":"Invalid request"},"id":9}', [{"type": "error", "code": 2}]),
    ('{"code":-1121,"msg":"Invalid symbol."}', [{"type": "error", "code": -1121}]),
    (
        '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}',
        [{"type": "shutdown", "timestamp": "2026-02-03T12:57:36.789Z"}],
    ),
    (
        '{"e":"aggTrade","E":1672515782136,"s":"BNBBTC","a":12345,"p":"0.001","q":"100","f":100,'
        '"l":105,"T":1672515782136,"m":true,"M":true}',
        [{"type": "not_mine", "what": "aggTrade"}],
    ),
    (
        '{"stream":"!miniTicker@arr","data":[{"e":"24hrMiniTicker"}]}',
        [{"type": "not_mine", "what": "!miniTicker@arr"}],
    ),
    ('{"id":"1","status":200,"result":{"lastUpdateId":1}}', [{"type": "not_mine", "what": None}]),
    ("[]", [{"type": "not_mine", "what": None}]),
    ('{"e":"trade","E":1,"s":"BNBBTC"}', [{"type": "rejected"}]),
    ('{"e":"depthUpdate"', [{"type": "rejected"}]),
    (
        '{"e":"depthUpdate","E":1,"s":"A","U":1,"u":2,"b":[["0.000000001","1"]],"a":[]}',
        [{"type": "rejected"}],
    ),
]


@pytest.mark.parametrize(("text", "want"), BY_HAND)
def test_messages_spelled_out_by_hand(text: str, want: list[dict[str, Any]]) -> None:
    assert decode(text) == want
    if want != [{"type": "rejected"}]:
        spaced = orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2)
        assert decode(spaced) == want, "white space changed the answer"


MARKET_EVENTS = {"trade", "depthUpdate", "bookTicker"}


def vectors(shared: Path, name: str) -> list[dict[str, Any]]:
    found = orjson.loads((shared / "vectors" / "cex" / "binance" / name).read_bytes())
    assert isinstance(found, list)
    return found


def test_every_documented_message_is_read_or_is_a_typed_not_mine(shared: Path) -> None:
    """No message of the venue is rejected; market data of our kinds becomes records."""
    for item in vectors(shared, "messages_ws.json"):
        if "payload" not in item:
            continue
        payload = item["payload"]
        found = decode(orjson.dumps(payload))
        assert len(found) == 1 and found[0]["type"] != "rejected", item["id"]
        inner = payload.get("data", payload) if isinstance(payload, dict) else payload
        event = inner.get("e") if isinstance(inner, dict) else None
        if isinstance(event, str) and event != "serverShutdown":
            assert (found[0]["type"] == "not_mine") == (event not in MARKET_EVENTS), item["id"]
            if found[0]["type"] == "not_mine":
                assert found[0]["what"] == event


def number(text: str) -> float:
    return float(Decimal(text))


def normalised(record: dict[str, Any], local: str) -> dict[str, Any] | None:
    """Our record in the normaliser's words: numbers as JSON numbers, its receive time for none."""
    when = {"timestamp": record.get("timestamp") or local, "localTimestamp": local}
    kind = (
        {k: record[k] for k in ("type", "symbol") if k in record} | {"exchange": "binance"} | when
    )
    if record["type"] == "trade":
        sizes = {k: number(record[k]) for k in ("price", "amount")}
        return kind | sizes | {k: record[k] for k in ("id", "side")}
    if record["type"] == "book_ticker":
        names = ("bidPrice", "bidAmount", "askPrice", "askAmount")
        return kind | {k: number(record[k]) for k in names}
    if record["type"] == "book_change":
        sides = {
            s: [{k: number(v) for k, v in level.items()} for level in record[s]]
            for s in ("bids", "asks")
        }
        return kind | sides | {"isSnapshot": record["isSnapshot"]}
    return None


def test_raw_messages_give_the_normalised_events(shared: Path) -> None:
    """As the peer tells it: no depth before the snapshot, which then holds what was kept for it."""
    for case in vectors(shared, "raw_to_normalised.json"):
        replays: dict[str, BookReplay] = {}
        for step in case["steps"]:
            text = orjson.dumps(step["message"])
            (record,) = decode(text)
            local = step["local"].strip("'")[:23] + "Z"
            found = normalised(record, local)
            if record["type"] == "book_change":
                assert found is not None
                instrument = Instrument(record["symbol"], *2 * ["0.00000001"])
                replay = replays.setdefault(record["symbol"], BookReplay(instrument))
                replay.take([text])
                if not replay.book.epoch:
                    found = None
                elif record["isSnapshot"]:
                    for side, name in ((1, "bids"), (2, "asks")):
                        found[name] = [
                            {
                                "price": number(instrument.price_plain(p)),
                                "amount": number(instrument.quantity_plain(q)),
                            }
                            for p, q in replay.book.side_levels(side, 10_000)
                        ]
            assert ([found] if found else []) == (step.get("expected") or []), step["i"]
