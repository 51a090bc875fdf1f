"""The C readers under libFuzzer (clang of Debian): built, run for a time, and what they reached."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.targets import CORPUS, ROOT, corpus

SOURCE = Path(__file__).parent / "bytes_fuzz.c"
BUILT = ROOT / "build" / "fuzz"
CLANG = "clang-14"
SANITIZE = ["-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all", "-fno-wrapv"]
HEADERS = {
    "frames": ("hotpath/scan.h", "feeds/binance/frames.h", "hotpath/records.h"),
    "orders": ("hotpath/scan.h", "venues/binance/messages.h", "hotpath/records.h"),
    "outbox": ("hotpath/ring.h", "hotpath/ring_order.h", "hotpath/records.h"),
}
PLANTED = ("hotpath/scan.h", "if (end - p < 4) return 0;", "if (end - p < 3) return 0;")
"""A bound of the scanner shifted by one, so that four digits are read of which three are there."""


SLOWEST = 10
"""Times are of the processor, so that a run at idle priority does as much; this many times longer
it may take by the clock."""


class FuzzerMissing(Exception):
    """clang or its fuzzing runtime is not on this host; the text says what to install."""


@dataclass
class Found:
    """What a run of a native target found; `report` is empty when nothing failed."""

    inputs: int
    edges: int
    corpus: int
    report: str
    failing: bytes
    cpu_s: float


def program(target: str, planted: bool = False) -> Path:
    """The fuzzer of a target, built when its sources changed."""
    if not shutil.which(CLANG):
        raise FuzzerMissing(f"{CLANG} is missing: install clang-14 and libclang-rt-14-dev")
    first = BUILT / "planted" if planted else ROOT
    digest = hashlib.sha256(SOURCE.read_bytes())
    for name in HEADERS[target]:
        digest.update((ROOT / name).read_bytes())
    BUILT.mkdir(parents=True, exist_ok=True)
    out = BUILT / f"{target}{'-planted' if planted else ''}-{digest.hexdigest()[:16]}"
    with (BUILT / f".{target}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if out.exists():
            return out
        if planted:
            name, right, wrong = PLANTED
            text = (ROOT / name).read_text("utf-8")
            if text.count(right) != 1:
                raise ValueError(f"{name} no longer holds the line that the planted bug changes")
            changed = first / name
            changed.parent.mkdir(parents=True, exist_ok=True)
            changed.write_text(text.replace(right, wrong), "utf-8")
        include = ["-I", str(first), "-I", str(ROOT)]
        command = [CLANG, "-O1", "-g", *SANITIZE, f"-DFUZZ_{target.upper()}", *include]
        made = out.with_suffix(".new")
        done = subprocess.run(
            [*command, "-o", str(made), str(SOURCE)],
            capture_output=True,
            text=True,
            timeout=170,
            check=False,
        )
        if done.returncode:
            raise FuzzerMissing(f"{CLANG} could not build the fuzzer: {done.stderr[-1500:]}")
        made.rename(out)
    return out


def fuzz(target: str, seconds: float, work: Path, planted: bool = False) -> Found:
    """Run a target for a time from its kept corpus; the corpus grows in `work` only."""
    environment = {"ASAN_OPTIONS": "detect_leaks=1"}
    return run(target, program(target, planted), corpus(target), seconds, work, environment)


def run(
    target: str,
    fuzzer: Path,
    begins: list[bytes],
    seconds: float,
    work: Path,
    environment: dict[str, str],
) -> Found:
    """Run a fuzzer's program for a time, from the inputs it begins with."""
    grown, seeds = work / f"{target}-grown", work / f"{target}-seeds"
    grown.mkdir(parents=True, exist_ok=True)
    seeds.mkdir(parents=True, exist_ok=True)
    for n, text in enumerate(begins):
        (seeds / f"{n:03}").write_bytes(text)
    command = [
        str(fuzzer),
        f"-max_total_time={round(SLOWEST * seconds) + 60}",
        "-max_len=3000",
        "-rss_limit_mb=2048",
        "-timeout=60",
        "-print_final_stats=1",
        f"-artifact_prefix={work}/{target}-",
        str(grown),
        str(seeds),
    ]
    log_path = work / f"{target}.log"
    with log_path.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, cwd=work, env=os.environ | environment
        )
        try:
            code, cpu_s = watched(process, seconds)
        finally:
            process.kill()
            process.wait()
    log = log_path.read_text("utf-8", errors="replace")
    edges = [int(n) for n in re.findall(r" cov: (\d+) ", log)]
    inputs = re.search(r"stat::number_of_executed_units: (\d+)", log)
    artifacts = [p for p in work.glob(f"{target}-*-*") if p.is_file()]
    return Found(
        inputs=int(inputs[1]) if inputs else 0,
        edges=max(edges, default=0),
        corpus=sum(1 for _ in grown.iterdir()),
        report="" if code == 0 else log[-4000:],
        failing=artifacts[0].read_bytes() if artifacts else b"",
        cpu_s=cpu_s,
    )


def watched(process: subprocess.Popen[bytes], seconds: float) -> tuple[int, float]:
    """Its exit code and the processor time it took; after `seconds` of that it is asked to end."""
    ticks, cpu_s, asked = os.sysconf("SC_CLK_TCK"), 0.0, False
    while (code := process.poll()) is None:
        with contextlib.suppress(OSError, IndexError):
            told = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            cpu_s = (int(told[11]) + int(told[12])) / ticks
        if cpu_s >= seconds and not asked:
            process.send_signal(signal.SIGUSR1)  # libFuzzer ends in order
            asked = True
        time.sleep(0.02)
    return code, cpu_s


def grown(target: str, work: Path) -> list[bytes]:
    """What a run kept, with the seeds: inputs of which each reaches something of its own."""
    found = [p.read_bytes() for p in sorted((work / f"{target}-grown").iterdir())]
    return corpus(target) + found


__all__ = ["CORPUS", "HEADERS", "Found", "FuzzerMissing", "fuzz", "grown", "program", "run"]
