"""cross_venue alone: its two markets and its venues are records that the test writes."""

from __future__ import annotations

import random
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from actors.strategies.cross_venue import CrossVenue, Settings
from hotpath.board import Board
from hotpath.book import Book
from hotpath.instrument import Instrument
from hotpath.lane import Lane
from hotpath.market import Market
from hotpath.records import (
    Balance,
    Doubt,
    Fill,
    Header,
    Intent,
    Kind,
    OrderEvent,
    Record,
    Refused,
    Snapshot,
    Top,
    join,
    kind_of,
    pack,
    pack_order_id,
    split,
    unpack,
)
from hotpath.ring import Outbox, Reader
from tests.reference import cross_venue as twin

STRATEGY, FEEDS, VENUES, INSTANCE = 5, (31, 32), (41, 42), 77
MS = 1_000_000
BUY, SELL = 1, 2
FILLED, CANCELED = 6, 8
Levels = list[tuple[int, int]]


class Table:
    """The strategy, and everybody else."""

    def __init__(
        self,
        ticks: tuple[str, str] = ("0.01", "0.01"),
        lots: tuple[str, str] = ("0.0001", "0.0001"),
        fees: tuple[int, int] = (100, 100),
        balances: bool = True,
        min_quantity: str = "0.0001",
        min_notional: str = "5",
        **settings: Any,
    ) -> None:
        self.now = 1_700_000_000_000 * MS
        self.lane = Lane("t", Board.private(["clock"]), seed=1, is_virtual=True)
        self.outbox = Outbox.private(1 << 18, STRATEGY)
        self.strategy = CrossVenue(self.lane, "cross", self.outbox, instance=INSTANCE)
        self.reader = Reader.of(self.outbox, True)
        self.specs = [
            Instrument(
                "BTCUSDT", ticks[i], lots[i], id=100 + i, base="BTC", quote="USDT", base_asset=1,
                quote_asset=2, min_quantity=min_quantity, min_notional=min_notional,
            )
            for i in range(2)
        ]  # fmt: skip
        for i in range(2):
            self.strategy.add_market(Market(
                instrument=100 + i, spec=self.specs[i], name=f"f{i}", feed=FEEDS[i],
                venue=VENUES[i], index=i, slot=-1, book=Book(256, 1000),
            ))  # fmt: skip
        spoken = [SimpleNamespace(settings=SimpleNamespace(taker_fee_ppm=fee)) for fee in fees]
        listings = {n: SimpleNamespace(spec=SimpleNamespace(venue=n)) for n in ("a", "b")}
        self.strategy.set_up(SimpleNamespace(
            settings=Settings(**settings), listings=listings,
            lane=SimpleNamespace(venues=dict(zip("ab", spoken, strict=True))),
        ))  # fmt: skip
        self.position = 0
        self.epoch = 0
        self.lane.start(self.now)
        if balances:
            for i in range(2):
                self.balance(i, 1, "1000")
                self.balance(i, 2, "100000000")

    # ---- what is told

    def tell(self, source: int, record: Record, instrument: int = 0) -> None:
        self.position += 1
        self.now += 1000
        header = Header(0, kind_of(record), source, self.position, self.now, 0, instrument, 0)
        self.lane.take_record(self.strategy, join(header, pack(record)), self.now)

    def balance(self, i: int, asset: int, amount: str) -> None:
        self.tell(VENUES[i], Balance(asset=asset, free_lo=int(Decimal(amount) * 10**8),
                                     venue=VENUES[i]))  # fmt: skip

    def doubt(self, i: int, reason: int = Doubt.GAP) -> None:
        self.tell(FEEDS[i], Top(reason=reason, epoch=self.epoch), 100 + i)

    def book(self, i: int, bids: Levels, asks: Levels) -> None:
        """A whole book, joined anew."""
        self.doubt(i)
        self.strategy.markets[i].book.distrust(int(Doubt.GAP))
        self.epoch += 1
        self.tell(FEEDS[i], Snapshot(
            last_id=self.epoch, epoch=self.epoch, bids=bids, asks=asks
        ), 100 + i)  # fmt: skip

    def crossed(self, quantity: int = 50) -> None:
        """The first venue's asks stand well below the second's bids."""
        self.book(0, [(4_990_000, 500)], [(5_000_000, quantity)])
        self.book(1, [(5_020_000, 500)], [(5_030_000, 500)])

    def apart(self) -> None:
        """Nothing to gain."""
        self.book(0, [(5_000_000, 500)], [(5_000_100, 500)])
        self.book(1, [(5_000_000, 500)], [(5_000_100, 500)])

    def wait(self, ms: int) -> None:
        end = self.now + ms * MS
        while self.lane.due is not None and self.lane.due <= end:
            self.now = max(self.now, self.lane.due)
            self.lane.take_timers(self.now)
        self.now = end

    # ---- what it decided

    def intents(self) -> list[tuple[int, Intent]]:
        """(order id, intent) of each written since the last call."""
        found = []
        for raw in self.reader.take(512):
            header, payload = split(raw)
            if header.kind != Kind.INTENT:
                continue  # what it says of itself besides
            intent: Any = unpack(header.kind, payload)
            id = pack_order_id(INSTANCE, STRATEGY, header.position, intent.leg, intent.attempt)
            found.append((id, intent))
        self.reader.store()
        return found

    def fill(
        self, order: tuple[int, Intent], lots: int | None = None, *, done: bool = True
    ) -> None:
        """A trade of an order, of all of it by default."""
        id, intent = order
        quantity = intent.quantity if lots is None else lots
        self.trade = getattr(self, "trade", 0) + 1
        self.tell(intent.venue, Fill(
            id=id, trade_id=self.trade, price=intent.price, quantity=quantity, cumulative=quantity,
            venue=intent.venue, strategy=STRATEGY, side=intent.side, effect=17,
            status=FILLED if quantity == intent.quantity else 5,
        ), 100 + VENUES.index(intent.venue))  # fmt: skip

    def end(self, order: tuple[int, Intent], cumulative: int = 0, **more: Any) -> None:
        """The rest of an order is cancelled."""
        id, intent = order
        values = {"type": 9, "status": CANCELED, "effect": 33} | more
        self.tell(intent.venue, OrderEvent(
            id=id, cumulative=cumulative, venue=intent.venue, strategy=STRATEGY, **values
        ), 100 + VENUES.index(intent.venue))  # fmt: skip

    def refuse(self, order: tuple[int, Intent]) -> None:
        id, intent = order
        self.tell(intent.venue, Refused(
            id=id, control=7, venue=intent.venue, strategy=STRATEGY, op=1
        ), 100 + VENUES.index(intent.venue))  # fmt: skip


