"""`tiercel demo`: two simulated exchanges and the engine, from nothing to a report.

The demo is the parent of both the exchanges and the root. The exchanges end with it, not with the
root: when the root dies by a signal it is started again on the same state, as an operator would,
and finds its orders at the exchanges. Nothing here trades; this file starts, watches, stops and
asks for the report.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import orjson

from engine.demo_world import (
    ACCOUNT,
    EXCHANGES,
    Exchange,
    exchange_spec,
    make_key,
    spawn,
    start_exchange,
    stop_process,
)
from engine.errors import EXIT_DONE, EXIT_ESCALATED, EXIT_NO, TiercelError, tell
from engine.left_open import left_in_words, left_open
from engine.state import StateNotWritten, in_words

ROOT_RESTARTS = 3
HEDGE_DEADLINE_NS = 2_000_000_000
SHIPPED = Path(__file__).resolve().parent.parent / "configs" / "demo.yaml"


class DemoBusy(TiercelError):
    """Another demo runs on this state directory."""

    code: ClassVar[str] = "TCL-2102"
    what = "A demo is already running on {state}"
    why = "Its process is {pid}"
    do = "Stop it with `tiercel stop --state {state}` or choose another directory with --state"


class EngineFailed(TiercelError):
    """The root ended with an error of its own."""

    code: ClassVar[str] = "TCL-2103"
    what = "The engine ended with code {code}"
    why = "{words}"
    do = "Mend that; {log} has all it said, and the state directory can be started again"
    exit_code = EXIT_NO


class StoppedEarly(TiercelError):
    """The end came before there was anything to report."""

    code: ClassVar[str] = "TCL-2104"
    what = "The demo was stopped before its engine was up"
    why = "The time was over, or you stopped it, while lanes were still starting"
    do = "Start it again and give it longer; {state} is whole"
    exit_code = EXIT_NO


class Demo:
    """One session: exchanges, root, and what they came to."""

    def __init__(self, state: Path, seed: int) -> None:
        self.state, self.seed = state, seed
        self.exchanges: list[Exchange] = []
        self.root: subprocess.Popen[bytes] | None = None
        self.runs: list[str] = []
        self.root_restarts = 0
        self.directory = state / "exchanges"
        try:
            for folder in (state, self.directory, state / "log"):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = self._take_lock()
        except OSError as e:
            raise StateNotWritten(path=state, detail=in_words(e)) from None
        self.started = time.monotonic()

    def _take_lock(self) -> int:
        import fcntl

        path = self.state / "demo.lock"
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(handle, 32).decode() or "not known"
            os.close(handle)
            raise DemoBusy(state=self.state, pid=pid) from None
        os.truncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        return handle

    def specs(self) -> dict[str, dict[str, Any]]:
        """The exchanges by name, as `venues.simulated` takes them; their keys are made here."""
        found = {}
        for name in EXCHANGES:
            key = make_key(self.directory / f"{name}.key.json")
            found[name] = exchange_spec(name, self.directory, key, self.seed)
        return found

    def document(self) -> dict[str, Any]:
        """What is run; the addresses and keys of the exchanges are laid over it."""
        return {"include": [str(SHIPPED)], "seed": self.seed}

    def endpoints(self, exchange: Exchange) -> dict[str, str]:
        """Where the engine reaches an exchange."""
        ws = f"ws://127.0.0.1:{exchange.ready['ws_port']}"
        rest = f"http://127.0.0.1:{exchange.ready['rest_port']}"
        return {"streams": ws, "orders": f"{ws}/ws-api/v3", "rest": rest}

    def unreached(self) -> dict[str, dict[str, Any]]:
        """Venues to be laid over the configuration's that have no exchange here."""
        return {}

    def start(self) -> None:
        """Exchanges first, then the root on a configuration that names their addresses."""
        environment = dict(os.environ)
        venues = self.unreached()
        for name, spec in self.specs().items():
            key = make_key(self.directory / f"{name}.key.json")
            exchange = start_exchange(spec, self.directory)
            self.exchanges.append(exchange)
            upper = name.upper()
            environment[f"TIERCEL_DEMO_{upper}_KEY"] = key.api_key
            environment[f"TIERCEL_DEMO_{upper}_SECRET"] = key.private_pem
            venues[name] = {
                "mode": "simulation",
                "endpoints": self.endpoints(exchange),
                "key": {
                    "label": f"demo-{name}",
                    "kind": "ed25519",
                    "api_key": f"${{TIERCEL_DEMO_{upper}_KEY}}",
                    "secret": f"${{TIERCEL_DEMO_{upper}_SECRET}}",
                },
            }
        self.environment = environment
        self.config = self.state / "demo.yaml"
        document = self.document() | {"venues": venues}
        self.config.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        listed = [
            {
                "name": e.name,
                "pid": e.process.pid,
                "ledger": str(e.ledger),
                "control": str(self.directory / f"{e.name}.control"),
                **{k: v for k, v in e.ready.items() if k.endswith("_port")},
            }
            for e in self.exchanges
        ]
        (self.state / "exchanges.json").write_bytes(orjson.dumps(listed))
        self.start_root()

    def start_root(self) -> None:
        """The engine, as `tiercel run` starts it."""
        self.root = spawn(
            [
                sys.executable,
                "-m",
                "engine.main",
                "run",
                str(self.config),
                "--state",
                str(self.state),
            ],
            self.state / "log" / "root.err",
            self.environment,
        )

    def watch(self) -> int | None:
        """Look after the root: None while it runs, its exit code when it ended for good.

        A root that died by a signal is started again on the same state, at most three times.
        """
        assert self.root is not None
        code = self.root.poll()
        if code is None:
            return None
        if code < 0 and self.root_restarts < ROOT_RESTARTS:
            self.root_restarts += 1
            self.note_run()
            self.start_root()
            return None
        return code

    def note_run(self) -> None:
        """Remember the run's name: its recordings and latencies belong to the report."""
        from engine.state import read_run

        run = read_run(self.state)
        if run is not None and run.run not in self.runs:
            self.runs.append(run.run)

    def stop(self) -> int:
        """The root in order (it cancels first), then the exchanges; the root's exit code."""
        self.note_run()
        code = stop_process(self.root) if self.root is not None else 0
        for exchange in self.exchanges:
            stop_process(exchange.process)
        os.close(self._lock)
        return code

    def was_ready(self) -> bool:
        """Has the root, which has ended, ever said that every lane is ready?"""
        assert self.root is not None and self.root.stdout is not None
        return b"ready:" in self.root.stdout.read()

    def last_words(self) -> str:
        """The last coded error that the root wrote, or that it wrote none."""
        with contextlib.suppress(OSError):
            said = (self.state / "log" / "root.err").read_text(errors="replace").splitlines()
            coded = [line for line in said if line.startswith("TCL-")]
            if coded:
                return coded[-1].rstrip(".").replace("{", "(").replace("}", ")")
        return "It gave no reason"

    def report(self) -> dict[str, Any]:
        """The session's result, from the journal, the exchanges' ledgers and the recordings."""
        from engine import report
        from engine.replay import replay_file

        seconds = time.monotonic() - self.started
        parties = [report.Ledger(e.name, e.ledger, ACCOUNT) for e in self.exchanges]
        found = report.session(self.state, parties, HEDGE_DEADLINE_NS)
        recordings = [
            path for run in self.runs if (path := self.state / "recordings" / f"{run}.tcr").exists()
        ]
        replays = [replay_file(path) for path in recordings]
        found["replay_identical"] = bool(replays) and all(r["identical"] for r in replays)
        found["replays"] = replays
        found["inputs_lost"] = report.inputs_lost(self.state, self.runs)
        found["restarts"] = report.restarts(self.state, self.runs)
        found["state"] = str(self.state)
        found["recording"] = str(recordings[-1]) if recordings else None
        found["ledgers"] = [str(e.ledger) for e in self.exchanges]
        found["seconds"] = round(seconds, 3)
        found["latency"] = report.latencies(self.state, self.runs)
        return found


