"""The scanner equals orjson, number by number and text by text, and stays inside the frame."""

from __future__ import annotations

import ctypes
import math
import mmap
import random
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.capture import frames
from hotpath import scan
from tests.mutation import mutated

DECIMAL = re.compile(rb"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def depth(value: Any) -> int:
    inner: Any = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict | list):
        return 1 + max((depth(v) for v in inner), default=0)
    return 0


def is_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(is_finite(v) for v in value.values())
    if isinstance(value, list):
        return all(is_finite(v) for v in value)
    return not isinstance(value, float) or math.isfinite(value)


def compare(text: bytes) -> bool:
    """scan.h and orjson agree, but for the two cases that scan.pyx names; True when both accept."""
    try:
        theirs = orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            ours = scan.loads(text)
        except ValueError:
            return False
        assert not is_finite(ours), text  # a double that overflows
        return False
    try:
        ours = scan.loads(text)
    except ValueError:
        assert depth(theirs) > 64, text
        return False
    assert repr(ours) == repr(theirs), text  # repr: 1 and 1.0 and True are different answers
    return True


def captured(shared: Path, every: int) -> list[bytes]:
    """Every n-th frame of every capture, and every message of the exchange vectors."""
    found = []
    for path in sorted((shared / "data").rglob("*")):
        if path.name.endswith((".raw.gz", ".jsonl.zst")):
            found += [f.data for i, f in enumerate(frames(path)) if i % every == 0]
    for path in sorted((shared / "vectors" / "cex").rglob("*.json")):
        document = orjson.loads(path.read_bytes())
        found.append(path.read_bytes())
        for item in document if isinstance(document, list) else []:
            found += [
                orjson.dumps(v) for k, v in item.items() if k in ("payload", "frames", "steps")
            ]
    assert found, "the shared folder holds no frame"
    return found


Property = Callable[[str, object], None]


def test_frames_read_like_orjson(shared: Path, record_property: Property) -> None:
    accepted = [compare(text) for text in captured(shared, 40)]
    record_property("injected", len(accepted))
    assert all(accepted)


@pytest.mark.long
@pytest.mark.computes
def test_all_frames_read_like_orjson(shared: Path) -> None:
    assert all(compare(text) for text in captured(shared, 1))


def fuzz(shared: Path, seed: int, count: int) -> None:
    texts = [t for t in captured(shared, 400) if len(t) < 5000]
    draw = random.Random(seed)
    accepted = sum(compare(mutated(draw.choice(texts), draw, texts)) for _ in range(count))
    assert 0.02 < accepted / count < 0.9, "the mutations test only one of the two answers"


def test_mutated_frames_read_like_orjson(shared: Path, record_property: Property) -> None:
    fuzz(shared, 1, 15_000)
    record_property("injected", 15_000)


@pytest.mark.long
@pytest.mark.computes
def test_a_hundred_thousand_mutations_read_like_orjson(shared: Path) -> None:
    fuzz(shared, 2, 100_000)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b"1",
        b"-0",
        b"01",
        b"1.",
        b".5",
        b"+1",
        b"1e5",
        b"1E+05",
        b"-",
        b"nul",
        b"nulll",
        b"tru",
        b"falsee",
        b"[1,]",
        b"[,1]",
        b'{"a":1,}',
        b'{"a"}',
        b'{"a":}',
        b"{1:2}",
        b'{"a":1 "b":2}',
        b"[1 2]",
        b"[[]",
        b"[]]",
        b"{}[]",
        b'"\\x"',
        b'"\\u12"',
        b'"\\ud800"',
        b'"\\ud800\\u0041"',
        b'"\\udc00\\ud800"',
        b'"\\ud83d\\ude00"',
        b'"\xed\xa0\x80"',
        b'"\xc0\x80"',
        b'"\xf4\x90\x80\x80"',
        b'"\xf0\x9f\x98\x80"',
        b'"\xe2\x82"',
        b'"a\nb"',
        b'"\x7f"',
        b"\xef\xbb\xbf1",
        b"\x0b1",
        b"1\x00",
        b"18446744073709551615",
        b"18446744073709551616",
        b"-9223372036854775808",
        b"-9223372036854775809",
        b"1e-400",
        b'{"a":1,"a":2}',
        b"[" * 64 + b"]" * 64,
        b'{"":{"":[{}]}}',
        b' \r\n\t{ "a" : [ 1 , 2 ] , "b" : { } } \n',
    ],
)
def test_corners_read_like_orjson(text: bytes) -> None:
    compare(text)