# ---- one pair ------------------------------------------------------------------------------------


def test_both_legs_leave_as_one_group_with_one_deadline() -> None:
    t = Table(intent_life_ms=250)
    t.crossed(50)
    (_, buy), (_, sell) = t.intents()
    assert (buy.side, buy.venue, buy.price, buy.quantity) == (BUY, 41, 5_000_000, 50)
    assert (sell.side, sell.venue, sell.price, sell.quantity) == (SELL, 42, 5_020_000, 50)
    assert buy.group == sell.group != 0 and (buy.leg, sell.leg) == (0, 1)
    assert buy.legs == sell.legs == 2
    assert buy.time_in_force == sell.time_in_force == 2, "a leg must not rest"
    assert (buy.feed, sell.feed) == FEEDS and buy.feed_epoch == 1 and sell.feed_epoch == 2
    assert buy.deadline == sell.deadline > t.now - 10 * MS


def test_the_other_direction_too() -> None:
    t = Table()
    t.book(1, [(4_990_000, 500)], [(5_000_000, 30)])
    t.book(0, [(5_020_000, 500)], [(5_030_000, 500)])
    (_, buy), (_, sell) = t.intents()
    assert (buy.venue, sell.venue, buy.quantity) == (42, 41, 30)


@pytest.mark.parametrize("reason", [r for r in Doubt if r])
@pytest.mark.parametrize("which", [0, 1])
def test_it_never_trades_on_a_book_in_doubt(which: int, reason: Doubt) -> None:
    t = Table()
    t.apart()
    t.doubt(which, reason)
    t.strategy.markets[which].book.distrust(int(reason))
    other = 1 - which
    t.book(other, [(5_100_000, 500)], [(5_200_000, 500)])
    assert not t.intents(), f"a trade against a book in doubt: {reason.name}"
    assert t.strategy.skipped_invalid > 0


def test_it_waits_for_the_balances_of_both_venues() -> None:
    t = Table(balances=False)
    t.crossed()
    assert not t.intents()
    t.balance(0, 2, "100000000")
    t.balance(0, 1, "10")
    t.crossed()
    assert not t.intents(), "the second venue's balance is not known"
    t.balance(1, 1, "10")
    t.crossed()
    assert len(t.intents()) == 2


