"""`tiercel drill`: a configuration of the user's against simulated exchanges, hurt on purpose.

Every venue of the configuration becomes a simulated exchange with its markets; endpoints and keys
are laid over it, and nothing else is changed. The drill waits until it trades, injects one fault,
gives it time, stops in order, and says what happened and whether what must hold did.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import Counter
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec
import orjson

from engine import config, control, document, report
from engine.application import Application, Instrument, Venue
from engine.demo import HEDGE_DEADLINE_NS, Demo
from engine.demo_world import exchange_spec, make_key, tell
from engine.drill_conditions import DrillImpossible, DrillInterrupted, NoSuchTarget
from engine.drill_faults import ABSENCE_PROVEN_S, Fault, full_disk
from engine.drill_verdict import broken, judged, ledger_lines, unproven
from engine.drill_words import told_by_engine
from engine.entry import interruptible
from engine.errors import TiercelError
from engine.roles import role_of
from engine.state import Run, StateBusy, is_running, read_run

START_S = 90.0
LOOK_S = 0.05
OFFERED_S = 10.0
"""Within this time the exchanges offer a trade to an engine that is ready."""
FIRST_TRADES = 2
TRADING = {"feed", "venue", "rest", "strategy"}
STAND_IN_KEY = {"label": "drill", "kind": "hmac", "api_key": "drill", "secret": "drill"}
STAND_IN = {"streams": "ws://127.0.0.1", "orders": "ws://127.0.0.1", "rest": "http://127.0.0.1"}


class Drill(Demo):
    """A demo of the user's own configuration, with one fault.

    The configuration is checked before anything starts, as `tiercel config check` would, in
    simulation: what is wrong in it is refused with its own code, file and line.
    """

    def __init__(self, config: Path, state: Path, seed: int, prices: dict[str, str]) -> None:
        self.user_config = config.absolute()
        self.tree = document.load(config).tree
        if not self.tree.get("venues") or not self.tree.get("instruments"):
            raise DrillImpossible(path=config, detail="It names no venues or no instruments")
        self.told: list[tuple[float, str]] = []
        super().__init__(state, seed)
        self.began_ns = time.time_ns()
        self.app = self.checked()
        self.prices = {name: self.price(name, text) for name, text in prices.items()}

    def checked(self) -> Application:
        """What will run, with stand-ins for the addresses and keys of the exchanges."""
        path = self.state / "demo.yaml"
        path.write_bytes(orjson.dumps(self.document() | {"venues": self.unreached()}))
        return config.read(path).application

    def unreached(self) -> dict[str, dict[str, Any]]:
        """Every venue with a stand-in: one without listings has no exchange, and is not reached."""
        place = {"mode": "simulation", "endpoints": STAND_IN, "key": STAND_IN_KEY}
        venues = self.tree["venues"]
        return dict.fromkeys(venues, place) if isinstance(venues, dict) else {}

    def price(self, listing: str, text: str) -> str:
        """A price to start from, as text. NoSuchTarget."""
        if listing not in self.app.instruments:
            known = ", ".join(self.app.instruments)
            detail = f"--price: there is no instrument {listing}, but {known}"
            raise NoSuchTarget(path=self.user_config, detail=detail)
        try:
            value = Decimal(text)
        except InvalidOperation:
            value = Decimal(0)
        if not value.is_finite() or value <= 0 or value.adjusted() > 12:
            detail = f"--price: {text!r} is no price of {listing}"
            raise NoSuchTarget(path=self.user_config, detail=detail)
        return format(value, "f")

    # ---- the world

    def specs(self) -> dict[str, dict[str, Any]]:
        """One exchange a venue, with the listings of that venue as its markets."""
        found = {}
        for name, venue in self.app.venues.items():
            listings = {
                n.partition(".")[2]: x
                for n, x in self.app.instruments.items()
                if n.partition(".")[0] == name
            }
            if not listings:
                continue
            key = make_key(self.directory / f"{name}.key.json")
            spec = exchange_spec(name, self.directory, key, self.seed)
            spec["dialect"] = venue.kind.rpartition("/")[2]
            spec["markets"] = [self.market(name, s, x, venue) for s, x in listings.items()]
            quotes = {x.quote for x in listings.values()}
            assets = {x.base for x in listings.values()} | quotes
            spec["accounts"][0]["balances"] = {
                a: "1000000" if a in quotes else "10" for a in sorted(assets)
            }
            found[name] = spec
        return found

    def market(self, venue: str, symbol: str, listing: Instrument, fees: Venue) -> dict[str, Any]:
        """A market as the exchange lists it; its price is 50000 unless one is given."""
        same = ("base", "quote", "tick", "lot", "min_quantity", "max_quantity", "min_notional")
        found = {k: v for k in same if (v := getattr(listing, k)) is not None}
        found["symbol"] = symbol
        found["price"] = self.prices.get(f"{venue}.{symbol}", "50000")
        found["taker_fee_bps"] = f"{fees.taker_fee_ppm / 100:g}"
        found["maker_fee_bps"] = f"{fees.maker_fee_ppm / 100:g}"
        return found

    def document(self) -> dict[str, Any]:
        """The user's file with every venue in simulation; files beside it are named in full."""

        def in_full(value: Any) -> Any:
            if isinstance(value, list):
                return [in_full(x) for x in value]
            if not isinstance(value, dict):
                return value
            found = {k: in_full(x) if k == "actors" else x for k, x in value.items()}
            if str(found.get("kind")).endswith(".py"):
                found["kind"] = str((self.user_config.parent / found["kind"]).resolve())
            return found

        whole = {"mode": "simulation", "drill": True, "seed": self.seed}
        if "lanes" in self.tree:
            whole["lanes"] = in_full(self.tree["lanes"])
        return {"include": [str(self.user_config)]} | whole

    # ---- what is seen

    def trades(self, exchange: str = "", since: int = 0) -> list[int]:
        """Times (UTC ns) of our trades of this session in the ledgers, of one exchange where one is
        named: of orders placed after `since`, as an older one trades without an engine."""
        hurt = [e for e in self.exchanges if e.name == exchange] or self.exchanges
        since = max(since, self.began_ns)
        found = []
        for e in hurt:
            placed = {
                x["order_id"] for x in ledger_lines(e.ledger, "order") if int(x["time"]) > since
            }
            fills = ledger_lines(e.ledger, "fill")
            found += [int(x["time"]) for x in fills if x["order_id"] in placed]
        return sorted(found)

    def trades_again(self, exchange: str, since: int) -> bool:
        """Has it placed an order since and traded it, at this exchange where one is named?"""
        return bool(self.trades(exchange, since))

    def own_run(self) -> Run | None:
        """What the state directory says of the root that this drill has started."""
        run = read_run(self.state)
        return run if run and self.root is not None and run.root == self.root.pid else None

    def lanes(self) -> dict[str, dict[str, Any]]:
        """The lanes as the root tells them; empty while no root answers."""
        if self.own_run() is not None:
            with contextlib.suppress(TiercelError, OSError):
                return {x["name"]: x for x in control.call(self.state, "ps", 10.0)["lanes"]}
        return {}

    def processes(self) -> list[int]:
        """The root and its lanes as they are now."""
        run = self.own_run()
        lanes = [x["pid"] for x in self.lanes().values() if x["pid"]]
        return [run.root, *lanes] if run else lanes

    def is_ready(self) -> bool:
        """Every lane is, but one that was let go for good and trades nothing (a recorder's)."""
        lanes = self.lanes()
        may_go = {
            x.name for x in self.app.lanes if not TRADING & {role_of(a.kind) for a in x.actors}
        }
        return bool(lanes) and all(
            x["state"] == "ready" or (x["state"] == "gone" and name in may_go)
            for name, x in lanes.items()
        )

    def is_settled(self) -> bool:
        """No order stands in doubt and no leg unhedged; False while nobody can tell."""
        with contextlib.suppress(TiercelError, OSError):
            return report.is_settled(self.state, HEDGE_DEADLINE_NS)
        return False

    def say(self, text: str) -> None:
        """Note what happened just now."""
        self.say_at(time.time_ns(), text)

    def say_at(self, at_ns: int, text: str) -> None:
        """Note what happened at a time (UTC)."""
        self.told.append(((at_ns - self.began_ns) / 1e9, text))

    def what_happened(self) -> list[dict[str, Any]]:
        """Our own words, and the engine's from our first on, in the order of time."""
        ready = self.began_ns + int(min((at for at, _ in self.told), default=0.0) * 1e9)
        engine = [
            ((at - self.began_ns) / 1e9, text)
            for at, text in told_by_engine(self.state / "log", ready)
        ]
        return [
            {"at_s": round(at, 3), "what": what}
            for at, what in sorted([*self.told, *engine], key=lambda x: x[0])
        ]

    def wait(self, until: Any, seconds: float) -> bool:
        """Until something is so, looking after the root; False when time is up."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if (code := self.watch()) is not None:
                detail = f"The engine ended with code {code}: {self.last_words()}"
                raise DrillImpossible(path=self.user_config, detail=detail)
            if until is not None and until():
                return True
            time.sleep(LOOK_S)
        return False

    # ---- what is done to it

    def target_lane(self, wanted: str | None) -> str:
        """The lane named, else the first that holds a venue actor."""
        for lane in self.app.lanes:
            roles = {role_of(a.kind) for a in lane.actors}
            if lane.name == wanted or (wanted is None and "venue" in roles):
                return lane.name
        if wanted is None:
            raise DrillImpossible(path=self.user_config, detail="No lane of it trades")
        there = ", ".join(x.name for x in self.app.lanes)
        raise NoSuchTarget(path=self.user_config, detail=f"It has no lane {wanted}, but {there}")

    def target_of(self, fault: Fault, wanted: str | None) -> str:
        """What is hurt, known before anything is. NoSuchTarget, DrillImpossible."""
        if fault.at == "lane":
            return self.target_lane(wanted)
        there = list(self.specs()) if fault.at == "exchange" else []
        if wanted is not None and wanted not in there:
            whole = "an exchange: " + ", ".join(there) if there else "the engine as a whole"
            detail = f"--at {wanted}: this drill hurts {whole}"
            raise NoSuchTarget(path=self.user_config, detail=detail)
        return wanted or (there[0] if there else "")

    def tell(self, exchange: str, words: dict[str, Any]) -> dict[str, Any]:
        """One line to an exchange's control socket, and its answer."""
        # by descriptor: a socket's path may have 107 bytes only, a state directory's more
        folder = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return tell(Path(f"/proc/self/fd/{folder}/{exchange}.control"), words)
        finally:
            os.close(folder)

    def inject(self, fault: Fault, target: str) -> None:
        """Do it, and hold it for as long as it lasts."""
        if fault.at == "exchange":
            answer = self.tell(target, {"op": "fault"} | fault.words)
            if not answer.get("ok"):
                raise DrillImpossible(path=self.user_config, detail=f"{target} said {answer}")
            self.say(f"{fault.sentence} ({target})")
            self.wait(None, fault.for_s)
        elif fault.at == "lane":
            pid = self.lanes().get(target, {}).get("pid")
            if pid is None:
                raise DrillImpossible(path=self.user_config, detail=f"Lane {target} has no process")
            os.kill(pid, fault.number)
            self.say(f"{fault.sentence} ({target}, process {pid})")
            self.wait(None, fault.for_s)
            if fault.number == signal.SIGSTOP:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        elif fault.at == "root":
            run = self.own_run()
            if run is None:
                raise DrillImpossible(path=self.user_config, detail="Its root has ended")
            os.kill(run.root, fault.number)
            self.say(fault.sentence)
        else:
            if not self.processes():
                raise DrillImpossible(path=self.user_config, detail="Its root has ended")
            ledgers = [e.ledger for e in self.exchanges]
            with full_disk(self.state, self.processes, ledgers) as how:
                self.say(f"{fault.sentence}: {how}")
                self.wait(None, fault.for_s)
        if fault.for_s:
            self.say("the fault is over")

    def acted(self) -> dict[str, int]:
        """How often each fault acted, by the exchanges' own count."""
        found: Counter[str] = Counter()
        for exchange in self.exchanges:
            with contextlib.suppress(OSError):
                answer = self.tell(exchange.name, {"op": "status"})
                found.update(answer.get("faults_acted", {}))
        return dict(found)


