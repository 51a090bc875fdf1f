"""The ring's promises, one at a time; test_ring_storm.py keeps them while processes die."""

from __future__ import annotations

import base64
import os
import random
import select
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from hotpath import records as rec
from hotpath import ring
from hotpath.records import Kind
from hotpath.ring import Outbox, Reader

HEAD_AT, EPOCH_AT = 4096, 4104  # places in the file, by ring.h
BUILD_AT, SCHEMA_AT, KINDS_AT = 32, 40, 52
OLD_OUTBOX = Path(__file__).parent / "outbox_of_first_build.txt"


@pytest.fixture
def fd() -> Iterator[int]:
    made = os.memfd_create("ring")
    os.ftruncate(made, ring.file_bytes(4096))
    yield made
    os.close(made)


def document(n: int, size: int = 0) -> bytes:
    return struct.pack("<q", n) + bytes([n & 255]) * size


def fill(outbox: Outbox, size: int = 100, reserve: bool = False) -> int:
    """Write until there is no room; how many were written."""
    count = 0
    while outbox.append(Kind.DOCUMENT, bytes(size), reserve=reserve):
        count += 1
        assert count < 10_000
    return count


def test_positions_count_from_the_first_without_a_hole(fd: int) -> None:
    outbox = Outbox.create(fd, 4096, 9, first_position=1000, gating=("journal",))
    reader = Reader.attach(fd, "journal")
    expected = 1000
    for n in range(2000):  # many times around
        assert outbox.append(Kind.DOCUMENT, document(n, n % 90), time=n, cause=5) == expected
        [(header, payload)] = reader.read()
        assert payload == document(n, n % 90)
        assert header == (40 + len(payload), Kind.DOCUMENT, 9, expected, n, 5, 0, 0)
        reader.store()
        expected += 1


def test_a_half_written_record_is_invisible_and_written_over(fd: int) -> None:
    """A writer killed between the bytes and the commit word leaves nothing to see."""
    outbox = Outbox.create(fd, 4096, 9, gating=("journal",))
    reader = Reader.attach(fd, "journal")
    outbox.append(Kind.DOCUMENT, b"whole")
    assert outbox.tear(b"\xff" * 300)
    assert [p for _, p in reader.read()] == [b"whole"]
    again = Outbox.attach(fd, 2)
    assert again.position == 1
    assert again.append(Kind.DOCUMENT, b"after the restart") == 2
    assert [(h.position, p) for h, p in reader.read()] == [(2, b"after the restart")]


@pytest.mark.parametrize("behind", [0, 1, 7])
def test_a_restarted_writer_walks_to_the_first_clear_word(fd: int, behind: int) -> None:
    """Killed after the commit and before `head` was stored: the record counts."""
    outbox = Outbox.create(fd, 4096, 9, gating=("journal",))
    heads = [0]
    for n in range(10):
        outbox.append(Kind.DOCUMENT, document(n, 3 * n))
        heads.append(struct.unpack("<Q", os.pread(fd, 8, HEAD_AT))[0])
    os.pwrite(fd, struct.pack("<Q", heads[10 - behind]), HEAD_AT)
    again = Outbox.attach(fd, 2)
    assert again.position == 10
    assert again.append(Kind.DOCUMENT, document(10)) == 11
    positions = [h.position for h, _ in Reader.attach(fd, "journal").read()]
    assert positions == list(range(1, 12))


def test_a_lower_epoch_writes_nothing(fd: int) -> None:
    """A stopped process that resumes after it was replaced must not touch the ring."""
    old = Outbox.create(fd, 4096, 9, epoch=3, gating=("journal",))
    old.append(Kind.DOCUMENT, b"old")
    new = Outbox.attach(fd, 4)
    before = os.pread(fd, ring.file_bytes(4096), 0)
    assert old.append(Kind.DOCUMENT, b"fenced") == 0
    assert not old.tear(b"fenced")
    assert os.pread(fd, ring.file_bytes(4096), 0) == before
    assert new.append(Kind.DOCUMENT, b"new") == 2
    with pytest.raises(ring.OldEpoch, match="epoch 3"):
        Outbox.attach(fd, 3)


