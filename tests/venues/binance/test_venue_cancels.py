"""A cancel stands until its order is over: link down, lost with it, or across a restart."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

import tests.venues.binance.stage as stage_module
from actors.strategies.market_maker import MarketMaker
from actors.strategies.market_maker import Settings as MakerSettings
from hotpath.order import spell_id
from hotpath.records import Command, Document, Header, Kind, Top, join, kind_of, pack
from tests.venues.binance.stage import FEED, MS, Stage


def working(young: bool = False) -> tuple[Stage, int]:
    """An order that rests at the venue."""
    stage = Stage()
    stage.start()
    id = stage.place()
    stage.report(id, "NEW")
    stage.open_orders = [stage.order(id)]
    stage.sent.clear()
    stage.served = 0
    if not young:
        stage.wait(3_000)
    return stage, id


def back(stage: Stage) -> None:
    """Connected again; what it says from here on is counted."""
    stage.sent.clear()
    stage.served = 0
    stage.wait(500)
    stage.connect()
    stage.serve()


def cancels(stage: Stage) -> int:
    return stage.methods().count("order.cancel")


@pytest.mark.parametrize("young", [True, False])
def test_a_cancel_asked_for_while_the_link_is_down_leaves_when_it_is_up(young: bool) -> None:
    stage, id = working(young)
    stage.disconnect()
    stage.now += 5 * MS
    stage.strategy.cancel(stage.market, id)
    stage.wait(100)
    back(stage)
    stage.wait(1_000)
    assert stage.venue.state == "ready"
    assert cancels(stage) == 1


def test_a_cancel_that_was_lost_with_the_link_leaves_again() -> None:
    stage, id = working()
    stage.strategy.cancel(stage.market, id)
    assert cancels(stage) == 1
    stage.now += MS
    stage.disconnect()
    back(stage)
    stage.wait(1_000)
    assert stage.venue.state == "ready"
    assert cancels(stage) == 1


def test_a_cancel_whose_answer_never_comes_is_asked_again_once_the_order_is_seen_alive() -> None:
    stage, id = working()
    stage.strategy.cancel(stage.market, id)
    stage.wait(10_000)  # its order is asked for, and answered NEW
    assert cancels(stage) >= 2
    stage.report(id, "CANCELED", X="CANCELED")
    asked = cancels(stage)
    stage.wait(10_000)
    assert cancels(stage) == asked, "the order is over"


def test_a_cancel_that_the_venue_refuses_is_whoevers_asked() -> None:
    stage, id = working()
    stage.strategy.cancel(stage.market, id)
    stage.error(stage.sent[-1]["id"], -2011, msg="Unknown order sent.")
    stage.wait(5_000)
    assert cancels(stage) == 1
    assert stage.state(id)[:2] == ("NEW", "NONE")


def test_a_cancel_that_comes_before_its_order_ends_it_when_it_is_there() -> None:
    """A placement on a connection that is lost may be slow: the venue refuses to cancel what it has
    not seen, and then shows it."""
    stage = Stage()
    stage.start()
    id = stage.place()
    stage.disconnect()
    stage.strategy.cancel(stage.market, id)
    back(stage)
    stage.wait(200)
    assert cancels(stage) == 1
    asked = next(m for m in stage.sent if m["method"] == "order.cancel")
    stage.error(asked["id"], -2011, msg="Unknown order sent.")
    stage.wait(3_000)
    assert cancels(stage) == 1, "nothing is known anew"
    assert stage.state(id)[:3] == ("PENDING_NEW", "NONE", "UNKNOWN")
    stage.open_orders = [stage.order(id)]
    stage.wait(10_000)
    assert cancels(stage) >= 2
    stage.report(id, "CANCELED", X="CANCELED")
    asked_for = cancels(stage)
    stage.wait(10_000)
    assert cancels(stage) == asked_for


def test_a_stop_asks_until_its_orders_are_over() -> None:
    stage, _ = working()
    stage.lane.stop(stage.now)
    assert cancels(stage) == 1
    stage.error(stage.sent[-1]["id"], -2011, msg="Unknown order sent.")
    stage.wait(5_000)
    assert cancels(stage) >= 2, "it was seen alive"


def test_an_order_that_takes_the_place_of_one_that_was_cancelled_is_not_cancelled() -> None:
    stage, id = working()
    for _ in range(200):  # of a table of 64 places
        stage.strategy.cancel(stage.market, id)
        stage.report(id, "CANCELED", X="CANCELED")
        id = stage.place()
        stage.report(id, "NEW")
        stage.wait(100)
    stage.open_orders = [stage.order(id)]
    stage.sent.clear()
    stage.disconnect()
    back(stage)
    stage.wait(3_000)
    assert stage.state(id)[:2] == ("NEW", "NONE")
    assert cancels(stage) == 0


def test_a_cancel_stands_in_the_next_life() -> None:
    stage, id = working()
    stage.strategy.cancel(stage.market, id)
    stage.records()
    again = Stage(history=stage.written)
    again.open_orders = [again.order(id)]
    again.tick()
    again.connect()
    again.serve()
    again.wait(1_000)
    assert again.venue.state == "ready"
    assert cancels(again) >= 1


def test_a_cancel_stands_in_the_next_life_also_of_an_order_that_was_seen_alive() -> None:
    stage, id = working()
    stage.strategy.cancel(stage.market, id)
    stage.now += MS
    stage.disconnect()
    stage.now += 5_000 * MS
    tell(stage, "q" + spell_id(id), stage.order(id), stage.now - MS)  # asked by HTTP
    assert stage.state(id)[:3] == ("NEW", "NONE", "CONFIRMED")
    stage.records()
    again = Stage(history=stage.written, begins=stage.now)
    again.open_orders = [again.order(id)]
    again.tick()
    again.connect()
    again.serve()
    again.wait(1_000)
    assert again.venue.state == "ready"
    assert cancels(again) == 1


def test_in_the_next_life_nothing_is_cancelled_that_nobody_asked_to() -> None:
    """One refused, one over: neither's place is cancelled for it."""
    stage, id = working()
    stage.strategy.cancel(stage.market, id)
    stage.error(stage.sent[-1]["id"], -2011, msg="Unknown order sent.")
    over = stage.place()
    stage.report(over, "NEW", i=10)
    stage.strategy.cancel(stage.market, over)
    stage.report(over, "CANCELED", X="CANCELED", i=10)
    stage.wait(3_000)
    after = [stage.place() for _ in range(70)]  # of a table of 64 places
    for n, one in enumerate(after):
        stage.report(one, "NEW", i=20 + n)
    stage.records()
    again = Stage(history=stage.written, begins=stage.now)
    again.open_orders = [again.order(id)]
    for n, one in enumerate(after[:62]):
        again.open_orders.append(again.order(one, orderId=20 + n))
    again.tick()
    again.connect()
    again.serve()
    again.wait(1_000)
    assert again.venue.state == "ready"
    assert cancels(again) == 0


