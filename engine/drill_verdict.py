"""The verdict on a drill: what must hold whatever was hurt, by ledgers, journal and recordings."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from engine.demo_world import ACCOUNT
from engine.drill_faults import Fault

if TYPE_CHECKING:
    from engine.drill import Drill


def ledger_lines(path: Path, kind: str) -> list[dict[str, Any]]:
    """Our own lines of one type in an exchange's ledger; a torn last line is left out."""
    found = []
    if path.exists():
        for raw in path.read_bytes().split(b"\n")[:-1]:
            line = msgspec.json.decode(raw)
            if line["t"] == kind and line["account"] == ACCOUNT:
                found.append(line)
    return found


def broken(
    drill: Drill, found: dict[str, Any], code: int, is_ready: bool, fell_silent: bool
) -> list[str]:
    """What must hold whatever happens, and did not."""
    twice = [
        client
        for e in drill.exchanges
        for client, n in Counter(x["client_id"] for x in ledger_lines(e.ledger, "order")).items()
        if n > 1
    ]
    from engine.journal.check import check

    wrong = {
        "the journal is what the exchanges' ledgers say": not found["ledger_matches"],
        "no order is left whose state is not known": bool(found["orders_unknown"]),
        "nothing stands unhedged": found["unhedged"] != "0",
        "no order reached an exchange twice": bool(twice),
        "the journal's chain and views are whole": not check(drill.state)["ok"],
        "the recording replays to the same records": bool(found["replays"])
        and not found["replay_identical"],
        "every lane is ready again": not is_ready,
        "it trades again": fell_silent,
        "the engine ends in order": code != 0,
    }
    return [sentence for sentence, is_wrong in wrong.items() if is_wrong]


def unproven(fault: Fault, did_trade: bool, acted: dict[str, int]) -> list[str]:
    """Without these a drill shows nothing: all that must hold holds where nothing happens."""
    wrong = {
        "it traded before it was hurt": not did_trade,
        "the fault acted": fault.at == "exchange" and not acted.get(fault.words["fault"]),
    }
    return [sentence for sentence, is_wrong in wrong.items() if is_wrong]


def judged(
    drill: Drill, name: str, fault: Fault, found: dict[str, Any], code: int
) -> dict[str, Any]:
    """The report's facts under the names of the drill's document."""
    kept = ("orders", "fills", "rejected", "refused", "restarts", "pnl", "unhedged", "state")
    return {
        "drill": name,
        "fault": fault.sentence,
        "configuration": str(drill.user_config),
        "code": code,
        "what_happened": drill.what_happened(),
        **{k: found[k] for k in kept},
        "differences": found["ledger_differences"],
    }