def test_a_replaced_reader_moves_no_cursor(fd: int) -> None:
    outbox = Outbox.create(fd, 4096, 9, gating=("journal",))
    outbox.append(Kind.DOCUMENT, b"one")
    old = Reader.attach(fd, "journal", epoch=5)
    new = Reader.attach(fd, "journal", epoch=6)
    assert len(old.read()) == 1
    old.store()
    assert outbox.statistics["readers"]["journal"]["cursor"] == 0
    assert len(new.read()) == 1
    with pytest.raises(ring.OldEpoch):
        Reader.attach(fd, "journal", epoch=5)


def test_what_was_not_published_is_read_again(fd: int) -> None:
    """Killed before the effect was safe: at-least-once."""
    outbox = Outbox.create(fd, 4096, 9, gating=("journal",))
    for n in range(5):
        outbox.append(Kind.DOCUMENT, document(n))
    reader = Reader.attach(fd, "journal")
    reader.read(2)
    reader.store()
    reader.read(2)
    assert [h.position for h, _ in Reader.attach(fd, "journal").read()] == [3, 4, 5]


def test_a_full_ring_refuses_new_work_and_keeps_its_reserve(fd: int) -> None:
    """Below the reserve only reports and cancels are written; then nothing is."""
    outbox = Outbox.create(fd, 4096, 9, gating=("journal",), reserve=1024)
    normal = fill(outbox)
    used = outbox.statistics["head"] + 144
    assert 4096 - 1024 - 152 < used <= 4096 - 1024
    assert outbox.append(Kind.DOCUMENT, b"an order") == 0
    urgent = fill(outbox, reserve=True)
    assert urgent >= 1024 // 144 - 1
    assert outbox.append(Kind.DOCUMENT, b"", reserve=True) in (0, normal + urgent + 1)
    assert outbox.refused >= 3
    reader = Reader.attach(fd, "journal")
    assert [h.position for h, _ in reader.read(normal)] == list(range(1, normal + 1))
    assert outbox.append(Kind.DOCUMENT, bytes(100)) == 0, "read is not published"
    reader.store()
    assert outbox.append(Kind.DOCUMENT, bytes(100)) == outbox.position
    assert [len(p) for _, p in reader.read()][-1] == 100


def test_the_slowest_gating_reader_counts_and_a_retired_one_does_not(fd: int) -> None:
    outbox = Outbox.create(fd, 4096, 9, gating=("journal", "recorder"))
    journal = Reader.attach(fd, "journal")
    fill(outbox)
    journal.read()
    journal.store()
    assert outbox.append(Kind.DOCUMENT, bytes(100)) == 0, "the recorder has read nothing"
    outbox.retire("recorder")
    assert outbox.append(Kind.DOCUMENT, bytes(100)) != 0
    with pytest.raises(ring.NoSuchReader, match="retired"):
        Reader.attach(fd, "recorder")
    with pytest.raises(ring.NoSuchReader):
        outbox.retire("nobody")


def test_a_lapped_lossy_reader_is_told_what_it_lost(fd: int) -> None:
    outbox = Outbox.create(fd, 4096, 9, lossy=("screen",))
    reader = Reader.attach(fd, "screen", lossy=True)
    for n in range(3):
        outbox.append(Kind.DOCUMENT, document(n))
    assert [h.position for h, _ in reader.read()] == [1, 2, 3]
    for n in range(500):
        outbox.append(Kind.DOCUMENT, document(n, 40))
    (gap, payload), *rest = reader.read()
    lost = rec.unpack(Kind.GAP, payload)
    assert (gap.kind, gap.source, gap.position) == (Kind.GAP, 9, 502)
    assert gap.cause == rec.cause(9, 502)
    assert (lost.from_, lost.to, lost.reason) == (4, 502, rec.Doubt.LAPPED)
    assert (reader.lost_from, reader.lost_to, reader.lost) == (4, 502, 499)
    assert [h.position for h, _ in rest] == [503]
    outbox.append(Kind.DOCUMENT, b"next")
    assert [h.position for h, _ in reader.read()] == [504]


