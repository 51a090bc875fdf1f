"""The shipped ring.h under Relacy and ThreadSanitizer: sound as it is, and no order may be weaker.

Relacy (ring_relacy.cpp) has the fences, what a lossy reader may see and who sleeps;
ThreadSanitizer (ring_threads.c) has the plain reads of a gating reader. Each order is weakened
alone, and the one that must notice it does.
"""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest

from tests.proofs.tools import BUILT, ROOT, compiled, need_file, run

HERE = Path(__file__).parent
ORDER_HEADER = ROOT / "hotpath" / "ring_order.h"
HEADERS = [ROOT / "hotpath" / f for f in ("ring.h", "ring_order.h", "records.h")]
ORDERS = re.findall(r"^#ifndef TC_ORDER_(\w+)$", ORDER_HEADER.read_text("utf-8"), re.M)
THREADS = {"LIMIT", "COMMIT", "PEEK", "PUBLISH"}
RELACY_GATING = {"RING", "DOZE", "PEEK", "COMMIT"}
RELACY_LOSSY = {"ANNOUNCE", "COMMIT", "HEAD", "TAKEOVER", "RING", "DOZE", "COPY", "LAPPED", "GAP"}
ITERATIONS = 30_000
RECORDS = 60_000


def relacy(reader: str, iterations: int, weak: str = "") -> tuple[int, str]:
    need_file("/usr/include/relacy/relacy.hpp", "relacy-dev")
    source = HERE / "ring_relacy.cpp"
    command = ["g++", "-std=c++14", "-O1", "-w", "-I", ROOT, source]
    program = compiled("relacy", [source, *HEADERS], command)
    done = run([program, reader, str(iterations), *([weak] if weak else [])], 300)
    assert done.returncode in (0, 1), done.stdout[-2000:] + done.stderr[-2000:]
    return done.returncode, done.stdout


def threads(records: int, weak: str = "") -> tuple[int, str, str]:
    source = HERE / "ring_threads.c"
    order = [f"-DTC_ORDER_{weak}=__ATOMIC_RELAXED"] if weak else []
    command = ["gcc", "-O1", "-g", "-fsanitize=thread", "-Wno-tsan", *order, "-I", ROOT, source]
    program = compiled(f"threads{weak}", [source, *HEADERS], command)
    done = run([program, str(records)], 300, BUILT, TSAN_OPTIONS="halt_on_error=1:exitcode=66")
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("reader", ["gating", "lossy"])
def test_nothing_the_memory_model_allows_breaks_the_ring(reader: str) -> None:
    status, output = relacy(reader, ITERATIONS)
    assert status == 0, output[-3000:]
    assert f"iterations: {ITERATIONS}" in output


@pytest.mark.long
@pytest.mark.parametrize("reader", ["gating", "lossy"])
def test_nor_does_it_in_many_more_executions(reader: str) -> None:
    status, output = relacy(reader, 300_000)
    assert status == 0, output[-3000:]


@pytest.mark.parametrize(
    ("reader", "weak"),
    [
        *(("gating", w) for w in sorted(RELACY_GATING)),
        *(("lossy", w) for w in sorted(RELACY_LOSSY)),
    ],
)
def test_relacy_notices_a_weaker_order(reader: str, weak: str) -> None:
    status, output = relacy(reader, ITERATIONS, weak)
    assert status == 1, f"{weak} can be weakened and nothing is noticed"
    assert "USER ASSERT FAILED" in output


def test_threads_on_the_ring_race_for_nothing() -> None:
    status, output, errors = threads(RECORDS)
    assert status == 0, errors[-3000:]
    counts = orjson.loads(output)
    assert counts["wrong"] == 0
    assert counts["gating"] == RECORDS
    assert counts["lossy"] + counts["lost"] == RECORDS
    assert counts["lossy"] > 0


@pytest.mark.parametrize("weak", sorted(THREADS))
def test_threads_race_with_a_weaker_order(weak: str) -> None:
    status, _, errors = threads(RECORDS, weak)
    assert status == 66, f"{weak} can be weakened and nothing is noticed"
    assert "data race" in errors


def test_every_order_of_the_header_is_weakened_by_a_test() -> None:
    assert set(ORDERS) == THREADS | RELACY_GATING | RELACY_LOSSY
    text = ORDER_HEADER.read_text("utf-8") + (ROOT / "hotpath" / "ring.h").read_text("utf-8")
    used = set(re.findall(r"\bTC_ORDER_(\w+)", (ROOT / "hotpath/ring.h").read_text("utf-8")))
    assert used == set(ORDERS), "an order is declared and not used, or the other way round"
    # and no stronger order stands in the header without a name
    code = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    named = re.findall(r"TC_ORDER_\w+ (__ATOMIC_\w+)", code)
    strong = [o for o in re.findall(r"__ATOMIC_\w+", code) if o != "__ATOMIC_RELAXED"]
    doors = 2  # TC_LOAD and TC_STORE, for those that look from outside
    assert len(strong) == len(named) + doors
