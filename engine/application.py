"""An application: everything one configuration file can say, each field with unit and sentence."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from engine.secret import Secret
from engine.settings import DECIMAL, setting

Mode = Literal["replay", "simulation", "testnet", "live"]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,28}$")]
ListingName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,31}\.[A-Za-z0-9_/-]{1,40}$")]
Asset = Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9]{1,16}$")]
Restart = Literal["permanent", "transient", "temporary"]
Amount = Annotated[str, msgspec.Meta(pattern=DECIMAL)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a configuration."""


class Instrument(Settings, frozen=True):
    """One listing: a symbol on a venue; its key is `<venue>.<symbol>`."""

    base: Annotated[Asset, setting("", "The asset that is bought and sold.")]
    quote: Annotated[Asset, setting("", "The asset that prices are in.")]
    tick: Annotated[Amount, setting("quote per base", "The smallest step of a price.")]
    lot: Annotated[Amount, setting("base", "The smallest step of a quantity.")]
    min_quantity: Annotated[Amount, setting("base", "Smallest quantity of an order.")] = "0"
    max_quantity: Annotated[
        Amount | None, setting("base", "Largest quantity of an order; none: no bound.")
    ] = None
    min_notional: Annotated[Amount, setting("quote", "Smallest value of an order.")] = "0"


class Key(Settings, frozen=True):
    """A credential. Its label is written to records, its bytes never."""

    label: Annotated[str, setting("", "What records call this key.", min_length=1)]
    api_key: Annotated[Secret, setting("", "The public half; give it as ${NAME}.")]
    secret: Annotated[Secret, setting("", "The secret half (HMAC text or PEM); as ${NAME}.")]
    kind: Annotated[Literal["hmac", "ed25519"], setting("", "How this key signs.", "ed25519")] = (
        "ed25519"
    )


class Endpoints(Settings, frozen=True):
    """Where a venue is reached."""

    streams: Annotated[str, setting("URL", "WebSocket of market data.")]
    orders: Annotated[str, setting("URL", "WebSocket of orders and of the account.")]
    rest: Annotated[str, setting("URL", "HTTP interface.")]


class Venue(Settings, frozen=True):
    """An exchange, chain or broker, and the mode it is used in."""

    kind: Annotated[str, setting("", "The folder in venues/ that speaks to it.")]
    mode: Annotated[Mode, setting("", "Where orders go; live needs arming.")] = "simulation"
    endpoints: Annotated[
        Endpoints | None, setting("", "Where it is reached; `demo` fills in its own.")
    ] = None
    key: Annotated[Key | None, setting("", "The credential; `demo` makes its own.")] = None
    maker_fee_ppm: Annotated[
        int, setting("ppm of the notional", "Fee of a maker.", ge=-10_000, le=100_000)
    ] = 1000
    taker_fee_ppm: Annotated[
        int, setting("ppm of the notional", "Fee of a taker.", ge=-10_000, le=100_000)
    ] = 1000


class Backoff(Settings, frozen=True):
    """Waiting before the second and later restarts; the first is immediate."""

    initial_ms: Annotated[int, setting("ms", "Bound of the first wait.", ge=1, le=60_000)] = 100
    factor: Annotated[int, setting("", "Growth of the bound.", ge=1, le=10)] = 2
    cap_ms: Annotated[int, setting("ms", "Largest bound.", ge=1, le=600_000)] = 30_000
    reset_after_s: Annotated[
        int, setting("s", "Health after which waiting begins anew.", ge=1, le=3600)
    ] = 60


class Supervision(Settings, frozen=True):
    """How the root keeps its lanes, or a lane its actors, alive."""

    strategy: Annotated[
        Literal["one_for_one", "one_for_all", "rest_for_one"],
        setting("", "Who is restarted when one dies.", "one_for_one"),
    ] = "one_for_one"
    max_restarts: Annotated[
        int, setting("restarts", "More than these in the window escalate.", ge=0, le=300)
    ] = 3
    max_seconds: Annotated[
        int, setting("s", "The sliding window of max_restarts.", ge=1, le=3600)
    ] = 300
    backoff: Annotated[Backoff, setting("", "Waiting between restarts.")] = Backoff()


