"""A batch of several outboxes is put in an order in which no effect stands before its cause."""

from __future__ import annotations

import random

from engine.journal.actor import in_causal_order
from hotpath.records import Kind, cause
from hotpath.ring import Outbox, Reader


def test_effects_follow_their_causes_whatever_order_the_outboxes_were_read_in() -> None:
    draw = random.Random(5)
    boxes = {s: Outbox.private(1 << 18, s) for s in (3, 4, 9)}
    written: list[tuple[int, int]] = []
    for _ in range(400):
        source = draw.choice(list(boxes))
        why = draw.choice(written) if written and draw.random() < 0.8 else None
        position = boxes[source].append(int(Kind.DOCUMENT), b"{}", cause=cause(*why) if why else 0)
        written.append((source, position))
    by_source = {s: Reader.of(o).take(1000) for s, o in boxes.items()}
    for order in ((3, 4, 9), (9, 4, 3), (4, 9, 3)):
        done = in_causal_order([r for s in order for r in by_source[s]])
        assert sorted(done) == sorted(r for rows in by_source.values() for r in rows)
        seen: set[tuple[int, int]] = set()
        for raw in done:
            source = raw[6] | raw[7] << 8
            position = int.from_bytes(raw[8:16], "little")
            why_word = int.from_bytes(raw[24:32], "little")
            if why_word:
                assert (why_word >> 48, why_word & (1 << 48) - 1) in seen
            assert position == 1 or (source, position - 1) in seen
            seen.add((source, position))
