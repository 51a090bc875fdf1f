"""Two cursors on one tape: what is decided when, what an order meets, how a book is played."""

from __future__ import annotations

import struct
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from hotpath import tape as t
from hotpath.backtest import Backtest, TapeFeed
from hotpath.board import Board
from hotpath.book import Book
from hotpath.instrument import Instrument
from hotpath.lane import Lane
from hotpath.market import Market
from hotpath.paper import Paper
from hotpath.paper_venue import BalanceTooLarge, PaperVenue
from hotpath.records import EventType, Kind, Side, TimeInForce, split
from hotpath.ring import Outbox, Reader
from hotpath.strategy import Strategy
from hotpath.tape import Tape

MS = 1_000_000
LARGE = 2**60
SPEC = Instrument(
    "BTCUSDT", "1", "0.001", id=100, base="BTC", quote="USDT", base_asset=10, quote_asset=2
)
OWN = dict.fromkeys(
    ("quantity", "notional", "longest", "shortest", "gross", "open_orders", "open_notional",
     "window_ns", "feed_age_ns", "reference_age_ns"), LARGE,
) | {"collar_bps": 9000, "window_bps": 9000}  # fmt: skip
LIMITS = dict.fromkeys(
    ("open_orders", "open_notional", "gross_notional", "net_notional", "long_notional",
     "short_notional", "per_second", "per_minute", "executions", "rejects", "status_age_ns"), LARGE,
) | {"executions_window_ns": 1000, "rejects_window_ns": 1000,
     "request_window_ns": 5_000_000_000}  # fmt: skip


class Told(Strategy):
    """Does what `plan` says at the n-th look, and writes down what it is told and when."""

    plan: dict[int, Any] = {}

    def on_start(self) -> None:
        self.looks: list[tuple[int, int, int]] = []
        self.told: list[tuple[int, str, int]] = []
        self.orders: list[int] = []

    def on_book(self, market: Market) -> None:
        if market.is_valid:
            self.looks.append((self.now, market.best_bid, market.best_ask))
            if len(self.looks) in self.plan:
                self.plan[len(self.looks)](self, market)

    def on_order(self, event: Any) -> None:
        self.told.append((self.now, EventType(event.type).name, event.quantity))

    def on_fill(self, fill: Any) -> None:
        self.told.append((self.now, "FILL", fill.price * 1000 + fill.quantity))


class Stand:
    def __init__(
        self, tape: Tape, view_ns: int = 0, strategy: type[Told] = Told, **paper: int
    ) -> None:
        board = Board.private(["clock", "kill", "kill_venue", "kill_strategy", "top"])
        board.write(0, struct.pack("<qq", 0, 1000))
        lane = Lane("test", board, is_virtual=True)
        self.feed = TapeFeed(lane, "feed", Outbox.private(1 << 20, 3))
        outbox = Outbox.private(1 << 20, 4)
        self.venue = PaperVenue(lane, "venue", outbox)
        self.reader = Reader.of(outbox, lossy=True)
        self.strategy = strategy(lane, "told", Outbox.private(1 << 20, 5), instance=7)
        self.market = Market(
            instrument=100, spec=SPEC, name="feed:BTCUSDT", feed=3, venue=4, index=0, slot=4,
            book=Book(),
        )  # fmt: skip
        self.feed.add_market(self.market)
        self.venue.set_slots(clock=0, kill=1, venue_kill=2, instance=7)
        self.venue.add_listing(SPEC, views={3: 4}, reference=4, limits=OWN)
        self.venue.add_strategy(5, share=LARGE, kill=3)
        self.venue.gate.set_limits(version=1, mode="simulation", fee_ppm=0, **LIMITS)
        self.venue.agreed = True
        self.venue.taker_ppm, self.venue.maker_ppm = 1000, -100
        self.book = Book() if view_ns else self.market.book
        self.paper = Paper(self.book, conservative=True, **paper)  # type: ignore[arg-type]
        self.venue.add_paper(self.paper)
        for asset in (10, 2):
            self.venue.deposit(asset, 10**15)
        self.strategy.add_market(self.market)
        self.market.follow(self.strategy)
        self.strategy.add_venue(self.venue)
        self.strategy.listen(self.venue)
        self.test = Backtest(lane, tape, view_ns=view_ns)
        self.test.add_listing(self.book, [(self.feed, self.market)], self.venue, 0)

    def records(self) -> list[int]:
        """The kinds of what the venue has written."""
        return [split(record)[0].kind for record in self.reader.take(4096)]

    def run(self, plan: dict[int, Any]) -> Told:
        self.strategy.plan = plan
        span = self.test.tape.span
        assert span is not None
        self.test.start(span[0])
        self.test.run()
        self.test.wait(self.test.now + 1000 * MS)
        assert self.strategy.told == sorted(self.strategy.told, key=lambda e: e[0])
        return self.strategy