class LaneSupervision(Supervision, frozen=True):
    """A lane's own supervision of its actors."""

    max_seconds: Annotated[
        int, setting("s", "The sliding window of max_restarts.", ge=1, le=3600)
    ] = 60


class ActorSettings(Settings, frozen=True):
    """An actor in a lane."""

    name: Annotated[Name, setting("", "Its name, unique in the application.")]
    kind: Annotated[
        str,
        setting("", "Folder or file: feeds/x, venues/x, venues/x/rest, actors/…/x, ./file.py."),
    ]
    venue: Annotated[Name | None, setting("", "The venue a feed or venue actor speaks to.")] = None
    instruments: Annotated[list[ListingName], setting("", "The listings it works with.")] = (
        msgspec.field(default_factory=list)
    )
    follows: Annotated[list[Name], setting("", "Actors whose records it takes.")] = msgspec.field(
        default_factory=list
    )
    restart: Annotated[Restart, setting("", "When it is restarted.", "permanent")] = "permanent"
    settings: Annotated[
        dict[str, Any], setting("", "Its own settings, as its folder or file declares them.")
    ] = msgspec.field(default_factory=dict)


class LaneSettings(Settings, frozen=True):
    """One process: one dispatch loop and the actors in it."""

    name: Annotated[Name, setting("", "Its name, unique in the application.")]
    runtime: Annotated[
        Literal["uvloop", "trio"], setting("", "uvloop: the hot plane; trio: control.")
    ]
    actors: Annotated[list[ActorSettings], setting("", "In start order.", min_length=1)]
    poll: Annotated[
        Literal["spin", "sleep", "auto"],
        setting("", "Spin uses a core wholly; auto spins where one can be spared.", "auto"),
    ] = "auto"
    core: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=4095)] | None,
        setting("core number", "Pinned to this core; none: anywhere."),
    ] = None
    restart: Annotated[Restart, setting("", "When it is restarted.", "permanent")] = "permanent"
    init_timeout_s: Annotated[int, setting("s", "Time to start and get ready.", ge=1, le=600)] = 10
    heartbeat_ms: Annotated[
        int, setting("ms", "How often it must be heard of.", ge=10, le=10_000)
    ] = 100
    hang_ms: Annotated[
        Annotated[int, msgspec.Meta(ge=30, le=60_000)] | None,
        setting(
            "ms",
            "Silence after which it is killed; none: three beats, 5000 where it writes to disk.",
        ),
    ] = None
    shutdown_ms: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=60_000)] | None,
        setting(
            "ms",
            "Time to stop when asked, then it is killed; none: 15000 with a venue, else 5000.",
        ),
    ] = None
    outbox_kib: Annotated[
        int, setting("KiB, a power of two", "Room of each outbox here.", ge=64, le=1_048_576)
    ] = 1024
    inputs_kib: Annotated[
        int, setting("KiB, a power of two", "Room of this lane's recording.", ge=64, le=1_048_576)
    ] = 8192
    supervision: Annotated[LaneSupervision, setting("", "Of its actors.")] = LaneSupervision()


class InstrumentLimits(Settings, frozen=True):
    """What the gate allows on one listing."""

    max_order_quantity: Annotated[Amount, setting("base", "R03: largest order.")]
    max_order_notional: Annotated[Amount, setting("quote", "R04: largest order.")]
    max_long: Annotated[Amount, setting("base", "R07: largest long position.")]
    max_short: Annotated[Amount, setting("base", "R07: largest short position.")]
    collar_bps: Annotated[
        int, setting("bps of the mid", "R05: furthest price from the reference.", ge=1, le=10_000)
    ] = 200
    collar_window_bps: Annotated[
        int, setting("bps", "R05: furthest move within the window.", ge=1, le=10_000)
    ] = 500
    collar_window_ms: Annotated[
        int, setting("ms", "R05: the rolling window.", ge=100, le=600_000)
    ] = 10_000
    max_data_age_ms: Annotated[
        int, setting("ms", "R06: oldest market data an order may rest on.", ge=1, le=60_000)
    ] = 500
    max_open_orders: Annotated[
        int, setting("orders", "R08: working at once.", ge=1, le=100_000)
    ] = 50
    max_open_notional: Annotated[
        Amount | None, setting("quote", "R08: value of working orders; none: no bound.")
    ] = None


