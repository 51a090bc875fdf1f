"""What `tiercel new strategy` writes: a strategy, its configuration, an exchange, a test."""

from __future__ import annotations

import keyword
import re
import secrets
import sys
from pathlib import Path
from typing import ClassVar

from engine.errors import TiercelError

NAME = re.compile(r"^[a-z][a-z0-9_]{0,28}$")
PACKAGES = ("actors", "bench", "engine", "feeds", "hotpath", "msgspec", "pytest", "tests", "venues")
"""What its files import: one beside them called so would stand in the way."""
TAKEN = {*keyword.kwlist, *keyword.softkwlist, *sys.stdlib_module_names, *PACKAGES}

STRATEGY = '''"""@NAME@: keeps one post-only buy order a distance under the best bid."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from engine.settings import setting
from hotpath.market import Market
from hotpath.records import EventType, Op, OrderType, Side, TimeInForce
from hotpath.strategy import Strategy


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of @NAME@: each with type, unit, bounds, default and a sentence."""

    quantity_lots: Annotated[int, setting("lots", "Size of the order.", ge=1, le=10**12)] = 100
    distance_ppm: Annotated[
        int, setting("ppm of the price", "How far under the best bid it stands.", ge=0, le=100_000)
    ] = 200
    requote_ppm: Annotated[
        int, setting("ppm of the price", "An order closer than this to its aim stays.", ge=1)
    ] = 100


class @CLASS@(Strategy):
    """One order at a time on its first market. Prices are ticks and quantities lots, integers."""

    def set_up(self, setup: Any) -> None:
        """Once for all lives in place: a restart after an exception forgets no order."""
        self.order: int | None = None
        self.price = 0
        self.is_leaving = False

    def restore(self, document: dict[str, Any]) -> None:
        """After a restart of the process: the order that still works is withdrawn."""
        for order in document["orders"]:
            self.order = int(order["id"], 16)  # its price is not told: far from any aim

    def on_book(self, market: Market) -> None:
        """Called on the last frame of a read; a book in doubt is never traded on."""
        if not market.is_valid or not market.bid_quantity:
            self.withdraw(market)
            return
        aim = market.best_bid - market.best_bid * self.settings.distance_ppm // 1_000_000
        if self.order is None:
            self.price = max(1, aim)
            self.order = self.place(
                market,
                Side.BUY,
                self.price,
                self.settings.quantity_lots,
                type=OrderType.POST_ONLY,
                time_in_force=TimeInForce.GTC,
            )
        elif abs(aim - self.price) * 1_000_000 > self.settings.requote_ppm * self.price:
            self.withdraw(market)

    def withdraw(self, market: Market) -> None:
        """Ask for the cancel, once; the next order waits until the venue says that it is gone."""
        if self.order is not None and not self.is_leaving:
            self.is_leaving = True
            self.cancel(market, self.order)

    def on_order(self, event: Any) -> None:
        """What became of an order: this strategy's own only."""
        if event.id != self.order:
            return
        if event.is_terminal:
            self.order, self.is_leaving = None, False
        elif event.type == EventType.CANCEL_REJECTED:
            self.is_leaving = False  # it may be asked for again

    def on_refused(self, refusal: Any) -> None:
        """The gate refused; `refusal.control` says which of its controls."""
        if refusal.id != self.order:
            return
        self.is_leaving = False
        if refusal.op == Op.PLACE:  # it is over; a refused cancel leaves its order as it is
            self.order = None
'''

CONFIGURATION = """# @NAME@ on one simulated exchange. Start the exchange first, then this:
#   python -m venues.simulated --spec @NAME@.exchange.json
#   tiercel run @NAME@.yaml
application: @NAME@
mode: simulation

instruments:
  alpha.BTCUSDT:
    {base: BTC, quote: USDT, tick: "0.01", lot: "0.00001", max_quantity: "9000", min_notional: "5"}

venues:
  alpha:
    kind: venues/binance
    mode: simulation
    endpoints:
      streams: ws://127.0.0.1:@WS@
      orders: ws://127.0.0.1:@WS@/ws-api/v3
      rest: http://127.0.0.1:@REST@
    # a key of the simulated exchange, worth nothing anywhere else; real ones come as ${NAME}
    key: {label: @NAME@, kind: hmac, api_key: @KEY@, secret: @SECRET@}

lanes:
  - name: journal
    runtime: trio
    actors:
      - {name: journal, kind: engine/journal}
  - name: control
    runtime: trio
    actors:
      - name: feed_rest
        kind: feeds/binance/rest
        venue: alpha
        instruments: [alpha.BTCUSDT]
        follows: [feed]
      - name: venue_rest
        kind: venues/binance/rest
        venue: alpha
        instruments: [alpha.BTCUSDT]
        follows: [venue]
  - name: trade
    runtime: uvloop
    hang_ms: 2000
    actors:
      - name: feed
        kind: feeds/binance
        venue: alpha
        instruments: [alpha.BTCUSDT]
        follows: [feed_rest]
      - name: venue
        kind: venues/binance
        venue: alpha
        instruments: [alpha.BTCUSDT]
        follows: [@NAME@, venue_rest]
      - name: @NAME@
        kind: ./@NAME@.py
        instruments: [alpha.BTCUSDT]
        follows: [feed, venue]
        settings: {quantity_lots: 100}

risk:
  total: {max_gross_notional: "10000", max_open_notional: "5000", max_open_orders: 10}
  venues:
    alpha: {max_open_orders: 5}
  instruments:
    alpha.BTCUSDT:
      {max_order_quantity: "0.01", max_order_notional: "1000", max_long: "0.1", max_short: "0.1"}
  strategies:
    @NAME@: {max_executions: 10000} # R14: orders in ten minutes without a human; 100 by default
  leases:
    - strategy: @NAME@
      venue: alpha
      gross_notional: "10000"
      open_notional: "5000"
      open_orders: 10
"""

