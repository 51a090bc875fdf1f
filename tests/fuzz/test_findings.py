"""What the fuzzers found, each by name, and that they find: a planted bug within the time given."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from engine import config, document
from hotpath import ring
from hotpath.records import Kind, RecordError, unpack
from hotpath.ring import Outbox, Reader
from tests.fuzz import compiled, differential, guided, native, targets
from tests.fuzz.__main__ import table
from venues.binance.codec import decode

SLOTS_AT, SLOT_BYTES = 5120, 128
FUZZED_S = 60.0


def native_or_skip() -> None:
    try:
        native.program("frames")
    except native.FuzzerMissing as missing:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.mark.parametrize("text", ["\x14", "a: \x00", "\ufffe"])
def test_characters_that_yaml_forbids_are_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(document.ConfigurationUnreadable):
        config.read(path, {})


@pytest.mark.parametrize("text", ["application: 2024-13-45\n", "state: !!int 12x\n"])
def test_values_of_no_calendar_and_no_number_are_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(document.ConfigurationUnreadable):
        config.read(path, {})


@pytest.mark.parametrize("time", [9 * 10**15, 10**16 + 10**4, 2**63 - 1])
def test_a_time_beyond_64_bits_of_nanoseconds_is_not_said(time: int) -> None:
    """It overflowed, and might have become any time."""
    frame = b'{"e": "balanceUpdate", "E": 1, "a": "BTC", "d": "1.0", "T": %d}'
    with_time = decode(frame % time)
    assert with_time == decode(frame % 0)
    assert with_time != decode(frame % 1_700_000_000_000)


@pytest.mark.parametrize("payload", [b'{"wh\xc2at":1}', b'"\xff"', b"[" * 100_000])
def test_a_document_that_is_no_text_is_a_record_error(payload: bytes) -> None:
    """Its UnicodeDecodeError would have stopped the journal at this record after each restart."""
    with pytest.raises(RecordError, match="not JSON"):
        unpack(Kind.DOCUMENT, payload, strict=True)


def outbox_with(at: int, piece: bytes) -> int:
    fd = os.memfd_create("outbox")
    os.ftruncate(fd, ring.file_bytes(4096))
    Outbox.create(fd, 4096, 9, gating=("journal",), lossy=("screen",))
    os.pwrite(fd, piece, at)
    return fd


@pytest.mark.parametrize(
    ("at", "piece", "says"),
    [
        (SLOTS_AT + 64, struct.pack("<I", 1 << 30), "class 1073741824"),
        (SLOTS_AT + 72, b"j" * 32, "a name without an end"),
        (SLOTS_AT + 72, b"\xc2a", "a name that is no text"),
        (SLOTS_AT + SLOT_BYTES, struct.pack("<Q", 4), "at byte 4"),
        (4096, struct.pack("<Q", 7), "last record at byte 7"),
    ],
)
def test_a_header_of_an_outbox_that_nobody_wrote_is_refused(
    at: int, piece: bytes, says: str
) -> None:
    fd = outbox_with(at, piece)
    try:
        for attach in (
            lambda: ring.inspect(fd),
            lambda: Reader.attach(fd, "journal"),
            lambda: Outbox.attach(fd, 2),
        ):
            with pytest.raises(ring.ForeignRing, match=says):
                attach()
    finally:
        os.close(fd)


def test_a_cursor_beyond_what_was_written_is_behind_by_nothing() -> None:
    fd = outbox_with(SLOTS_AT, struct.pack("<Q", 2**63 + 8))
    try:
        assert ring.inspect(fd)["readers"]["journal"]["behind_bytes"] == 0
    finally:
        os.close(fd)


def test_every_kept_input_is_read_without_a_finding() -> None:
    work = targets.in_memory()
    for target in targets.targets(work):
        assert target.seeds(), target.name
        for text in target.seeds():
            target.call(text)
    for name, alike in differential.COMPARE.items():
        for text in targets.corpus(name):
            alike(text)


def test_a_bug_behind_three_conditions_is_found_by_coverage() -> None:
    """The small fuzzer keeps what reaches further; without that this takes 256**3 inputs."""

    def planted(text: bytes) -> None:
        if text[:1] == b"{":
            if text[1:2] == b"}":
                if text[2:3] == b":":
                    raise ZeroDivisionError("planted")
                return
            return

    run = guided.fuzz(planted, [b"abcdef"], (Path(__file__).name,), 30)
    assert isinstance(run.failure, ZeroDivisionError)
    assert run.failing is not None and run.failing.startswith(b"{}:")


@pytest.mark.parametrize("target", sorted(native.HEADERS))
def test_libfuzzer_sees_edges_and_finds_nothing(target: str, tmp_path: Path) -> None:
    native_or_skip()
    found = native.fuzz(target, 2, tmp_path)
    assert not found.report
    assert found.edges > 50 and found.inputs > 1000 and found.corpus > 5


def compiled_or_skip() -> None:
    try:
        compiled.program()
    except native.FuzzerMissing as missing:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.mark.long
@pytest.mark.parametrize("call", sorted(compiled.CALLS))
def test_libfuzzer_sees_edges_of_compiled_modules(call: str, tmp_path: Path) -> None:
    compiled_or_skip()
    found = compiled.fuzz(call, 3, tmp_path)
    assert not found.report
    assert found.edges > 200 and found.inputs > 300 and found.corpus > 5


@pytest.mark.long
def test_a_bug_planted_in_a_compiled_module_is_found_within_a_minute(tmp_path: Path) -> None:
    compiled_or_skip()
    found = compiled.fuzz("scanner", FUZZED_S, tmp_path, planted=True)
    assert "heap-buffer-overflow" in found.report
    assert b"\\u" in found.failing


def test_a_planted_bound_off_by_one_is_found_within_a_minute(tmp_path: Path) -> None:
    native_or_skip()
    found = native.fuzz("frames", FUZZED_S, tmp_path, planted=True)
    assert "heap-buffer-overflow" in found.report
    assert b"\\u" in found.failing


@pytest.mark.long
def test_a_minute_of_every_fuzzer_finds_nothing(tmp_path: Path) -> None:
    native_or_skip()
    rows = table(FUZZED_S, set(), tmp_path)
    assert not [row for row in rows if row["finding"]]
    assert {row["target"] for row in rows} > {*native.HEADERS, *compiled.CALLS}
