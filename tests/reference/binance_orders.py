"""The twin of venues/binance/codec: orjson, Fraction and dictionaries, no shortcuts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import orjson

DECIMAL = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?)(?:[eE]([+-]?[0-9]+))?")
DEEPEST, ROOM = 64, 8192
Record = dict[str, Any]


class Refused(Exception):
    """The frame is not JSON, or not whole: it leaves no record."""


class Number(str):
    """A number as it stands in the text."""


class Members(list[tuple[str, Any]]):
    """The members of an object, those that stand twice too."""

    def named(self, *names: str) -> Record:
        """The members of these names that are there; Refused when one of them stands twice."""
        found: Record = {}
        for name, value in self:
            if name in names:
                if name in found:
                    raise Refused
                found[name] = value
        return found


def no_number(name: str) -> Any:
    raise ValueError(name)


def document(text: bytes) -> Any:
    """The value of a JSON text: Members, lists, str, Number, True, False, None."""
    try:
        orjson.loads(text)
    except ValueError as wrong:
        if "infinity" not in str(wrong):  # a number past a double is none that is wrong here
            raise Refused from None
    try:
        value = json.loads(
            text.decode(),
            object_pairs_hook=Members,
            parse_int=Number,
            parse_float=Number,
            parse_constant=no_number,
        )
        if depth_of(value) > DEEPEST:
            raise Refused
    except (ValueError, RecursionError):
        raise Refused from None
    return value


def depth_of(value: Any) -> int:
    """How many containers lie in each other; UnicodeEncodeError for half of a surrogate pair."""
    if isinstance(value, str):
        value.encode()
    if not isinstance(value, list):
        return 0
    inner = [part for pair in value for part in pair] if isinstance(value, Members) else value
    return 1 + max(map(depth_of, inner), default=0)


# ---- values: a member that is missing is None like one that is null, unless `in` is asked


def is_text(value: Any) -> bool:
    return isinstance(value, str) and not isinstance(value, Number)


def is_list(value: Any) -> bool:
    return isinstance(value, list) and not isinstance(value, Members)


def said(value: Any) -> str | int | None:
    """A text, or a number that is whole; None for what is neither text nor number."""
    if isinstance(value, Number):
        try:
            return int(value)
        except ValueError:
            raise Refused from None
    return value if isinstance(value, str) else None


def integer(value: Any, least: int, most: int) -> int | None:
    """A number of digits only, within bounds; else None."""
    if not isinstance(value, Number) or not re.fullmatch("-?[0-9]+", value) or len(value) > 40:
        return None
    number = int(value)
    return number if least <= number <= most else None


def whole(value: Any) -> int:
    number = integer(value, 0, 2**64 - 1)
    if number is None or value.startswith("-"):
        raise Refused
    return number


def signed(value: Any, bits: int) -> int:
    most = 2 ** (bits - 1) - 1
    number = integer(value, -most, most)
    if number is None:
        raise Refused
    return number


def amount(value: Any) -> str | None:
    """A decimal, exact at 1e-8, as plain text without needless zeros."""
    if value is None:
        return None
    found = DECIMAL.fullmatch(value) if isinstance(value, str) else None
    if not found or abs(int(found[2] or "0")) > 400:
        raise Refused
    scaled = Fraction(found[1]) * Fraction(10) ** (int(found[2] or "0") + 8)
    if scaled.denominator != 1:
        raise Refused
    digits = f"{abs(scaled.numerator):09}"
    sign = "-" if scaled < 0 else ""
    return f"{sign}{digits[:-8]}.{digits[-8:]}".rstrip("0").rstrip(".")


def moment(value: Any) -> int | None:
    """Milliseconds of a time in milliseconds or microseconds; None for one that is neither."""
    number = integer(value, 1, 9 * 10**15 - 1)
    if number is None:
        return None
    if number < 9 * 10**12:
        return number
    return number // 1000 if number >= 10**15 else None


def counts(value: Any) -> bool:
    """Whether a quantity is more than nothing; Refused when the text is none."""
    if not is_text(value) or len(value) > 120 or not DECIMAL.fullmatch(value) or value[0] == "-":
        raise Refused
    return any(c in "123456789" for c in value.lower().partition("e")[0])


STATUS = {
    "NEW": "NEW",
    "PENDING_NEW": "NEW",
    "PENDING_CANCEL": "NEW",
    "PARTIALLY_FILLED": "PARTIALLY_FILLED",
    "FILLED": "FILLED",
    "CANCELED": "CANCELED",
    "REJECTED": "REJECTED",
    "EXPIRED": "EXPIRED",
    "EXPIRED_IN_MATCH": "EXPIRED",
}
TYPE = {"LIMIT": "limit", "MARKET": "market", "LIMIT_MAKER": "post_only"}
EXECUTION = {
    "NEW": "ACK",
    "CANCELED": "CANCELED",
    "EXPIRED": "EXPIRED",
    "REJECTED": "REJECT",
    "REPLACED": "REPLACED",
    "TRADE": "STATUS",
}


def word(value: Any, table: dict[str, str]) -> str | None:
    return table.get(value) if is_text(value) else None


# ---- records


def order_of(**more: Any) -> Record:
    """What a frame says of an order; amounts as they stand in the text."""
    empty = dict.fromkeys(
        ("symbol", "client", "order_id", "side", "kind", "force", "price", "quantity",
         "cumulative", "status", "time_ms", "event", "code", "reason")
    )  # fmt: skip
    return empty | more


def order_record(o: Record) -> Record:
    kind, code = said(o["kind"]), o["code"]
    return {
        "type": "order_event",
        "symbol": said(o["symbol"]),
        "client_order_id": said(o["client"]),
        "order_id": o["order_id"] or None,
        "side": word(o["side"], {"BUY": "buy", "SELL": "sell"}),
        "event": o["event"],
        "price": amount(o["price"]),
        "quantity": amount(o["quantity"]),
        "cumulative": amount(o["cumulative"]),
        "order_type": word(kind, TYPE) or (kind.lower() if isinstance(kind, str) else None),
        "time_in_force": word(o["force"], {"GTC": "GTC", "IOC": "IOC", "FOK": "FOK"}),
        "reason": code or said(o["reason"]),
        "status": word(o["status"], STATUS),
        "time_ms": o["time_ms"],
    }


def fill_record(
    o: Record, trade_id: int, price: Any, quantity: Any, fee: Any, asset: Any, maker: bool
) -> Record:
    return {
        "type": "fill",
        "symbol": said(o["symbol"]),
        "client_order_id": said(o["client"]),
        "order_id": o["order_id"] or None,
        "side": word(o["side"], {"BUY": "buy", "SELL": "sell"}),
        "trade_id": trade_id,
        "price": amount(price),
        "quantity": amount(quantity),
        "cumulative": amount(o["cumulative"]),
        "fee": amount(fee),
        "fee_asset": said(asset),
        "maker": maker,
        "status": word(o["status"], STATUS),
        "time_ms": o["time_ms"],
    }


def not_mine(kind: str, what: Any = None) -> Record:
    return {"type": "not_mine", "what": said(what) or kind}


# ---- orders, trades and balances as replies show them


def order(m: Members, kind: str) -> list[Record] | None:
    """An order and its fills, or None: it is none."""
    f = m.named(
        "symbol", "orderId", "clientOrderId", "transactTime", "price", "origQty", "executedQty",
        "status", "timeInForce", "type", "side", "fills", "origClientOrderId", "time", "updateTime",
        "qty", "cummulativeQuoteQty",
    )  # fmt: skip
    if not (
        isinstance(f.get("orderId"), Number)
        and is_text(f.get("clientOrderId"))
        and is_text(f.get("symbol"))
    ):
        return None
    original, status = f.get("origClientOrderId"), word(f.get("status"), STATUS)
    client = original if is_text(original) and original else f["clientOrderId"]
    if "time" in f or "updateTime" in f:
        event = "STATUS"
    elif "qty" in f:
        event, client = "REPLACED", f["clientOrderId"]
    elif is_text(original) and status == "CANCELED":
        event = "CANCELED"
    else:
        event = "STATUS" if "status" in f and status != "NEW" else "ACK"
    time = next((f[n] for n in ("transactTime", "updateTime", "time") if n in f), None)
    o = order_of(
        symbol=f["symbol"],
        client=client,
        order_id=whole(f["orderId"]),
        side=f.get("side"),
        kind=f.get("type"),
        force=f.get("timeInForce"),
        price=f.get("price"),
        quantity=f["origQty"] if "origQty" in f else f.get("qty"),
        cumulative=f.get("executedQty"),
        status=f.get("status"),
        time_ms=moment(time),
        event=event,
    )
    found = [order_record(o)]
    for fill in f["fills"] if is_list(f.get("fills")) else []:
        if not isinstance(fill, Members):
            raise Refused
        g = fill.named("price", "qty", "commission", "commissionAsset", "tradeId")
        trade = g.get("tradeId")
        if isinstance(trade, Number) and trade.startswith("-"):
            found.append(not_mine(kind))
            continue
        price, quantity = traded(g)
        fee, asset = g.get("commission"), g.get("commissionAsset")
        found.append(fill_record(o, whole(trade), price, quantity, fee, asset, False))
    return found


def traded(f: Record) -> tuple[str, str]:
    """(price, quantity) of a trade."""
    price, quantity = f.get("price"), f.get("qty")
    if not (is_text(price) and counts(quantity)):
        raise Refused
    return price, quantity


def my_trade(m: Members) -> Record | None:
    f = m.named(
        "symbol", "id", "orderId", "price", "qty", "commission", "commissionAsset", "time",
        "isBuyer", "isMaker",
    )  # fmt: skip
    if not f.keys() >= {"id", "orderId", "commission", "isBuyer"}:
        return None
    price, quantity = traded(f)
    if not isinstance(f["isBuyer"], bool):
        raise Refused
    o = order_of(
        symbol=f.get("symbol"),
        order_id=whole(f["orderId"]),
        side="BUY" if f["isBuyer"] else "SELL",
        time_ms=moment(f.get("time")),
    )
    asset, maker = f.get("commissionAsset"), f.get("isMaker") is True
    return fill_record(o, whole(f["id"]), price, quantity, f["commission"], asset, maker)


def balances(rows: list[Any], names: tuple[str, str, str], time: Any) -> Iterator[Record]:
    for row in rows:
        if not isinstance(row, Members):
            raise Refused
        f = row.named(*names)
        asset, free, locked = (f.get(name) for name in names)
        if not is_text(asset):
            raise Refused
        yield {
            "type": "balance",
            "asset": asset,
            "free": amount(free),
            "locked": amount(locked),
            "time_ms": moment(time),
        }


def cancel_replace(m: Members, kind: str) -> list[Record] | None:
    """Both halves of a cancelReplace, or None: it is none."""
    f = m.named("cancelResult", "newOrderResult", "cancelResponse", "newOrderResponse")
    if "cancelResult" not in f:
        return None
    found = []
    for result, response, event in (
        ("cancelResult", "cancelResponse", "CANCEL_REJECTED"),
        ("newOrderResult", "newOrderResponse", "REJECT"),
    ):
        body = f.get(response)
        if not isinstance(body, Members):
            continue
        if is_text(f.get(result)) and f[result] == "SUCCESS":
            found += order(body, kind) or []
        else:
            g = body.named("code", "msg")
            code = signed(g.get("code"), 32)
            found.append(order_record(order_of(event=event, code=code, reason=g.get("msg"))))
    return found


def result(v: Any) -> list[Record]:
    if is_list(v):
        return listed(v)
    if not isinstance(v, Members):
        return [not_mine("reply")]
    f = v.named(
        "balances", "authorizedSince", "subscriptionId", "amendedOrder", "serverTime",
        "updateTime", "apiKey", "orderReports", "symbols",
    )  # fmt: skip
    if is_list(f.get("balances")) and "updateTime" in f:
        return [*balances(f["balances"], ("asset", "free", "locked"), f["updateTime"])]
    if "authorizedSince" in f and "apiKey" in f:
        since, now = said(f["authorizedSince"]), moment(f.get("serverTime"))
        return [{"type": "session", "authorised_ms": since, "time_ms": now}]
    if isinstance(f.get("subscriptionId"), Number):
        return [{"type": "subscribed", "subscription": whole(f["subscriptionId"])}]
    if isinstance(f.get("amendedOrder"), Members):
        amended = order(f["amendedOrder"], "reply")
        if amended is None:
            raise Refused
        return amended
    if is_list(f.get("orderReports")):
        found = []
        for row in f["orderReports"]:
            if not isinstance(row, Members):
                raise Refused
            found += order(row, "reply") or []
        return found
    read = cancel_replace(v, "reply")
    if read is None:
        read = order(v, "reply")
    if read is not None:
        return read
    if "serverTime" in f and "symbols" not in f:
        return [{"type": "time", "time_ms": moment(f["serverTime"])}]
    return [not_mine("reply")]


def listed(rows: list[Any]) -> list[Record]:
    """Orders or trades; what is neither shows once, at the end."""
    found, strange = [], False
    for row in rows:
        read = order(row, "reply") if isinstance(row, Members) else None
        if read is None and isinstance(row, Members):
            trade = my_trade(row)
            read = None if trade is None else [trade]
        strange |= read is None
        found += read or []
    return [*found, not_mine("reply")] if strange else found


# ---- events


def execution(m: Members) -> Record:
    f = m.named(*"scSofqpCxXrilzLnNTtmZ")
    if not (
        all(is_text(f.get(name)) for name in ("s", "c", "x")) and isinstance(f.get("i"), Number)
    ):
        raise Refused
    did, status = f["x"], word(f.get("X"), STATUS)
    event = EXECUTION.get(did, "UNKNOWN")
    if did == "TRADE_PREVENTION":
        event = "EXPIRED" if status == "EXPIRED" else "STATUS"
    original = f.get("C")
    o = order_of(
        symbol=f["s"],
        client=original if is_text(original) and original and event != "REPLACED" else f["c"],
        order_id=whole(f["i"]),
        side=f.get("S"),
        kind=f.get("o"),
        force=f.get("f"),
        price=f.get("p"),
        quantity=f.get("q"),
        cumulative=f.get("z"),
        status=f.get("X"),
        time_ms=moment(f.get("T")),
        event=event,
        reason=f.get("r"),
    )
    if did == "TRADE":
        quantity = f.get("l")
        if counts(quantity):
            if not is_text(f.get("L")):
                raise Refused
            trade_id = integer(f.get("t"), 1, 2**63 - 1)
            if trade_id:
                maker = f.get("m") is True
                return fill_record(o, trade_id, f["L"], quantity, f.get("n"), f.get("N"), maker)
    return order_record(o)


def event(m: Members, name: str) -> list[Record]:
    match name:
        case "executionReport":
            return [execution(m)]
        case "outboundAccountPosition":
            f = m.named("E", "B", "u")
            if not is_list(f.get("B")):
                raise Refused
            return [*balances(f["B"], ("a", "f", "l"), f["u"] if "u" in f else f.get("E"))]
        case "balanceUpdate":
            f = m.named("a", "d", "T")
            if not is_text(f.get("a")):
                raise Refused
            change, time = amount(f.get("d")), moment(f.get("T"))
            return [{"type": "balance_change", "asset": f["a"], "change": change, "time_ms": time}]
        case "eventStreamTerminated" | "listenKeyExpired":
            return [{"type": "stream_ended"}]
        case "serverShutdown":
            return [{"type": "shutdown"}]
    return [not_mine("foreign", name)]


# ---- frames

UNSURE = {-1000, -1001, -1003, -1006, -1007, -1008, -1016}
SURE = {-1002, -1013, -1014, -1015, -1020, -1021, -1022, -1034}
SURE |= {-2010, -2011, -2014, -2015, -2016, -2021, -2022, -2026, -2038, *range(-1199, -1098)}


def outcome(status: int, code: int) -> str:
    """Whether an error says for certain that the order does not live."""
    answered = 400 <= status < 500 and status not in (403, 418, 429)
    return "definite" if answered and code in SURE - UNSURE else "unknown"


def message(text: bytes) -> list[Record]:
    m = document(text)
    if not isinstance(m, Members):
        return [not_mine("foreign")]
    f = m.named("id", "status", "result", "error", "event", "e", "data", "method", "stream")
    inside = None
    if isinstance(f.get("event"), Members):
        inside = f["event"]
    elif isinstance(f.get("data"), Members) and "stream" in f:
        inside = f["data"]
    elif is_text(f.get("e")):
        inside = m
    if inside is not None:
        name = inside.named("e").get("e")
        return event(inside, name) if is_text(name) else [not_mine("foreign", f.get("stream"))]
    if "method" in f:
        return [not_mine("request", f["method"])]
    status = integer(f.get("status"), 0, 999)
    if status is None:
        return [not_mine("foreign")]
    if isinstance(f.get("error"), Members):
        g = f["error"].named("code", "msg", "data")
        code, halves = signed(g.get("code"), 32), None
        if isinstance(g.get("data"), Members):
            g["data"].named("retryAfter")
            halves = cancel_replace(g["data"], "error")
        error = {
            "type": "error",
            "id": said(f.get("id")),
            "status": status,
            "code": code,
            "message": said(g.get("msg")),
            "outcome": outcome(status, code),
        }
        return [error, *(halves or [])]
    if "result" not in f:
        return [not_mine("reply")]
    found = result(f["result"])
    return found or [{"type": "reply", "id": said(f.get("id")), "status": status}]


def read(text: bytes) -> list[Record]:
    """What venues.binance.codec.decode(text) gives."""
    try:
        found = message(text)
    except Refused:
        return [{"type": "rejected"}]
    return found if len(found) <= ROOM else [{"type": "rejected"}]