def test_what_is_refused_beyond_orjson_is_named() -> None:
    with pytest.raises(ValueError, match="not JSON"):
        scan.loads(b"[" * 65 + b"]" * 65)
    assert scan.loads(b"1e999") == math.inf  # the typed readers refuse it
    assert scan.scaled(b"1e999", 8) is None
    assert scan.members(b'{"a":1,"a":2}', ["a"]) is None
    assert scan.members(b'{"a":1,"a":2}', ["b"]) == {}


numbers = st.one_of(
    st.from_regex(DECIMAL, fullmatch=True),
    st.from_regex(rb"-?[0-9]{1,20}\.[0-9]{1,20}", fullmatch=True),
    st.from_regex(rb"[0-9]{1,3}0{0,25}(\.0{0,20}[0-9]{0,3})?(e-?[0-9]{1,3})?", fullmatch=True),
    st.binary(max_size=12),
    st.sampled_from(
        [b"NaN", b"Infinity", b"1_000", b" 1", b"1 ", b"0x10", b"1e", b"--1", b"1.5.5"]
    ),
)


@settings(max_examples=600, deadline=None)
@given(numbers, st.integers(0, 18))
def test_decimal_text_is_exact_or_refused(text: bytes, scale: int) -> None:
    want = None
    if DECIMAL.fullmatch(text):
        exponent = text.lower().partition(b"e")[2]
        if not exponent or abs(int(exponent)) <= 400:
            sign, digits, power = Decimal(text.decode()).as_tuple()
            value = int("".join(map(str, digits)))
            power = int(power) + scale
            whole, rest = (value * 10**power, 0) if power >= 0 else divmod(value, 10**-power)
            if rest == 0 and whole <= 2**63 - 1:
                want = -whole if sign else whole
    assert scan.scaled(text, scale) == want


@settings(max_examples=600, deadline=None)
@given(
    st.integers(1, 10**12),
    st.integers(0, 12),
    st.integers(0, 10**10),
    st.integers(0, 12),
)
def test_units_divide_exactly_or_refuse(tick: int, scale: int, value: int, decimals: int) -> None:
    """The reciprocal of tc_unit_make against an honest division."""
    digits = str(value).rjust(decimals + 1, "0")
    text = f"{digits[: len(digits) - decimals]}.{digits[len(digits) - decimals :]}".rstrip(".")
    exact = Decimal(text).scaleb(scale)
    n, rest = divmod(exact, tick)
    want = int(n) if rest == 0 and exact < 2**63 else None
    assert scan.units(text.encode(), tick, scale) == want
    frame = b'{"price":"' + text.encode() + b'","x":1}'
    found = scan.quoted(frame, 10, tick, scale)
    assert found == (None if want is None else (want, 10 + len(text) + 1))


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 10**9), st.integers(0, 10**7))
def test_every_multiple_of_a_tick_is_taken_and_its_neighbour_is_not(tick: int, n: int) -> None:
    for value, want in ((tick * n, n), (tick * n + 1, n + 1 if tick == 1 else None)):
        text = f"{value // 10**8}.{value % 10**8:08d}".encode()
        found = scan.quoted(b'{"price":"' + text + b'"}', 10, tick, 8)
        assert (found[0] if found else None) == want


