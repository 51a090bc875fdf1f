from typing import Any

from hotpath.instrument import Instrument

CONTROLS: dict[int, str]
MODES: tuple[str, ...]
LARGEST: int

class Gate:
    def __init__(self, room: int = 4096, messages: int = 16384) -> None: ...
    def set_limits(
        self,
        *,
        version: int,
        mode: str,
        open_orders: int = 0,
        open_notional: int = 0,
        gross_notional: int = 0,
        net_notional: int = 0,
        long_notional: int = 0,
        short_notional: int = 0,
        per_second: int = 0,
        per_minute: int = 0,
        cancel_share_ppm: int = 0,
        minute_share_ppm: int | None = None,
        executions: int = 0,
        executions_window_ns: int = 0,
        rejects: int = 0,
        rejects_window_ns: int = 0,
        request_window_ns: int = 0,
        status_age_ns: int = 0,
        fee_ppm: int = 0,
    ) -> None: ...
    def add_instrument(
        self,
        spec: Instrument,
        *,
        quantity: int = 0,
        notional: int = 0,
        longest: int = 0,
        shortest: int = 0,
        gross: int = 0,
        open_orders: int = 0,
        open_notional: int = 0,
        collar_bps: int = 0,
        window_bps: int = 0,
        window_ns: int = 0,
        feed_age_ns: int = 0,
        reference_age_ns: int = 0,
    ) -> None: ...
    def update_instrument(self, spec: Instrument) -> None: ...
    def limit_asset(self, asset: int, longest: int, shortest: int) -> None: ...
    def lease(self, strategy: int, share: int) -> None: ...
    def balance(self, asset: int, free: int, locked: int = 0) -> None: ...
    def halt(self, instrument: int, on: bool = True) -> None: ...
    def enable(self, strategy: int) -> None: ...
    def ask(
        self, intent: dict[str, int], instrument: int, id: int, now: int, inputs: dict[str, Any]
    ) -> dict[str, Any] | None: ...
    def ask_send(
        self, intent: dict[str, int], instrument: int, id: int, now: int, inputs: dict[str, Any]
    ) -> dict[str, Any] | None: ...
    def ask_cancel(self, id: int, now: int) -> dict[str, Any] | None: ...
    def fill(
        self, instrument: int, id: int, strategy: int, side: int, price: int, lots: int
    ) -> None: ...
    def trim(self, id: int, lots: int) -> None: ...
    def close(self, id: int) -> bool: ...
    def release(self, id: int) -> bool: ...
    def set_external(
        self,
        instrument: int,
        orders: int,
        buying: int,
        selling: int,
        cost: int,
        worth: int,
        price: int,
    ) -> bool: ...
    def adopt(
        self,
        id: int,
        instrument: int,
        strategy: int,
        side: int,
        price: int,
        quantity: int,
        *,
        cumulative: int = 0,
        rule: int = 0,
        type: int = 1,
    ) -> bool: ...
    def worst(self, id: int) -> int: ...
    def reserved(self, id: int) -> tuple[int, int] | None: ...
    def forget_balances(self) -> None: ...
    def warm(self, id: int) -> None: ...
    def restore(self, instrument: int, lots: int, price: int) -> None: ...
    def restore_strategy(self, strategy: int, instrument: int, cost: int, first: bool) -> None: ...
    def note_reject(self, strategy: int, now: int) -> None: ...
    def exposure(self, instrument: int) -> tuple[int, int, int, int] | None: ...
    @property
    def open_notional(self) -> int: ...
    @property
    def refusals(self) -> dict[str, int]: ...
