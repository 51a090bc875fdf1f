"""What the gate costs an order: every control of both steps, with 1 to 16 orders open."""

from __future__ import annotations

from statistics import median
from typing import Any

from bench.gate_loops import both_steps
from hotpath.gate import LARGEST, Gate
from hotpath.instrument import Instrument

LIMITS = dict.fromkeys(
    ("open_orders", "open_notional", "gross_notional", "net_notional", "long_notional",
     "short_notional", "per_second", "per_minute", "executions", "rejects", "request_window_ns",
     "status_age_ns"),
    LARGEST,
)  # fmt: skip
OWN = dict.fromkeys(
    ("quantity", "notional", "longest", "shortest", "gross", "open_orders", "open_notional",
     "feed_age_ns", "reference_age_ns"),
    LARGEST,
) | {"collar_bps": 500, "window_bps": 500, "window_ns": 10**10}  # fmt: skip


def prepared() -> Gate:
    gate = Gate(1024, 1 << 14)
    gate.set_limits(
        version=1, mode="simulation", fee_ppm=1000, executions_window_ns=10**9,
        rejects_window_ns=10**9, cancel_share_ppm=100_000, **LIMITS,
    )  # fmt: skip
    spec = Instrument("X", "0.01", "0.00001", id=7, base_asset=1, quote_asset=2)
    gate.add_instrument(spec, **OWN)
    gate.lease(9, LARGEST)
    gate.balance(1, 10**20)
    gate.balance(2, 10**20)
    return gate


def rows(quick: bool) -> list[dict[str, Any]]:
    """The row `gate`: ns, medians of repeated runs."""
    rounds, repeats = (2_000, 7) if quick else (10_000, 21)
    gate = prepared()
    runs = [both_steps(gate, rounds, 1 + n * rounds * 16) for n in range(repeats)]
    value = median(runs)
    return [
        {
            "id": "gate", "value": round(value, 2), "unit": "ns", "floor": None, "ratio": None,
            "must": 150, "aim": 60, "ok": value <= 150, "runs": [round(r, 2) for r in runs],
        }
    ]  # fmt: skip
