"""Each control's refusal by the real gate, as a record, is explained with what it found."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from engine.journal.refusals import CONTROLS, explained
from hotpath import gate as gates
from hotpath.gate import Gate
from hotpath.order import spell_id
from hotpath.records import Kind, Refused, pack, unpack
from tests.hotpath.test_gate import BTC, NOW, SECOND, USDT, cause, inputs, intent, view
from tests.hotpath.test_gate_bounds import BUY, MARKET, SELL, roomy

NUMBERS = {name: number for number, name in gates.CONTROLS.items()}
NEVER_REFUSALS = {"group", "link"}  # the reason of a DENIED event, never of a refusal
PRICE, SIZE = 5_000_000, 10


def recorded(told: dict[str, Any] | None) -> tuple[str, dict[str, Any]]:
    """(why, inputs) of a refusal as it is written and read back."""
    assert told is not None
    refused = Refused(control=NUMBERS[told["control"]], value=told["value"], limit=told["limit"],
                      input=told["input"])  # fmt: skip
    found = explained(unpack(int(Kind.REFUSED), pack(refused)))
    return found["why"], found["inputs"]


def told(g: Gate, more: dict[str, Any] | None = None, position: int = 2, **of_intent: int) -> Any:
    asked = g.ask(intent(**of_intent), 7, cause(position), NOW, inputs(**(more or {})))
    return recorded(asked)


def after_one(g: Gate) -> Gate:
    assert g.ask(intent(), 7, cause(1), NOW, inputs()) is None
    return g


def test_mode_and_instrument() -> None:
    assert told(roomy(), {"agreed": False}) == (
        "mode, endpoint, key and account do not agree",
        {"agreed": 0, "reconciled": 1, "at_send": 0},
    )
    assert told(roomy(), {"reconciled": False})[0] == "not reconciled with the venue"
    halted = roomy()
    halted.halt(7)
    assert told(halted) == ("halted or not trading at the venue", {"halted": 1})
    late = {"status_time": NOW - 3601 * SECOND}
    assert told(roomy(), late)[0] == "metadata not confirmed for too long, ns"
    found = recorded(roomy().ask(intent(), 99, cause(2), NOW, inputs()))
    assert found == ("the venue does not know the instrument", {})
    tight = Gate(64, 64)
    assert tight.ask(intent(), 7, cause(2), NOW, inputs()) is not None


@pytest.mark.parametrize(
    ("more", "price", "why", "seen"),
    [
        ({"reference": None}, PRICE, "no reference price", {"bid": 0, "ask": 0, "price": PRICE}),
        ({"reference": (1, 2, NOW - 2 * SECOND)}, PRICE, "reference price too old, ns",
         {"bid": 1, "ask": 2, "price": PRICE}),
        ({"reference": (2, 2, NOW)}, PRICE, "reference price crossed",
         {"bid": 2, "ask": 2, "price": PRICE}),
        ({}, 6_000_000, "too far from the reference price, bps",
         {"bid": 4_999_900, "ask": 5_000_100, "price": 6_000_000}),
    ],
)  # fmt: skip
def test_the_collar(more: dict[str, Any], price: int, why: str, seen: dict[str, int]) -> None:
    assert told(roomy(), more, price=price) == (why, seen)


def test_the_collars_window_names_how_far_the_market_was() -> None:
    g = roomy(own={"window_bps": 10})
    found = told(g, {}, price=5_100_000)
    assert found == (
        "too far from where the reference price was in the window, bps",
        {"lowest_bid_plus_ask": 10**7, "highest_bid_plus_ask": 10**7, "price": 5_100_000},
    )


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"view": None}, "no view of the feed it was priced from"),
        (view(alive=False), "the feed's writer is dead"),
        (view(epoch=3), "the book was rebuilt since"),
        (view(reason=2), "the book is in doubt"),
        (view(update_id=99), "the gate's view is behind the strategy's"),
        (view(received=NOW - 2 * SECOND), "too old, ns"),
    ],
)
def test_market_data(more: dict[str, Any], why: str) -> None:
    said, seen = told(roomy(), more)
    shown = more["view"] or {"epoch": 0, "update_id": 0}
    assert said == why
    assert seen == {
        "epoch": shown["epoch"], "doubt": shown.get("reason", 0), "update_id": shown["update_id"]
    }  # fmt: skip


def test_sizes_and_positions() -> None:
    assert told(roomy(own={"quantity": 9})) == ("", {})
    found = told(roomy(own={"notional": 1}))
    assert found == ("", {"worst_price": PRICE, "quantity": SIZE})
    seen = {"position": 3, "buying": 0, "selling": 0}
    g = roomy(own={"longest": 12})
    g.restore(7, 3, PRICE)
    assert told(g) == ("of the instrument, lots", seen)
    g = roomy()
    g.limit_asset(BTC, 1, 1)
    why = "of the asset, 1e-8 units"
    assert told(g) == (why, {"held": 0, "buying": 0, "selling": 0})
    for limit, why in (
        ("long_notional", "one side of the venue, 1e-8 quote"),
        ("gross_notional", "gross of the venue, 1e-8 quote"),
        ("net_notional", "net of the venue, 1e-8 quote"),
    ):
        worth = PRICE * SIZE * 100 + 100 * SIZE * 100  # at the reference's ask
        assert told(roomy({limit: 1})) == (why, {"most": worth, "least": 0})


def test_open_orders() -> None:
    assert told(roomy(own={"open_orders": 0})) == ("orders of the instrument", {})
    assert told(roomy({"open_orders": 0})) == ("orders of the venue", {})
    own = roomy(own={"open_notional": 0})
    assert told(own) == ("value at the instrument, 1e-8 quote", {})
    assert told(roomy({"open_notional": 0})) == ("value at the venue, 1e-8 quote", {})


def test_balances_shares_and_throttles() -> None:
    g = roomy()
    g.balance(USDT, 7, 2)
    assert told(g) == ("1e-8 units", {"asset": USDT, "free": 7, "locked": 2, "reserved": 0})
    g.forget_balances()
    assert told(g, position=3)[0] == "the venue has not told the balance"
    g = roomy()
    g.lease(9, 1)
    assert told(g) == ("1e-8 quote", {"strategy": 9, "net": 0, "buying": 0, "selling": 0})
    per_second, per_minute = roomy({"per_second": 0}), roomy({"per_minute": 0})
    assert told(per_second) == ("messages a second", {"cancel": 0, "sent": 0})
    assert told(per_minute) == ("messages a minute", {"cancel": 0, "sent": 0})
    assert recorded(per_second.ask_cancel(5, NOW))[1] == {"cancel": 1, "sent": 0}


def test_duplicates_and_crossings_name_the_order() -> None:
    g = after_one(roomy())
    name = {"order": spell_id(cause(1))}
    assert told(g, position=1) == ("a cause is acted on once, and in order", name)
    assert told(g) == ("an order of the same side, price and quantity works", name)
    assert told(g, position=3, side=SELL) == ("an own order would be met", name)
    retry = recorded(g.ask(intent(), 7, cause(4, attempt=1), NOW, inputs()))
    again = {"order": spell_id(cause(4, attempt=1))}
    assert retry == ("another attempt, and the one before was not rejected for certain", again)
    assert g.ask_send(intent(), 7, cause(1), NOW, inputs()) is None
    twice = recorded(g.ask_send(intent(), 7, cause(1), NOW, inputs()))
    assert twice == ("it was sent before", name)


def test_rules_rejects_and_the_rest() -> None:
    g = after_one(roomy({"executions": 1}))
    assert told(g, quantity=11) == ("until an operator enables it again", {"rule": 1})
    assert told(roomy({"executions": 0})) == ("no place for another rule", {"rule": 1})
    g = roomy({"rejects": 0})
    g.note_reject(9, NOW)
    assert told(g) == ("until an operator enables it again", {"strategy": 9})
    assert told(roomy(), {"uncertainty": -1}) == ("the clock's error is not known", {})
    assert told(roomy(), {"uncertainty": 10**12}) == ("uncertainty, ns", {})
    assert told(roomy(), {"kill": 1}) == ("", {"at_send": 0})
    g = after_one(roomy())
    assert recorded(g.ask_send(intent(), 7, cause(1), NOW, inputs(kill=1)))[1] == {"at_send": 1}
    assert told(roomy(), deadline=NOW - 1) == ("ns", {"at_send": 0})
    assert told(roomy(), {"room": False}) == ("", {})
    shape = {"side": BUY, "type": MARKET, "price": 0, "quantity": -1}
    assert told(roomy(), **shape) == ("", shape)
    assert told(roomy(), strategy=8)[1]["strategy"] == 8


def test_every_control_of_the_gate_has_words_and_only_those() -> None:
    text = (Path(gates.__file__).parent / "gate.h").read_text()
    block = text[text.index("enum tc_control {") : text.index("enum tc_gate_mode")]
    found = {int(n) for n in re.findall(r"= (\d+)", block)}
    assert found == set(gates.CONTROLS) == set(CONTROLS)
    for number in found:
        words = explained(Refused(control=number, value=1, limit=2, input=(1, 2, 3, 4)))
        assert set(words) == {"why", "inputs"}, number
    assert explained(Refused(control=99, input=(1, 2, 3, 4))) == {
        "why": "", "inputs": {"a": 1, "b": 2, "c": 3, "d": 4}
    }  # fmt: skip