def run_demo(
    state: Path, *, for_s: float | None, seed: int, as_json: bool, made: type[Demo] = Demo
) -> int:
    """The whole session; returns the exit code of the contract."""
    demo = made(state, seed)
    wanted = {"stop": False}

    def on_signal(number: int, frame: object) -> None:
        wanted["stop"] = True

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        is_nohup = number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN
        if not is_nohup:
            signal.signal(number, on_signal)
    try:
        demo.start()
        code = show(demo, for_s, wanted, as_json)
    finally:
        ended = demo.stop()
    if code is None and not demo.was_ready():
        early = StoppedEarly(state=state)
        if not wanted["stop"]:
            raise early
        tell(early, as_json)
        return EXIT_DONE  # Ctrl-C is no failure
    code = ended if code is None else code
    if code not in (0, None) and code != EXIT_ESCALATED:
        raise EngineFailed(code=code, words=demo.last_words(), log=state / "log")
    found = demo.report()
    if as_json:
        sys.stdout.write(orjson.dumps(found).decode() + "\n")
    else:
        print_report(found)
    if code == EXIT_ESCALATED:
        return EXIT_ESCALATED
    return EXIT_DONE if found["ledger_matches"] and found["replay_identical"] else EXIT_NO


def show(demo: Demo, for_s: float | None, wanted: dict[str, bool], as_json: bool) -> int | None:
    """Draw until time is up, a signal comes or the root ends (then its exit code)."""
    from engine.screen import Looker, draw, plain_line

    looker = Looker(demo.state)
    is_terminal = sys.stdout.isatty() and not as_json
    end = None if for_s is None else time.monotonic() + for_s

    def over() -> bool:
        return wanted["stop"] or (end is not None and time.monotonic() >= end)

    if is_terminal:
        from rich.live import Live

        with Live(refresh_per_second=4, screen=False) as live:
            while not over():
                if (code := demo.watch()) is not None:
                    return code
                live.update(draw(looker.look(), "tiercel demo: simulated exchanges, test money"))
                time.sleep(0.25)
        return None
    next_line = time.monotonic()
    while not over():
        if (code := demo.watch()) is not None:
            return code
        if not as_json and time.monotonic() >= next_line:
            print(plain_line(looker.look(), time.monotonic() - demo.started), flush=True)
            next_line += 1.0
        time.sleep(0.05)
    return None