def test_one_pair_at_a_time_and_a_pause_after_it() -> None:
    t = Table(pause_ms=20)
    t.crossed()
    legs = t.intents()
    t.crossed()
    assert not t.intents(), "a second pair while the first is under way"
    for leg in legs:
        t.fill(leg)
    t.crossed()
    assert not t.intents(), "no pause"
    t.wait(25)
    t.crossed()
    assert len(t.intents()) == 2


# ---- size ----------------------------------------------------------------------------------------


def test_size_is_the_smallest_of_depth_limit_and_balances() -> None:
    for limit, base, quote, wanted in (
        ("0.01", "1000", "1000000", 50),     # the depth
        ("0.003", "1000", "1000000", 30),    # the largest pair
        ("0.01", "0.0017", "1000000", 17),   # what there is to sell
        ("0.01", "1000", "100.005", 19),      # what there is to pay with, fee included
    ):  # fmt: skip
        t = Table(max_quantity=limit, balances=False)
        for i in range(2):
            t.balance(i, 1, base)
            t.balance(i, 2, quote)
        t.crossed(50)
        found = [i.quantity for _, i in t.intents()]
        assert found == [wanted, wanted], (limit, base, quote)


def test_nothing_smaller_than_the_venues_take() -> None:
    t = Table(min_notional="100", max_quantity="0.0019")
    t.crossed()
    assert not t.intents() and t.strategy.skipped_size > 0
    t = Table(min_quantity="0.003", max_quantity="0.0029")
    t.crossed()
    assert not t.intents()


@pytest.mark.parametrize(("fees", "margin"), [((100, 100), 50), ((0, 0), 0), ((750, 10), 200)])
def test_fees_and_margin_are_what_a_pair_must_gain(fees: tuple[int, int], margin: int) -> None:
    """The price at which it just does not pay, and one tick more."""
    ask = 5_000_000
    need = Fraction(ask * (10**6 + fees[0] + margin), 10**6 - fees[1])
    worthless = need.numerator // need.denominator
    for bid, wanted in ((worthless, 0), (worthless + 1, 2)):
        t = Table(fees=fees, margin_ppm=margin)
        t.book(0, [(4_900_000, 10)], [(ask, 10)])
        t.book(1, [(bid, 10)], [(5_900_000, 10)])
        assert len(t.intents()) == wanted, bid


def test_random_books_equal_the_twin() -> None:
    """Sizes and prices as the slow way decides them, over ticks, lots, fees and balances."""
    r = random.Random(20)
    traded = 0
    for case in range(3000):
        ticks = r.choice([("0.01", "0.01"), ("0.01", "0.05"), ("0.1", "0.01")])
        lots = r.choice([("0.0001", "0.0001"), ("0.0004", "0.0006"), ("0.001", "0.0001")])
        fees = (r.randrange(0, 300), r.randrange(0, 300))
        margin = r.choice([0, 50, 500])
        largest = r.choice(["0.02", "0.5", "3"])
        t = Table(ticks=ticks, lots=lots, fees=fees, balances=False, min_notional="5",
                  min_quantity="0.012", margin_ppm=margin, max_quantity=largest)  # fmt: skip
        sides = []
        books: list[tuple[Levels, Levels]] = []
        money = []
        for i in range(2):
            tick, lot = Fraction(ticks[i]), Fraction(lots[i])
            middle = Fraction(r.randrange(4_990_000, 5_010_000), 100) // tick

            def levels(sign: int, middle: Any = middle) -> Levels:
                at, found = int(middle), []
                for _ in range(r.randrange(1, 20)):
                    at += sign * r.randrange(1, 400)
                    found.append((at, r.randrange(1, 2000)))
                return found

            bids, asks = levels(-1), levels(1)
            base, quote = Decimal(r.randrange(1, 3000)) / 1000, Decimal(r.randrange(1, 200_000))
            books.append((bids, asks))
            money.append((base, quote))
            sides.append(twin.Side(
                tick, lot, [(p * tick, q * lot) for p, q in bids],
                [(p * tick, q * lot) for p, q in asks], fees[i], Fraction(base), Fraction(quote),
                Fraction("0.012"), Fraction(5),
            ))  # fmt: skip
        t.book(0, *books[0])
        t.book(1, *books[1])
        for i, (base, quote) in enumerate(money):
            t.balance(i, 1, str(base))
            t.balance(i, 2, str(quote))
        assert not t.intents()
        t.book(1, *books[1])
        found = t.intents()
        wanted = twin.decide((sides[0], sides[1]), margin, Fraction(largest))
        if wanted is None:
            assert not found, (case, found)
            continue
        traded += 1
        (_, buy), (_, sell) = found
        seller = 1 - wanted.buy
        assert (VENUES.index(buy.venue), VENUES.index(sell.venue)) == (wanted.buy, seller), case
        assert buy.price * Fraction(ticks[wanted.buy]) == wanted.buy_price, case
        assert sell.price * Fraction(ticks[seller]) == wanted.sell_price, case
        assert buy.quantity * Fraction(lots[wanted.buy]) == wanted.quantity, case
        assert sell.quantity * Fraction(lots[seller]) == wanted.quantity, case
    assert traded > 300, "hardly any case traded: the property shows nothing"


