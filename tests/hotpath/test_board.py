"""Boards: a reader gets a whole value or none, whatever happens to the writer."""

from __future__ import annotations

import os
import signal
import time

import pytest

from hotpath import board as b


def test_values_are_whole_and_versions_even() -> None:
    board = b.Board.private(["top", "kill"])
    assert board.read(board.slot("top")) == (0, b"")
    for n in range(1, 40):
        data = bytes([n]) * (3 * n % 113)
        board.write(0, data)
        version, got = board.read(0, len(data))
        assert (version, got) == (2 * n, data)
    assert board.read(1)[0] == 0, "its neighbour was not touched"


def test_a_writer_that_died_inside_leaves_nothing_to_trust() -> None:
    board = b.Board.private(["lease"])
    board.write(0, b"good")
    board.tear(0)
    assert board.read(0) == (0, b""), "a half-written value must not pass for one"
    board.write(0, b"new one")
    version, got = board.read(0, 7)
    assert version % 2 == 0 and version > 2 and got == b"new one"


def test_wrong_files_and_requests_are_refused() -> None:
    fd = os.memfd_create("board")
    os.ftruncate(fd, b.file_bytes(3))
    with pytest.raises(b.ForeignBoard):
        b.Board.attach(fd)
    with pytest.raises(b.ForeignBoard, match="long"):
        b.Board.create(fd, ["only"])
    made = b.Board.create(fd, ["a", "b", "c"])
    assert b.Board.attach(fd).names == made.names == ("a", "b", "c")
    assert made.count == 3 and made.slot("c") == 2
    with pytest.raises(KeyError):
        made.slot("d")
    for index, data in ((3, b""), (-1, b""), (0, bytes(113))):
        with pytest.raises(ValueError):
            made.write(index, data)
    with pytest.raises(ValueError, match="same name"):
        b.Board.private(["a", "a"])
    os.close(fd)


def test_no_value_is_torn_while_its_writer_is_killed() -> None:
    """Values of one repeated byte: a mixture of two would show."""
    fd = os.memfd_create("board")
    os.ftruncate(fd, b.file_bytes(1))
    board = b.Board.create(fd, ["fast"])
    seen: set[int] = set()
    for _ in range(12):
        pid = os.fork()
        if not pid:
            mine, n = b.Board.attach(fd), 0
            while True:
                n = (n + 1) % 251
                mine.write(0, bytes([n]) * 112)
        until = time.monotonic() + 0.04
        while time.monotonic() < until:
            version, data = board.read(0)
            if version:
                assert len(set(data)) == 1, "torn"
                seen.add(version)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert len(seen) > 100
    os.close(fd)
