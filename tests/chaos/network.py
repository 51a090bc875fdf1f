"""The demo behind fault proxies: what the network does to its connections (X15, X17, X32).

After the faults of a session the exchanges' ledgers are the judges of its orders and fills, and the
recording says whether an order left on a book in doubt or before the venue had been compared with.
Each of these checks is also given a story that breaks it (`controls`), and must say so.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from engine import control, report
from engine.demo import HEDGE_DEADLINE_NS
from engine.demo_world import ACCOUNT
from hotpath.records import LinkEvent
from tests.chaos import recorded
from tests.chaos.recorded import COMPARED
from tests.chaos.table import Row
from tests.engine.authority import WRONG
from tests.engine.drill import VENUES, Drill, agrees, sent_once

FOUND_S = 20.0  # a dead connection is left within this (X15)
AGAIN_S = 60.0
DEAD = ("half_open", "stall_down", "stall_up")
ENDED = ("rst", "fin", "garbage", "cut")
"""Faults after which no byte of that connection may be trusted: another one must be made."""
QUICK = (*ENDED, "split", "delay", "duplicate", "reorder")
FAULTS = (*QUICK, *DEAD)
BAD_PEERS = (*WRONG, "plain")
BAD_HANDSHAKES = ("refuse", "cut_handshake", "silent_handshake")
BAD_RECORDS = ("cut", "flip", "duplicate", "reorder")
TLS_FAULTS = (*BAD_PEERS, *BAD_HANDSHAKES, *BAD_RECORDS)
Inject = Callable[["Proxied", tuple[str, ...], str], None]


class Proxied(Drill):
    """A demo whose lanes reach the exchanges through proxies."""

    def __init__(self, where: Path, seed: int = 1, *, secure: bool = False) -> None:
        self.state = where
        self.began = time.monotonic()
        self.log = open(where.with_suffix(".err"), "w")  # noqa: SIM115 - as long as the demo lives
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.proxied_demo", str(where), str(seed)]
            + ["tls"] * secure,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )

    def say(self, **words: object) -> None:
        """One line to the proxies."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()

    def proxies(self, venue: str, what: str, port: str = "ws") -> int:
        """A number that a venue's proxy shows."""
        try:
            found = json.loads((self.state / "proxies.json").read_bytes())
        except OSError:
            return 0
        return int(found.get(f"{venue}.{port}", {}).get(what, 0))

    def wait_acted(self, venue: str, fault: str, than: int) -> None:
        self.until(lambda: self.proxies(venue, fault) > than, AGAIN_S)

    def codes(self) -> set[str]:
        """Codes of the alerts that `ps` shows."""
        return {a["code"] for a in control.call(self.state, "ps", 10.0).get("alerts", [])}

    def kill(self) -> None:
        super().kill()
        self.log.close()


# ---- one fault, until it is over; the caller times it


def hurt(drill: Proxied, venues: tuple[str, ...], fault: str) -> None:
    """A fault of the bytes or of the messages of WebSockets."""
    before = {v: (drill.proxies(v, fault), drill.proxies(v, "opened")) for v in venues}
    for venue in venues:
        if fault in ("rst", "fin", *DEAD):
            drill.say(venue=venue, port="ws", act=fault)
        else:
            drill.say(venue=venue, port="ws", mode=fault, count=3)
    for venue, (acted, opened) in before.items():
        drill.wait_acted(venue, fault, acted)
        if fault in DEAD:
            drill.until(lambda v=venue: drill.proxies(v, "dead") == 0, AGAIN_S)
        elif fault in ENDED:
            drill.until(lambda v=venue, n=opened: drill.proxies(v, "opened") > n, AGAIN_S)
        else:
            time.sleep(0.5)
        drill.say(venue=venue, port="ws", mode="none")


