"""The turn: inputs are recorded before they are taken, effects come after, equal runs are equal."""

from __future__ import annotations

import random

from hotpath.lane import Actor, Lane, ScriptedConnection
from hotpath.records import Kind, unpack
from hotpath.ring import Outbox, Reader

DOCUMENT = int(Kind.DOCUMENT)


class Teller(Actor):
    """Emits what it hears and arms timers; every effect is noted."""

    def __init__(self, lane: Lane, name: str, outbox: Outbox) -> None:
        super().__init__(lane, name, outbox)
        self.log: list[object] = []

    def on_bytes(self, channel: int, data: bytes, last: bool) -> None:
        self.log.append(("bytes", channel, data, last, self.now))
        self.write(DOCUMENT, 0, b'"' + data + b'"')
        self.log.append("written")
        self.arm(self.now + 5, 7)
        self.arm(self.now + 3, 6)
        self.log.append(self.send_text(0, b"order"))

    def on_timer(self, token: int) -> None:
        self.log.append(("timer", token, self.now))

    def on_record(self, kind: int, record: bytes) -> None:
        self.log.append(("record", kind, record[40:], self.cause))

    def on_response(self, token: int, status: int, headers: dict[str, str], body: bytes) -> None:
        self.log.append(("response", token, status, headers, body))


def make(**options: object) -> tuple[Lane, Teller, Teller]:
    lane = Lane("test", is_virtual=True, **options)  # type: ignore[arg-type]
    teller = Teller(lane, "teller", Outbox.private(1 << 16, 1))
    hearer = Teller(lane, "hearer", Outbox.private(1 << 16, 2))
    hearer.wants = 1 << DOCUMENT
    hearer.listen(teller)
    return lane, teller, hearer


def test_effects_come_after_the_turn_and_name_their_cause() -> None:
    lane, teller, hearer = make()
    sent: list[bytes] = []
    teller.attach(ScriptedConnection(0, sent=sent))
    lane.take_frame(teller, 0, b"x", True, 100)
    assert teller.log == [("bytes", 0, b"x", True, 100), "written", True]
    assert hearer.log == [("record", DOCUMENT, b'"x"', 1 << 48 | 1)]
    assert sent == [b"order"]


def test_timers_fire_by_due_time_then_by_order_of_arming() -> None:
    lane, teller, _ = make()
    rng = random.Random(7)
    dues = [rng.randrange(50) for _ in range(500)]
    for i, due in enumerate(dues):
        teller.arm(due, i)
    assert lane.due == min(dues)
    lane.take_timers(24)
    lane.take_timers(1000)
    fired = [e[1] for e in teller.log if isinstance(e, tuple)]
    early = [i for i in sorted(range(500), key=lambda i: (dues[i], i)) if dues[i] <= 24]
    late = [i for i in sorted(range(500), key=lambda i: (dues[i], i)) if dues[i] > 24]
    assert fired == early + late
    assert lane.due is None


def test_time_never_goes_back() -> None:
    lane, teller, _ = make()
    lane.take_frame(teller, 0, b"a", True, 100)
    lane.take_frame(teller, 0, b"b", True, 90)
    assert lane.now == 100


def test_a_send_that_is_not_taken_whole_is_an_input() -> None:
    lane, teller, _ = make()
    lane.inputs = Outbox.private(1 << 16, 9)
    reader = Reader.of(lane.inputs, lossy=True)
    teller.attach(ScriptedConnection(0, failures={2: 3}))
    lane.take_frame(teller, 0, b"a", True, 1)
    lane.take_frame(teller, 0, b"b", True, 2)
    assert [e for e in teller.log if isinstance(e, bool)] == [True, False]
    kinds = [h.kind for h, _ in reader.read()]
    assert kinds == [Kind.INPUT_FRAME, Kind.INPUT_FRAME, Kind.INPUT_LINK]


def test_lost_inputs_are_told_before_the_next_that_is_not() -> None:
    """A recording with a hole must say so where it is: the frames after it are good again."""
    lane, teller, _ = make()
    lane.inputs = Outbox.private(1 << 12, 9, gating=("recorder",))
    reader = Reader.of(lane.inputs, name="recorder")
    for n in range(200):
        lane.take_frame(teller, 0, b"x" * 60, True, n)
    lost = lane.recording_lost
    assert 0 < lost < 200 and len(teller.log) >= 200, "trading went on"
    before = [h.kind for h, _ in reader.read()]
    reader.store()
    assert before == [Kind.INPUT_FRAME] * (200 - lost)
    lane.take_frame(teller, 0, b"y", True, 201)
    lane.take_frame(teller, 0, b"z", True, 202)
    after = reader.read()
    assert [h.kind for h, _ in after] == [Kind.GAP, Kind.INPUT_FRAME, Kind.INPUT_FRAME]
    gap = unpack(Kind.GAP, after[0][1])
    assert (gap.from_, gap.to) == (1, lost)
    assert lane.recording_lost == lost


def test_an_answer_to_a_request_is_a_frame_with_its_own_opcode() -> None:
    lane, teller, _ = make()
    lane.take_response(teller, 5, 200, {"retry-after": "1"}, b"{}\n{}", 3)
    assert teller.log == [("response", 5, 200, {"retry-after": "1"}, b"{}\n{}")]


def test_random_numbers_come_from_the_seed_alone() -> None:
    def draws(seed: int) -> list[float]:
        _, teller, _ = make(seed=seed)
        return [teller.uniform() for _ in range(5)]

    assert draws(3) == draws(3) != draws(4)
    assert all(0 <= x < 1 for x in draws(3))


def test_one_turn_may_queue_more_than_the_queue_holds() -> None:
    """Delivered records stay readable while the queue grows under them."""
    lane = Lane("test", is_virtual=True)

    class Fountain(Actor):
        def on_bytes(self, channel: int, data: bytes, last: bool) -> None:
            for i in range(3000):
                self.write(DOCUMENT, 0, b"%8d" % i)

    class Echo(Actor):
        heard = 0

        def on_record(self, kind: int, record: bytes) -> None:
            assert record[40:] == b"%8d" % self.heard
            self.heard += 1
            if self.heard <= 3000:
                self.write(DOCUMENT, 0, record[40:])

    fountain = Fountain(lane, "fountain", Outbox.private(1 << 20, 1))
    echo = Echo(lane, "echo", Outbox.private(1 << 20, 2))
    echo.wants = 1 << DOCUMENT
    echo.listen(fountain)
    lane.take_frame(fountain, 0, b"", True, 1)
    assert echo.heard == 3000