# ---- a pair that is half filled ------------------------------------------------------------------


def half(t: Table, lots: int = 50) -> None:
    """The buy leg fills, the sell leg does not."""
    t.crossed(lots)
    buy, sell = t.intents()
    t.fill(buy)
    t.end(sell)


def test_a_half_filled_pair_is_hedged_at_once_where_it_costs_least() -> None:
    t = Table(hedge_slippage_ppm=1000)
    half(t)
    ((_, hedge),) = t.intents()
    assert (hedge.side, hedge.quantity, hedge.venue) == (SELL, 50, 42), "the better bid is there"
    assert hedge.price == 5_020_000 * 999 // 1000
    assert hedge.flags & 2 and hedge.time_in_force == 2 and hedge.rule == 2


def test_what_was_filled_on_both_sides_is_not_hedged() -> None:
    t = Table()
    t.crossed(50)
    buy, sell = t.intents()
    t.fill(buy)
    t.fill(sell, 20)
    t.end(sell, 20)
    ((_, hedge),) = t.intents()
    assert (hedge.side, hedge.quantity) == (SELL, 30)


def test_nothing_is_hedged_while_an_outcome_is_unknown() -> None:
    """A leg whose state nobody knows may be filled: hedging it would double it."""
    t = Table()
    t.crossed(50)
    buy, sell = t.intents()
    t.fill(buy)
    t.end(sell, -1, type=4, status=3, evidence=1, effect=1)
    t.wait(5_000)
    assert not t.intents()
    t.end(sell, 50, type=22, status=FILLED, effect=33)  # it was filled; its trade is to come
    assert not t.intents(), "the venue counts a fill whose trade has not come yet"
    t.fill(sell)
    assert not t.intents()
    t.wait(100)
    t.crossed()
    assert len(t.intents()) == 2, "the pair is over"


def test_a_hedge_that_is_refused_or_missed_is_tried_again_within_the_deadline() -> None:
    t = Table(hedge_deadline_ms=2000)
    half(t)
    begin = t.now
    tries = 0
    for _ in range(5):
        (hedge,) = t.intents()
        tries += 1
        t.refuse(hedge)
        t.wait(60)
    assert t.now - begin < 2000 * MS and tries == 5
    (hedge,) = t.intents()
    t.end(hedge)  # it met nothing
    t.wait(60)
    (hedge,) = t.intents()
    t.fill(hedge)
    t.wait(200)
    t.crossed()
    assert len(t.intents()) == 2, "hedged: the next pair may come"


def test_no_hedge_on_a_book_in_doubt_and_at_once_when_it_is_whole() -> None:
    t = Table()
    t.crossed(50)
    buy, sell = t.intents()
    t.doubt(0)
    t.doubt(1)
    t.fill(buy)
    t.end(sell)
    t.wait(500)
    assert not t.intents()
    t.book(1, [(5_010_000, 500)], [(5_020_000, 500)])
    t.wait(60)
    ((_, hedge),) = t.intents()
    assert (hedge.venue, hedge.quantity) == (42, 50)


def test_what_no_side_of_a_book_can_meet_now_is_hedged_as_soon_as_one_can() -> None:
    """A one-sided or doubtful market has no price: that is no reason to call a leg too small."""
    t = Table()
    half(t)
    t.wait(100)
    hedge = t.intents()
    assert len(hedge) == 1 and hedge[0][1].side == SELL
    t.book(0, [], [(5_000_100, 500)])
    t.book(1, [], [(5_000_100, 500)])  # nobody bids anywhere
    t.end(hedge[0])
    t.wait(200)
    assert t.intents() == []
    t.book(1, [(5_000_000, 500)], [(5_000_100, 500)])
    t.wait(200)
    again = t.intents()
    assert [(i.side, i.quantity) for _, i in again] == [(SELL, 50)], "a leg stands open for ever"