class VenueLimits(Settings, frozen=True):
    """What the gate allows on one venue and key."""

    max_open_orders: Annotated[
        int, setting("orders", "R08: working at once.", ge=1, le=100_000)
    ] = 100
    max_open_notional: Annotated[
        Amount | None, setting("quote", "R08: value of working orders; none: no bound.")
    ] = None
    max_gross_notional: Annotated[
        Amount | None, setting("quote", "R07: value of all positions; none: no bound.")
    ] = None
    submits_per_s: Annotated[
        int, setting("messages per s", "R11: places and replaces.", ge=1, le=10_000)
    ] = 50
    submits_per_minute: Annotated[
        int, setting("messages per minute", "R11: places and replaces.", ge=1, le=600_000)
    ] = 1000
    cancels_per_s: Annotated[
        int, setting("messages per s", "R11: the share reserved for cancels.", ge=1, le=10_000)
    ] = 50
    request_window_ms: Annotated[
        int, setting("ms", "R19: the venue's window; the clock must be four times better.", ge=1)
    ] = 5000


class TotalLimits(Settings, frozen=True):
    """What the gates together allow; given out as leases, whose sum may not exceed it."""

    max_gross_notional: Annotated[Amount, setting("quote", "R07: value of all positions.")]
    max_open_notional: Annotated[Amount, setting("quote", "R08: value of all working orders.")]
    max_open_orders: Annotated[
        int, setting("orders", "R08: working at once.", ge=1, le=100_000)
    ] = 200


class StrategyLimits(Settings, frozen=True):
    """What the gate allows one strategy."""

    max_executions: Annotated[
        int, setting("executions of one rule", "R14: without a human's action.", ge=1)
    ] = 100
    max_executions_window_s: Annotated[
        int, setting("s", "R14: the rolling window.", ge=1, le=86_400)
    ] = 600
    max_rejects: Annotated[
        int, setting("rejects", "R16: more than these halt the strategy.", ge=0, le=1000)
    ] = 5
    max_rejects_window_s: Annotated[
        int, setting("s", "R16: the rolling window.", ge=1, le=3600)
    ] = 10


class Lease(Settings, frozen=True):
    """A fixed share of a total limit, for one strategy at one venue's gate."""

    strategy: Annotated[Name, setting("", "The strategy that may use it.")]
    venue: Annotated[Name, setting("", "The venue whose gate holds it.")]
    gross_notional: Annotated[Amount, setting("quote", "Share of total.max_gross_notional.")]
    open_notional: Annotated[Amount, setting("quote", "Share of total.max_open_notional.")]
    open_orders: Annotated[
        int, setting("orders", "Share of total.max_open_orders.", ge=1, le=100_000)
    ]


class Risk(Settings, frozen=True):
    """Limits; an order that no limit speaks of is refused."""

    total: Annotated[TotalLimits, setting("", "Over all venues.")]
    venues: Annotated[dict[Name, VenueLimits], setting("", "By venue.")]
    instruments: Annotated[dict[ListingName, InstrumentLimits], setting("", "By listing.")]
    strategies: Annotated[
        dict[Name, StrategyLimits], setting("", "By strategy; absent: the defaults.")
    ] = msgspec.field(default_factory=dict)
    leases: Annotated[
        list[Lease], setting("", "Shares of the total; their sum may not exceed it.")
    ] = msgspec.field(default_factory=list)
    same_quotes: Annotated[
        list[Asset], setting("", "Quote assets that limits add up as one, such as USDT and USDC.")
    ] = msgspec.field(default_factory=list)


class Logs(Settings, frozen=True):
    """Log files of each lane: main and trades of `size_mb`, errors of half of it."""

    size_mb: Annotated[int, setting("MB", "Size at which a file rotates.", ge=1, le=1000)] = 10
    backups: Annotated[int, setting("files", "Rotated files kept.", ge=1, le=100)] = 5
    level: Annotated[
        Literal["debug", "info", "warning", "error"], setting("", "Least level written.")
    ] = "info"


class Recording(Settings, frozen=True):
    """Whether the session's inputs are recorded for replay."""

    enabled: Annotated[bool, setting("", "Write DIR/recordings/<run>.tcr.")] = False
    strict: Annotated[
        bool, setting("", "The recorder gates outboxes; an input without room is lost and counted.")
    ] = True


