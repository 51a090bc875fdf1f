"""Recordings: one changed byte anywhere is found, and a killed recorder loses no record twice."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from engine import recording as rc
from engine.market_tape import Recorded
from engine.replay import replay_file
from hotpath.records import SCHEMA_HASH, Document, Header, Kind, join, pack
from hotpath.ring import Outbox, Reader, file_bytes

HEADER = {"application": "demo", "run": "r1", "sources": {"feed": 3}}


def records(source: int, first: int, count: int) -> list[bytes]:
    return [
        join(
            Header(0, Kind.DOCUMENT, source, position, position, 0, 0, 0),
            pack(Document(document="x" * (position % 13))),
        )
        for position in range(first, first + count)
    ]


def small(path: Path) -> list[bytes]:
    """A complete recording of two sources in three blocks; its records in order."""
    writing = rc.Writing(path, HEADER)
    blocks = [records(3, 1, 2), records(4, 1, 1) + records(3, 3, 1), records(4, 2, 2)]
    for block in blocks:
        assert writing.write(block) == len(block)
    writing.close()
    return [r for block in blocks for r in block]


def read(path: Path) -> tuple[list[bytes], bool]:
    reading = rc.Reading(path)
    try:
        return list(reading.records()), reading.is_complete
    finally:
        reading.close()


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "run.tcr"
    wrote = small(path)
    assert read(path) == (wrote, True)
    reading = rc.Reading(path)
    assert {k: reading.header[k] for k in HEADER} == HEADER
    reading.close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_every_changed_byte_is_found(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Header, lengths, records, padding, digests, end: each byte of the file in turn."""
    path = tmp_path / "run.tcr"
    small(path)
    original = path.read_bytes()
    for at in range(len(original)):
        for flip in (0x01, 0x80):
            changed = bytearray(original)
            changed[at] ^= flip
            path.write_bytes(changed)
            with pytest.raises((rc.RecordingDamaged, rc.NotARecording)):
                read(path)
    record_property("injected", 2 * len(original) + 2)
    for more in (b"\0", b"extra"):
        path.write_bytes(original + more)
        with pytest.raises(rc.RecordingDamaged, match="follow its end"):
            read(path)


def test_a_file_cut_anywhere_gives_sound_records_or_says_so(tmp_path: Path) -> None:
    path = tmp_path / "run.tcr"
    wrote = small(path)
    original = path.read_bytes()
    whole = 0
    for length in range(len(original)):
        path.write_bytes(original[:length])
        try:
            got, complete = read(path)
        except (rc.RecordingDamaged, rc.NotARecording):
            continue
        assert not complete
        assert got == wrote[: len(got)]
        whole += 1
    assert whole == 4, "cut between blocks: nothing is torn"


def test_a_missing_or_exchanged_block_is_found(tmp_path: Path) -> None:
    path = tmp_path / "run.tcr"
    small(path)
    raw = path.read_bytes()
    at = len(rc.MAGIC) + 4 + int.from_bytes(raw[8:12], "little") + 16
    cuts = [at]
    while raw[at : at + 4] != b"\xff\xff\xff\xff":
        at += 4 + int.from_bytes(raw[at : at + 4], "little") + 16
        cuts.append(at)
    head, one, two, three, end = (
        raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)
    )
    for changed in (head + two + three + end, head + two + one + three + end, head + one + end):
        path.write_bytes(changed)
        with pytest.raises(rc.RecordingDamaged):
            read(path)


def test_a_torn_last_block_is_cut_off_and_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "run.tcr"
    writing = rc.Writing(path, HEADER)
    writing.write(records(3, 1, 3))
    size = path.stat().st_size
    writing.write(records(3, 4, 3))
    writing.file.close()
    for cut in (1, 5, 40):
        with path.open("r+b") as f:
            f.truncate(size + cut)
        again = rc.Writing(path, HEADER)
        assert again.write(records(3, 2, 5)) == 3, "what is in the file is not written again"
        again.close()
        assert read(path) == (records(3, 1, 6), True)