def quotes(*asks: int, step: int = 10 * MS) -> Tape:
    """A book joined at 0 with the first ask, then one best ask after the other, `step` apart."""
    tape = Tape()
    tape.append(0, 0, t.CLEAR, flags=0)
    tape.append(0, 0, t.LEVEL, side=1, price=90, quantity=50, flags=0)
    tape.append(0, 0, t.LEVEL, side=2, price=asks[0], quantity=50, flags=0)
    tape.append(0, 0, t.JOINED, id=1)
    for n, (old, new) in enumerate(pairwise(asks), 1):
        tape.append(n * step, 0, t.LEVEL, side=2, price=old, quantity=0, id=n + 1, flags=0)
        tape.append(n * step, 0, t.LEVEL, side=2, price=new, quantity=50, id=n + 1)
    return tape


def buy(limit: int, quantity: int = 5, force: int = TimeInForce.IOC) -> Any:
    def act(strategy: Told, market: Market) -> None:
        order = strategy.place(market, Side.BUY, limit, quantity, time_in_force=force)
        strategy.orders.append(order)

    return act


def test_the_market_goes_on_while_an_order_is_on_its_way() -> None:
    """Decided on the ask of 100, told 15 ms late; when the order arrives the ask is 104."""
    stand = Stand(quotes(100, 102, 104, 106), view_ns=15 * MS, request_ns=10 * MS, reply_ns=2 * MS)
    told = stand.run({1: buy(110)})
    assert [look[0] for look in told.looks] == [15 * MS, 25 * MS, 35 * MS, 45 * MS]
    assert told.looks[0][2] == 100
    assert told.told == [(27 * MS, "ACK", 5), (27 * MS, "FILL", 104 * 1000 + 5)]
    assert stand.venue.balance(10) == 10**15 + 5 * 10**5
    # 104 USDT x 0.005 and 1000 ppm of it
    assert stand.venue.balance(2) == 10**15 - 52_000_000 - 52_000


def test_an_order_that_misses_its_price_expires() -> None:
    stand = Stand(quotes(100, 102, 104), view_ns=5 * MS, request_ns=10 * MS, reply_ns=2 * MS)
    told = stand.run({1: buy(101)})
    assert [what for _, what, _ in told.told] == ["ACK", "EXPIRED"]
    assert stand.venue.balance(2) == 10**15


def test_without_latency_one_book_serves_both_sides() -> None:
    stand = Stand(quotes(100, 102))
    told = stand.run({1: buy(100)})
    assert told.told == [(0, "ACK", 5), (0, "FILL", 100 * 1000 + 5)]
    with pytest.raises(ValueError, match="without latency"):
        other = Stand(quotes(100))
        test = Backtest(other.test.lane, Tape(), view_ns=1)
        test.add_listing(other.book, [(other.feed, other.market)], other.venue, 0)