def test_whole_numbers_end_at_64_bits() -> None:
    assert scan.number(b"18446744073709551615") == 2**64 - 1
    for text in (b"18446744073709551616", b"99999999999999999999", b"", b"-1", b"1.0", b"1e3"):
        assert scan.number(text) is None


level_text = st.one_of(
    st.tuples(
        st.from_regex(r"[0-9]{1,9}(\.[0-9]{1,9})?", fullmatch=True),
        st.from_regex(r"[0-9]{1,9}(\.[0-9]{1,9})?", fullmatch=True),
    ),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(level_text, max_size=6),
    st.integers(0, 4),
    st.booleans(),
    st.sampled_from([(1, 8), (1, 2), (5, 3), (1, 10)]),
)
def test_the_quick_layer_never_says_yes_to_what_the_general_one_refuses(
    pairs: list[tuple[str, str]], extra: int, spaced: bool, unit: tuple[int, int]
) -> None:
    inner: list[Any] = [[p, q, *["x"] * (extra == 4)] for p, q in pairs]
    text = orjson.dumps(inner)
    if spaced:
        text = text.replace(b",", b" ,")
    frame = b'{"levels":' + text + b"}      "
    tick, scale = unit
    quick = scan.levels(frame, 10, tick, scale, 1, 8, True)
    general = scan.levels(frame, 10, tick, scale, 1, 8, False)
    want: list[tuple[int, int]] | None = []
    for p, q in pairs:
        price, rest = divmod(Decimal(p).scaleb(scale), tick)
        lots = Decimal(q).scaleb(8)
        if rest or lots % 1 or max(price, lots) >= 2**63:
            want = None
            break
        assert want is not None
        want.append((int(price), int(lots)))
    assert general == want
    assert quick in (None, want)
    if want is not None and not spaced and extra != 4:
        assert quick == want, "the shape as sent takes the slow way"


class Edge:
    """A page of memory between two that may not be touched: a read past it is a SIGSEGV."""

    def __init__(self) -> None:
        page = mmap.PAGESIZE
        self.map = mmap.mmap(-1, 5 * page)
        self.inside = memoryview(self.map)[page : 4 * page]
        address = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        libc = ctypes.CDLL(None, use_errno=True)
        for at in (0, 4 * page):
            assert libc.mprotect(ctypes.c_void_p(address + at), page, 0) == 0

    def at_end(self, text: bytes) -> memoryview:
        view = self.inside[len(self.inside) - len(text) :]
        view[:] = text
        return view

    def at_start(self, text: bytes) -> memoryview:
        view = self.inside[: len(text)]
        view[:] = text
        return view


def test_nothing_is_read_past_the_frame(shared: Path) -> None:
    """Whole frames, and all their beginnings, at the last byte before a page without access."""
    from feeds.binance.codec import Codec

    edge, codec = Edge(), Codec([], any_symbol=True)
    texts = {t[:30]: t for t in captured(shared, 200) if 16 <= len(t) < 4000}
    whole = list(texts.values())[:30]
    inner = [t.partition(b'"data":')[2][:-1] for t in whole if t.startswith(b'{"stream"')]
    assert inner
    for text in whole + inner:
        for n in [*range(min(len(text), 400)), *range(max(0, len(text) - 40), len(text) + 1)]:
            for view in (edge.at_end(text[:n]), edge.at_start(text[:n])):
                codec.read(view, True)
                scan.scaled(view, 8)
                try:
                    scan.loads(view)
                except ValueError:
                    continue


@pytest.mark.parametrize("cut", range(1, 30))
def test_quick_numbers_end_at_the_frame(cut: int) -> None:
    edge = Edge()
    frame = b'{"levels":[["67234.50000000","0.00100000"],["67234.51000000","12.00000000"]]}'
    view = edge.at_end(frame[: len(frame) - cut])
    assert scan.levels(view, 10, 1, 2, 1, 8, True) is None or cut == 1
    assert scan.quoted(view, 13, 1, 2) == (6723450, 28)