def show_wrong_peer(drill: Proxied, venues: tuple[str, ...], kind: str) -> None:
    """A peer that may not be trusted: it is told in coded words, and no order reaches it."""
    code = "TCL-5213" if kind == "plain" else "TCL-5212"
    for venue in venues:
        if kind != "plain":
            drill.say(venue=venue, certificate=kind)
        for port in ("ws", "rest"):
            if kind == "plain":
                drill.say(venue=venue, port=port, mode="plain")
            drill.say(venue=venue, port=port, act="rst")
    drill.until(lambda: code in drill.codes(), AGAIN_S)
    orders = {v: len(drill.ledger("order", v)) for v in venues}
    time.sleep(0.5)
    for venue, count in orders.items():
        assert not drill.proxies(venue, "told in plain text"), "it was asked in plain text"
        assert len(drill.ledger("order", venue)) == count, f"an order went to a {kind} {venue}"
        if kind != "plain":
            drill.say(venue=venue, certificate="good")
        for port in ("ws", "rest"):
            drill.say(venue=venue, port=port, mode="none")


def break_handshake(drill: Proxied, venues: tuple[str, ...], fault: str) -> None:
    """New connections fail before they are made; one that never answers is given up."""
    (venue,) = venues
    acted, left = drill.proxies(venue, fault), drill.proxies(venue, f"left {fault}")
    drill.say(venue=venue, port="ws", mode=fault)
    drill.say(venue=venue, port="ws", act="rst")
    drill.wait_acted(venue, fault, acted)
    if fault == "silent_handshake":
        drill.until(lambda: drill.proxies(venue, f"left {fault}") > left, FOUND_S)
    drill.say(venue=venue, port="ws", mode="none")


def break_record(drill: Proxied, venues: tuple[str, ...], fault: str) -> None:
    """One TLS record is not what was sent: the connection must be left for another."""
    (venue,) = venues
    acted, opened = drill.proxies(venue, fault), drill.proxies(venue, "opened")
    drill.say(venue=venue, port="ws", mode=fault, count=1)
    drill.wait_acted(venue, fault, acted)
    drill.until(lambda: drill.proxies(venue, "opened") > opened, FOUND_S)
    drill.say(venue=venue, port="ws", mode="none")


# ---- a session of them


def session(
    drill: Proxied, rows: dict[str, Row], plan: list[tuple[str, tuple[str, ...], Inject]]
) -> None:
    """Every fault of the plan, then the judges; what a fault breaks is told in its row."""
    row = next(iter(rows.values()))
    try:
        drill.wait_ready()
        drill.wait_trading()
        for fault, venues, inject in plan:
            row = rows[fault]
            began = time.monotonic()
            inject(drill, venues, fault)
            found = time.monotonic() - began
            if fault in DEAD:
                row.holds(found <= FOUND_S, f"a dead connection was left after {found:.1f} s")
            for venue in venues:
                drill.wait_trading(2, venue)
                row.times_ms.append((time.monotonic() - began) * 1000)
            row.injected += len(venues)
        drill.wait_ready()
        told = drill.end()
        agrees(told, drill.state)
        sent_once(drill)
        line = recorded.read(Path(told["recording"]))
        row.holds(len(line.sent) > 0, "the recording shows no order")
        row.broken += [*line.blind(), *line.uncompared()][:10]
        rows["control"].injected, rows["control"].broken = controls(drill, line)
    except AssertionError as wrong:
        row.broken.append(str(wrong)[:2000])
    finally:
        drill.kill()


def controls(drill: Drill, line: recorded.Recorded) -> tuple[int, list[str]]:
    """Stories that break each invariant; which of them the checks did not see."""
    unseen = []
    last = line.sent[-1]
    line.books.append((last.time, last.book, 2, last.epoch))
    if not line.blind():
        unseen.append("an order on a book with a gap was not seen")
    line.books[-1] = (last.time, last.book, 0, last.epoch + 1)
    if not line.blind():
        unseen.append("an order on a book of another epoch was not seen")
    line.links.append((last.time - 1, last.venue, int(LinkEvent.OPEN)))
    if not line.uncompared():
        unseen.append("an order before any comparison was not seen")
    line.answers += [(last.time - 1, last.venue, x) for x in COMPARED - {"t"}]
    if not line.uncompared():
        unseen.append("an order before the trades were compared was not seen")
    for name, forge in (("lost", lose_fill), ("twice", double_fill), ("double", double_order)):
        if forge_is_unseen(drill, forge):
            unseen.append(f"a ledger with one {name} was not seen")
    return 7, unseen


