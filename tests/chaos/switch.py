"""The kill switch under load: the word to the closed gate, and to the last of 500 cancels (7.2).

One process, the real venue actor, the real board. Gate: from the word's write to the return of the
first placement, which must be refused, on the machine's clock. Last cancel: what the lane waits for
its next look at the word (virtual time, the word falls anywhere between two looks) and what the
machine then takes until the connection has the last cancel's bytes.
"""

from __future__ import annotations

import time
from random import Random

from tests.chaos.table import Row
from tests.venues.binance.stage import WORD, Stage

ORDERS = 500
GATE_MS, LAST_MS = 5.0, 250.0


def a_round(number: int, draw: Random) -> tuple[float, float, str]:
    """Milliseconds to the closed gate and to the last cancel, and what is wrong."""
    stage = Stage(room=1024)
    stage.start()
    stage.wait(draw.randrange(100))
    ids = []
    for k in range(ORDERS):
        id = stage.place(price=4_990_000 - k, quantity=100)
        stage.report(id, "NEW", i=1000 + k)
        ids.append(id)
    lives = sum(stage.state(id)[0] == "NEW" for id in ids)
    if lives != ORDERS:
        return 0.0, 0.0, f"round {number}: {lives} of {ORDERS} orders were accepted"
    before = len(stage.sent)
    asked: list[float] = []
    hear = stage.hear

    def heard(raw: bytes) -> None:
        hear(raw)
        if stage.sent[-1]["method"] == "order.cancel":
            waited_ms = (stage.now - word_at) / 1e6
            asked.append(waited_ms + (time.perf_counter() - began) * 1000)

    assert stage.connection is not None
    stage.connection.on_send = heard
    stage.answers = False
    word_at, began = stage.now, time.perf_counter()
    stage.board.write(1, WORD.pack(1))
    stage.place(price=4_980_000)
    gate_ms = (time.perf_counter() - began) * 1000
    wrong = ""
    if any(m["method"] == "order.place" for m in stage.sent[before:]):
        wrong = f"round {number}: an order left after the word"
    began = time.perf_counter()  # the lane waits; the machine's clock goes on when it looks
    stage.wait(200)
    cancels = {m["params"]["origClientOrderId"] for m in stage.sent[before:]
               if m["method"] == "order.cancel"}  # fmt: skip
    if len(cancels) != ORDERS:
        wrong = f"round {number}: {len(cancels)} of {ORDERS} orders were cancelled"
    return gate_ms, max(asked, default=1e9), wrong


def switches(rounds: int, seed: int = 1) -> list[Row]:
    """The two durations over so many rounds."""
    gate = Row("X35", "kill switch: gate closed", "p99 <= 5 ms, no order after the word")
    last = Row("X35", f"kill switch: last of {ORDERS} cancels", "p99 <= 250 ms, every order asked")
    draw = Random(f"switch/{seed}")
    for number in range(rounds):
        gate_ms, last_ms, wrong = a_round(number, draw)
        gate.injected += 1
        last.injected += 1
        gate.times_ms.append(gate_ms)
        last.times_ms.append(last_ms)
        if wrong:
            (gate if "left" in wrong else last).broken.append(wrong)
    gate.within(GATE_MS, "gate closed")
    last.within(LAST_MS, f"last of {ORDERS} cancels")
    return [gate, last]
