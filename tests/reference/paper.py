"""The queue model of hotpath/paper.pxd, sentence by sentence, on dictionaries."""

from __future__ import annotations

from dataclasses import dataclass, field

BUY, SELL = 1, 2
LIMIT, MARKET, POST_ONLY = 1, 2, 3
GTC, IOC, FOK = 1, 2, 3
ACCEPTED, TRADE, EXPIRED, CANCELED, REDUCED, REJECTED, CANCEL_REJECTED = 1, 2, 3, 4, 5, 6, 7
DUPLICATE, WOULD_TAKE, INVALID, NOT_FOUND = 1, 2, 3, 4
EXPLAIN_NS = 100_000_000

Event = tuple[int, int, int, int, int, int, int, int, bool, int]


@dataclass
class Own:
    order: int
    side: int
    price: int
    leaves: int
    arrival: int
    ahead: int
    seen: int
    traded: int = 0
    cut: int = 0
    drop: int = 0
    cut_time: int = 0


@dataclass
class Paper:
    """`book` is {side: {price: quantity}}, changed by the caller between before and after."""

    request_ns: int = 0
    reply_ns: int = 0
    cancel_ns: int = 0
    conservative: bool = False
    book: dict[int, dict[int, int]] = field(default_factory=lambda: {BUY: {}, SELL: {}})
    own: list[Own] = field(default_factory=list)
    requests: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    taken: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    arrivals: int = 0
    doubtful: bool = False  # the book: nothing is known of what is displayed

    # ---- requests
    def ask(self, due: int, what: tuple[int, ...]) -> None:
        """One connection: nothing overtakes."""
        if self.requests:
            due = max(due, self.requests[-1][0])
        self.requests.append((due, what))

    def submit(
        self,
        now: int,
        order: int,
        side: int,
        price: int,
        quantity: int,
        type_: int = LIMIT,
        tif: int = GTC,
    ) -> None:
        self.ask(now + self.request_ns, (1, order, side, price, quantity, type_, tif))

    def amend(
        self, now: int, target: int, order: int, side: int, price: int, quantity: int,
        type_: int = LIMIT, tif: int = GTC,
    ) -> None:  # fmt: skip
        what = (4, target, order, side, price, quantity, type_, tif)
        self.ask(now + self.request_ns, what)

    def withdraw(self, now: int, order: int) -> None:
        self.ask(now + self.cancel_ns, (2, order))

    def shrink(self, now: int, order: int, leaves: int) -> None:
        self.ask(now + self.request_ns, (3, order, leaves))

    def before_change(self, now: int) -> None:
        while self.requests and self.requests[0][0] <= now:
            due, (what, order, *rest) = self.requests.pop(0)
            mine = next((o for o in self.own if o.order == order), None)
            if what == 1:
                self.arrive(due, order, mine, *rest)
            elif what == 4 and mine is None:
                self.tell(due, CANCEL_REJECTED, rest[0], 0, 0, 0, 0, False, NOT_FOUND)
            elif what == 4 and mine is not None:
                self.own.remove(mine)
                told = (mine.side, mine.price, mine.leaves, 0, False, 1)
                self.tell(due, CANCELED, order, *told)
                self.arrive(due, rest[0], None, *rest[1:])
            elif mine is None:
                self.tell(due, CANCEL_REJECTED, order, 0, 0, 0, 0, False, NOT_FOUND)
            elif what == 2:
                self.own.remove(mine)
                self.tell(due, CANCELED, order, mine.side, mine.price, mine.leaves, 0)
            elif not 0 < rest[0] <= mine.leaves:
                self.tell(due, CANCEL_REJECTED, order, mine.side, mine.price, mine.leaves,
                          mine.leaves, False, INVALID)  # fmt: skip
            else:
                mine.leaves = rest[0]
                self.tell(due, REDUCED, order, mine.side, mine.price, mine.leaves, mine.leaves)

    def arrive(
        self,
        due: int,
        order: int,
        mine: Own | None,
        side: int,
        price: int,
        quantity: int,
        type_: int,
        tif: int,
    ) -> None:
        if type_ == MARKET:
            price = 0
        if mine is not None:
            return self.tell(due, REJECTED, order, side, price, quantity, 0, False, DUPLICATE)
        if quantity <= 0 or (price <= 0 and type_ != MARKET):
            return self.tell(due, REJECTED, order, side, price, quantity, 0, False, INVALID)
        crossing = [
            p
            for p in sorted(self.book[3 - side], reverse=side == SELL)
            if not self.doubtful
            if type_ == MARKET or (p <= price if side == BUY else p >= price)
        ]
        if type_ == POST_ONLY and crossing:
            return self.tell(due, REJECTED, order, side, price, quantity, 0, False, WOULD_TAKE)
        self.tell(due, ACCEPTED, order, side, price, quantity, quantity)
        left = quantity
        room = sum(self.available(3 - side, p) for p in crossing)
        if type_ != POST_ONLY and (tif != FOK or room >= quantity):
            for p in crossing:
                got = min(left, self.available(3 - side, p))
                if got:
                    left -= got
                    self.consume(3 - side, p, got)
                    self.tell(due, TRADE, order, side, p, got, left)
        if left == 0:
            return None
        if type_ == MARKET or (type_ != POST_ONLY and tif != GTC):
            return self.tell(due, EXPIRED, order, side, price, left, 0)
        shown = -1 if self.doubtful else self.book[side].get(price, 0)
        self.arrivals += 1
        self.own.append(Own(order, side, price, left, self.arrivals, shown, max(shown, 0)))
        sign = {BUY: -1, SELL: 1}
        self.own.sort(key=lambda o: (o.side, sign[o.side] * o.price, o.arrival))
        return None

    def available(self, side: int, price: int) -> int:
        shown = self.book[side][price]
        displayed, taken = self.taken.get((side, price), (0, 0))
        return shown - (taken if displayed == shown else 0)

    def consume(self, side: int, price: int, quantity: int) -> None:
        shown = self.book[side][price]
        self.taken[(side, price)] = (shown, shown - self.available(side, price) + quantity)

    def tell(
        self,
        now: int,
        kind: int,
        order: int,
        side: int,
        price: int,
        quantity: int,
        leaves: int,
        maker: bool = False,
        reason: int = 0,
    ) -> None:
        self.events.append(
            (now, now + self.reply_ns, kind, order, side, price, quantity, leaves, maker, reason)
        )

    # ---- the market
    def fill(self, now: int, o: Own, quantity: int) -> None:
        o.leaves -= quantity
        self.tell(now, TRADE, o.order, o.side, o.price, quantity, o.leaves, True)

    def after_change(self, now: int) -> None:
        if self.doubtful:
            return
        for o in self.own:
            shown = self.book[o.side].get(o.price, 0)
            if o.ahead < 0:
                o.ahead = o.seen = shown
            fell = o.seen - shown
            if fell > 0:
                explained = min(o.traded, fell)
                o.traded -= explained
                unexplained = fell - explained
                if unexplained:
                    cut = 0 if self.conservative else unexplained * o.ahead // o.seen
                    cut = max(cut, o.ahead - shown)
                    if now - o.cut_time > EXPLAIN_NS:
                        o.cut = o.drop = 0
                    o.cut, o.drop, o.cut_time = o.cut + cut, o.drop + unexplained, now
                    o.ahead -= cut
                else:
                    o.ahead = min(o.ahead, shown)
            elif fell < 0:
                o.traded = 0
            o.seen = shown
        for o in self.own:
            other = self.book[3 - o.side]
            if not other:
                continue
            best = min(other) if o.side == BUY else max(other)
            if best <= o.price if o.side == BUY else best >= o.price:
                got = min(o.leaves, self.available(3 - o.side, best))
                if got > 0:
                    self.consume(3 - o.side, best, got)
                    self.fill(now, o, got)
        self.own = [o for o in self.own if o.leaves]

    def print_trade(self, now: int, price: int, quantity: int, taker: int) -> None:
        left = quantity
        makers = [o for o in self.own if o.side == 3 - taker]
        for o in makers:
            if (o.price > price if o.side == BUY else o.price < price) and left:
                got = min(o.leaves, left)
                left -= got
                self.fill(now, o, got)
        given = 0
        for o in makers:
            if o.price != price or o.ahead < 0:
                continue
            known = 0
            if o.drop and now - o.cut_time <= EXPLAIN_NS:
                known = min(o.drop, quantity)
                back = o.cut * known // o.drop
                o.ahead += back
                o.cut -= back
                o.drop -= known
            o.traded += quantity - known
            room = left - given - o.ahead
            o.ahead -= min(left, o.ahead)
            if room > 0:
                got = min(o.leaves, room)
                given += got
                self.fill(now, o, got)
        self.own = [o for o in self.own if o.leaves]