def forge_is_unseen(drill: Drill, forge: Callable[[list[Any]], list[Any]]) -> bool:
    """Would the judges still be content if an exchange's ledger said this?"""
    ledgers = [drill.state / "exchanges" / f"{v}.ledger.jsonl" for v in VENUES]
    kept = ledgers[0].read_bytes()
    lines = [json.loads(x) for x in kept.splitlines()]
    try:
        ledgers[0].write_text("".join(json.dumps(x) + "\n" for x in forge(lines)))
        parties = [report.Ledger(v, p, ACCOUNT) for v, p in zip(VENUES, ledgers, strict=True)]
        if not report.session(drill.state, parties, HEDGE_DEADLINE_NS)["ledger_matches"]:
            return False
        sent_once(drill)
    except (AssertionError, ValueError, KeyError):
        return False
    finally:
        ledgers[0].write_bytes(kept)
    return True


def ours(lines: list[Any], kind: str) -> int:
    """Where the last of our lines of a type stands."""
    return max(i for i, x in enumerate(lines) if x["t"] == kind and x["account"] == ACCOUNT)


def lose_fill(lines: list[Any]) -> list[Any]:
    at = ours(lines, "fill")
    return lines[:at] + lines[at + 1 :]


def double_fill(lines: list[Any]) -> list[Any]:
    at = ours(lines, "fill")
    return [*lines[: at + 1], lines[at] | {"trade_id": 1 << 40}, *lines[at + 1 :]]


def double_order(lines: list[Any]) -> list[Any]:
    at = ours(lines, "order")
    return [*lines[: at + 1], lines[at], *lines[at + 1 :]]


# ---- the rows


def network(
    folder: Path, rounds: int = 1, seed: int = 1, faults: tuple[str, ...] = FAULTS
) -> list[Row]:
    """Every fault of the bytes, `rounds` times, on either venue; those that take long on both at
    once; one demo."""
    must = dict.fromkeys(ENDED, "ended, trades again, ledgers agree")
    must |= dict.fromkeys(DEAD, "left in 20 s, ledgers agree")
    rows = {
        f: Row("X15" if f in DEAD else "X17", f"proxy: {f}", must.get(f, "ledgers agree"))
        for f in faults
    }
    rows["control"] = Row("-", "control: stories that break it", "each is seen")
    draw = Random(f"network/{seed}")
    plan: list[tuple[str, tuple[str, ...], Inject]] = [
        (f, VENUES if f in DEAD else (draw.choice(VENUES),), hurt)
        for _ in range(rounds)
        for f in draw.sample(faults, len(faults))
    ]
    session(Proxied(folder / "network", seed), rows, plan)
    return list(rows.values())


def secure(
    folder: Path, rounds: int = 1, seed: int = 1, faults: tuple[str, ...] = TLS_FAULTS
) -> list[Row]:
    """Every fault of TLS, `rounds` times; one demo whose connections are all secure."""
    must = dict.fromkeys(BAD_PEERS, "coded error, no order, then trades")
    rows = {f: Row("X32", f"TLS: {f}", must.get(f, "trades again, ledgers agree")) for f in faults}
    rows["control"] = Row("-", "control: stories that break it", "each is seen")
    draw = Random(f"secure/{seed}")
    acts = dict.fromkeys(BAD_PEERS, show_wrong_peer) | dict.fromkeys(
        BAD_HANDSHAKES, break_handshake
    )
    plan: list[tuple[str, tuple[str, ...], Inject]] = [
        (f, (draw.choice(VENUES),), acts.get(f, break_record))
        for _ in range(rounds)
        for f in draw.sample(faults, len(faults))
    ]
    session(Proxied(folder / "secure", seed, secure=True), rows, plan)
    return list(rows.values())
