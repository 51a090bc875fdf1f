"""A plausible trading session as records: what strategies and venues would have written."""

from __future__ import annotations

import random

from hotpath.records import (
    Approved,
    Balance,
    Document,
    EventType,
    Fill,
    Header,
    Intent,
    Op,
    OrderEvent,
    Record,
    Refused,
    cause,
    join,
    kind_of,
    pack,
    pack_order_id,
)

INSTANCE = 0xABCDE12345
STRATEGY, VENUE, FEED, JOURNAL = 10, 20, 30, 40
NEW, PARTIAL, FILLED, CANCELED, REJECTED = 4, 5, 6, 8, 9
APPLIED, MOVES, TERMINAL = 1, 16, 32


class Session:
    """Writes records the way outboxes do: positions without a hole, each with its cause."""

    def __init__(self, seed: int = 1) -> None:
        self.draw = random.Random(seed)
        self.now = 1_700_000_000_000_000_000
        self.positions: dict[int, int] = {}
        self.records: list[bytes] = []
        self.trades = 0
        self.venue_orders = 500

    def write(
        self, source: int, record: Record, by: int = 0, instrument: int = 1, flags: int = 0
    ) -> int:
        """Append a record; the number that names it as a cause."""
        position = self.positions.get(source, 0) + 1
        self.positions[source] = position
        self.now += self.draw.randrange(1, 5_000)
        header = Header(0, kind_of(record), source, position, self.now, by, instrument, flags)
        self.records.append(join(header, pack(record)))
        return cause(source, position)

    def listing(self, instrument: int = 1) -> None:
        document = {
            "name": "alpha.BTCUSDT",
            "venue": "alpha",
            "symbol": "BTCUSDT",
            "tick": "0.01",
            "lot": "0.0001",
            "base": "BTC",
            "quote": "USDT",
            "base_asset": 7,
            "quote_asset": 8,
        }
        self.write(
            JOURNAL, Document(document={"journal": "listing", "listing": document}), 0, instrument
        )

    def intent(self, side: int, price: int, quantity: int, by: int = 0) -> tuple[int, int]:
        """(cause number, order id) of an intent to place."""
        made = self.write(
            STRATEGY,
            Intent(
                price=price,
                quantity=quantity,
                deadline=self.now + 1_000_000,
                op=Op.PLACE,
                side=side,
                type=1,
                time_in_force=2,
                leg=0,
                legs=1,
                venue=VENUE,
                strategy=STRATEGY,
                feed=FEED,
                feed_epoch=3,
                feed_update_id=991,
                feed_bid=price - 1,
                feed_ask=price + 1,
                expected_price=price,
                rule=4,
                stamp_in_hand=self.now,
                stamp_decided=self.now,
            ),
            by or cause(FEED, 77),
        )
        position = self.positions[STRATEGY]
        return made, pack_order_id(INSTANCE, STRATEGY, position, 0, 0)

    def approve(self, order: int, by: int, side: int, price: int, quantity: int) -> int:
        return self.write(
            VENUE,
            Approved(
                id=order,
                price=price,
                quantity=quantity,
                op=Op.PLACE,
                side=side,
                type=1,
                time_in_force=2,
                venue=VENUE,
                strategy=STRATEGY,
                limit_version=1,
                stamp_approved=self.now,
            ),
            by,
        )

    def event(
        self, order: int, by: int, what: EventType, status: int, venue_order_id: int = 0
    ) -> int:
        return self.write(
            VENUE,
            OrderEvent(
                id=order,
                venue_order_id=venue_order_id,
                cumulative=-1,
                type=what,
                status=status,
                venue=VENUE,
                strategy=STRATEGY,
                effect=APPLIED,
                stamp_received=self.now,
            ),
            by,
        )

    def fill(
        self,
        order: int,
        by: int,
        side: int,
        price: int,
        quantity: int,
        status: int,
        *,
        trade: int = 0,
        effect: int = APPLIED | MOVES,
        flags: int = 0,
        fee_asset: int = 8,
    ) -> int:
        self.trades += 1
        return self.write(
            VENUE,
            Fill(
                id=order,
                trade_id=trade or self.trades,
                price=price,
                quantity=quantity,
                side=side,
                status=status,
                fee=quantity * 3,
                fee_asset=fee_asset,
                venue=VENUE,
                strategy=STRATEGY,
                effect=effect,
                maker=self.draw.randrange(2),
            ),
            by,
            flags=flags,
        )

    def order(self, by: int = 0) -> tuple[int, int]:
        """The whole life of one order, at random; (its id, its last fill's cause or 0)."""
        side, price = self.draw.choice([1, 2]), self.draw.randrange(9_000, 11_000)
        quantity = self.draw.randrange(1, 500)
        asked, order = self.intent(side, price, quantity, by)
        luck = self.draw.random()
        if luck < 0.1:
            self.write(
                VENUE,
                Refused(id=order, control=3, op=Op.PLACE, side=side, value=9, limit=5, venue=VENUE),
                asked,
            )
            return order, 0
        approved = self.approve(order, asked, side, price, quantity)
        if luck < 0.2:
            self.event(order, approved, EventType.REJECT, REJECTED)
            return order, 0
        self.venue_orders += 1
        self.event(order, approved, EventType.ACK, NEW, self.venue_orders)
        left, last = quantity, 0
        while left and self.draw.random() < 0.8:
            part = self.draw.randrange(1, left + 1)
            left -= part
            at = price + self.draw.randrange(-3, 4)
            last = self.fill(order, approved, side, at, part, PARTIAL if left else FILLED)
        if left:
            self.event(order, approved, EventType.CANCELED, CANCELED)
        return order, last

    def run(self, orders: int) -> Session:
        """Orders one after the other, some of them hedges of the one before, and balances."""
        self.listing()
        last = 0
        for _ in range(orders):
            hedge = last if self.draw.random() < 0.4 else 0
            _, last = self.order(hedge)
            if self.draw.random() < 0.2:
                self.write(VENUE, Balance(asset=7, venue=VENUE, free_lo=self.draw.getrandbits(60)))
        return self