def test_a_lossy_reader_that_died_hears_what_it_missed(fd: int) -> None:
    outbox = Outbox.create(fd, 4096, 9, lossy=("screen",))
    first = Reader.attach(fd, "screen", lossy=True)
    for n in range(4):
        outbox.append(Kind.DOCUMENT, document(n))
    first.read(2)
    first.store()
    for n in range(300):
        outbox.append(Kind.DOCUMENT, document(n, 40))
    again = Reader.attach(fd, "screen", lossy=True)
    (_, payload), *_ = again.read()
    assert rec.unpack(Kind.GAP, payload).from_ == 3


def test_a_lossy_reader_never_takes_bytes_that_are_being_written(fd: int) -> None:
    """The writer announces before it overwrites: torn bytes of the next round are not records."""
    outbox = Outbox.create(fd, 4096, 9, lossy=("screen",))
    reader = Reader.attach(fd, "screen", lossy=True)
    count = 0
    while outbox.statistics["head"] < 4096 - 1024 - 40:
        outbox.append(Kind.DOCUMENT, document(count, 40))
        count += 1
    # a record of the next round that would look whole: its bytes are a record's
    fake = rec.join(rec.Header(0, Kind.DOCUMENT, 9, 1, 0, 0, 0, 0), bytes(24))
    assert outbox.tear(fake * 15)
    kinds = [h.kind for h, _ in reader.read(1)]
    assert kinds == [Kind.GAP]


def test_a_reader_without_a_slot_starts_at_the_last_record(fd: int) -> None:
    outbox = Outbox.create(fd, 4096, 9)
    for n in range(100):
        outbox.append(Kind.DOCUMENT, document(n))
    reader = Reader.attach(fd, "", lossy=True)
    assert [h.position for h, _ in reader.read()] == [100]
    assert not reader.sleep(), "nobody would ring it"


def test_doze_sees_what_came_before_and_is_rung_for_what_comes_after(fd: int) -> None:
    outbox = Outbox.create(fd, 4096, 9, gating=("journal",), lossy=("screen",))
    bells = {name: os.eventfd(0, os.EFD_NONBLOCK) for name in ("journal", "screen")}
    for name, bell in bells.items():
        outbox.set_bell(name, bell)
    journal, screen = Reader.attach(fd, "journal"), Reader.attach(fd, "screen", lossy=True)
    outbox.append(Kind.DOCUMENT, b"x")
    assert not journal.sleep()
    assert outbox.ring() == 0, "nobody sleeps"
    journal.read()
    assert journal.sleep()
    outbox.append(Kind.DOCUMENT, b"y")
    assert outbox.ring() == 1
    assert outbox.ring() == 0, "one ring a sleep"
    ready, _, _ = select.select(list(bells.values()), [], [], 0)
    assert ready == [bells["journal"]]
    screen.read()
    journal.read()
    assert journal.sleep() and screen.sleep()
    journal.awake()
    assert outbox.ring() == 2
    for bell in bells.values():
        os.close(bell)


def test_an_outbox_left_by_an_older_build_is_drained_and_not_written(fd: int) -> None:
    """After an upgrade the journal takes what the old build left; nothing else may use it."""
    outbox = Outbox.create(fd, 4096, 9, gating=("journal",), build_hash=1)
    trade = rec.Trade(price=5, quantity=6, side=1)
    outbox.append(Kind.TRADE, rec.pack(trade))
    os.pwrite(fd, struct.pack("<QQ", 0xABC, 0xDEF), BUILD_AT)
    os.pwrite(fd, struct.pack("<I", 12), KINDS_AT)  # it knew fewer kinds
    for build in (1, 0xABC):
        with pytest.raises(ring.OtherBuild):
            Outbox.attach(fd, 2, build_hash=build)
        with pytest.raises(ring.OtherBuild):
            Reader.attach(fd, "journal", build_hash=build)
    [(header, payload)] = Reader.attach(fd, "journal", build_hash=None).read()
    assert rec.unpack(header.kind, payload, strict=True) == trade


