"""The ring's protocol as a Spin model (ring.pml): every interleaving, with death at every step.

The right order has no failure; with any one order or step taken away a failure is found.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.proofs.tools import BUILT, compiled, need_command, run

MODEL = Path(__file__).parent / "ring.pml"
SECONDS = 100
NUMBERS = {
    name: int(number)
    for name, number in re.findall(r"^#define ([WS]_\w+) (\d+)", MODEL.read_text("utf-8"), re.M)
}
# what only one kind of reader can notice
ONLY_LOSSY = {"W_ANNOUNCE", "W_HEAD", "W_COPY", "W_LAPPED", "S_RECHECK"}
ONLY_GATING = {"W_RING", "W_DOZE", "W_PEEK", "W_PUBLISH", "S_EFFECT", "S_WALK"}


def verifier(reader: str, *bounds: str) -> Path:
    need_command("spin", "spin")
    options = [f"-D{reader}", *bounds]
    name = "-".join(["model", reader, *(b.removeprefix("-D") for b in bounds)]).replace("=", "")
    work = BUILT / name
    work.mkdir(parents=True, exist_ok=True)
    shutil.copy(MODEL, work)
    made = run(["spin", "-a", "-o3", *options, MODEL.name], 60, work)
    assert made.returncode == 0, made.stdout + made.stderr
    sources = sorted(work.glob("pan.*"))
    return compiled(name, sources, ["gcc", "-O1", "-DSAFETY", "-w", work / "pan.c"])


def verified(program: Path, weak: int) -> tuple[int, int, str]:
    """(failures, states, all it printed). A search that was cut short proves nothing."""
    done = run([program, "-m100000", "-w23"], SECONDS, BUILT, WEAK=str(weak))
    found = re.search(r"errors: (\d+)\s+(\d+) states, stored", done.stdout)
    assert found, done.stdout + done.stderr
    assert "max search depth too small" not in done.stdout
    assert "out of memory" not in done.stdout
    return int(found[1]), int(found[2]), done.stdout


GATING = ("GATING",)
LOSSY = ("LOSSY", "-DWRITER_DEATHS=1")


@pytest.mark.parametrize("model", [GATING, LOSSY], ids=["gating", "lossy"])
def test_the_right_order_has_no_failure(model: tuple[str, ...]) -> None:
    failures, states, output = verified(verifier(*model), 0)
    assert failures == 0, output
    assert states > 100_000, "the model was not searched"


@pytest.mark.long
@pytest.mark.parametrize("reader", ["GATING", "LOSSY"])
def test_the_right_order_with_more_deaths_has_no_failure(reader: str) -> None:
    bounds = ("-DWRITER_DEATHS=2", "-DREADER_DEATHS=2")
    failures, _, output = verified(verifier(reader, *bounds), 0)
    assert failures == 0, output


@pytest.mark.parametrize("weak", sorted(NUMBERS))
def test_without_one_order_the_model_fails(weak: str) -> None:
    readers = [GATING] * (weak not in ONLY_LOSSY) + [LOSSY] * (weak not in ONLY_GATING)
    for model in readers:
        failures, _, output = verified(verifier(*model), NUMBERS[weak])
        assert failures, f"{weak} can be taken away and {model[0]} does not notice:\n{output}"
        assert "assertion violated" in output or "invalid end state" in output
