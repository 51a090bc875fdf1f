"""Cases of the shared Solana vectors as batch states, and what is asked of the answer to each."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import orjson

from hotpath.pools.pool import Refusal

# what a case tells beside the state and the swap
TOLD = {
    *("id", "kind", "result", "error", "fees_bps", "market_cap_used", "exceeds_u64", "log"),
    *("program_result", "program_error", "target_crossings", "logs_tail"),
}
U64 = (1 << 64) - 1


def state_of(case: dict[str, Any], meta: dict[str, Any]) -> dict[str, Any]:
    """The `state` of a batch line: the case without what it tells, its schedule in full."""
    state = {k: v for k, v in case.items() if k not in TOLD}
    if "fee_schedule" in state:
        state["fee_schedule"] = meta["fee_schedules"][state["fee_schedule"]]
    return state


def cases_of(
    shared: Path, file: str, group: str | None = None
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """(case, state) of every case of a file, or of a group of its meta."""
    loaded = orjson.loads((shared / "vectors" / "solana" / file).read_bytes())
    cases = loaded["cases"] if group is None else loaded["meta"][group]
    return [(case, state_of(case, loaded["meta"])) for case in cases]


def answered(kind: str, state: dict[str, Any]) -> Any:
    """The kind's answer, or its Refusal."""
    try:
        return import_module(f"hotpath.pools.{kind}").answer(state, None)
    except Refusal as e:
        return e


def values_of(result: Any) -> list[int]:
    return [int(v) for v in (result.values() if isinstance(result, dict) else [result])]


def check(kind: str, shared: Path, file: str, group: str | None = None, wide: str = "") -> int:
    """Assert every case: equal, refused where the oracle refused, `overflow` past u64.

    `wide` names the one member of a result that may be wider than u64. Returns how many there were.
    """
    cases = cases_of(shared, file, group)
    for case, state in cases:
        got, name = answered(kind, state), f"{file} {case['id']}"
        want = case.get("result")
        if "error" in case:
            assert isinstance(got, Refusal), f"{name}: {got}"
            continue
        if isinstance(want, dict):
            want = {k: v for k, v in want.items() if k != "compute_units"}
        narrow = {k: v for k, v in want.items() if k != wide} if isinstance(want, dict) else want
        if any(not 0 <= v <= U64 for v in values_of(narrow)):
            assert isinstance(got, Refusal) and got.code == "overflow", f"{name}: {got}"
            continue
        assert got == want, name
    return len(cases)