def test_what_is_too_small_to_hedge_is_carried_into_the_next_pair() -> None:
    t = Table(min_notional="50")
    t.crossed(50)
    buy, sell = t.intents()
    t.fill(buy)
    t.fill(sell, 45)
    t.end(sell, 45)
    t.wait(100)
    assert not t.intents(), "5 lots are worth 25: no venue takes them"
    t.crossed(50)
    buy, sell = t.intents()
    t.fill(buy)
    t.fill(sell, 40)
    t.end(sell, 40)
    ((_, hedge),) = t.intents()
    assert (hedge.side, hedge.quantity) == (SELL, 15)


def test_a_refused_pair_ends_and_leaves_nothing_open() -> None:
    t = Table()
    t.crossed()
    for leg in t.intents():
        t.refuse(leg)
    t.wait(100)
    assert not t.intents()
    t.crossed()
    assert len(t.intents()) == 2


def test_a_real_trade_in_the_place_of_a_guess_counts_once() -> None:
    """A guess fills the leg; the trade it stood for comes later and moves nothing more."""
    t = Table()
    t.crossed(50)
    buy, sell = t.intents()
    t.fill(buy)
    t.fill(sell)
    t.wait(50)
    id, intent = sell
    late = Fill(
        id=id, trade_id=99, price=intent.price, quantity=50, cumulative=50, venue=42,
        strategy=STRATEGY, side=SELL, effect=17 | 2048, status=FILLED,
    )  # fmt: skip
    t.tell(42, late, 101)
    t.wait(500)
    assert not t.intents(), "a hedge of what was never open"


def test_a_hedge_goes_where_the_account_can_pay_for_it() -> None:
    """Bought back at the dearer venue when the cheaper one's money is gone, in parts if need be."""
    for money, wanted in ((("0", "100000"), (42, 50)), (("100.6", "0"), (41, 20))):
        t = Table(hedge_slippage_ppm=1000, min_notional="5")
        t.crossed(50)
        buy, sell = t.intents()
        for i, quote in enumerate(money):
            t.balance(i, 2, quote)
        t.fill(sell)
        t.end(buy)
        ((_, hedge),) = t.intents()
        assert (hedge.side, hedge.venue, hedge.quantity) == (BUY, *wanted), money


def test_a_hedge_of_a_cheap_coin_may_slip_too() -> None:
    """2,000 ppm of 0.00001234 are less than a millionth of it is in 1e-8."""
    t = Table(ticks=("0.00000001", "0.00000001"), lots=("1", "1"), hedge_slippage_ppm=20_000,
              max_quantity="5000000", min_quantity="1")  # fmt: skip
    for i in range(2):
        t.balance(i, 1, "100000000")
    t.book(0, [(1200, 10**7)], [(1210, 10**7)])
    t.book(1, [(1234, 10**7)], [(1240, 10**7)])
    buy, sell = t.intents()
    t.fill(buy)
    t.end(sell)
    ((_, hedge),) = t.intents()
    assert hedge.price == 1234 - 24


def test_the_timers_of_the_pair_before_hold_the_next_one_up_no_longer() -> None:
    """No book to hedge on, so it looks again later; then the missing trade comes after all."""
    t = Table(pause_ms=0)
    t.crossed(50)
    buy, sell = t.intents()
    t.doubt(0)
    t.doubt(1)
    t.fill(buy)
    t.end(sell)
    t.fill(sell)
    half(t)
    assert len(t.intents()) == 1, "nothing is done about a half-filled pair"


def test_levels_before_the_venues_own_best_are_gone() -> None:
    t = Table()
    t.book(0, [(4_990_000, 500)], [(5_000_000, 50), (5_010_000, 50)])
    t.book(1, [(4_980_000, 500)], [(5_030_000, 500)])
    t.tell(FEEDS[0], Top(bid_price=4_990_000, bid_quantity=500, ask_price=5_010_000,
                         ask_quantity=7, update_id=99, epoch=1), 100)  # fmt: skip
    t.book(1, [(5_020_000, 500)], [(5_030_000, 500)])
    (_, buy), (_, sell) = t.intents()
    assert (buy.price, buy.quantity, sell.quantity) == (5_010_000, 7, 7)
