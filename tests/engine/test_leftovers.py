"""What a dead run left is drained before anything is removed, and numbers go on above it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine import leftovers
from engine.lane_spec import JOURNAL
from engine.leftovers import Drained
from engine.memory import Memory
from engine.state import LOST_POSITIONS, Epochs, StateBusy, StateDirectory, StateRefused
from hotpath.records import Kind
from hotpath.ring import Outbox, Reader

INSTANCE = 77
DOCUMENT = int(Kind.DOCUMENT)


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    place = tmp_path / "memory"
    place.mkdir()
    return Memory.of_instance(INSTANCE, place)


def write(memory: Memory, name: str, source: int, count: int, gating: bool) -> None:
    """An outbox with `count` records whose processes are all gone."""
    gates = [JOURNAL] if gating else []
    fd = memory.create_outbox(f"{name}.outbox", 1 << 16, source, gating=gates)
    outbox = Outbox.attach(fd, 1)
    for n in range(count):
        assert outbox.append(DOCUMENT, b'{"n":%d}' % n, time=n + 1)
    os.close(fd)


def test_the_journal_gets_what_it_had_not_taken_and_only_once(
    tmp_path: Path, memory: Memory
) -> None:
    write(memory, "venue", 5, 40, gating=True)
    write(memory, "feed", 6, 9, gating=False)
    fd = memory.open("venue.outbox")
    reader = Reader.attach(fd, JOURNAL)
    reader.read(15)  # read, but its effect was not safe when all died
    os.close(fd)
    found = leftovers.take(memory, tmp_path, INSTANCE, leftovers.into_journal)
    assert (found.outboxes, found.drained) == (2, 40)
    assert found.positions[5] == 40 and found.positions[6] == 9
    assert memory.names() == []
    again = leftovers.take(memory, tmp_path, INSTANCE, leftovers.into_journal)
    assert (again.outboxes, again.drained, again.positions[5]) == (0, 0, 40)
    assert 5 in found.kept and not again.kept


def test_a_drain_that_fails_leaves_everything_where_it_is(tmp_path: Path, memory: Memory) -> None:
    write(memory, "venue", 5, 3, gating=True)

    def fails(state: Path, instance: int, memory: Memory) -> Drained:
        raise OSError("no disk")

    with pytest.raises(OSError):
        leftovers.take(memory, tmp_path, INSTANCE, fails)
    assert memory.names() == ["venue.outbox"]


def test_positions_go_on_above_everything_a_source_may_have_written(tmp_path: Path) -> None:
    directory = StateDirectory(tmp_path / "state")
    assert directory.first_position("new", None, kept=False) == 1
    directory.epochs = Epochs(positions={"a": 10}, clean=True)
    assert directory.first_position("a", 25, kept=True) == 26
    assert directory.first_position("a", 7, kept=True) == 11
    directory.epochs.clean = False
    assert directory.first_position("a", 12, kept=True) == 13
    directory.close()


@pytest.mark.parametrize("clean", [True, False])
def test_positions_are_skipped_when_memory_is_gone(tmp_path: Path, clean: bool) -> None:
    """The journal's word is not the last: more was written, or a newer copy of it has more."""
    directory = StateDirectory(tmp_path / "state")
    directory.epochs = Epochs(positions={"a": 10}, clean=clean)
    assert directory.first_position("a", None, kept=False) == 10 + LOST_POSITIONS
    assert directory.first_position("a", 12, kept=False) == 12 + LOST_POSITIONS
    assert directory.first_position("a", 7, kept=False) == 10 + LOST_POSITIONS
    directory.close()


def test_epochs_are_on_disk_before_they_are_used(tmp_path: Path) -> None:
    directory = StateDirectory(tmp_path / "state")
    assert [directory.next_epoch("lane:a") for _ in range(3)] == [1, 2, 3]
    with pytest.raises(StateBusy):
        StateDirectory(tmp_path / "state")
    directory.close()
    again = StateDirectory(tmp_path / "state")
    assert again.next_epoch("lane:a") == 4
    again.close()


def test_a_directory_others_may_write_or_that_is_a_link_is_refused(tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    with pytest.raises(StateRefused):
        StateDirectory(open_to_all)
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(StateRefused):
        StateDirectory(tmp_path / "link")
    (tmp_path / "file").write_text("")
    with pytest.raises(StateRefused):
        StateDirectory(tmp_path / "file" / "deep")


def test_epochs_stored_ahead_are_used_once_and_never_go_back(tmp_path: Path) -> None:
    directory = StateDirectory(tmp_path)
    assert directory.next_epoch("lane:a", ahead=3) == 1
    (tmp_path / "epochs.json.new").mkdir()  # the disk takes nothing more
    assert [directory.next_epoch("lane:a", ahead=3) for _ in range(3)] == [2, 3, 4]
    with pytest.raises(OSError):
        directory.next_epoch("lane:a", ahead=3)
    (tmp_path / "epochs.json.new").rmdir()
    assert directory.next_epoch("lane:a", ahead=3) == 5
    directory.close()
    again = StateDirectory(tmp_path)
    assert again.next_epoch("lane:a") > 5
    again.close()
