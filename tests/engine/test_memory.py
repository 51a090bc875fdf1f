"""Shared memory: private to its owner, allocated whole or refused, one process a role."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import memory as m
from hotpath import ring


@pytest.fixture
def shm() -> Iterator[m.Memory]:
    instance = int.from_bytes(os.urandom(5), "big")
    found = m.Memory.of_instance(instance)
    yield found
    found.remove_all()


def test_directory_and_files_are_private(shm: m.Memory) -> None:
    assert shm.path.stat().st_mode & 0o777 == 0o700
    os.close(shm.create("a.outbox", 8192))
    info = shm.file("a.outbox").stat()
    assert info.st_mode & 0o777 == 0o600
    assert info.st_blocks * 512 >= 8192, "allocated, not sparse: a hole is a SIGBUS later"
    assert shm.names(".outbox") == ["a.outbox"]
    with pytest.raises(m.MemoryExists):
        shm.create("a.outbox", 8192)


def test_a_directory_or_file_that_others_may_write_is_refused(shm: m.Memory) -> None:
    os.close(shm.create("a", 4096))
    shm.file("a").chmod(0o640)
    with pytest.raises(m.MemoryNotOurs, match="0640"):
        shm.open("a")
    shm.file("a").chmod(0o600)
    os.link(shm.file("a"), shm.file("b"))
    with pytest.raises(m.MemoryNotOurs, match="second name"):
        shm.open("a")
    os.symlink(shm.file("a"), shm.file("c"))
    with pytest.raises(m.MemoryNotOurs):
        shm.open("c")
    shm.path.chmod(0o755)
    with pytest.raises(m.MemoryNotOurs, match="0755"):
        m.Memory.of_instance(int(shm.path.name.removeprefix("tiercel-"), 16))
    shm.path.chmod(0o700)
    with pytest.raises(ValueError):
        shm.open("../a")


def test_no_room_is_a_refusal_and_leaves_nothing(shm: m.Memory) -> None:
    """A full tmpfs must be told at the start; RLIMIT_FSIZE refuses the same call."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    try:
        with pytest.raises(m.NoRoomInMemory, match=r"TCL-2001.*big.*1048576"):
            shm.create("big", 1 << 20)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert shm.names() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs needs root")
def test_a_full_tmpfs_is_a_refusal(tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(place)], capture_output=True
    )
    if done.returncode:
        pytest.skip("tmpfs cannot be mounted here")
    try:
        shm = m.Memory.of_instance(1, place)
        os.close(shm.create_outbox("fits", 1 << 16, 1))
        with pytest.raises(m.NoRoomInMemory, match="ENOSPC"):
            shm.create_outbox("does not", 1 << 18, 1)
        assert shm.names() == ["fits"]
        assert m.is_tmpfs(place) and not m.is_tmpfs(Path("/proc"))
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_fallback_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    place, reason = m.find_place(tmp_path / "absent")
    assert place == tmp_path
    assert m.is_tmpfs(tmp_path) or "absent is not a writable tmpfs" in reason


def test_one_process_holds_a_role(shm: m.Memory) -> None:
    fd = shm.create_outbox("role", 4096, 3)
    held = m.lock_role(fd, "role")
    program = (
        "import os, sys; from engine import memory\n"
        "try: memory.lock_role(os.open(sys.argv[1], os.O_RDWR), 'role')\n"
        "except memory.RoleIsTaken as e: print(e.code)\n"
        "else: print('free')"
    )

    def try_it() -> str:
        args = [sys.executable, "-c", program, str(shm.file("role"))]
        return subprocess.run(args, capture_output=True, text=True, check=True).stdout.strip()

    assert try_it() == "TCL-2005"
    os.close(held)
    assert try_it() == "free"
    os.close(fd)


def test_what_a_ring_refuses_has_a_code(shm: m.Memory) -> None:
    fd = shm.create_outbox("o", 4096, 3, epoch=5, build_hash=77)
    with pytest.raises(m.OutboxOfAnotherBuild):
        m.in_words("o", lambda: ring.Outbox.attach(fd, 6, build_hash=78))
    with pytest.raises(m.RoleIsTaken):
        m.in_words("o", lambda: ring.Outbox.attach(fd, 4, build_hash=77))
    os.pwrite(fd, b"\0" * 8, 0)
    with pytest.raises(m.ForeignOutbox):
        m.in_words("o", lambda: ring.Outbox.attach(fd, 6, build_hash=77))
    os.close(fd)