def test_a_resting_order_is_filled_by_trades_behind_its_queue() -> None:
    tape = quotes(100)
    for n in range(1, 30):
        tape.append(n * MS, 0, t.TRADE, side=2, price=90, quantity=4, id=n)
    stand = Stand(tape, view_ns=MS, request_ns=MS, reply_ns=MS)
    told = stand.run({1: buy(90, 6, TimeInForce.GTC)})
    # it arrives at 2 ms, after the trade of that time and behind the 50 displayed; trades at
    # 3..14 ms take 48, that at 15 ms 2 and 2
    fills = [(when, value) for when, what, value in told.told if what == "FILL"]
    assert fills[0] == (16 * MS, 90_002), fills
    assert sum(v - 90_000 for _, v in fills) == 6
    assert stand.venue.balance(2) == 10**15 - 54_000_000 + 5_400, "a maker's rebate"


def test_a_replacement_goes_through_gate_life_and_queue() -> None:
    def amend(strategy: Told, market: Market) -> None:
        strategy.orders.append(
            strategy.replace(
                market, strategy.orders[0], side=Side.BUY, price=91, quantity=8,
                time_in_force=TimeInForce.GTC,
            )
        )  # fmt: skip

    stand = Stand(quotes(100, 102, 104, 106), view_ns=MS, request_ns=MS, reply_ns=MS)
    told = stand.run({1: buy(90, 6, TimeInForce.GTC), 3: amend})
    names = [what for _, what, _ in told.told]
    assert names == ["ACK", "REPLACED"]
    assert [o[1:4] for o in stand.paper.orders()] == [(Side.BUY, 91, 8)]
    stand.test.stop(stand.test.now)
    stand.test.wait(stand.test.now + 100 * MS)
    assert stand.paper.orders() == [] and stand.venue.is_idle()
    assert [what for _, what, _ in told.told][-1] == "CANCELED"


def test_a_doubt_closes_the_gate_until_the_next_snapshot() -> None:
    tape = quotes(100, 102)
    tape.append(30 * MS, 0, t.DOUBT, reason=2)
    tape.append(40 * MS, 0, t.LEVEL, side=2, price=99, quantity=1, id=9)
    tape.append(60 * MS, 0, t.CLEAR, reason=1, flags=0)
    tape.append(60 * MS, 0, t.LEVEL, side=1, price=95, quantity=50, flags=0)
    tape.append(60 * MS, 0, t.LEVEL, side=2, price=97, quantity=50, flags=0)
    tape.append(60 * MS, 0, t.JOINED, id=20)
    stand = Stand(tape, view_ns=MS)
    told = stand.run({})
    assert [look[1:] for look in told.looks] == [(90, 100), (90, 102), (95, 97)]
    assert stand.market.epoch == 2


@pytest.mark.parametrize("seed", range(6))
def test_playing_a_tape_is_applying_its_updates(seed: int) -> None:
    """Against Book's own update, snapshot and lead, event by event, in pieces of any size."""
    draw = Random(seed)
    tape, plain = Tape(16), Book()
    stand = Stand(tape, view_ns=draw.choice((0, 3 * MS)))
    states: list[Any] = []
    for n in range(1, 300):
        time = n * MS
        if n == 1 or draw.random() < 0.02:
            bids = [(100 - k, draw.randrange(1, 50)) for k in range(8)]
            asks = [(101 + k, draw.randrange(1, 50)) for k in range(8)]
            plain.join(bids, asks, n)
            tape.append(time, 0, t.CLEAR, reason=1, flags=0)
            for side, levels in ((1, bids), (2, asks)):
                for price, quantity in levels:
                    tape.append(time, 0, t.LEVEL, side=side, price=price, quantity=quantity,
                                id=n, flags=0)  # fmt: skip
            tape.append(time, 0, t.JOINED, id=n)
        elif draw.random() < 0.3:
            bid, ask = (100, draw.randrange(1, 50)), (101, draw.randrange(1, 50))
            plain.lead_with(bid, ask, n + draw.randrange(0, 3))
            tape.append(time, 0, t.TOP, price=bid[0], quantity=bid[1], ask_price=ask[0],
                        ask_quantity=ask[1], id=plain.update_id)  # fmt: skip
        else:
            bids = [(100 - draw.randrange(0, 8), draw.randrange(0, 9)) for _ in range(3)]
            asks = [(101 + draw.randrange(0, 8), draw.randrange(0, 9)) for _ in range(3)]
            plain.update(bids, asks, n)
            for k, (side, level) in enumerate([(1, x) for x in bids] + [(2, x) for x in asks]):
                tape.append(time, 0, t.LEVEL, side=side, price=level[0], quantity=level[1], id=n,
                            flags=3 if k == 5 else 0)  # fmt: skip
        states.append((plain.best_bid, plain.best_ask, plain.side_levels(1), plain.side_levels(2)))
    stand.run({})
    for book in (stand.book, stand.market.book):
        now = (book.best_bid, book.best_ask, book.side_levels(1), book.side_levels(2))
        assert now == states[-1]
    assert stand.test.events == tape.count


