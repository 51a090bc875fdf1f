"""market_maker alone: its market and its venue are records that the test writes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from actors.strategies.market_maker import MarketMaker, Settings
from hotpath.board import Board
from hotpath.book import Book
from hotpath.instrument import Instrument
from hotpath.lane import Lane
from hotpath.market import Market
from hotpath.records import (
    EventType,
    Fill,
    Header,
    Intent,
    Kind,
    Op,
    OrderEvent,
    OrderType,
    Record,
    Refused,
    Side,
    Top,
    join,
    kind_of,
    pack,
    pack_order_id,
    split,
    unpack,
)
from hotpath.ring import Outbox, Reader

STRATEGY, FEED, VENUE, INSTRUMENT, INSTANCE = 5, 31, 41, 100, 77
APPLIED, NEW, PARTIAL, FILLED, CANCELED = 1, 4, 5, 6, 8


class Table:
    """The strategy, and everybody else."""

    def __init__(self, restored: dict[str, Any] | None = None, **settings: Any) -> None:
        self.now, self.position, self.trades = 1_700_000_000_000_000_000, 0, 0
        self.lane = Lane("t", Board.private(["clock"]), seed=1, is_virtual=True)
        outbox = Outbox.private(1 << 18, STRATEGY)
        chosen = Settings(**settings)
        self.strategy = MarketMaker(self.lane, "maker", outbox, instance=INSTANCE, settings=chosen)
        self.reader = Reader.of(outbox, True)
        spec = Instrument("BTCUSDT", "0.01", "0.0001", id=INSTRUMENT, base="BTC", quote="USDT",
                          base_asset=1, quote_asset=2)  # fmt: skip
        self.market = Market(instrument=INSTRUMENT, spec=spec, name="f:BTCUSDT", feed=FEED,
                             venue=VENUE, index=0, slot=-1, book=Book(256, 1000))  # fmt: skip
        self.strategy.add_market(self.market)
        self.strategy.set_up(SimpleNamespace(settings=chosen))  # type: ignore[arg-type]
        if restored is not None:
            self.strategy.restore(restored)
        self.lane.start(self.now)

    def tell(self, source: int, record: Record) -> None:
        self.position += 1
        self.now += 1000
        header = Header(0, kind_of(record), source, self.position, self.now, 0, INSTRUMENT, 0)
        self.lane.take_record(self.strategy, join(header, pack(record)), self.now)

    def top(self, bid: int, ask: int, reason: int = 0) -> None:
        self.tell(FEED, Top(bid_price=bid, bid_quantity=10, ask_price=ask, ask_quantity=10,
                            update_id=self.position + 1, epoch=1, reason=reason))  # fmt: skip

    def intents(self) -> list[tuple[int, Intent]]:
        found = []
        for raw in self.reader.take(512):
            header, payload = split(raw)
            if header.kind == Kind.INTENT:
                intent: Any = unpack(header.kind, payload)
                id = pack_order_id(INSTANCE, STRATEGY, header.position, intent.leg, intent.attempt)
                found.append((id, intent))
        self.reader.store()
        return found

    def event(self, id: int, type: int, status: int) -> None:
        self.tell(VENUE, OrderEvent(id=id, cumulative=-1, venue=VENUE, strategy=STRATEGY,
                                    type=type, status=status, effect=APPLIED))  # fmt: skip

    def fill(self, id: int, side: int, lots: int, status: int = FILLED) -> None:
        self.trades += 1
        self.tell(VENUE, Fill(id=id, trade_id=self.trades, price=1, quantity=lots, cumulative=lots,
                              venue=VENUE, strategy=STRATEGY, side=side, effect=17,
                              status=status))  # fmt: skip

    def refuse(self, id: int, op: int) -> None:
        self.tell(VENUE, Refused(id=id, control=11, venue=VENUE, strategy=STRATEGY, op=op))


def test_it_quotes_both_sides_post_only_and_keeps_what_is_close() -> None:
    t = Table()
    t.top(5_000_000, 5_000_010)
    (bid, buy), (ask, sell) = t.intents()
    assert (buy.side, sell.side) == (Side.BUY, Side.SELL) and bid != ask
    assert buy.price < 5_000_000 < 5_000_010 < sell.price
    assert buy.type == sell.type == OrderType.POST_ONLY
    t.top(5_000_001, 5_000_011)
    assert not t.intents()


def test_a_cancel_is_asked_for_once_until_it_is_answered() -> None:
    """Otherwise every tick sends another one, and the throttle is full when it matters."""
    t = Table()
    t.top(5_000_000, 5_000_010)
    (bid, _), (ask, _) = t.intents()
    for n in range(1, 6):
        t.top(5_100_000 + n, 5_100_010 + n)
    cancels = t.intents()
    assert sorted(i.target for _, i in cancels) == sorted([bid, ask])
    assert all(i.op == Op.CANCEL for _, i in cancels)
    t.event(bid, EventType.CANCEL_REJECTED, NEW)
    t.event(ask, EventType.CANCELED, CANCELED)
    t.top(5_100_010, 5_100_020)
    (_, again), (_, quote) = t.intents()
    assert (again.op, again.target) == (Op.CANCEL, bid)
    assert (quote.op, quote.side) == (Op.PLACE, Side.SELL)


def test_a_filled_quote_frees_its_side() -> None:
    """The fill that ends an order is all that is told of its end."""
    t = Table()
    t.top(5_000_000, 5_000_010)
    (bid, buy), _ = t.intents()
    t.fill(bid, Side.BUY, 40, PARTIAL)
    t.top(5_000_001, 5_000_011)
    assert not t.intents(), "what is left of it still rests"
    t.fill(bid, Side.BUY, 60)
    assert t.strategy.inventory == 100
    t.top(5_000_002, 5_000_012)
    ((_, quote),) = t.intents()
    assert (quote.op, quote.side, quote.quantity) == (Op.PLACE, Side.BUY, buy.quantity)


def test_a_refused_cancel_leaves_its_order_known() -> None:
    """Forgetting it would quote the side a second time."""
    t = Table()
    t.top(5_000_000, 5_000_010)
    (bid, _), (ask, _) = t.intents()
    t.top(5_100_000, 5_100_010)
    t.intents()
    t.refuse(bid, Op.CANCEL)
    t.top(5_100_001, 5_100_011)
    ((_, again),) = t.intents()
    assert (again.op, again.target) == (Op.CANCEL, bid)
    t.refuse(ask, Op.PLACE)
    t.top(5_100_002, 5_100_012)
    ((_, quote),) = t.intents()
    assert (quote.op, quote.side) == (Op.PLACE, Side.SELL)


def test_a_restart_in_place_forgets_neither_orders_nor_inventory() -> None:
    t = Table()
    t.top(5_000_000, 5_000_010)
    (bid, _), _ = t.intents()
    t.fill(bid, Side.BUY, 100)
    t.strategy.on_start()
    assert t.strategy.inventory == 100
    t.top(5_000_001, 5_000_011)
    assert [i.side for _, i in t.intents()] == [Side.BUY], "the sell quote still rests"


def test_an_earlier_life_is_withdrawn_before_it_quotes_again() -> None:
    own = [
        {"id": f"{n:032x}", "instrument": INSTRUMENT, "side": side, "quantity": 9, "cumulative": 0}
        for n, side in ((91, Side.BUY), (92, Side.BUY), (93, Side.SELL))
    ]  # fmt: skip
    document = {"net": {str(INSTRUMENT): -700}, "group": 0, "orders": own}
    t = Table(restored=document)
    assert t.strategy.inventory == -700
    t.top(5_000_000, 5_000_010)
    found = t.intents()
    assert sorted(i.target for _, i in found) == [91, 92, 93]
    for id in (91, 92, 93):
        t.event(id, EventType.CANCELED, CANCELED)
    t.top(5_000_001, 5_000_011)
    assert [i.op for _, i in t.intents()] == [Op.PLACE, Op.PLACE]


def test_a_book_in_doubt_withdraws_both_sides_once() -> None:
    t = Table()
    t.top(5_000_000, 5_000_010)
    t.intents()
    t.top(5_000_000, 5_000_010, reason=2)
    t.top(5_000_000, 5_000_011, reason=2)
    assert [i.op for _, i in t.intents()] == [Op.CANCEL, Op.CANCEL]


def test_inventory_at_its_limit_stops_the_side_that_adds_to_it() -> None:
    t = Table(max_inventory_lots=200, quantity_lots=100)
    for _ in range(2):
        t.top(5_000_000, 5_000_010)
        for id, intent in t.intents():
            if intent.side == Side.BUY:
                t.fill(id, Side.BUY, 100)
    t.top(5_000_001, 5_000_011)
    assert not [i for _, i in t.intents() if i.side == Side.BUY]
