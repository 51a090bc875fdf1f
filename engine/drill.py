"""`tiercel drill`: a configuration of the user's against simulated exchanges, hurt on purpose.

Every venue of the configuration becomes a simulated exchange with its markets; endpoints and keys
are laid over it, and nothing else is changed. The drill waits until it trades, injects one fault,
gives it time, stops in order, and says what happened and whether what must hold did.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from engine import control, document
from engine.checks import role_of
from engine.demo import Demo
from engine.demo_world import ACCOUNT, exchange_spec, make_key
from engine.drill_faults import Fault, full_disk
from engine.errors import EXIT_NO, TiercelError
from engine.state import read_run

START_S = 90.0
LOOK_S = 0.05
FIRST_TRADES = 2


class DrillImpossible(TiercelError):
    """The configuration cannot be drilled."""

    code: ClassVar[str] = "TCL-2111"
    what = "{path} cannot be drilled"
    why = "{detail}"
    do = "A drill needs venues with instruments, and lanes that start; `tiercel config check` helps"
    exit_code = EXIT_NO


class Drill(Demo):
    """A demo of the user's own configuration, with one fault."""

    def __init__(self, config: Path, state: Path, seed: int, prices: dict[str, str]) -> None:
        self.user_config = config.absolute()
        self.tree = document.load(config).tree
        self.prices = prices
        self.told: list[tuple[float, str]] = []
        if not self.tree.get("venues") or not self.tree.get("instruments"):
            raise DrillImpossible(path=config, detail="It names no venues or no instruments")
        super().__init__(state, seed)

    # ---- the world

    def specs(self) -> dict[str, dict[str, Any]]:
        """One exchange a venue, with the listings of that venue as its markets."""
        found = {}
        for name, venue in self.tree["venues"].items():
            listings = {
                n.partition(".")[2]: x
                for n, x in self.tree["instruments"].items()
                if n.partition(".")[0] == name
            }
            if not listings:
                continue
            key = make_key(self.directory / f"{name}.key.json")
            spec = exchange_spec(name, self.directory, key, self.seed)
            spec["dialect"] = str(venue.get("kind", "")).rpartition("/")[2]
            spec["markets"] = [self.market(name, s, x, venue) for s, x in listings.items()]
            quotes = {x["quote"] for x in listings.values()}
            assets = {x["base"] for x in listings.values()} | quotes
            spec["accounts"][0]["balances"] = {
                a: "1000000" if a in quotes else "10" for a in sorted(assets)
            }
            found[name] = spec
        return found

    def market(
        self, venue: str, symbol: str, listing: dict[str, Any], fees: dict[str, Any]
    ) -> dict[str, Any]:
        """A market as the exchange lists it; its price is 50000 unless one is given."""
        same = ("base", "quote", "tick", "lot", "min_quantity", "max_quantity", "min_notional")
        found = {k: listing[k] for k in same if listing.get(k) is not None}
        found["symbol"] = symbol
        found["price"] = self.prices.get(f"{venue}.{symbol}", "50000")
        found["taker_fee_bps"] = f"{fees.get('taker_fee_ppm', 1000) / 100:g}"
        found["maker_fee_bps"] = f"{fees.get('maker_fee_ppm', 1000) / 100:g}"
        return found

    def document(self) -> dict[str, Any]:
        """The user's file with every venue in simulation; files beside it are named in full."""
        lanes = msgspec.json.decode(msgspec.json.encode(self.tree["lanes"]))
        for lane in lanes:
            for actor in lane["actors"]:
                if str(actor["kind"]).endswith(".py"):
                    actor["kind"] = str((self.user_config.parent / actor["kind"]).resolve())
        return {
            "include": [str(self.user_config)],
            "mode": "simulation",
            "drill": True,
            "lanes": lanes,
            "seed": self.seed,
        }

    # ---- what is seen

    def trades(self) -> list[int]:
        """Times (UTC ns) of our trades in the exchanges' ledgers."""
        found = []
        for exchange in self.exchanges:
            for line in ledger_lines(exchange.ledger, "fill"):
                found.append(int(line["time"]))
        return sorted(found)

    def lanes(self) -> dict[str, dict[str, Any]]:
        """The lanes as the root tells them; empty while no root answers."""
        with contextlib.suppress(TiercelError, OSError):
            return {x["name"]: x for x in control.call(self.state, "ps", 10.0)["lanes"]}
        return {}

    def processes(self) -> list[int]:
        """The root and its lanes as they are now."""
        run = read_run(self.state)
        lanes = [x["pid"] for x in self.lanes().values() if x["pid"]]
        return [run.root, *lanes] if run else lanes

    def is_ready(self) -> bool:
        lanes = self.lanes()
        return bool(lanes) and all(x["state"] == "ready" for x in lanes.values())

    def say(self, text: str) -> None:
        """Note what happened and when."""
        self.told.append((time.monotonic() - self.started, text))

    def wait(self, until: Any, seconds: float) -> bool:
        """Until something is so, looking after the root; False when time is up."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if (code := self.watch()) is not None:
                raise DrillImpossible(
                    path=self.user_config,
                    detail=f"The engine ended with code {code}; see {self.state / 'log'}",
                )
            if until is not None and until():
                return True
            time.sleep(LOOK_S)
        return False

    # ---- what is done to it

    def target_lane(self, wanted: str | None) -> str:
        """The lane named, else the first that holds a venue actor."""
        for lane in self.tree["lanes"]:
            if lane["name"] == wanted:
                return str(wanted)
            roles = {role_of(a["kind"]) for a in lane["actors"]}
            if wanted is None and "venue" in roles:
                return str(lane["name"])
        raise DrillImpossible(path=self.user_config, detail=f"It has no lane {wanted or 'to hurt'}")

    def inject(self, fault: Fault, target: str | None) -> None:
        """Do it, and hold it for as long as it lasts."""
        if fault.at == "exchange":
            name = target or self.exchanges[0].name
            answer = tell(
                self.state / "exchanges" / f"{name}.control", {"op": "fault"} | fault.words
            )
            if not answer.get("ok"):
                raise DrillImpossible(path=self.user_config, detail=f"{name} said {answer}")
            self.say(f"{fault.sentence} ({name})")
            self.wait(None, fault.for_s)
        elif fault.at == "lane":
            lane = self.target_lane(target)
            pid = self.lanes().get(lane, {}).get("pid")
            if pid is None:
                raise DrillImpossible(path=self.user_config, detail=f"Lane {lane} has no process")
            os.kill(pid, fault.number)
            self.say(f"{fault.sentence} ({lane}, process {pid})")
            self.wait(None, fault.for_s)
            if fault.number == signal.SIGSTOP:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        elif fault.at == "root":
            run = read_run(self.state)
            if run is not None:
                os.kill(run.root, fault.number)
            self.say(fault.sentence)
        else:
            with full_disk(self.processes):
                self.say(fault.sentence)
                self.wait(None, fault.for_s)
        if fault.for_s:
            self.say("the fault is over")

    def acted(self) -> dict[str, int]:
        """How often each fault acted, by the exchanges' own count."""
        found: Counter[str] = Counter()
        for exchange in self.exchanges:
            with contextlib.suppress(OSError):
                answer = tell(
                    self.state / "exchanges" / f"{exchange.name}.control", {"op": "status"}
                )
                found.update(answer.get("faults_acted", {}))
        return dict(found)


