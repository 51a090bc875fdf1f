"""A cancel-replace and a fill of the order it replaces pass each other on the wire.

Each story is what the exchange did; its messages come in every order, and then all of them again.
Whatever was heard first, nothing halts, the gate holds what the new order may still fill, what
nobody wants is cancelled, and the story ends as the exchange's own account has it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from hotpath.order import spell_id
from hotpath.records import EventType, Kind
from tests.venues.binance.stage import MS, Stage
from tests.venues.binance.test_venue import ack, replace, restarted, started
from tests.venues.binance.test_venue_judged import Stage as Judged
from venues.binance.settings import Settings
from venues.simulated.faults import Fault

OLD, NEW = 9, 10
REPLY_MS = Settings().reply_timeout_ms
Say = Callable[[Stage, int, int], None]


def traded(of: str, trade: int, lots: int, total: int, whole: bool = False) -> Say:
    def say(stage: Stage, old: int, new: int) -> None:
        stage.report(
            old if of == "old" else new, "TRADE", X="FILLED" if whole else "PARTIALLY_FILLED",
            i=OLD if of == "old" else NEW, t=trade, l=f"{lots / 10000:.4f}",
            z=f"{total / 10000:.4f}", L="49900.00", q="0.0100" if of == "old" else "0.0080",
        )  # fmt: skip

    return say


def cancelled(of: str, total: int) -> Say:
    def say(stage: Stage, old: int, new: int) -> None:
        id = old if of == "old" else new
        stage.report(
            id, "CANCELED", X="CANCELED", c="z", C=spell_id(id), i=OLD if of == "old" else NEW,
            z=f"{total / 10000:.4f}",
        )  # fmt: skip

    return say


def there(stage: Stage, old: int, new: int) -> None:
    stage.report(new, "NEW", i=NEW, q="0.0080", p="49850.00")


def refused(stage: Stage, old: int, new: int) -> None:
    stage.report(new, "REJECTED", X="REJECTED", i=-1, r="INSUFFICIENT_BALANCES", q="0.0080")


def half(old: int, total: int) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT", "origClientOrderId": spell_id(old), "orderId": OLD,
        "clientOrderId": "z", "transactTime": 1, "status": "CANCELED", "side": "BUY",
        "executedQty": f"{total / 10000:.4f}",
    }  # fmt: skip


def answer(total: int) -> Say:
    def say(stage: Stage, old: int, new: int) -> None:
        created = {"symbol": "BTCUSDT", "orderId": NEW, "clientOrderId": spell_id(new),
                   "transactTime": 1}  # fmt: skip
        stage.reply("r" + spell_id(new), {
            "cancelResult": "SUCCESS", "newOrderResult": "SUCCESS",
            "cancelResponse": half(old, total), "newOrderResponse": created,
        })  # fmt: skip

    return say


def failed(total: int | None) -> Say:
    """The answer of a replace that did half (the old one had traded `total`) or nothing."""

    def say(stage: Stage, old: int, new: int) -> None:
        if total is None:
            data: dict[str, Any] = {
                "cancelResult": "FAILURE", "newOrderResult": "NOT_ATTEMPTED",
                "cancelResponse": {"code": -2011, "msg": "Unknown order sent."},
                "newOrderResponse": None,
            }  # fmt: skip
            stage.error("r" + spell_id(new), -2022, 400, data=data)
            return
        data = {
            "cancelResult": "SUCCESS", "newOrderResult": "FAILURE",
            "cancelResponse": half(old, total), "newOrderResponse": {"code": -2010, "msg": "no"},
        }  # fmt: skip
        stage.error("r" + spell_id(new), -2021, 409, data=data)

    return say


def in_doubt(stage: Stage, old: int, new: int) -> None:
    """No answer for so long that the outcome is not known; the query is not answered either."""
    stage.answers = False
    stage.wait(REPLY_MS + 100)


@dataclass
class Story:
    messages: list[Say]
    status: str
    total: int


STORIES = {
    "both trade all": Story(
        [traded("old", 5, 30, 30), cancelled("old", 30), there, traded("new", 6, 80, 80, True),
         answer(30)], "FILLED", 110),
    "the surplus is cancelled": Story(
        [traded("old", 5, 90, 90), cancelled("old", 90), there, cancelled("new", 0), answer(90)],
        "FILLED", 90),
    "the surplus trades in part": Story(
        [traded("old", 5, 90, 90), cancelled("old", 90), traded("new", 6, 50, 50),
         cancelled("new", 50), answer(90)], "FILLED", 140),
    "the new one is cancelled": Story(
        [traded("old", 5, 30, 30), cancelled("old", 30), there, traded("new", 6, 20, 20),
         cancelled("new", 20)], "CANCELED", 50),
    "the old one was filled": Story(
        [traded("old", 5, 30, 30), traded("old", 6, 70, 100, True), failed(None)], "FILLED", 100),
    "the new one was refused": Story(
        [traded("old", 5, 30, 30), cancelled("old", 30), refused, failed(30)], "CANCELED", 30),
    "unknown meanwhile": Story(
        [traded("old", 5, 30, 30), in_doubt, cancelled("old", 30), there,
         traded("new", 6, 80, 80, True)], "FILLED", 110),
    "unknown, and it was filled": Story(
        [traded("old", 5, 30, 30), in_doubt, traded("old", 6, 70, 100, True), failed(None)],
        "FILLED", 100),
}  # fmt: skip


def halted(stage: Stage) -> list[int]:
    return [r.effect for _, r in stage.records(Kind.ORDER_EVENT, Kind.FILL) if r.effect & 512]


def cancels_of(stage: Stage, id: int) -> int:
    return sum(
        m["method"] == "order.cancel" and m["params"]["origClientOrderId"] == spell_id(id)
        for m in stage.sent
    )


def racing() -> tuple[Stage, int, int]:
    stage = started()
    old = stage.place()
    ack(stage, old)
    new = replace(stage, old, 4_985_000, 80)
    assert stage.venue.gate.exposure(100) == (0, 180, 0, 2)
    return stage, old, new


def check(stage: Stage, old: int, new: int) -> None:
    """The gate holds what the newest order may still fill, and an end is none while it works."""
    found = stage.venue.orders.state(old)
    assert found is not None and not found["overfilled"] and found["evidence"] != "DISPUTED"
    position, buying, _, orders = stage.venue.gate.exposure(100)  # type: ignore[misc]
    assert position == found["cumulative"]
    assert buying >= int(str(found["leaves"]))
    assert (orders > 0) == (found["status"] in ("NEW", "PARTIALLY_FILLED"))
    if found["surplus"]:
        assert found["pending"] == "CANCEL" and cancels_of(stage, int(str(found["id"])))


@pytest.mark.parametrize("name", STORIES)
def test_every_order_of_the_messages_ends_alike(name: str) -> None:
    story = STORIES[name]
    for order in itertools.permutations(story.messages):
        stage, old, new = racing()
        for say in order:
            say(stage, old, new)
            check(stage, old, new)
        assert stage.state(old) == (story.status, "NONE", "CONFIRMED", story.total)
        assert stage.venue.gate.exposure(100) == (story.total, 0, 0, 0)
        assert stage.venue.orders.live == 0
        for say in order:
            if say is not in_doubt:
                say(stage, old, new)
        assert stage.state(old) == (story.status, "NONE", "CONFIRMED", story.total)
        assert stage.venue.gate.exposure(100) == (story.total, 0, 0, 0)
        assert not halted(stage) and stage.venue.orders.live == 0
        fills = [r for _, r in stage.records(Kind.FILL)]
        assert fills == [], "all were read by `halted`; nothing new came"


def test_fills_are_told_under_the_id_they_were_done_under_and_read_back_so() -> None:
    """A next life that counted the old one's trades as the new one's would call it overfilled."""
    stage, old, new = racing()
    for say in (there, traded("new", 6, 75, 75), traded("old", 5, 30, 30)):
        say(stage, old, new)
    fills = [(r.id, r.quantity) for _, r in stage.records(Kind.FILL)]
    assert fills == [(new, 75), (old, 30)]
    after = restarted(stage)
    asked = stage.venue.orders.state(new)
    assert asked is not None and asked["pending"] == "CANCEL"
    assert after.venue.orders.state(new) == asked | {"evidence": "UNKNOWN"}, "of that cancel"
    assert after.venue.gate.exposure(100) == stage.venue.gate.exposure(100) == (105, 5, 0, 1)
    after.connect()
    after.serve()
    after.order(new, "PARTIALLY_FILLED", orderId=NEW, executedQty="0.0075", origQty="0.0080")
    after.open_orders = list(after.orders.values())
    after.wait(6_000)
    assert cancels_of(after, new) > 0, "what the earlier life did not want this one does not either"
    assert not halted(after)


def test_the_strategy_sees_that_the_surplus_is_cancelled() -> None:
    stage, old, new = racing()
    stage.records()
    for say in (traded("old", 5, 90, 90), cancelled("old", 90), there):
        say(stage, old, new)
    told = [(EventType(r.type).name, r.id) for _, r in stage.records(Kind.ORDER_EVENT)]
    assert told == [("CANCELED", old), ("ACK", new), ("CANCEL_REQUESTED", new)]
    assert cancels_of(stage, new) == 1
    assert stage.venue.gate.exposure(100) == (90, 80, 0, 1)


def test_a_cancel_of_the_surplus_that_is_lost_is_asked_again() -> None:
    stage, old, new = racing()
    for say in (traded("old", 5, 90, 90), cancelled("old", 90), there):
        say(stage, old, new)
    stage.order(new, "NEW", orderId=NEW, origQty="0.0080", price="49850.00")
    stage.wait(12_000)
    assert cancels_of(stage, new) > 1 and stage.state(new)[0] == "PARTIALLY_FILLED"
    assert stage.venue.gate.exposure(100) == (90, 80, 0, 1)
    stage.order(new, "CANCELED", orderId=NEW, origQty="0.0080", price="49850.00")
    stage.wait(12_000)
    assert stage.state(new) == ("FILLED", "NONE", "CONFIRMED", 90)
    assert stage.venue.gate.exposure(100) == (90, 0, 0, 0)


@pytest.mark.parametrize("by", ["the answer", "the half that failed", "the stream", "a query"])
def test_what_the_old_one_traded_untold_is_asked_for_at_once(by: str) -> None:
    """The cancelled half says what it had traded; its trades were lost on their way."""
    stage, old, new = racing()
    stage.trades = [{
        "symbol": "BTCUSDT", "id": 5, "orderId": OLD, "price": "49900", "qty": "0.0030",
        "commission": "0", "commissionAsset": "BNB", "time": stage.now // MS, "isBuyer": True,
        "isMaker": True,
    }]  # fmt: skip
    if by == "the answer":
        answer(30)(stage, old, new)
    elif by == "the half that failed":
        failed(30)(stage, old, new)
    elif by == "the stream":
        there(stage, old, new)
        cancelled("old", 30)(stage, old, new)
    else:
        stage.order(new, "NEW", orderId=NEW, origQty="0.0080", price="49850.00")
        stage.order(old, "CANCELED", executedQty="0.0030")
        stage.wait(REPLY_MS + 2_000)
    stage.serve()
    assert stage.state(old)[3] == 30
    assert stage.venue.gate.exposure(100)[0] == 30  # type: ignore[index]
    fills = [(r.id, r.trade_id) for _, r in stage.records(Kind.FILL)]
    assert fills == [(old, 5)]


def test_an_order_that_traded_in_part_and_was_not_replaced_is_found_to_live() -> None:
    """The request was lost: no second replace would ever be taken."""
    stage, old, new = racing()
    traded("old", 5, 30, 30)(stage, old, new)
    stage.order(old, "PARTIALLY_FILLED", executedQty="0.0030")
    stage.wait(60_000)
    assert stage.state(old) == ("PARTIALLY_FILLED", "NONE", "CONFIRMED", 30)
    assert stage.venue.gate.exposure(100) == (30, 70, 0, 1)
    again = replace(stage, old, 4_984_000, 80)
    assert stage.venue.gate.exposure(100) == (30, 120, 0, 2), "only what it is sent for"
    assert stage.sent[-1]["params"]["quantity"] == "0.0050"
    assert stage.state(again)[1] == "REPLACE"


# ---- against the simulated exchange --------------------------------------------------------------


class Raced(Judged):
    """One order, replaced while a taker is faster than the request."""

    def __init__(self, seed: int, share: float, wish: int, reorder: bool) -> None:
        super().__init__(seed)
        self.run(1.5)
        price = self.bid - 3000
        id = self.pupil.place(self.market, 1, price, 1000)
        self.ids.append(id)
        self.run(0.2)
        assert self.state(id)["status"] == "NEW"
        self.wire.order_fault(Fault("race", "replies", share=share), self.world.now)
        if reorder:
            self.wire.order_fault(Fault("reorder", "user", count=1), self.world.now)
        self.new = self.pupil.replace(self.market, id, side=1, price=price - 500, quantity=wish)
        self.run(0.3)


@pytest.mark.parametrize("reorder", [False, True])
@pytest.mark.parametrize(
    ("share", "wish", "status", "total"),
    [
        (0.3, 800, "PARTIALLY_FILLED", 300),  # and 800 work on, of which 500 are wanted
        (0.9, 800, "FILLED", 900),  # nothing of the new one is wanted
        (1.0, 800, "FILLED", 1000),  # there was nothing to be replaced
    ],
)
def test_a_taker_is_faster_than_the_replace(
    share: float, wish: int, status: str, total: int, reorder: bool
) -> None:
    for seed in range(3):
        s = Raced(seed, share, wish, reorder)
        digest = s.digest.hexdigest()
        assert s.wire.faults.acted["race"] == 1
        first, account = s.ids[0], s.wire.exchange.accounts["us"]
        ours = s.state(first)
        assert (ours["status"], ours["cumulative"], ours["evidence"]) == (
            status,
            total,
            "CONFIRMED",
        )
        working = sum(o.leaves for o in account.open.values())
        assert ours["leaves"] == working == (800 if status == "PARTIALLY_FILLED" else 0)
        assert s.venue.gate.exposure(100) == (total, working, 0, int(working > 0))
        s.pupil.place(s.market, 1, s.bid - 4000, 100)
        assert s.venue.refused == 0, "nothing is halted"
        s.wire.clear_faults()
        s.lane.stop(s.world.now)
        s.run(6)
        assert not account.open and s.state(first)["leaves"] == 0
        theirs = [(t.trade_id, t.order.client_id, t.quantity) for t in s.wire.exchange.trades["us"]]
        assert sorted((f.trade_id, spell_id(f.id), f.quantity) for f in s.fills) == sorted(theirs)
        assert Raced(seed, share, wish, reorder).digest.hexdigest() == digest, "one seed, one run"
