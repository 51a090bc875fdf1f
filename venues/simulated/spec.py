"""What a simulated exchange is made of: one JSON document, validated, with units in the names."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, field

from engine.errors import TiercelError
from venues.simulated.amounts import UNIT, units

MOST_LOTS = 2**50  # of an order: the lots of 8,000 such fit the matching's 64 bits
Amount = Annotated[str, Meta(pattern=r"^[0-9]{1,20}(\.[0-9]{1,8})?$")]
Ppm = Annotated[int, Meta(ge=0, le=500_000)]
Milliseconds = Annotated[int, Meta(ge=0, le=3_600_000)]


class SpecRefused(TiercelError):
    code = "TCL-5201"
    what = "The simulated exchange cannot start"
    why = "{detail}"
    do = "Correct the document given with --spec (venues/simulated/spec.py names every field)"


class MarketSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One market. tick x lot must be a whole number of 1e-8 of the quote asset."""

    symbol: Annotated[str, Meta(pattern=r"^[A-Z0-9_]{2,20}$")]
    base: Annotated[str, Meta(pattern=r"^[A-Z0-9]{1,12}$")]
    quote: Annotated[str, Meta(pattern=r"^[A-Z0-9]{1,12}$")]
    price: Amount = "50000"  # where the synthetic reference price starts, quote per base
    tick: Amount = "0.01"
    lot: Amount = "0.00001"
    min_quantity: Amount = "0.00001"
    max_quantity: Amount = "9000"
    min_notional: Amount = "5"
    maker_fee_bps: Annotated[str, Meta(pattern=r"^-?[0-9]{1,4}(\.[0-9]{1,4})?$")] = "10"
    taker_fee_bps: Annotated[str, Meta(pattern=r"^-?[0-9]{1,4}(\.[0-9]{1,4})?$")] = "10"

    def __post_init__(self) -> None:
        tick, lot = units(self.tick), units(self.lot)
        if tick == 0 or lot == 0 or tick * lot % UNIT:
            raise ValueError("tick x lot must be a positive whole number of 1e-8 quote units")
        if units(self.min_quantity) % lot or units(self.max_quantity) % lot:
            raise ValueError("min_quantity and max_quantity must be whole lots")
        if units(self.max_quantity) // lot > MOST_LOTS:
            raise ValueError("max_quantity must be at most 2^50 lots")
        if units(self.price) < tick:
            raise ValueError("price must be at least one tick")


class AccountSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A customer: its key (HMAC secret, or Ed25519 public key as base64 of 32 bytes or DER)."""

    name: str
    api_key: str
    hmac_secret: str | None = None
    ed25519_public: str | None = None
    balances: dict[str, Amount] = field(default_factory=dict)
    may_trade: bool = True  # False: a key that may only read


class FlowSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The synthetic makers and takers of every market of this exchange.

    The reference price is a pure function of (seed, time), so exchanges given the same seed share
    it without talking; each adds a wobble of its own, which is what makes their books cross.
    """

    maker_events_per_s: Annotated[int, Meta(ge=0, le=100_000)] = 300
    taker_events_per_s: Annotated[int, Meta(ge=0, le=100_000)] = 15
    levels: Annotated[int, Meta(ge=1, le=500)] = 20
    half_spread_ppm: Ppm = 100
    spacing_ppm: Ppm = 40
    reference_ppm: Ppm = 4_000  # size of the slow swing; faster ones are fractions of it
    wobble_ppm: Ppm = 1_200  # of this exchange alone
    wobble_ms: Annotated[int, Meta(ge=10, le=3_600_000)] = 1_200
    lag_ms: Milliseconds = 60  # how far behind the price a maker may quote
    level_notional: Amount = "20000"  # mean size of a level, quote
    tick_ms: Annotated[int, Meta(ge=1, le=1_000)] = 5  # the flow acts this often


class CaptureSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Real frames in place of synthetic flow: captures of engine/capture.py, in order."""

    files: Annotated[list[str], Meta(min_length=1)]
    speed: Annotated[float, Meta(ge=0)] = 1.0  # 2 = twice as fast; 0 = as fast as it is taken
    conservative: bool = False  # queue model: cancels are taken to be behind our order
    restamp: bool = True  # E and T of a frame become the time at which it is sent


class LatencySpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Added to what the machine itself takes."""

    request_us: Annotated[int, Meta(ge=0, le=10_000_000)] = 0  # from the socket to the matching
    jitter_us: Annotated[int, Meta(ge=0, le=10_000_000)] = 0  # uniform, seeded


class LimitsSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rate limits, as exchangeInfo tells them."""

    weight_per_minute: Annotated[int, Meta(ge=1)] = 6_000
    orders_per_10s: Annotated[int, Meta(ge=1)] = 100
    orders_per_day: Annotated[int, Meta(ge=1)] = 200_000
    connections_per_5m: Annotated[int, Meta(ge=1)] = 300
    stream_messages_per_s: Annotated[int, Meta(ge=1)] = 5


class ExchangeSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole document."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,32}$")]
    ledger: str  # path of the append-only ledger; made when absent, else gone on from
    markets: Annotated[list[MarketSpec], Meta(min_length=1)]
    accounts: list[AccountSpec] = field(default_factory=list)
    dialect: str = "binance"
    seed: int = 1
    flow: FlowSpec | None = field(default_factory=FlowSpec)  # not used with a capture
    capture: CaptureSpec | None = None
    latency: LatencySpec = field(default_factory=LatencySpec)
    limits: LimitsSpec = field(default_factory=LimitsSpec)
    depth_default_ms: Milliseconds = 1_000  # interval of a depth stream that names none
    ping_ms: Milliseconds = 20_000
    pong_timeout_ms: Milliseconds = 60_000
    connection_life_ms: Annotated[int, Meta(ge=0)] = 86_400_000  # then closed; 0: for ever
    farewell_ms: Milliseconds = 10_000  # announced this long before
    host: str = "127.0.0.1"
    ws_port: Annotated[int, Meta(ge=0, le=65_535)] = 0
    rest_port: Annotated[int, Meta(ge=0, le=65_535)] = 0
    control: str | None = None  # path of the control socket
    fsync: Annotated[str, Meta(pattern="^(each|batch|never)$")] = "batch"
    rest: bool = True

    def __post_init__(self) -> None:
        symbols = [m.symbol for m in self.markets]
        if len(set(symbols)) != len(symbols):
            raise ValueError("a symbol is listed twice")
        if self.host not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError("the simulated exchange serves loopback only")
        if len({a.name for a in self.accounts}) != len(self.accounts) or any(
            a.name == "flow" for a in self.accounts
        ):
            raise ValueError("account names must differ, and `flow` is the exchange's own")


def read_spec(document: bytes) -> ExchangeSpec:
    """Decode and validate; raises SpecRefused with the path of what is wrong."""
    try:
        return msgspec.json.decode(document, type=ExchangeSpec)
    except (msgspec.MsgspecError, ValueError) as wrong:
        raise SpecRefused(detail=str(wrong)) from None
