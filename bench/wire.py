"""Wire to wire: a frame on one socket to an order on another, beside floors that parse nothing.

The server (bench/floor/wire_server.c) spins on one core, sends a bookTicker frame, and stamps the
order that comes back; the lane (bench/wire_lane.py, its own process) sits on the other core and is
the engine's: scan, book, strategy, gate, records, order text, send. The floor client
(bench/floor/wire_client.c) answers with one constant text. Ping-pong: the next tick leaves when
the order is in. Paced: 2,000 a second, timed from the intended send time. Floor and lane take
turns; a value is the median of the runs, a ratio that of the pairs. Nobody acknowledges between an
arrival and its stamp: bench/floor/wire.h says why and how. Both sides run in real-time priority
where that is allowed, in bursts far below a second. `own` is what the lane counts of itself: from
the callback of the frame to the entry of send, all records written.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from array import array
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from bench import floors
from bench.ring import cores

Row = dict[str, Any]
VARIANTS = {
    "spin": ("compiled", "spin"),
    "sleep": ("compiled", "sleep"),
    "spin_python": ("python", "spin"),
}
RATE = 2000
PATIENCE = 90
WARM = 200  # the first round trips, not counted


class Round(dict[str, float]):
    """p50 and p99 of one run in ns; `stages` as the lane counted them."""

    stages: dict[str, dict[str, int]]


def urgent(pid: int) -> None:
    """Real-time priority for a measured process, where the system allows it."""
    with contextlib.suppress(PermissionError, ProcessLookupError):
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(5))


def quantiles(path: Path, intended: bool) -> Round:
    """Of the stamps that the server wrote: three int64 a tick."""
    stamps = array("q")
    stamps.frombytes(path.read_bytes())
    start = 0 if intended else 1
    trips = [stamps[k + 2] - stamps[k + start] for k in range(0, len(stamps), 3)][WARM:]
    if not trips:
        raise RuntimeError("the bench server timed no order")
    trips.sort()
    return Round(p50=trips[len(trips) // 2], p99=trips[len(trips) * 99 // 100])


def expect(process: subprocess.Popen[str], word: str) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.startswith(word):
        process.kill()
        said = process.stderr.read() if process.stderr is not None else ""
        raise RuntimeError(f"the bench expected {word!r}, got {line!r}: {said[-2000:]}")
    return line


def start(command: list[str]) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def once(
    client: tuple[str, str], paced: bool, count: int, instruments: int = 1, tls: bool = False
) -> Round:
    """One server and one client, from their start to their end."""
    kind, spin = client
    server_core, lane_core = cores()
    connections = "1" if kind in ("floor", "echo") else "2"
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        out = str(Path(folder) / "stamps")
        if tls:
            made = [folder, str(count + WARM), str(server_core), connections, out]
            server = start([sys.executable, "-m", "bench.wire_tls", *made])
        else:
            how = ["paced" if paced else "ping", str(count + WARM), str(RATE), str(server_core)]
            how += [connections, out, str(instruments)]
            server = start([str(floors.build("wire_server")), "0", *how])
        stack.callback(server.wait, 10)
        stack.callback(server.kill)
        port = expect(server, "ready").split()[1]
        if kind == "floor":
            program = str(floors.build("wire_client"))
            peer = start([program, port, "epoll" if spin == "sleep" else "spin", str(lane_core)])
        else:
            url = f"{'wss' if tls else 'ws'}://127.0.0.1:{port}"
            command = [url, kind, spin, str(lane_core), str(instruments)]
            command += [str(Path(folder) / "certificate.pem")] if tls else []
            peer = start([sys.executable, "-m", "bench.wire_lane", *command])
        stack.callback(peer.wait, 10)
        stack.callback(peer.kill)
        expect(server, "connected")
        if kind != "floor":
            expect(peer, "ready")
        urgent(server.pid)
        urgent(peer.pid)
        _, trouble = server.communicate("go\n", timeout=PATIENCE)
        if server.returncode:
            raise RuntimeError(f"the bench server ended early: {trouble}")
        found = quantiles(Path(out), intended=paced)
        said, trouble = peer.communicate(timeout=PATIENCE)
        found.stages = orjson.loads(said)["stages"] if connections == "2" else {}
        return found


def variant(name: str, quick: bool, paced: bool = False) -> dict[str, list[Any]]:
    """Floor and lane in turn: the runs of both."""
    kind, spin = VARIANTS[name]
    count, repeats = (2000, 3) if quick else (4000, 7)
    if paced:
        count = 600
    found: dict[str, list[Any]] = {"ours": [], "floor": []}
    for _ in range(repeats):
        found["floor"].append(once(("floor", spin), paced, count))
        found["ours"].append(once((kind, spin), paced, count))
    return found


def secure(quick: bool) -> dict[str, list[Any]]:
    """Over TLS, beside a compiled client that parses nothing; one server for both."""
    count, repeats = (1000, 3) if quick else (3000, 5)
    found: dict[str, list[Any]] = {"ours": [], "floor": []}
    for _ in range(repeats):
        found["floor"].append(once(("echo", "spin"), False, count, tls=True))
        found["ours"].append(once(("compiled", "spin"), False, count, tls=True))
    return found


def summary(found: dict[str, list[Any]]) -> dict[str, float]:
    ours, floor = found["ours"], found["floor"]
    pairs = list(zip(ours, floor, strict=True))
    return {
        "p50_ns": median(r["p50"] for r in ours),
        "p99_ns": median(r["p99"] for r in ours),
        "floor_p50_ns": median(r["p50"] for r in floor),
        "floor_p99_ns": median(r["p99"] for r in floor),
        "ratio_p50": round(median(a["p50"] / b["p50"] for a, b in pairs), 3),
        "ratio_p99": round(median(a["p99"] / b["p99"] for a, b in pairs), 3),
        "own_p50_ns": median(r.stages.get("own", {}).get("p50_ns", 0) for r in ours),
    }


def row(
    name: str, runs: list[float], floor: list[float], must: float, aim: float, by: str = ""
) -> Row:
    """One row of `tiercel bench --json`, by ratio to the floor where there is one."""
    pairs = [a / b for a, b in zip(runs, floor, strict=True)] if floor else []
    ratio = median(pairs) if pairs else None
    value = median(runs)
    return {
        "id": name, "value": round(value, 1), "unit": "ns",
        "floor": round(median(floor), 1) if floor else None,
        "ratio": None if ratio is None else round(ratio, 3),
        "must": must, "aim": aim, "ok": (value if ratio is None else ratio) <= must,
        "runs": [round(r, 1) for r in runs],
    }  # fmt: skip


def many(quick: bool, instruments: int = 300) -> Row:
    """`scale_300`: the p50 of a lane with 300 instruments, ticking in turn, beside one with one."""
    count, repeats = (2000, 3) if quick else (4000, 5)
    one, all_of_them = [], []
    for _ in range(repeats):
        one.append(once(("compiled", "spin"), False, count)["p50"])
        all_of_them.append(once(("compiled", "spin"), False, count, instruments)["p50"])
    return row("scale_300", all_of_them, one, must=1.3, aim=1.1)


def part(found: dict[str, list[Any]], key: str) -> tuple[list[float], list[float]]:
    return [r[key] for r in found["ours"]], [r[key] for r in found["floor"]]


def judged(quick: bool) -> list[Row]:
    """What the gate on releases compares: the p50 of a spinning lane beside its floor's."""
    return [row("wire_spin_p50", *part(variant("spin", quick), "p50"), must=1.3, aim=1.15)]