def test_tapes_of_several_lanes_are_merged_by_time() -> None:
    draw = Random(3)
    tapes, wanted = [], []
    for lane in range(3):
        tape, now = Tape(16), 0
        for n in range(50):
            now += draw.randrange(0, 5)
            tape.append(now, lane, t.TRADE, side=1, price=1, quantity=1, id=n)
            wanted.append((now, lane, n))
        tapes.append(tape)
    merged = Tape.merged(tapes)
    found = [merged.event(i) for i in range(merged.count)]
    assert [(e["time"], e["listing"], e["id"]) for e in found] == sorted(wanted)


def test_a_read_without_an_end_holds_nobody_up_in_a_merged_tape() -> None:
    """Its last frames were of no use to us; what another lane had in between stays there."""
    one, two = Tape(16), Tape(16)
    for time in (10, 30, 50):
        one.append(time, 0, t.TRADE, side=1, price=1, quantity=1, id=time, flags=1)
    two.append(20, 1, t.TRADE, side=1, price=1, quantity=1, id=20)
    two.append(40, 1, t.TRADE, side=1, price=1, quantity=1, id=40)
    merged = Tape.merged([one, two])
    assert [merged.event(i)["time"] for i in range(5)] == [10, 20, 30, 40, 50]
    assert [merged.event(i)["id"] for i in range(5)] == [10, 20, 30, 40, 50]


def test_an_order_meets_what_changed_at_the_time_of_its_arrival() -> None:
    """Decided at 1 ms, it arrives at 10 ms, when the ask of 100 gives way to 102."""
    stand = Stand(quotes(100, 102), view_ns=MS, request_ns=9 * MS, reply_ns=MS)
    told = stand.run({1: buy(110)})
    assert [v for _, what, v in told.told if what == "FILL"] == [102 * 1000 + 5]


def test_nothing_trades_on_a_book_in_doubt_but_with_the_trades_that_were() -> None:
    def both(strategy: Told, market: Market) -> None:
        buy(90, 6, TimeInForce.GTC)(strategy, market)  # joins 50 displayed
        buy(110, 6)(strategy, market)  # and one that arrives in the doubt

    tape = quotes(100)
    tape.append(2 * MS, 0, t.DOUBT, reason=2)
    tape.append(3 * MS, 0, t.LEVEL, side=2, price=80, quantity=9, id=9)  # it would reach the bid
    tape.append(4 * MS, 0, t.TRADE, side=2, price=89, quantity=2, id=1)  # through it
    stand = Stand(tape, view_ns=MS, request_ns=2 * MS, reply_ns=MS)
    told = stand.run({1: both})
    assert [(what, v) for _, what, v in told.told] == [
        ("ACK", 6), ("ACK", 6), ("EXPIRED", 6), ("FILL", 90_002),
    ]  # fmt: skip
    (order,) = stand.paper.orders()
    assert order[3:] == (4, -1), "what is before it is not known"


