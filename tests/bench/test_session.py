"""The memory bench asks the kernel: PSS of a process that is known."""

from __future__ import annotations

import os
from pathlib import Path

from bench import session


def test_the_memory_of_this_process_is_told_in_bytes() -> None:
    own = session.pss(os.getpid())
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    assert 1_000_000 < own <= resident * 1.1


def test_no_engine_has_no_processes(tmp_path: Path) -> None:
    assert session.processes(tmp_path) == []
