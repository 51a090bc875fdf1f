"""A host that started anew: the state directory is there, what was in shared memory is not."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import control, state
from engine.journal.check import check
from engine.memory import Memory
from tests.engine.running import until

APPLICATION = """
application: t
lanes:
  - {name: journal, runtime: trio, actors: [{name: journal, kind: engine/journal}]}
"""


@contextlib.contextmanager
def engine(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    (folder / "t.yaml").write_text(APPLICATION)
    argv = [sys.executable, "-m", "engine.main", "run", "t.yaml", "--state", "state"]
    process = subprocess.Popen(argv, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout is not None and process.stdout.readline().startswith(b"ready")
        yield process
    finally:
        process.kill()
        process.communicate()


def journal_of(where: Path) -> dict[str, object]:
    return dict(control.call(where, "ps")["lanes"][0])


def memory_of(where: Path) -> Memory:
    run = state.read_run(where)
    assert run is not None
    return Memory.of_instance(run.instance)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_the_journal_goes_on_without_what_was_in_memory(
    tmp_path: Path, how: signal.Signals
) -> None:
    """The root's last words never reached it: they are skipped, and nothing waits for them."""
    where = tmp_path / "state"
    with engine(tmp_path) as process:
        lane = journal_of(where)["pid"]
        control.call(where, "resume")
        process.send_signal(how)
        process.wait(20)
        until(lambda: not os.path.exists(f"/proc/{lane}"))
    memory_of(where).remove_all()
    before = check(where)["events"]
    with engine(tmp_path) as process:
        control.call(where, "resume")
        until(lambda: check(where)["events"] > before)
        assert journal_of(where)["restarts"] == 0
        process.terminate()
        assert process.wait(20) == 0
    found = check(where)
    assert found["ok"], found["differences"]
    memory_of(where).remove_all()