def test_a_stop_while_a_replacement_is_under_way_leaves_no_order_behind() -> None:
    """Its cancel names the old order, which is gone when it arrives: the new one is asked for."""

    def amend(strategy: Told, market: Market) -> None:
        strategy.replace(market, strategy.orders[0], side=Side.BUY, price=91, quantity=8,
                         time_in_force=TimeInForce.GTC)  # fmt: skip

    stand = Stand(quotes(100, 102, 104, 106), view_ns=MS, request_ns=MS, reply_ns=MS)
    stand.strategy.plan = {1: buy(90, 6, TimeInForce.GTC), 3: amend}
    stand.test.start(0)
    stand.test.run(21 * MS)
    stand.test.stop(stand.test.now)
    stand.test.wait(stand.test.now + 100 * MS)
    assert stand.paper.orders() == [] and stand.venue.is_idle()
    told = [what for _, what, _ in stand.strategy.told]
    assert told == ["ACK", "REPLACED", "CANCEL_REQUESTED", "CANCELED"]


def test_a_cancel_of_what_is_being_replaced_ends_what_takes_its_place() -> None:
    def amend_and_cancel(strategy: Told, market: Market) -> None:
        amend(strategy, market)
        strategy.cancel(market, strategy.orders[0])

    def amend(strategy: Told, market: Market) -> None:
        strategy.replace(market, strategy.orders[0], side=Side.BUY, price=91, quantity=8,
                         time_in_force=TimeInForce.GTC)  # fmt: skip

    stand = Stand(quotes(100, 102, 104, 106), view_ns=MS, request_ns=MS, reply_ns=MS)
    told = stand.run({1: buy(90, 6, TimeInForce.GTC), 3: amend_and_cancel})
    names = [what for _, what, _ in told.told]
    assert names == ["ACK", "REPLACED", "CANCEL_REQUESTED", "CANCELED"]
    assert stand.paper.orders() == [] and stand.venue.is_idle()


def test_what_a_replacement_leaves_working_beyond_the_wish_is_cancelled() -> None:
    """9 of 10 fill while the replacement to 8 is under way: none of the new order is wanted."""

    def amend(strategy: Told, market: Market) -> None:
        strategy.replace(market, strategy.orders[0], side=Side.BUY, price=91, quantity=8,
                         time_in_force=TimeInForce.GTC)  # fmt: skip

    tape = quotes(100, 102, 104)
    tape.append(21 * MS + MS // 2, 0, t.TRADE, side=2, price=89, quantity=9, id=1)
    stand = Stand(tape, view_ns=MS, request_ns=MS, reply_ns=MS)
    told = stand.run({1: buy(90, 10, TimeInForce.GTC), 3: amend})
    assert [what for _, what, _ in told.told] == [
        "ACK", "FILL", "REPLACED", "CANCEL_REQUESTED", "CANCELED",
    ]  # fmt: skip
    assert stand.paper.orders() == [] and stand.venue.is_idle()


def test_a_fill_never_shows_money_that_is_spent() -> None:
    """When a strategy hears of a fill, the balance has it already."""
    heard: list[int] = []

    class Watching(Told):
        def on_fill(self, fill: Any) -> None:
            heard.append(stand.venue.balance(2))  # type: ignore[arg-type]

    stand = Stand(quotes(100, 102), strategy=Watching, request_ns=MS, reply_ns=MS)
    stand.run({1: buy(100)})
    assert heard == [10**15 - 50_000_000 - 50_000]
    balances = [r for r in stand.records() if r in (Kind.BALANCE, Kind.FILL)]
    assert balances[-3:] == [Kind.BALANCE, Kind.BALANCE, Kind.FILL]


def test_balances_beyond_64_bits_are_kept() -> None:
    """A trillion of a coin that is worth little."""
    stand = Stand(quotes(100, 102), request_ns=MS, reply_ns=MS)
    stand.venue.deposit(77, 10**12 * 10**8)
    assert stand.venue.balance(77) == 10**20
    with pytest.raises(BalanceTooLarge):
        stand.venue.deposit(78, 1 << 100)