def run_drill(
    drill: Drill, name: str, fault: Fault, for_s: float, target: str | None
) -> dict[str, Any]:
    """The whole drill; what happened, as one document (`ok` says whether everything held)."""
    code = 0
    interruptible()
    try:
        seen = hurt(drill, fault, for_s, drill.target_of(fault, target))
    except KeyboardInterrupt:
        raise DrillInterrupted(name=name, state=drill.state) from None
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # what was begun is ended in order
        code = drill.stop()
    drill.say(f"stopped with code {code}")
    found = drill.report()
    is_silent = seen.did_trade and seen.first_after_s is None
    return judged(drill, name, fault, found, code) | {
        "trades": {"before": seen.before, "after": seen.after},
        "first_trade_after_s": seen.first_after_s,
        "fault_at_ns": seen.fault_at_ns,
        "fault_s": seen.fault_s,
        "faults_acted": seen.acted,
        "broken": broken(drill, found, code, seen.is_ready, is_silent)
        + unproven(fault, seen.did_trade, seen.acted),
    }


class Seen(msgspec.Struct, frozen=True):
    """What a drill saw while the engine ran."""

    did_trade: bool
    before: int
    after: int
    first_after_s: float | None
    fault_at_ns: int
    fault_s: float
    acted: dict[str, int]
    is_ready: bool


