"""The twin of feeds/binance/codec: orjson and Decimal, no shortcuts."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import orjson

DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
TWICE = object()


class Refused(Exception):
    pass


def pairs_once(text: bytes, looked_for: set[str]) -> Any:
    """orjson keeps the last of a name that stands twice; json tells us, for the names we read."""
    import json

    def hook(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [k for k, _ in pairs if k in looked_for]
        found = dict(pairs)
        if len(names) != len(set(names)):
            found[""] = TWICE
        return found

    return json.loads(text, object_pairs_hook=hook)


def depth_of(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max((depth_of(v) for v in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((depth_of(v) for v in value), default=0)
    return 0


def units(value: Any, tick: Decimal, numbers: bool = False) -> int:
    """Exact units of a decimal text (a number too, where `numbers`), or Refused."""
    if isinstance(value, bool) or not isinstance(value, str if not numbers else (str, int, float)):
        raise Refused
    text = value if isinstance(value, str) else str(value)
    if not DECIMAL.fullmatch(text):
        raise Refused
    exponent = text.lower().partition("e")[2]
    if exponent and abs(int(exponent)) > 400:
        raise Refused
    scale = max(0, -int(tick.normalize().as_tuple().exponent))
    scaled = Fraction(text) * 10**scale
    n = Fraction(text) / Fraction(tick)
    if scaled.denominator != 1 or not 0 <= scaled < 2**63 or n.denominator != 1:
        raise Refused
    return int(n)


def whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**64:
        raise Refused
    return value


def id_of(value: Any) -> int:
    if whole(value) >= 2**63:
        raise Refused
    return whole(value)


def time(value: Any) -> int:
    v = whole(value)
    if v < 9 * 10**12:
        return v * 10**6
    if not 10**14 <= v < 9 * 10**15:
        raise Refused
    return v * 1000


def levels(value: Any, tick: Decimal, lot: Decimal) -> list[tuple[int, int]]:
    if not isinstance(value, list):
        raise Refused
    out = []
    for level in value:
        if not isinstance(level, list) or len(level) < 2:
            raise Refused
        out.append((units(level[0], tick, True), units(level[1], lot, True)))
    return out


KEYS = {
    "stream",
    "data",
    "e",
    "E",
    "s",
    "U",
    "u",
    "pu",
    "b",
    "B",
    "a",
    "A",
    "t",
    "p",
    "q",
    "T",
    "m",
}
KEYS |= {"lastUpdateId", "bids", "asks", "symbol", "result", "id", "error", "code", "status"}


def read(text: bytes, tick: Decimal, lot: Decimal) -> dict[str, Any]:
    """What Codec([], any_symbol=True).read(text, any_asked=True) gives."""
    try:
        return message(text, tick, lot)
    except Refused:
        return {"kind": "rejected"}


def message(text: bytes, tick: Decimal, lot: Decimal) -> dict[str, Any]:
    try:
        orjson.loads(text)
    except ValueError as e:
        if "infinity" not in str(e):  # a number past a double: refused only where it is read
            raise Refused from None
    try:
        m = pairs_once(text, KEYS)
    except ValueError:
        raise Refused from None
    if depth_of(m) > 64:
        raise Refused
    if not isinstance(m, dict):
        return {"kind": "not_mine"}
    if m.get("") is TWICE:
        raise Refused
    stream = m.get("stream")
    what = None
    if isinstance(stream, str) and "data" in m:
        what = stream
        if not isinstance(m["data"], dict):
            return {"kind": "not_mine", "what": stream}
        m = m["data"]
        if m.get("") is TWICE:
            raise Refused
    event = m.get("e")
    if isinstance(event, str):
        if event == "serverShutdown":
            return {"kind": "shutdown", "venue_time": time(m["E"]) if "E" in m else 0}
        if event not in ("depthUpdate", "bookTicker", "trade"):
            return {"kind": "not_mine", "what": event}
        symbol = symbol_of(m.get("s"))
        if event == "depthUpdate":
            return depth(m, symbol, tick, lot)
        return (
            ticker(m, symbol, tick, lot) if event == "bookTicker" else trade(m, symbol, tick, lot)
        )
    if "e" in m:
        raise Refused
    if "lastUpdateId" in m:
        found: dict[str, Any] = {"kind": "snapshot"}
        if "symbol" in m:
            found["symbol"] = symbol_of(m["symbol"])
        elif isinstance(stream, str):
            found["symbol"] = stream.partition("@")[0].upper()
        found["bids"] = levels(m.get("bids"), tick, lot)
        found["asks"] = levels(m.get("asks"), tick, lot)
        return found | {
            "last_id": id_of(m["lastUpdateId"]),
            "venue_time": time(m["E"]) if "E" in m else 0,
        }
    if all(k in m for k in "usBA"):
        return ticker(m, symbol_of(m["s"]), tick, lot)
    if "status" not in m:
        if "id" in m and "result" in m:
            reply = m["id"]
            is_id = isinstance(reply, int) and not isinstance(reply, bool) and 0 <= reply < 2**64
            return {"kind": "reply", "reply_id": reply if is_id else 0}
        error = m.get("error")
        if isinstance(error, dict) and error.get("") is TWICE:
            raise Refused
        code = error.get("code") if isinstance(error, dict) else m.get("code")
        is_code = isinstance(code, int) and not isinstance(code, bool)
        if isinstance(error, dict) or (
            isinstance(code, int | float) and not isinstance(code, bool)
        ):
            fits = is_code and -(2**63) < int(code) < 2**63
            return {"kind": "error", "code": code if fits else 0}
    return {"kind": "not_mine"} | ({"what": what} if what is not None else {})


def symbol_of(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value.encode()) <= 32:
        raise Refused
    return value


def depth(m: dict[str, Any], symbol: str, tick: Decimal, lot: Decimal) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": "depth", "symbol": symbol}
    if "pu" in m:
        found["previous_id"] = id_of(m["pu"])
    return found | {
        "bids": levels(m.get("b"), tick, lot),
        "asks": levels(m.get("a"), tick, lot),
        "first_id": id_of(m.get("U")),
        "last_id": id_of(m.get("u")),
        "venue_time": time(m.get("E")),
    }


def ticker(m: dict[str, Any], symbol: str, tick: Decimal, lot: Decimal) -> dict[str, Any]:
    return {
        "kind": "ticker",
        "symbol": symbol,
        "bid": (units(m.get("b"), tick), units(m.get("B"), lot)),
        "ask": (units(m.get("a"), tick), units(m.get("A"), lot)),
        "last_id": id_of(m.get("u")),
        "venue_time": time(m["E"]) if "E" in m else 0,
    }


def trade(m: dict[str, Any], symbol: str, tick: Decimal, lot: Decimal) -> dict[str, Any]:
    if not isinstance(m.get("m"), bool):
        raise Refused
    return {
        "kind": "trade",
        "symbol": symbol,
        "trade_id": id_of(m.get("t")),
        "price": units(m.get("p"), tick),
        "quantity": units(m.get("q"), lot),
        "side": "sell" if m["m"] else "buy",
        "venue_time": time(m.get("T")),
        "event_time": time(m["E"]) if "E" in m else 0,
    }