def test_many_cancels_leave_no_faster_than_the_throttle() -> None:
    stage = Stage()
    stage.start()
    ids = [stage.place(price=4_990_000 - n) for n in range(40)]
    for n, id in enumerate(ids):
        stage.report(id, "NEW", i=100 + n)
        stage.open_orders.append(stage.order(id, orderId=100 + n))
    stage.wait(3_000)
    stage.disconnect()
    for id in ids:
        stage.now += MS
        stage.strategy.cancel(stage.market, id)
    back(stage)
    stage.wait(1_000)
    asked = [m["params"] for m in stage.sent if m["method"] == "order.cancel"]
    assert len(asked) == len({orjson.dumps(p.get("origClientOrderId")) for p in asked}) == 40


class Maker(Stage):
    """The shipped market maker on the venue; its feed's tops are the test's."""

    positions = 0

    def top(self, bid: int, ask: int) -> None:
        self.tick()
        self.positions += 1
        self.now += MS
        top = Top(bid_price=bid, bid_quantity=10, ask_price=ask, ask_quantity=10)
        header = Header(0, kind_of(top), FEED, self.positions, self.now, 0, 100, 0)
        self.lane.take_record(self.strategy, join(header, pack(top)), self.now)


@pytest.mark.parametrize("how", ["sent and lost", "while down, young", "while down, old"])
def test_the_market_makers_stale_quotes_go(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def maker(lane: Any, name: str, outbox: Any, instance: int) -> MarketMaker:
        return MarketMaker(lane, name, outbox, instance=instance, settings=MakerSettings())

    monkeypatch.setattr(stage_module, "Pupil", maker)
    stage = Maker()
    strategy: Any = stage.strategy
    strategy.set_up(SimpleNamespace(settings=MakerSettings()))
    strategy.listen(stage.venue)
    stage.start()
    stage.top(5_000_000, 5_000_100)
    placed = [m["params"] for m in stage.sent if m["method"] == "order.place"]
    ids = [strategy.quotes[1][0], strategy.quotes[2][0]]
    assert len(placed) == 2
    for n, (id, p) in enumerate(zip(ids, placed, strict=True)):
        at = {"price": p["price"], "side": p["side"]}
        stage.report(
            id, "NEW", S=p["side"], o="LIMIT_MAKER", q=p["quantity"], p=p["price"], i=9 + n
        )
        shown = stage.order(id, orderId=9 + n, type="LIMIT_MAKER", origQty=p["quantity"], **at)
        stage.open_orders.append(shown)
    if "old" in how:
        stage.wait(5_000)
    if "down" in how:
        stage.disconnect()
    stage.top(4_800_000, 4_800_100)  # both quotes are far from the market
    if "lost" in how:
        assert cancels(stage) == 2
        stage.disconnect()
    back(stage)
    stage.wait(1_000)
    assert cancels(stage) == 2
    for n, id in enumerate(ids):
        stage.report(id, "CANCELED", X="CANCELED", i=9 + n, S=placed[n]["side"], o="LIMIT_MAKER",
                     q=placed[n]["quantity"], p=placed[n]["price"])  # fmt: skip
    stage.open_orders.clear()
    stage.top(4_800_000, 4_800_100)
    assert stage.methods().count("order.place") == 2, "and it quotes where the market is"


def command(stage: Stage) -> None:
    document = pack(Command(document={"command": "reconcile"}))
    raw = join(Header(0, Kind.COMMAND, 1, 1, stage.now, 0, 0, 0), document)
    stage.lane.take_record(stage.venue, raw, stage.now)


def tell(stage: Stage, id: str, result: dict[str, Any], asked: int) -> None:
    """An answer of the HTTP side."""
    reply = orjson.dumps({"id": id, "status": 200, "result": result}).decode()
    document = pack(Document(document={"reply": reply, "asked": asked}))
    raw = join(Header(0, Kind.DOCUMENT, 55, 1, stage.now, 0, 0, 0), document)
    stage.lane.take_record(stage.venue, raw, stage.now)


def key_may_not_trade(stage: Stage) -> None:
    """The answer to the question for the account."""
    result = {"canTrade": False, "updateTime": stage.now // MS, "balances": []}
    tell(stage, "b", result, stage.now - MS)


@pytest.mark.parametrize("said", [command, key_may_not_trade])
def test_a_word_while_the_link_is_down_does_not_keep_it_down(said: Any) -> None:
    stage, _ = working()
    stage.disconnect()
    opens = len(stage.transport.opens)
    said(stage)
    assert stage.venue.state == "closed"
    stage.wait(2_000)
    assert stage.venue.state == "opening" and len(stage.transport.opens) == opens + 1
    said(stage)
    assert stage.venue.state == "opening"
    stage.connect()
    stage.wait(2_000)
    assert stage.venue.state == "ready"


@pytest.mark.parametrize("said", [command, key_may_not_trade])
@pytest.mark.parametrize("at", ["logon", "subscribing"])
def test_no_gate_opens_without_word_of_our_orders(at: str, said: Any) -> None:
    stage = Stage()
    answer, asked = stage.answer, []

    def slow(id: str, method: str, params: dict[str, Any]) -> None:
        if method.startswith("userDataStream"):
            asked.append(id)  # and never answered
        else:
            answer(id, method, params)

    stage.answer = slow  # type: ignore[method-assign]
    stage.tick()
    stage.connect()
    if at == "subscribing":
        stage.serve()
    assert stage.venue.state == at
    said(stage)
    for _ in range(40):
        stage.wait(500)
        assert not stage.venue.is_ready()
    assert asked