def test_damage_before_the_end_is_not_cut_off(tmp_path: Path) -> None:
    """A recorder that starts again must not throw sound blocks away behind a damaged one."""
    path = tmp_path / "run.tcr"
    small(path)
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(rc.RecordingDamaged):
        rc.Writing(path, HEADER)
    assert path.read_bytes() == raw


def test_a_full_disk_has_a_code(tmp_path: Path) -> None:
    path = tmp_path / "run.tcr"
    writing = rc.Writing(path, HEADER)
    writing.write(records(3, 1, 10))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 100, hard))
    try:
        with pytest.raises(rc.RecordingNotWritten, match="TCL-7009"):
            writing.write(records(3, 11, 100))
        with pytest.raises(rc.RecordingNotWritten):
            writing.write(records(3, 111, 1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    again = rc.Writing(path, HEADER)
    assert again.write(records(3, 5, 200)) == 194
    again.close()
    assert read(path) == (records(3, 1, 204), True)


def test_kills_of_the_recorder_lose_and_double_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run.tcr"
    fd = os.memfd_create("inputs")
    os.ftruncate(fd, file_bytes(1 << 16))
    outbox = Outbox.create(fd, 1 << 16, 3, gating=("recorder",))
    wanted, kills = records(3, 1, 6000), 0
    while True:
        pid = os.fork()
        if not pid:
            try:
                writing, reader = rc.Writing(path, HEADER), Reader.attach(fd, "recorder")
                while True:
                    writing.write(reader.take(7))
                    reader.store()
                    time.sleep(0)
            finally:
                os._exit(9)
        until = time.monotonic() + (0.008 if kills < 20 else 20)
        drained = False
        while time.monotonic() < until and not drained:
            if outbox.position < len(wanted):
                position = outbox.position + 1
                outbox.append(Kind.DOCUMENT, wanted[position - 1][40:], time=position)
            else:
                drained = not outbox.statistics["readers"]["recorder"]["behind_bytes"]
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        assert os.WIFSIGNALED(status), "the recorder ended by itself"
        if drained:
            break
        kills += 1
        assert kills < 25
    os.close(fd)
    rc.Writing(path, HEADER).close()
    assert read(path) == (wanted, True)
    assert kills >= 5


def forged(path: Path, header: bytes, *blocks: bytes) -> None:
    """A file whose digests are right, whatever stands in it."""
    chain = rc.digest(rc.MAGIC, header)
    parts = [rc.MAGIC, rc.LENGTH.pack(len(header)), header, chain]
    for block in blocks:
        chain = rc.digest(chain, block)
        parts += [rc.LENGTH.pack(len(block)), block, chain]
    path.write_bytes(b"".join(parts))


@pytest.mark.parametrize("header", [b"[1]", b"7", b"{", b"{1:2}", b"\xff"])
def test_a_header_that_is_no_document_is_damage(tmp_path: Path, header: bytes) -> None:
    forged(tmp_path / "run.tcr", header)
    with pytest.raises(rc.RecordingDamaged, match="TCL-7002"):
        rc.Reading(tmp_path / "run.tcr")
    found = replay_file(tmp_path / "run.tcr")
    assert not found["identical"] and found["first_difference"]["code"] == "TCL-7002"


@pytest.mark.parametrize(
    "block",
    [
        bytes(64),
        b"\x01" * 8,
        join(Header(0, Kind.DOCUMENT, 3, 1, 1, 0, 0, 0), b"no JSON "),
    ],
)
def test_a_block_that_holds_no_records_is_damage(tmp_path: Path, block: bytes) -> None:
    path = tmp_path / "run.tcr"
    forged(path, msgspec.json.encode(HEADER | {"schema_hash": SCHEMA_HASH}), block)
    found = replay_file(path)
    assert not found["identical"] and found["first_difference"]["code"] == "TCL-7002"
    with pytest.raises(rc.RecordingDamaged):
        Recorded(path, [], tmp_path).read()