def test_the_first_build_s_outbox_is_drained_for_ever() -> None:
    """A file as the first build left it. If this fails, the layout or a kind was changed."""
    raw = zlib.decompress(base64.b85decode("".join(OLD_OUTBOX.read_text().split())))
    left = os.memfd_create("left")
    os.write(left, raw)
    got = [
        rec.unpack(h.kind, payload, strict=True)
        for h, payload in Reader.attach(left, "journal", build_hash=None).read()
    ]
    kinds = [rec.kind_of(r) for r in got]
    assert kinds == [Kind.DOCUMENT, Kind.INTENT, Kind.APPROVED, Kind.ORDER_EVENT, Kind.FILL]
    assert got[0].document == {"left": "by the first build"}
    assert (got[1].price, got[1].side, got[1].deadline) == (101, 1, 7)
    assert got[4].trade_id == 4242 and got[4].id == got[2].id == 1 << 100
    os.close(left)


def test_a_later_build_s_outbox_or_another_struct_is_refused(fd: int) -> None:
    outbox = Outbox.create(fd, 4096, 9, gating=("journal",))
    outbox.append(Kind.DOCUMENT, b"{}")
    os.pwrite(fd, struct.pack("<I", len(rec.SPECS) + 2), KINDS_AT)
    with pytest.raises(ring.ForeignRing, match="later build"):
        Reader.attach(fd, "journal", build_hash=None)
    os.pwrite(fd, struct.pack("<I", len(rec.SPECS) + 1), KINDS_AT)
    os.pwrite(fd, b"\x01", 1024 + 16 * Kind.FILL + 8)
    with pytest.raises(ring.ForeignRing, match="FILL"):
        ring.inspect(fd)


@pytest.mark.parametrize(
    ("place", "value", "fault"),
    [
        (4, struct.pack("<H", 999), "kind"),
        (6, struct.pack("<H", 8), "source"),
        (0, struct.pack("<I", 12), "length"),
        (0, struct.pack("<I", 1 << 20), "length"),
        (8, struct.pack("<Q", 77), "position"),
    ],
)
def test_bytes_that_are_no_record_are_refused(
    fd: int, place: int, value: bytes, fault: str
) -> None:
    outbox = Outbox.create(fd, 4096, 9, gating=("journal",), lossy=("screen",))
    for n in range(3):
        outbox.append(Kind.DOCUMENT, document(n))
    os.pwrite(fd, value, ring.HEADER_BYTES + 48 + place)  # the second record
    for name, lossy in (("journal", False), ("screen", True)):
        reader = Reader.attach(fd, name, lossy)
        assert len(reader.read(1)) == 1
        with pytest.raises(ring.CorruptRing, match=fault):
            reader.read(1)
        with pytest.raises(ring.CorruptRing, match=fault):
            reader.read(1)
        assert reader.fault


def test_a_fixed_payload_shorter_than_its_struct_is_refused(fd: int) -> None:
    outbox = Outbox.create(fd, 4096, 9, gating=("journal",))
    outbox.append(Kind.FILL, b"too short")
    with pytest.raises(ring.CorruptRing, match="length"):
        Reader.attach(fd, "journal").read()


def test_wrong_files_and_wrong_requests_are_refused(fd: int) -> None:
    with pytest.raises(ring.ForeignRing, match="magic"):
        Reader.attach(fd, "journal")
    outbox = Outbox.create(fd, 4096, 9, gating=("journal",), lossy=("screen",))
    with pytest.raises(ring.NoSuchReader):
        Reader.attach(fd, "screen")
    with pytest.raises(ring.NoSuchReader):
        Reader.attach(fd, "nobody")
    with pytest.raises(ValueError, match="at most"):
        outbox.append(Kind.DOCUMENT, bytes(2000))
    with pytest.raises(ValueError, match="declared"):
        outbox.append(0, b"")
    with pytest.raises(ValueError, match="power of two"):
        ring.file_bytes(5000)
    with pytest.raises(ring.ForeignRing, match="long"):
        Outbox.create(fd, 8192, 9)
    with pytest.raises(TypeError):
        Outbox()
    os.pwrite(fd, b"\x02", 8)
    with pytest.raises(ring.ForeignRing, match="layout"):
        Reader.attach(fd, "journal")


