"""Files on a disk that takes a part of a write: the old content or the new, never a part."""

from __future__ import annotations

import contextlib
import json
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.application import Logs
from engine.latency import HistogramLog, read_hlog, read_intervals
from engine.logs import File, open_logs
from engine.recording import RecordingNotWritten, Writing
from engine.registry import Registry
from engine.whole import append_whole, replace_durably
from hotpath.histogram import Stages
from tests.engine.test_recording import HEADER, read, records

SECOND = 10**9


@contextlib.contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """A write takes what fits below `size` bytes and fails after it, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_an_append_adds_all_or_nothing(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "x", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    append_whole(fd, b"one\n")
    with no_file_beyond(10), pytest.raises(OSError, match="too large"):
        append_whole(fd, b"more than fits\n")
    assert (tmp_path / "x").read_bytes() == b"one\n"
    append_whole(fd, b"two\n")
    os.close(fd)
    assert (tmp_path / "x").read_bytes() == b"one\ntwo\n"


def test_a_file_is_replaced_whole_or_stands(tmp_path: Path) -> None:
    path = tmp_path / "epochs.json"
    replace_durably(path, b"the old one")
    with no_file_beyond(5), pytest.raises(OSError, match="too large"):
        replace_durably(path, b"the new one")
    assert path.read_bytes() == b"the old one"


def test_a_number_that_found_no_room_leaves_the_registry_sound(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    size = registry.path.stat().st_size
    with no_file_beyond(size + 10), pytest.raises(OSError, match="too large"):
        registry.number("source", "venue")
    number = registry.number("source", "venue")
    instance = registry.instance
    registry.close()
    again = Registry(tmp_path)
    assert (again.instance, again.number("source", "venue")) == (instance, number)
    again.close()


def test_a_full_disk_cuts_no_line_of_a_log_and_the_loss_is_told(tmp_path: Path) -> None:
    log = open_logs(tmp_path, "a", Logs())
    path = tmp_path / "a.main.jsonl"
    log.main("info", "before")
    log.flush()
    with no_file_beyond(path.stat().st_size + 20):
        for n in range(3):
            log.main("info", "lost", n=n)
        log.flush()
    assert log.lost == 3
    log.main("info", "after")
    log.flush()
    log.close()
    found = [json.loads(x) for x in path.read_text().splitlines()]
    assert [x["event"] for x in found] == ["before", "after", "log lines lost"]
    assert found[-1]["lines"] == 3


def test_a_log_that_could_not_rotate_writes_into_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A closed descriptor's number is given to whatever is opened next: a socket, say."""
    file = File(tmp_path / "x", 10, 2)
    file.write(b"0123456\n")
    begin = File._open

    def no_room(self: File) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(File, "_open", no_room)
    with pytest.raises(OSError, match="No space"):
        file.write(b"lost\n")
    other = os.open(tmp_path / "another", os.O_RDWR | os.O_CREAT)
    with pytest.raises(OSError, match="No space"):
        file.write(b"lost\n")
    assert os.fstat(other).st_size == 0
    monkeypatch.setattr(File, "_open", begin)
    file.write(b"kept\n")
    file.close()
    file.close()
    os.close(other)
    assert (tmp_path / "x").read_bytes() == b"kept\n"
    assert (tmp_path / "x.1").read_bytes() == b"0123456\n"


def test_latencies_of_a_full_disk_come_with_the_next_line(tmp_path: Path) -> None:
    stages = Stages.private(["ack", "fill"])
    path = tmp_path / "run-lane.hlog"
    with no_file_beyond(0):
        log = HistogramLog(path, stages, 0)
    stages["ack"].add(1000)
    assert [*log.append(SECOND)] == ["ack"]
    stages["ack"].add(2000)
    stages["fill"].add(5000)
    with no_file_beyond(path.stat().st_size + 30), pytest.raises(OSError, match="too large"):
        list(log.append(2 * SECOND))
    stages["ack"].add(3000)
    assert [*log.append(3 * SECOND)] == ["ack", "fill"]
    assert {name: h.total_count for name, h in read_hlog(path).items()} == {"ack": 3, "fill": 1}
    told = [(i.stage, i.start_s, i.seconds) for i in read_intervals(path)]
    assert told == [("ack", 0, 1), ("ack", 1, 2), ("fill", 0, 3)]


@pytest.mark.parametrize("room", [0, 5, 10, 60])
def test_a_recording_that_could_not_begin_begins_later(tmp_path: Path, room: int) -> None:
    """Not even its header had room: a coded error, and the next life of the recorder begins it."""
    path = tmp_path / "run.tcr"
    with no_file_beyond(room), pytest.raises(RecordingNotWritten, match="TCL-7009"):
        Writing(path, HEADER)
    writing = Writing(path, HEADER)
    writing.write(records(3, 1, 5))
    writing.close()
    assert read(path) == (records(3, 1, 5), True)
