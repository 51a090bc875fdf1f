"""What a Binance venue can be told."""

from __future__ import annotations

from typing import Annotated, Literal

from engine.application import Settings as Base
from engine.settings import setting


class Settings(Base, frozen=True):
    """The order connection; endpoints and key are the venue's own."""

    reply_timeout_ms: Annotated[
        int, setting("ms", "No reply for so long: the outcome is unknown.", ge=50, le=60_000)
    ] = 1000
    reconcile_s: Annotated[
        int, setting("s", "Open orders are compared so often.", ge=1, le=600)
    ] = 5
    fills_s: Annotated[int, setting("s", "Trades are compared so often.", ge=1, le=3600)] = 30
    balances_s: Annotated[int, setting("s", "Balances are read so often.", ge=1, le=3600)] = 60
    full_s: Annotated[
        int, setting("s", "Everything is compared, metadata too, so often.", ge=10, le=86_400)
    ] = 600
    self_trade_prevention: Annotated[
        Literal["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "NONE"],
        setting("", "What the venue does when own orders meet.", "EXPIRE_TAKER"),
    ] = "EXPIRE_TAKER"


class RestSettings(Base, frozen=True):
    """The HTTP side: reads, and cancels when nobody else can."""

    venue_silence_ms: Annotated[
        int, setting("ms", "Heartbeat of the venue's lane missing for so long: cancel all.",
                     ge=500, le=600_000)
    ] = 3000  # fmt: skip
    cancel_when_orphaned: Annotated[
        bool, setting("", "Cancel all when the root is gone or the venue's lane is silent.")
    ] = True