def rows(quick: bool) -> list[Row]:
    spin, sleep, python = (variant(name, quick) for name in VARIANTS)

    def own(found: dict[str, list[Any]]) -> list[float]:
        return [r.stages["own"]["p50_ns"] for r in found["ours"]]

    return [
        row("wire_spin_p50", *part(spin, "p50"), must=1.3, aim=1.15),
        row("wire_spin_p99", *part(spin, "p99"), must=2, aim=1.4),
        row("wire_sleep_p50", *part(sleep, "p50"), must=1.2, aim=1.05),
        row("own_compiled", own(spin), [], must=600, aim=300),
        row("own_python", own(python), [], must=3000, aim=1500),
        many(quick),
    ]


def main(quick: bool, as_json: bool) -> int:
    """Every variant in ping-pong and paced, and over TLS; 1 when a must is missed."""
    found: dict[str, Any] = {}
    for name in VARIANTS:
        found[name] = summary(variant(name, quick)) | {
            "paced": summary(variant(name, quick, paced=True))
        }
    whole = {"variants": found, "tls": summary(secure(quick)), "rate": RATE, "cores": cores()}
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(whole) + b"\n")
    else:
        print(f"{'':22}{'p50 ns':>9}{'p99 ns':>9}{'floor':>9}{'floor p99':>10}{'x':>7}{'x p99':>7}")
        lines = list(found.items())
        lines += [(f"{n} at {RATE}/s", v["paced"]) for n, v in found.items()]
        for n, v in [*lines, ("tls", whole["tls"])]:
            print(
                f"{n:22}{v['p50_ns']:9.0f}{v['p99_ns']:9.0f}{v['floor_p50_ns']:9.0f}"
                f"{v['floor_p99_ns']:10.0f}{v['ratio_p50']:7.2f}{v['ratio_p99']:7.2f}"
                f"   own {v['own_p50_ns']:.0f}"
            )
    spin, sleep, python = (found[name] for name in VARIANTS)
    fine = (
        spin["ratio_p50"] <= 1.3 and spin["ratio_p99"] <= 2 and sleep["ratio_p50"] <= 1.2
        and spin["own_p50_ns"] <= 600 and python["own_p50_ns"] <= 3000
    )  # fmt: skip
    return 0 if fine else 1
