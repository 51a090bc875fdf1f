"""Customers, their balances and their orders. Amounts are integers of 1e-8 of an asset."""

from __future__ import annotations

from dataclasses import dataclass, field

from hotpath import matching as m
from venues.simulated.amounts import UNIT, units
from venues.simulated.spec import AccountSpec, MarketSpec

OPEN = ("NEW", "PARTIALLY_FILLED")
SIDES = {m.BUY: "BUY", m.SELL: "SELL"}
TYPES = {m.LIMIT: "LIMIT", m.MARKET: "MARKET", m.POST_ONLY: "LIMIT_MAKER"}
FORCES = {m.GTC: "GTC", m.IOC: "IOC", m.FOK: "FOK"}
PREVENTIONS = {
    m.STP_NONE: "NONE",
    m.STP_MAKER: "EXPIRE_MAKER",
    m.STP_TAKER: "EXPIRE_TAKER",
    m.STP_BOTH: "EXPIRE_BOTH",
}
MOST_TICKS = 10**9  # of a price
COUNTED = ("order", "trade", "update", "execution")


@dataclass(slots=True)
class Trade:
    """One customer's side of a trade."""

    trade_id: int
    order: Order
    price: int  # ticks
    quantity: int  # lots
    quote: int  # 1e-8 quote units
    fee: int  # 1e-8 of fee_asset
    fee_asset: str
    maker: bool
    time: int  # UTC ns


@dataclass(slots=True)
class Order:
    """A customer's order. `price` in ticks (0: market order), quantities in lots."""

    order_id: int
    client_id: str
    account: Account
    market: MarketTerms
    side: int
    type: int
    time_in_force: int
    price: int
    quantity: int
    prevention: int
    created: int
    updated: int
    status: str = "NEW"
    executed: int = 0
    quote: int = 0  # 1e-8 quote units paid or received so far
    prevented: int = 0
    cancel_client_id: str = ""  # of the request that cancelled or amended it
    trades: list[Trade] = field(default_factory=list)

    @property
    def leaves(self) -> int:
        return self.quantity - self.executed

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    def locks(self) -> tuple[str, int]:
        """(asset, amount) this order holds while it is open."""
        if not self.is_open:
            return self.market.spec.quote, 0
        if self.side == m.BUY:
            return self.market.spec.quote, self.market.quote_of(self.price, self.leaves)
        return self.market.spec.base, self.leaves * self.market.lot


class MarketTerms:
    """A market's scales, limits and fees as integers."""

    def __init__(self, spec: MarketSpec) -> None:
        self.spec = spec
        self.symbol = spec.symbol
        self.tick = units(spec.tick)
        self.lot = units(spec.lot)
        self.min_quantity = units(spec.min_quantity) // self.lot
        self.max_quantity = units(spec.max_quantity) // self.lot
        self.min_notional = units(spec.min_notional)
        self.maker_rate = units(spec.maker_fee_bps) // 10_000  # 1e-8 of the amount
        self.taker_rate = units(spec.taker_fee_bps) // 10_000
        self.quote_step = self.tick * self.lot // UNIT

    def quote_of(self, price: int, quantity: int) -> int:
        """ticks x lots in 1e-8 quote units, exact by the check on tick x lot."""
        return price * quantity * self.quote_step


class Account:
    """Balances that never go below zero (the flow's own account may: it is the counterparty)."""

    def __init__(self, name: str, number: int, spec: AccountSpec | None = None) -> None:
        self.name = name
        self.number = number
        self.spec = spec
        self.free: dict[str, int] = {}
        self.locked: dict[str, int] = {}
        self.open: dict[str, Order] = {}  # by client id
        self.updated = 0

    def add(self, asset: str, amount: int) -> None:
        self.free[asset] = self.free.get(asset, 0) + amount
        self.locked.setdefault(asset, 0)

    def lock(self, asset: str, amount: int) -> None:
        """Move from free to locked (negative: back)."""
        self.free[asset] = self.free.get(asset, 0) - amount
        self.locked[asset] = self.locked.get(asset, 0) + amount

    def total(self, asset: str) -> int:
        return self.free.get(asset, 0) + self.locked.get(asset, 0)
