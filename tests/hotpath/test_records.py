"""Records: the Python face agrees with the C structs, and no kind ever changes its bytes."""

from __future__ import annotations

import ast
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hotpath import records as r

GOLDEN = Path(__file__).parent / "golden_records.txt"
STUB = Path(r.__file__).parent / "records.pyi"


def filled(number: int) -> Any:
    """A record of a kind with another value in every field, the same in every run."""
    spec = r.SPECS[number]
    draw = random.Random(number)
    values: dict[str, Any] = {}
    for f in spec.fields:
        if f.name.startswith("pad") or (spec.tail == "levels" and f.name in ("bids", "asks")):
            continue
        name = "from_" if f.name == "from" else f.name
        allowed = r.ENUMS.get(number, {}).get(f.name)
        if allowed:
            values[name] = int(draw.choice(sorted(allowed)))
        elif f.type == "O":
            values[name] = draw.getrandbits(128)
        elif number == r.Kind.SWAP and f.bytes == 32:
            values[name] = draw.getrandbits(256)
        elif number == r.Kind.REFUSED and f.name == "input":
            values[name] = tuple(draw.randrange(-(1 << 62), 1 << 62) for _ in range(4))
        elif f.type in "qi":
            bits = 8 * f.bytes - 1
            values[name] = draw.randrange(-(1 << bits), 1 << bits)
        else:
            values[name] = draw.getrandbits(8 * f.bytes)
    if spec.tail == "levels":
        values["bids"] = [(draw.getrandbits(40), draw.getrandbits(40)) for _ in range(3)]
        values["asks"] = [(draw.getrandbits(40), draw.getrandbits(40)) for _ in range(2)]
    elif spec.tail == "bytes":
        values["data"] = draw.randbytes(21)
    elif spec.tail == "document":
        values["document"] = {"what": "limit", "values": [1, 2, 3], "to": None}
    return spec.record(**values)


def golden() -> dict[str, str]:
    lines = GOLDEN.read_text().splitlines()
    return dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("number", sorted(r.SPECS), ids=lambda n: r.SPECS[n].name)
def test_bytes_of_a_kind_never_change(number: int) -> None:
    """An outbox left by an older build could not be drained if they did."""
    name = r.SPECS[number].name
    assert r.pack(filled(number)).hex() == golden()[name], f"{name} changed: make it a new kind"


def test_kinds_are_only_appended() -> None:
    assert list(golden()) == [r.SPECS[n].name for n in sorted(r.SPECS)]
    assert sorted(r.SPECS) == list(range(1, len(r.SPECS) + 1)) == [int(k) for k in r.Kind][1:]


@pytest.mark.parametrize("number", sorted(r.SPECS), ids=lambda n: r.SPECS[n].name)
def test_unpack_gives_back_what_was_packed(number: int) -> None:
    record = filled(number)
    assert r.unpack(number, r.pack(record), strict=True) == record
    assert r.unpack(number, memoryview(r.pack(record))) == record
    assert r.kind_of(record) == r.kind_of(type(record)) == number
    assert list(r.as_dict(record)) == list(record.__struct_fields__)


@pytest.mark.parametrize("number", sorted(r.SPECS), ids=lambda n: r.SPECS[n].name)
def test_fields_cover_the_struct(number: int) -> None:
    """A field that record_fields.h forgot would be lost in the journal without a word."""
    spec, at = r.SPECS[number], 0
    for f in spec.fields:
        assert f.offset == at, f"hole or missing field before {spec.name}.{f.name}"
        at += f.bytes
    assert at == spec.bytes


@pytest.mark.parametrize("number", sorted(r.SPECS), ids=lambda n: r.SPECS[n].name)
def test_short_or_wrong_payloads_are_refused(number: int) -> None:
    spec, payload = r.SPECS[number], r.pack(filled(number))
    if spec.bytes:
        with pytest.raises(r.RecordError):
            r.unpack(number, payload[: spec.bytes - 1])
    if spec.tail in ("", "levels"):
        with pytest.raises(r.RecordError):
            r.unpack(number, payload + b"\0")
    for name in r.ENUMS.get(number, {}):
        f = next(f for f in spec.fields if f.name == name)
        bad = bytearray(payload)
        bad[f.offset : f.offset + f.bytes] = b"\xfe" * f.bytes
        with pytest.raises(r.RecordError, match=name):
            r.unpack(number, bytes(bad), strict=True)


def test_stamps_stand_last() -> None:
    """The comparison of recordings masks them as one range at the end of the fixed part."""
    for spec in r.SPECS.values():
        stamped = [f.name.startswith("stamp_") for f in spec.fields]
        assert stamped == sorted(stamped), spec.name


def test_header_and_ids() -> None:
    header = r.Header(0, 5, 9, 77, -4, r.cause(3, 12), 8, 1)
    raw = r.join(header, b"abc")
    got, payload = r.split(raw)
    assert got == header._replace(length=43) and payload == b"abc"
    assert (r.cause_source(got.cause), r.cause_position(got.cause)) == (3, 12)
    with pytest.raises(r.RecordError):
        r.split(raw + b"\0")
    parts = ((1 << 40) - 1, 7, (1 << 48) - 2, 3, 65535)
    assert r.unpack_order_id(r.pack_order_id(*parts)) == parts
    with pytest.raises(ValueError, match="48 bits"):
        r.pack_order_id(1, 1, 1 << 48, 0, 0)


def test_the_stub_names_every_record_and_enum() -> None:
    """mypy believes records.pyi: it must say what the compiled module says."""
    classes = {n.name: n for n in ast.parse(STUB.read_text()).body if isinstance(n, ast.ClassDef)}
    for spec in r.SPECS.values():
        body = classes[spec.record.__name__].body
        names = [n.target.id for n in body if isinstance(n, ast.AnnAssign)]  # type: ignore[union-attr]
        assert names == list(spec.record.__struct_fields__), spec.name
    for enum in (r.Kind, r.Doubt, r.EventType, r.Reason, r.Op, r.LinkEvent, r.RequestType):
        body = classes[enum.__name__].body
        stated = {n.targets[0].id: n.value.value for n in body if isinstance(n, ast.Assign)}  # type: ignore[attr-defined]
        assert stated == {m.name: m.value for m in enum}, enum.__name__


def test_an_order_event_says_whether_the_order_is_over() -> None:
    from hotpath.records import Fill, OrderEvent

    over = {2, 6, 8, 9, 11}  # denied, filled, canceled, rejected, expired
    for cls in (OrderEvent, Fill):
        blank = {f.name: 0 for f in msgspec.structs.fields(cls)}
        found = {s for s in range(12) if cls(**(blank | {"status": s})).is_terminal}
        assert found == over, cls