def ledger_lines(path: Path, kind: str) -> list[dict[str, Any]]:
    """Our own lines of one type in an exchange's ledger; a torn last line is left out."""
    found = []
    if path.exists():
        for raw in path.read_bytes().split(b"\n")[:-1]:
            line = msgspec.json.decode(raw)
            if line["t"] == kind and line["account"] == ACCOUNT:
                found.append(line)
    return found


def tell(path: Path, words: dict[str, Any]) -> dict[str, Any]:
    """One line to an exchange's control socket, and its answer."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10.0)
        s.connect(str(path))
        s.sendall(msgspec.json.encode(words) + b"\n")
        with s.makefile("rb") as f:
            answer: dict[str, Any] = msgspec.json.decode(f.readline())
    return answer


def run_drill(
    drill: Drill, name: str, fault: Fault, for_s: float, target: str | None
) -> dict[str, Any]:
    """The whole drill; what happened, as one document (`ok` says whether everything held)."""
    try:
        drill.start()
        if not drill.wait(drill.is_ready, START_S):
            raise DrillImpossible(
                path=drill.user_config, detail=f"It was not ready within {START_S:.0f} s"
            )
        drill.say("every lane is ready")
        first = for_s / 3
        did_trade = drill.wait(lambda: len(drill.trades()) >= FIRST_TRADES, first)
        drill.wait(None, min(2.0, first))
        before = drill.trades()
        drill.say(f"{len(before)} trades so far")
        begin = time.time_ns()
        drill.inject(fault, target)
        end = time.time_ns()
        drill.wait(None, for_s - first)
        is_ready = drill.wait(drill.is_ready, for_s)
        after = [t for t in drill.trades() if t > end]
        acted = drill.acted()
        if is_ready:
            drill.say("every lane is ready")
    finally:
        code = drill.stop()
    drill.say(f"stopped with code {code}")
    found = drill.report()
    return judged(drill, name, fault, found, code) | {
        "trades": {"before": len(before), "after": len(after)},
        "first_trade_after_s": round((after[0] - end) / 1e9, 3) if after else None,
        "fault_s": round((end - begin) / 1e9, 3),
        "faults_acted": acted,
        "broken": broken(drill, found, code, is_ready, did_trade and not after),
    }


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
        "what_happened": [{"at_s": round(t, 3), "what": w} for t, w in drill.told],
        **{k: found[k] for k in kept},
        "differences": found["ledger_differences"],
    }