def hurt(drill: Drill, fault: Fault, for_s: float, target: str) -> Seen:
    """Start, trade, hurt, and trade again: for `for_s`, and longer where the fault needs it."""
    if is_running(drill.state):  # it would be hurt in the place of ours
        raise StateBusy(path=drill.state, detail="")
    drill.start()
    if not drill.wait(drill.is_ready, START_S):
        raise DrillImpossible(
            path=drill.user_config, detail=f"It was not ready within {START_S:.0f} s"
        )
    drill.say("every lane is ready")
    first = for_s / 3
    did_trade = drill.wait(lambda: len(drill.trades()) >= FIRST_TRADES, max(first, OFFERED_S))
    drill.wait(None, min(2.0, first))
    before = drill.trades()
    drill.say(f"{len(before)} trades so far")
    begin = time.time_ns()
    drill.inject(fault, target)
    end = time.time_ns()
    drill.wait(None, for_s - first)
    if did_trade and fault.settle_s:  # on every venue, so that what stood in doubt is settled
        drill.wait(lambda: drill.trades_again(target, end), fault.settle_s)
    # any fault may have lost an order on its way; it is proven after 10 s, and its pair's other
    # leg stands open until then: the engine is not stopped, and not judged, in the midst of that
    if not drill.is_settled():
        drill.say("an order is in doubt or a leg unhedged: it is given time")
        drill.wait(drill.is_settled, ABSENCE_PROVEN_S)
    is_ready = drill.wait(drill.is_ready, for_s)
    if is_ready:
        drill.say("every lane is ready")
        if did_trade:  # a host that is slow has just come back, and is offered a trade now and then
            drill.wait(lambda: drill.trades_again("", end), OFFERED_S)
    after = drill.trades(since=end)
    if after:
        drill.say_at(after[0], "it trades again")
    return Seen(
        did_trade,
        len(before),
        len(after),
        round((after[0] - end) / 1e9, 3) if after else None,
        begin,
        round((end - begin) / 1e9, 3),
        drill.acted(),
        is_ready,
    )
