"""What a refusal of the gate says: its control, the condition, and the numbers it found, by name.

The four inputs of a record mean what gate.h writes there, which differs by control and condition.
"""

from __future__ import annotations

from typing import Any

from hotpath.order import spell_id
from hotpath.records import Refused

CONTROLS = {
    1: "mode",
    2: "instrument not tradable",
    3: "order quantity limit",
    4: "order notional limit",
    5: "price collar",
    6: "market data too old or not valid",
    7: "position limit",
    8: "open orders limit",
    9: "balance",
    11: "throttle",
    12: "duplicate",
    14: "repeated executions",
    15: "self-trade",
    16: "too many rejects",
    19: "clock",
    21: "kill switch",
    30: "deadline",
    31: "another leg was refused",
    32: "no room for reports",
    33: "no room for orders",
    34: "lease",
    35: "target not live",
    36: "shape",
    37: "no connection",
}
Says = tuple[str, tuple[str, ...]]
"""A condition in words and the names of the four inputs; "" is not shown, `hi`, `lo` are an id."""
QUOTE = ("", "bid", "ask", "price")
HOLDING = ("", "buying", "selling")
OPEN_ORDER = ("", "hi", "lo", "")
ENABLE = "until an operator enables it again"
UNKNOWN: Says = ("", ("a", "b", "c", "d"))
PLAIN: dict[int, Says] = {
    3: ("", ()),
    4: ("", ("worst_price", "quantity")),
    15: ("an own order would be met", OPEN_ORDER),
    16: (ENABLE, ("strategy",)),
    21: ("", ("at_send",)),
    30: ("ns", ("at_send",)),
    31: ("", ()),
    32: ("", ()),
    33: ("", ()),
    34: ("1e-8 quote", ("strategy", "net", "buying", "selling")),
    35: ("the order's status", ()),
    36: ("", ("side", "type", "price", "quantity")),
    37: ("", ()),
}
BY_FIRST: dict[int, dict[int, Says]] = {  # the first input says which condition it was
    2: {
        1: ("the venue does not know the instrument", ()),
        2: ("halted or not trading at the venue", ("", "halted")),
        3: ("metadata not confirmed for too long, ns", ()),
        4: ("below the venue's least quantity, lots", ()),
        5: ("above the venue's largest quantity, lots", ()),
        6: ("below the venue's least value, 1e-8 quote", ("", "worst_price", "quantity")),
    },
    5: {
        1: ("no reference price", QUOTE),
        2: ("reference price too old, ns", QUOTE),
        3: ("reference price crossed", QUOTE),
        4: ("too far from the reference price, bps", QUOTE),
        5: (
            "too far from where the reference price was in the window, bps",
            ("", "lowest_bid_plus_ask", "highest_bid_plus_ask", "price"),
        ),
    },
    6: {
        n: (why, ("", "epoch", "doubt", "update_id"))
        for n, why in enumerate(
            (
                "no view of the feed it was priced from",
                "the feed's writer is dead",
                "the book was rebuilt since",
                "the book is in doubt",
                "the gate's view is behind the strategy's",
                "too old, ns",
            ),
            1,
        )
    },
    11: {
        0: ("messages a second", ("", "cancel", "sent")),
        1: ("messages a minute", ("", "cancel", "sent")),
    },
    12: {
        1: ("another attempt, and the one before was not rejected for certain", OPEN_ORDER),
        2: ("a cause is acted on once, and in order", OPEN_ORDER),
        3: ("an order of the same side, price and quantity works", OPEN_ORDER),
        4: ("it was sent before", OPEN_ORDER),
    },
}
VENUE_SUMS = {1: "one side", 2: "gross", 3: "net"}


def _mode(r: Refused) -> Says:
    agreed, reconciled = r.input[0], r.input[1]
    why = "this mode is not allowed to trade"
    if not agreed:
        why = "mode, endpoint, key and account do not agree"
    elif not reconciled:
        why = "not reconciled with the venue"
    elif r.input[2]:
        why = "the instrument was halted before it was sent"
    return why, ("agreed", "reconciled", "at_send")


def _position(r: Refused) -> Says:
    scope, which = r.input[0], r.input[1]
    if scope == 2:
        return "of the asset, 1e-8 units", ("", "held", *HOLDING[1:])
    if scope == 3 and which in VENUE_SUMS and r.limit:
        return f"{VENUE_SUMS[which]} of the venue, 1e-8 quote", ("", "", "most", "least")
    if r.limit == 0 and r.value == 2**63 - 1:
        return "more than can be counted", ("", "position", *HOLDING[1:])
    return "of the instrument, lots", ("", "position", *HOLDING[1:])


def _open(r: Refused) -> Says:
    where = "instrument" if r.input[0] == 1 else "venue"
    names = ("", "", "not of ours") if r.input[2] else ()
    return (f"value at the {where}, 1e-8 quote" if r.input[1] else f"orders of the {where}"), names


def _balance(r: Refused) -> Says:
    why = "the venue has not told the balance" if r.limit == -1 else "1e-8 units"
    return why, ("asset", "free", "locked", "reserved")


def _rule(r: Refused) -> Says:
    return ("no place for another rule" if r.input[1] == 1 else ENABLE), ("rule",)


def _clock(r: Refused) -> Says:
    return ("the clock's error is not known" if r.value < 0 else "uncertainty, ns"), ()


BY_MORE = {1: _mode, 7: _position, 8: _open, 9: _balance, 14: _rule, 19: _clock}


def explained(r: Refused) -> dict[str, Any]:
    """{why, inputs}: the condition ("" where the control's name says it) and what it found."""
    if r.control in BY_MORE:
        why, names = BY_MORE[r.control](r)
    elif r.control in BY_FIRST:
        why, names = BY_FIRST[r.control].get(r.input[0], UNKNOWN)
    else:
        why, names = PLAIN.get(r.control, UNKNOWN)
    found: dict[str, Any] = {n: v for n, v in zip(names, r.input, strict=False) if n}
    if "hi" in found:
        hi, lo = (found.pop(k) & (2**64 - 1) for k in ("hi", "lo"))
        found["order"] = spell_id(hi << 64 | lo)
    return {"why": why, "inputs": found}