def test_readers_of_a_private_outbox(fd: int) -> None:
    outbox = Outbox.private(4096, 3)
    for n in range(400):
        assert outbox.append(Kind.DOCUMENT, document(n)), "without a gating reader never full"
    late = Reader.of(outbox)
    assert late.read() == []
    outbox.append(Kind.DOCUMENT, b"seen")
    other = Reader.of(outbox, lossy=True, name="screen")
    assert [h.position for h, _ in late.read()] == [401]
    assert other.read() == []
    assert fill(outbox) > 10


@pytest.mark.parametrize("seed", range(30))
def test_any_interleaving_equals_a_list(seed: int) -> None:
    """Random writes, reads, publications and restarts, against a list that cannot be wrong."""
    draw = random.Random(seed)
    fd = os.memfd_create("ring")
    capacity = 1 << draw.choice([12, 13, 14])
    os.ftruncate(fd, ring.file_bytes(capacity))
    reserve = draw.choice([0, 512])
    outbox = Outbox.create(fd, capacity, 5, gating=("a", "b"), lossy=("c",), reserve=reserve)
    readers = {n: Reader.attach(fd, n, n == "c") for n in "abc"}
    written: list[bytes] = []
    taken = dict.fromkeys("abc", 0)
    safe = dict.fromkeys("abc", 0)
    epoch = 1
    for _ in range(3000):
        what = draw.random()
        name = draw.choice("abc")
        if what < 0.5:
            payload = draw.randbytes(draw.choice([0, 1, 7, 8, 9, 64, 200, 700]))
            position = outbox.append(Kind.DOCUMENT, payload, reserve=draw.random() < 0.3)
            if position:
                written.append(payload)
                assert position == len(written)
            else:
                unread = sum(40 + len(p) + 7 & ~7 for p in written[min(safe["a"], safe["b"]) :])
                assert unread + 40 + len(payload) + 16 + reserve > capacity, "refused with room"
        elif what < 0.8:
            for header, payload in readers[name].read(draw.randrange(1, 9)):
                if header.kind == Kind.GAP:
                    gap = rec.unpack(Kind.GAP, payload)
                    assert name == "c" and gap.from_ == taken[name] + 1
                    taken[name] = gap.to
                else:
                    assert header.position == taken[name] + 1
                    assert payload == written[taken[name]]
                    taken[name] += 1
        elif what < 0.95:
            readers[name].store()
            safe[name] = taken[name]
        elif what < 0.97:
            if draw.random() < 0.5:
                outbox.tear(draw.randbytes(draw.randrange(1, 300)))
            epoch += 1
            outbox = Outbox.attach(fd, epoch)
            assert outbox.position == len(written)
        else:
            readers[name] = Reader.attach(fd, name, name == "c")
            taken[name] = safe[name]
    os.close(fd)


def test_a_reader_takes_only_the_kinds_it_asks_for() -> None:
    outbox = Outbox.private(1 << 16, 5)
    reader = Reader.of(outbox, True)
    for n in range(30):
        outbox.append(Kind.DOCUMENT if n % 3 == 0 else Kind.COMMAND, document(n))
    only = 1 << Kind.DOCUMENT
    assert len(reader.take(4, only)) == 4
    assert reader.take(100, only, 2) == [], "two steps pass over the two commands behind it"
    kinds = [rec.split(raw)[0].kind for raw in reader.take(100, only)]
    assert kinds == [Kind.DOCUMENT] * 6
    assert reader.take(100) == []