def print_report(found: dict[str, Any]) -> None:
    """The report for people."""
    yes = {True: "yes", False: "NO"}
    tick = found["latency"].get("tick_to_order")
    print()
    print(
        f"orders {found['orders']}, fills {found['fills']}, rejected {found['rejected']}, ", end=""
    )
    print(f"refused by the gate {found['refused']}, in doubt {found['orders_unknown']}")
    print(f"P&L {found['pnl']} USDT, unhedged {found['unhedged']} BTC")
    for line in left_in_words(left_open(Path(found["state"]))):
        print(line)
    print(f"journal equals the exchanges' ledgers: {yes[found['ledger_matches']]}")
    print(f"replayed to identical records: {yes[found['replay_identical']]}")
    if found["inputs_lost"]:
        print(f"recording incomplete: {found['inputs_lost']} inputs found no room in it")
    if not all(r["complete"] for r in found["replays"]):
        print(
            "a recording has no end (its recorder was killed or let go): what it holds was replayed"
        )
    if tick:
        p50, p99 = tick["p50_ns"] / 1000, tick["p99_ns"] / 1000
        print(f"tick to order: p50 {p50:.1f} us, p99 {p99:.1f} us ({tick['count']} orders)")
    print(f"restarts {found['restarts']}, events {found['events']}, {found['seconds']} s")
    print(f"state: {found['state']}   recording: {found['recording']}")