EXCHANGE = """{
  "name": "alpha",
  "ledger": "@NAME@.ledger.jsonl",
  "ws_port": @WS@,
  "rest_port": @REST@,
  "markets": [{"symbol": "BTCUSDT", "base": "BTC", "quote": "USDT"}],
  "accounts": [
    {"name": "@NAME@", "api_key": "@KEY@", "hmac_secret": "@SECRET@",
     "balances": {"BTC": "1", "USDT": "100000"}}
  ]
}
"""

TEST = '''"""@NAME@ decides as it says: run it with `python -m pytest test_@NAME@.py`."""

from __future__ import annotations

from types import SimpleNamespace

from hotpath.book import Book
from hotpath.instrument import Instrument
from hotpath.lane import Lane
from hotpath.market import Market
from hotpath.records import Header, Kind, Op, Top, join, pack, unpack
from hotpath.ring import Outbox, Reader

from @NAME@ import @CLASS@, Settings

FEED, VENUE, ME, LISTING = 1, 2, 3, 1
DOUBTFUL = 2


def top(bid: int, reason: int = 0) -> bytes:
    """What a feed of another lane says of its book: best prices, valid or the reason why not."""
    said = Top(
        bid_price=bid,
        bid_quantity=5,
        ask_price=bid + 100,
        ask_quantity=5,
        update_id=1,
        venue_time=0,
        epoch=1,
        reason=reason,
    )
    return join(Header(0, Kind.TOP, FEED, 1, 0, 0, LISTING, 0), pack(said))


def test_it_bids_under_the_best_bid_and_only_on_a_valid_book() -> None:
    lane = Lane("test", is_virtual=True)
    outbox = Outbox.private(1 << 16, ME)
    market = Market(
        instrument=LISTING,
        spec=Instrument("BTCUSDT", "0.01", "0.00001"),
        name="alpha.BTCUSDT",
        feed=FEED,
        venue=VENUE,
        index=0,
        slot=-1,
        book=Book(),
    )
    strategy = @CLASS@(lane, "@NAME@", outbox, settings=Settings(distance_ppm=1000))
    strategy.add_market(market)
    strategy.set_up(None)
    lane.start(0)
    lane.take_record(strategy, top(1_000_000, DOUBTFUL), 1)
    assert outbox.position == 0  # a book in doubt is not traded on

    lane.take_record(strategy, top(1_000_000), 2)
    lane.take_record(strategy, top(1_000_000), 3)  # one order at a time
    records = Reader.of(outbox).read()
    assert [header.kind for header, _ in records] == [Kind.INTENT]
    intent = unpack(Kind.INTENT, records[0][1])
    assert (intent.price, intent.quantity) == (999_000, Settings().quantity_lots)

    lane.take_record(strategy, top(1_100_000), 4)  # the market moved away: cancel, then anew
    lane.take_record(strategy, top(1_200_000), 5)  # asked for once
    assert outbox.position == 2
    order = strategy.order
    strategy.on_refused(SimpleNamespace(id=order, op=Op.CANCEL, control=11))
    assert strategy.order == order  # it works on, and the cancel is asked for again
    lane.take_record(strategy, top(1_300_000), 6)
    assert outbox.position == 3
'''


class NameRefused(TiercelError):
    """A strategy's name that cannot be one."""

    code: ClassVar[str] = "TCL-1055"
    what = "A strategy cannot be called {name}"
    why = (
        "It names a file, a module and an actor: small letters, digits and _, up to 29, and no "
        "word of Python or name of a module"
    )
    do = "Choose another, such as my_strategy"


class FileExists(TiercelError):
    """A file that would be written is there already."""

    code: ClassVar[str] = "TCL-1056"
    what = "{path} exists already"
    why = "Nothing is ever written over"
    do = "Choose another name or another directory"


def write(name: str, folder: Path) -> list[Path]:
    """Write the four files of a strategy; NameRefused, FileExists (nothing is written then)."""
    if not NAME.match(name) or name in TAKEN:
        raise NameRefused(name=name)
    words = {
        "NAME": name,
        "CLASS": "".join(part.capitalize() for part in name.split("_")),
        "KEY": secrets.token_hex(16),
        "SECRET": secrets.token_hex(32),
        "WS": "19380",
        "REST": "19381",
    }
    texts = {
        f"{name}.py": STRATEGY,
        f"{name}.yaml": CONFIGURATION,
        f"{name}.exchange.json": EXCHANGE,
        f"test_{name}.py": TEST,
    }
    paths = [folder / file for file in texts]
    for path in paths:
        if path.exists():
            raise FileExists(path=path)
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in zip(paths, texts.values(), strict=True):
        for word, value in words.items():
            text = text.replace(f"@{word}@", value)
        path.write_text(text, encoding="utf-8")
    return paths
