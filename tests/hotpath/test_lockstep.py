"""Lockstep: equal inputs give equal records; one changed byte outside a stamp is found."""

from __future__ import annotations

from typing import Any

import pytest

from hotpath.lane import Actor, Lane
from hotpath.lockstep import Differs, Lockstep, TornBlock, records_of
from hotpath.records import Document, Kind, pack
from hotpath.ring import Outbox, Reader

ACTOR, INPUTS = 1, 9


class Teller(Actor):
    """Writes a document for each frame, and one more for every third."""

    def on_start(self) -> None:
        self.count = 0

    def on_bytes(self, channel: int, data: bytes, last: bool) -> None:
        self.count += 1
        self.write(Kind.DOCUMENT, 0, pack(Document(document=data.decode())))
        if self.count % 3 == 0:
            self.write(Kind.DOCUMENT, 0, pack(Document(document=[self.count])))


def lane(inputs: bool) -> tuple[Lane, Teller]:
    made = Lane("test", is_virtual=True)
    teller = Teller(made, "teller", Outbox.private(1 << 16, ACTOR))
    teller.on_start()
    if inputs:
        made.inputs = Outbox.private(1 << 16, INPUTS)
    return made, teller


def session() -> tuple[list[bytes], list[bytes]]:
    """(inputs, what the actor wrote) of twenty frames."""
    made, teller = lane(True)
    ours, theirs = Reader.of(made.inputs, lossy=True), Reader.of(teller.outbox, lossy=True)
    for n in range(20):
        made.take_frame(teller, 0, b"frame %d" % n, True, 100 + n)
    return ours.take(1000), theirs.take(1000)


def steps(stamps: dict[int, list[tuple[int, int]]] | None = None) -> Lockstep:
    made, teller = lane(False)

    def never(*args: Any) -> None:
        raise AssertionError(args)

    readers = {ACTOR: Reader.of(teller.outbox, lossy=True)}
    return Lockstep(made, {ACTOR: teller}, readers, stamps or {}, never, never)


@pytest.mark.parametrize("order", ["inputs first", "outputs first", "in turn"])
def test_equal_records_meet_in_any_order(order: str) -> None:
    """A recorder takes the outboxes one after the other, so either may come first."""
    inputs, outputs = session()
    both = steps()
    if order == "inputs first":
        for r in inputs:
            both.take(r)
        both.flush()
    for i, r in enumerate(outputs):
        both.add(ACTOR, r)
        if order == "in turn" and i < len(inputs):
            both.take(inputs[i])
    if order == "outputs first":
        for r in inputs:
            both.take(r)
    both.flush()
    assert both.compared == len(outputs) == 26
    assert both.left(ACTOR) == (None, None)


def test_every_changed_byte_is_a_difference_but_in_a_stamp() -> None:
    inputs, outputs = session()
    victim = outputs[7]
    for at in range(4, len(victim)):
        changed = bytearray(victim)
        changed[at] ^= 0x40
        both = steps({int(Kind.DOCUMENT): [(44, 46)]})
        try:
            for i, r in enumerate(outputs):
                both.add(ACTOR, bytes(changed) if i == 7 else r)
            for r in inputs:
                both.take(r)
            both.flush()
        except Differs as found:
            assert not 44 <= at < 46
            assert found.args == (ACTOR, bytes(changed), victim)
            assert both.compared == 8
        else:
            assert 44 <= at < 46, at


def test_what_only_one_side_has_is_left() -> None:
    inputs, outputs = session()
    both = steps()
    for r in outputs[:-1]:
        both.add(ACTOR, r)
    for r in inputs:
        both.take(r)
    both.flush()
    assert both.left(ACTOR) == (None, outputs[-1])
    both = steps()
    for r in outputs:
        both.add(ACTOR, r)
    for r in inputs[:-1]:
        both.take(r)
    both.flush()
    assert both.left(ACTOR) == (outputs[-1], None)
    assert both.take_after(ACTOR, len(outputs)) == []
    assert both.take_after(ACTOR, len(outputs) - 1) == [outputs[-1]]
    assert both.left(ACTOR) == (None, None)


def test_a_block_is_cut_into_its_records() -> None:
    _, outputs = session()
    block = b"".join(r + bytes(-len(r) % 8) for r in outputs)
    assert records_of(block) == outputs
    for torn in (block[:-9], b"\x07\0\0\0" + block[4:]):
        with pytest.raises(TornBlock):
            records_of(torn)