class BacktestFees(Settings, frozen=True):
    """What a back-test's venue is paid its fees in."""

    paid_in: Annotated[
        str,
        setting(
            "",
            "received: of what a fill gives (a buyer's base, a seller's quote), as Binance does;"
            " quote; or an asset of its own, such as BNB.",
            "received",
            pattern=r"^(received|quote|[A-Z0-9]{1,16})$",
        ),
    ] = "received"
    prices: Annotated[
        dict[Asset, Amount],
        setting("quote per fee asset", "What one of that asset is worth, by quote asset."),
    ] = msgspec.field(default_factory=dict)
    discount_ppm: Annotated[
        int, setting("ppm of the fee", "Let off a fee paid in that asset.", ge=0, le=1_000_000)
    ] = 0


class Backtest(Settings, frozen=True):
    """What `tiercel replay FILE --config` pretends of venues and network (docs/replay.md)."""

    queue: Annotated[
        Literal["conservative", "proportional"],
        setting("", "Who left a queue: those behind us, or all in proportion.", "conservative"),
    ] = "conservative"
    market_data_us: Annotated[
        int, setting("us", "From the market's change to our hearing of it.", ge=0, le=60_000_000)
    ] = 500
    order_us: Annotated[
        int, setting("us", "From a placement to its arrival.", ge=0, le=60_000_000)
    ] = 500
    cancel_us: Annotated[
        int, setting("us", "From a cancel to its arrival.", ge=0, le=60_000_000)
    ] = 500
    reply_us: Annotated[
        int, setting("us", "From what happened to an order to our hearing of it.", ge=0)
    ] = 500
    jitter_us: Annotated[
        int, setting("us", "Added to each of them, drawn evenly up to this.", ge=0, le=60_000_000)
    ] = 100
    balance: Annotated[
        Amount, setting("of each asset", "What each venue's account holds of an asset at first.")
    ] = "1000000"
    balances: Annotated[
        dict[Name, dict[Asset, Amount]],
        setting("by venue and asset", "Where an account holds something else at first."),
    ] = msgspec.field(default_factory=dict)
    fees: Annotated[BacktestFees, setting("", "What fees are paid in.")] = BacktestFees()
    venue_fees: Annotated[
        dict[Name, BacktestFees], setting("by venue", "Where it is another way.")
    ] = msgspec.field(default_factory=dict)


class Application(Settings, frozen=True):
    """The whole configuration."""

    application: Annotated[Name, setting("", "Its name; state lies in ./var/<name> by default.")]
    lanes: Annotated[list[LaneSettings], setting("", "In start order.", min_length=1)]
    mode: Annotated[
        Mode, setting("", "The highest mode any venue may have; replay is for all.")
    ] = "simulation"
    drill: Annotated[
        bool, setting("", "Being killed on purpose: wider restart limits, simulation only.")
    ] = False
    allow_mixed_legs: Annotated[
        bool, setting("", "Strategies may have legs in different modes; P&L is marked.")
    ] = False
    state: Annotated[str | None, setting("directory", "Where its state lies.")] = None
    seed: Annotated[int, setting("", "Of the lanes' randomness.", ge=0, le=2**63 - 1)] = 1
    instruments: Annotated[
        dict[ListingName, Instrument], setting("", "Listings by `<venue>.<symbol>`.")
    ] = msgspec.field(default_factory=dict)
    venues: Annotated[dict[Name, Venue], setting("", "Venues by name.")] = msgspec.field(
        default_factory=dict
    )
    supervision: Annotated[Supervision, setting("", "Of the lanes by the root.")] = Supervision()
    spare: Annotated[
        bool, setting("", "Keep a warm process for a hot lane with a venue that dies.")
    ] = True
    risk: Annotated[Risk | None, setting("", "Limits; needed where there is a venue actor.")] = None
    logs: Annotated[Logs, setting("", "Log files.")] = Logs()
    recording: Annotated[Recording, setting("", "Recording of inputs.")] = Recording()
    backtest: Annotated[Backtest, setting("", "Latencies and queue of a back-test.")] = Backtest()


def actors(app: Application) -> dict[str, tuple[LaneSettings, ActorSettings]]:
    """Every actor by name, with its lane."""
    return {a.name: (lane, a) for lane in app.lanes for a in lane.actors}
