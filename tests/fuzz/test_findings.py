"""What the fuzzers found, each by name, and that they find: a planted bug within the time given."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine import config, document
from feeds.binance.codec import Codec
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


def test_a_ticker_that_names_itself_twice_is_refused_by_both_readers() -> None:
    """The quick reader took it: a second "e" may stand only where no first one did."""
    ticker = b'"u":5,"s":"AB","b":"1.5","B":"2.0","a":"1.6","A":"3.0"'
    again = b'"u":5,"e":"bookTicker","s":"AB","b":"1.5","B":"2.0","a":"1.6","A":"3.0"'
    for quick in (True, False):
        codec = Codec([], any_symbol=True, quick=quick)
        for sound in (b"{%s}" % ticker, b"{%s}" % again, b'{"e":"bookTicker",%s}' % ticker):
            assert codec.read(sound)["kind"] == "ticker", sound
        assert codec.read(b'{"e":"bookTicker",%s}' % again) == {"kind": "rejected"}


def fill_of(**more: object) -> list[dict[str, Any]]:
    message = {
        "e": "executionReport", "s": "B", "c": "A", "x": "TRADE", "X": "FILLED", "i": 7, "t": 9,
        "l": "1.0", "L": "2.0", "z": "1.0", "S": "BUY",
    }  # fmt: skip
    return decode(orjson.dumps(message | more).replace(b"~u", b"\\u"))


def test_a_text_says_the_same_in_either_spelling() -> None:
    """Words, signs and amounts of the order socket were read with their escapes as they stood."""
    plain = fill_of()
    assert plain[0]["type"] == "fill"
    escapes: list[dict[str, object]] = [
        {"x": "~u0054RADE"}, {"X": "FI~u004cLED"}, {"S": "B~u0055Y"}, {"l": "~u0031.0"},
        {"e": "execution~u0052eport"}, {"z": "1~u002e0"},
    ]  # fmt: skip
    for more in escapes:
        assert fill_of(**more) == plain, more
    nothing, negative = fill_of(l="~u0030.0"), fill_of(l="~u002d1.0")
    assert nothing[0]["type"] == "order_event" and negative == [{"type": "rejected"}]
    long = "9" * 600
    assert fill_of(N=f"~u0041{long}")[0]["fee_asset"] == f"A{long}"


NO_DECIMALS = ["--5", "5.", ".5", "~u0661", "-", "1e", "true"]


@pytest.mark.parametrize("text", [*NO_DECIMALS, *("9" * 20 + t for t in NO_DECIMALS if t != ".5")])
def test_an_amount_that_is_no_decimal_is_refused(text: str) -> None:
    """Signs twice, a point without digits and digits of other scripts were taken for decimals."""
    assert fill_of(z=text) == [{"type": "rejected"}]


@pytest.mark.parametrize("text", ["", "A", "1,0", "+1", "0x0", "0" * 121])
def test_a_trade_of_what_is_no_quantity_is_refused(text: str) -> None:
    """Without a digit from 1 to 9 it was a trade of nothing: an order's status, perhaps FILLED."""
    assert fill_of(l="0.000")[0]["type"] == "order_event"
    assert fill_of(l=text) == [{"type": "rejected"}]


def test_a_wide_amount_with_an_exponent_is_exact() -> None:
    """Only those without one were, beyond what 64 bits hold."""
    assert fill_of(z="1.5e15")[0]["cumulative"] == "1500000000000000"
    assert fill_of(z="123456789012345678901e-8")[0]["cumulative"] == "1234567890123.45678901"
    assert fill_of(z="123456789012345678901e-9") == [{"type": "rejected"}]


def test_an_empty_reply_whose_id_is_a_fraction_is_rejected() -> None:
    """Its ValueError went to whoever asked for the records."""
    assert decode(b'{"id":1.5,"status":200,"result":[]}') == [{"type": "rejected"}]


@pytest.mark.parametrize("number", [2**31, 2**32 - 2010, -(2**40)])
def test_a_code_or_status_that_32_bits_do_not_hold_is_not_cut_to_another(number: int) -> None:
    error = {"id": 1, "status": 400, "error": {"code": number, "msg": "no"}}
    assert decode(orjson.dumps(error)) == [{"type": "rejected"}]
    (found,) = decode(orjson.dumps({"id": 1, "status": 2**32 + 200, "result": {"serverTime": 1}}))
    assert found == {"type": "not_mine", "what": "foreign"}


@pytest.mark.parametrize("told", [None, "true", 1])
def test_a_side_that_is_not_said_is_not_guessed(told: object) -> None:
    """A trade of myTrades whose isBuyer was neither true nor false became a sale."""
    row = {
        "symbol": "B", "id": 5, "orderId": 7, "price": "1", "qty": "2", "commission": "0.1",
        "commissionAsset": "C", "time": 1700000000000, "isBuyer": True, "isMaker": False,
    }  # fmt: skip
    reply = {"id": 1, "status": 200, "result": [row]}
    assert decode(orjson.dumps(reply))[0]["side"] == "buy"
    row["isBuyer"] = told
    assert decode(orjson.dumps(reply)) == [{"type": "rejected"}]


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
