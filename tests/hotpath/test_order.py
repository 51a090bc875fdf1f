"""The order life: table 5.2 row by row, all arrival orders, and equality with the slow twin."""

from __future__ import annotations

import itertools
import math
import os
import random
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from hotpath.order import Orders, effect_names, pack_id, read_id, spell_id, unpack_id
from tests.reference import order as twin

ID, NEXT = pack_id(7, 3, 11, 0, 1), pack_id(7, 3, 12, 0, 1)
Report = tuple[str, dict[str, object]]


def placed(quantity: int = 10, price: int = 100, approved: bool = True) -> Orders:
    table = Orders(16, 64)
    assert table.new(ID, quantity=quantity, price=price)
    if approved:
        table.report(ID, "APPROVED")
    return table


def feed(table: Orders, *reports: Report) -> list[set[str]]:
    return [effect_names(table.report(ID, name, **values)) for name, values in reports]  # type: ignore[arg-type]


def fill(trade_id: int, quantity: int, price: int = 100, **more: object) -> Report:
    return "FILL", {"trade_id": trade_id, "quantity": quantity, "price": price, **more}


def state(table: Orders) -> dict[str, object]:
    found = table.state(ID)
    assert found is not None
    return found


def test_ids_pack_spell_and_read_back() -> None:
    rng = random.Random(1)
    for _ in range(2000):
        parts = (
            rng.getrandbits(40),
            rng.getrandbits(16),
            rng.getrandbits(48),
            rng.getrandbits(8),
            rng.getrandbits(16),
        )
        whole = pack_id(*parts)
        text = spell_id(whole)
        assert unpack_id(whole) == parts
        assert len(text) == 22 and text.isalnum() and read_id(text) == whole
    assert read_id("x" * 21) is None and read_id("-" * 22) is None
    assert read_id("z" * 22) is None, "a half beyond 64 bits is no id"


def test_ids_spelled_in_order_of_their_value() -> None:
    ids = sorted(pack_id(5, 2, n, leg, 1) for n in (1, 2, 99, 1 << 30) for leg in (0, 1))
    assert [read_id(t) for t in sorted(map(spell_id, ids))] == ids


@pytest.mark.parametrize(
    ("before", "event", "status", "effect"),
    [
        ([], ("ACK", {"venue_order_id": 5}), "NEW", {"APPLIED"}),
        ([], ("REJECT", {"reason": -2010}), "REJECTED", {"APPLIED", "TERMINAL"}),
        ([("ACK", {})], ("REJECT", {}), "CANCELED", {"APPLIED", "TERMINAL"}),
        ([fill(1, 4)], ("REJECT", {}), "PARTIALLY_FILLED", {"APPLIED", "DISPUTED", "HALT"}),
        ([], fill(1, 4), "PARTIALLY_FILLED", {"APPLIED", "POSITION"}),
        ([fill(1, 4)], fill(2, 6), "FILLED", {"APPLIED", "POSITION", "TERMINAL"}),
        ([("CANCELED", {})], fill(1, 4), "CANCELED", {"APPLIED", "POSITION"}),
        ([("CANCELED", {})], fill(1, 10), "FILLED", {"APPLIED", "POSITION"}),
        (
            [("REJECT", {})],
            fill(1, 4),
            "PARTIALLY_FILLED",
            {"APPLIED", "POSITION", "DISPUTED", "HALT"},
        ),
        ([fill(1, 4)], fill(1, 4), "PARTIALLY_FILLED", {"IGNORED"}),
        ([fill(1, 4)], fill(1, 5), "PARTIALLY_FILLED", {"APPLIED", "DISPUTED", "HALT"}),
        (
            [fill(1, 8)],
            fill(2, 8),
            "FILLED",
            {"APPLIED", "POSITION", "OVERFILL", "HALT", "TERMINAL"},
        ),
        ([fill(1, 10)], ("CANCELED", {}), "FILLED", {"IGNORED"}),
        ([("ACK", {})], ("CANCEL_REJECTED", {}), "NEW", {"ILLEGAL"}),
        ([("ACK", {})], ("UNKNOWN", {}), "NEW", {"ILLEGAL"}),
        ([("ACK", {})], ("DENIED", {"definite": True}), "NEW", {"ILLEGAL"}),
        ([], ("DENIED", {}), "PENDING_NEW", {"ILLEGAL"}),
        ([], ("DENIED", {"definite": True}), "DENIED", {"APPLIED", "TERMINAL"}),
        ([], ("ABSENT", {}), "PENDING_NEW", {"ILLEGAL"}),
        ([("UNKNOWN", {})], ("ABSENT", {}), "REJECTED", {"APPLIED", "TERMINAL"}),
        ([("ACK", {})], ("EXPIRED", {}), "EXPIRED", {"APPLIED", "TERMINAL"}),
        ([("ACK", {})], ("DONE_FOR_DAY", {}), "DONE_FOR_DAY", {"APPLIED"}),
        ([("ACK", {}), ("DONE_FOR_DAY", {})], fill(1, 1), "PARTIALLY_FILLED", None),
        ([("ACK", {})], ("SUSPENDED", {}), "SUSPENDED", {"APPLIED"}),
        ([("ACK", {}), ("SUSPENDED", {})], ("RESUMED", {}), "NEW", {"APPLIED"}),
        ([fill(1, 2), ("SUSPENDED", {})], ("RESUMED", {}), "PARTIALLY_FILLED", {"APPLIED"}),
        ([("ACK", {})], ("RESUMED", {}), "NEW", {"ILLEGAL"}),
        ([("ACK", {})], ("RESOLVED", {"status": "CANCELED"}), "NEW", {"ILLEGAL"}),
        (
            [("UNKNOWN", {})],
            ("RESOLVED", {"status": "CANCELED"}),
            "CANCELED",
            {"APPLIED", "TERMINAL"},
        ),
        ([("CANCELED", {})], ("REPLACE_REQUESTED", {"successor": NEXT}), "CANCELED", {"ILLEGAL"}),
    ],
)
def test_rows_of_the_table(
    before: list[Report], event: Report, status: str, effect: set[str] | None
) -> None:
    table = placed()
    feed(table, *before)
    found = feed(table, event)[0]
    assert state(table)["status"] == status
    assert effect is None or found == effect


def test_an_illegal_event_changes_nothing() -> None:
    for before in ([], [("ACK", {})], [fill(1, 10)], [("REJECT", {})], [("CANCELED", {})]):
        for name in ("APPROVED", "DENIED", "CANCEL_REQUESTED", "REPLACED", "RESUMED", "ABSENT"):
            table = placed()
            feed(table, *before)  # type: ignore[arg-type]
            was = state(table)
            if "ILLEGAL" in feed(table, (name, {}))[0]:
                assert state(table) == was


def test_nothing_but_an_approval_or_a_denial_follows_an_intent() -> None:
    for name in ("ACK", "REJECT", "FILL", "CANCELED", "UNKNOWN", "EXPIRED", "STATUS", "SUSPENDED"):
        table = placed(approved=False)
        more = {"trade_id": 1, "quantity": 1} if name == "FILL" else {}
        assert "ILLEGAL" in feed(table, (name, more))[0]
        assert state(table)["status"] == "INTENT"


def test_cancel_rejected_leaves_doubt_until_a_query_answers() -> None:
    table = placed()
    feed(table, ("ACK", {}), ("CANCEL_REQUESTED", {}))
    assert feed(table, ("CANCEL_REJECTED", {}))[0] == {"APPLIED", "QUERY"}
    assert (state(table)["pending"], state(table)["evidence"]) == ("NONE", "UNKNOWN")
    feed(table, ("STATUS", {"status": "NEW", "collected": 9}))
    assert state(table)["evidence"] == "CONFIRMED"


def test_a_late_acknowledgement_of_an_absent_order_is_a_live_dispute() -> None:
    table = placed()
    feed(table, ("UNKNOWN", {}), ("ABSENT", {}))
    assert feed(table, ("ACK", {}))[0] == {"APPLIED", "DISPUTED", "HALT"}
    assert (state(table)["status"], state(table)["leaves"]) == ("NEW", 10)


def test_a_replace_keeps_one_cumulative_quantity() -> None:
    table = placed()
    feed(table, ("ACK", {"venue_order_id": 5}), fill(1, 4))
    feed(table, ("REPLACE_REQUESTED", {"successor": NEXT, "quantity": 8, "price": 101}))
    assert state(table)["pending"] == "REPLACE"
    feed(table, ("REPLACED", {"successor": NEXT, "venue_order_id": 6}))
    assert table.state(ID) == table.state(NEXT)
    s = state(table)
    assert (s["id"], s["quantity"], s["cumulative"], s["leaves"]) == (NEXT, 8, 4, 4)
    assert table.by_venue_id(1, 6) == NEXT
    feed(table, fill(2, 4, own=NEXT))
    assert state(table)["status"] == "FILLED"


def test_a_replace_below_what_is_filled_ends_the_order() -> None:
    table = placed()
    feed(table, ("ACK", {}), fill(1, 6))
    feed(table, ("REPLACE_REQUESTED", {"successor": NEXT, "quantity": 5}), ("REPLACED", {}))
    s = state(table)
    assert (s["status"], s["cumulative"], s["overfilled"]) == ("FILLED", 6, False)


def test_real_trades_take_the_place_of_a_guess() -> None:
    table = placed()
    feed(table, ("ACK", {}), fill(1 << 63, 6, 100, guess=True))
    assert state(table)["cumulative"] == 6
    assert "COMPENSATED" in feed(table, fill(8, 2, 99))[0]
    feed(table, fill(9, 4, 101))
    s = state(table)
    assert (s["cumulative"], s["guessed"]) == (6, 0)
    assert s["average"] == (2 * 99 + 4 * 101) * 10**8 // 6


def test_a_bust_reopens_only_on_the_venues_word() -> None:
    for lives, status in ((False, "FILLED"), (True, "PARTIALLY_FILLED")):
        table = placed()
        feed(table, fill(1, 4), fill(2, 6))
        feed(table, ("TRADE_BUST", {"trade_id": 2, "definite": lives}))
        assert (state(table)["status"], state(table)["cumulative"]) == (status, 4)


def test_a_snapshot_never_takes_a_fill_back() -> None:
    table = placed()
    feed(table, ("ACK", {}), fill(1, 4))
    feed(table, ("STATUS", {"status": "NEW", "cumulative": 0, "collected": 5}))
    assert state(table)["cumulative"] == 4
    ahead = feed(table, ("STATUS", {"status": "PARTIALLY_FILLED", "cumulative": 7}))[0]
    assert "FILL_QUERY" in ahead and state(table)["cumulative"] == 4


def test_the_table_forgets_only_finished_orders() -> None:
    table = Orders(4, 16)
    for n in range(4):
        assert table.new(n + 1, quantity=1)
        table.report(n + 1, "APPROVED")
    assert not table.new(9, quantity=1), "four live orders fill the table"
    table.report(2, "REJECT")
    assert table.new(9, quantity=1) and table.state(2) is None
    assert not table.new(10, quantity=1) and table.live == 3
    assert not table.new(9, quantity=1), "a known id is never given twice"


def test_a_disputed_order_keeps_its_place() -> None:
    table = Orders(2, 16)
    table.new(1, quantity=1)
    feed_one = table.report
    feed_one(1, "APPROVED")
    feed_one(1, "FILL", trade_id=1, quantity=1, price=5)
    feed_one(1, "FILL", trade_id=1, quantity=1, price=6)
    assert table.new(2, quantity=1)
    assert not table.new(3, quantity=1)
    feed_one(1, "RESOLVED", status="FILLED")
    assert table.new(3, quantity=1) and table.state(1) is None


HISTORIES: dict[str, list[Report]] = {
    "filled": [("ACK", {"venue_order_id": 5}), fill(1, 4), fill(2, 6, 101)],
    "rest cancelled": [("ACK", {"venue_order_id": 5}), fill(1, 4), fill(2, 3), ("CANCELED", {})],
    "expired": [("ACK", {}), fill(1, 4), ("EXPIRED", {})],
    "rejected": [("REJECT", {"reason": -2010}), ("REJECT", {"reason": -2010})],
    "post-only": [("ACK", {"venue_order_id": 5}), ("REJECT", {"reason": -2010})],
    "reported twice": [("ACK", {}), fill(1, 4), fill(1, 4), ("CANCELED", {})],
    "cancel lost a race": [("ACK", {}), fill(1, 10), ("CANCELED", {}), ("CANCELED", {})],
    "suspended": [
        ("ACK", {}),
        fill(1, 4, venue_time=2),
        ("SUSPENDED", {"venue_time": 3}),
        ("RESUMED", {"venue_time": 4}),
    ],
    "left suspended": [
        ("ACK", {}),
        ("SUSPENDED", {"venue_time": 3}),
        ("RESUMED", {"venue_time": 4}),
        ("SUSPENDED", {"venue_time": 5}),
    ],
    "filled while done for the day": [
        ("ACK", {}),
        ("DONE_FOR_DAY", {"venue_time": 3}),
        fill(1, 4, venue_time=4),
    ],
    "busted": [("ACK", {}), fill(1, 4), ("TRADE_BUST", {"trade_id": 1, "definite": True})],
    "corrected": [
        ("ACK", {}),
        fill(1, 4),
        ("TRADE_CORRECTION", {"trade_id": 1, "quantity": 3, "price": 99, "definite": True}),
    ],
    "fill beside a reject": [("REJECT", {}), fill(1, 4)],
    "accepted, filled, rejected": [("ACK", {}), fill(1, 4), ("REJECT", {})],
}
LONG: dict[str, list[Report]] = {
    "six": [
        ("ACK", {"venue_order_id": 5}),
        fill(1, 2, venue_time=1),
        fill(2, 3, venue_time=4),
        ("SUSPENDED", {"venue_time": 2}),
        ("RESUMED", {"venue_time": 3}),
        ("CANCELED", {}),
    ],
    "six fills": [fill(n, 1, 100 + n) for n in range(1, 7)],
    "twice over": [("ACK", {}), fill(1, 4), ("CANCELED", {})] * 2,
}


Property = Callable[[str, object], None]


def all_arrivals(
    history: list[Report], record_property: Property, replace: bool = False
) -> set[str]:
    """The states that all orders of these reports end in; how many orders is noted."""
    record_property("injected", math.factorial(len(history)))
    ends = set()
    for order in itertools.permutations(history):
        table = placed()
        if replace:
            feed(table, ("ACK", {"venue_order_id": 5}))
            feed(table, ("REPLACE_REQUESTED", {"successor": NEXT, "quantity": 12, "price": 101}))
        feed(table, *order)
        ends.add(repr(sorted(state(table).items())))
    return ends


@pytest.mark.parametrize("name", HISTORIES)
def test_every_arrival_order_ends_in_the_same_state(name: str, record_property: Property) -> None:
    """Broken, a late or repeated report would leave another position than the venue's (5.5)."""
    assert len(all_arrivals(HISTORIES[name], record_property)) == 1


@pytest.mark.long
@pytest.mark.parametrize("name", LONG)
def test_every_arrival_order_of_six_reports(name: str, record_property: Property) -> None:
    assert len(all_arrivals(LONG[name], record_property)) == 1


def test_every_arrival_order_around_a_replace(record_property: Property) -> None:
    history: list[Report] = [
        fill(1, 4, own=ID),
        ("REPLACED", {"successor": NEXT, "venue_order_id": 6}),
        fill(2, 3, own=NEXT, venue_order_id=6),
        ("CANCELED", {"own": NEXT, "venue_order_id": 6}),
    ]
    assert len(all_arrivals(history, record_property, replace=True)) == 1


NAMES = [
    "DENIED", "APPROVED", "UNKNOWN", "ACK", "REJECT", "FILL", "FILL", "FILL", "CANCEL_REQUESTED",
    "CANCELED", "CANCEL_REJECTED", "REPLACE_REQUESTED", "REPLACED", "REPLACE_REJECTED", "EXPIRED",
    "DONE_FOR_DAY", "SUSPENDED", "RESUMED", "TRADE_BUST", "TRADE_CORRECTION", "ABSENT", "RESOLVED",
    "STATUS",
]  # fmt: skip
OF_AN_ID = {
    "FILL", "CANCELED", "EXPIRED", "ACK", "REJECT", "TRADE_CORRECTION", "TRADE_BUST", "STATUS",
    "SUSPENDED", "RESUMED",
}  # fmt: skip
STATED = ["NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "REJECTED", "EXPIRED", "INTENT"]


def random_report(rng: random.Random, ids: list[int]) -> tuple[str, dict[str, object]]:
    name = rng.choice(NAMES)
    r: dict[str, object] = {
        "trade_id": rng.randrange(0, 6),
        "price": rng.choice([99, 100, 101]),
        "quantity": rng.choice([1, 2, 3, 5, 0]),
        "venue_time": rng.choice([0, 0, 1, 2, 3, 4]),
        "venue_order_id": rng.choice([0, 0, 5, 6]),
        "definite": rng.random() < 0.4,
        "now": rng.randrange(10),
        "collected": rng.randrange(10),
    }
    if name in {"STATUS", "RESOLVED"}:
        r["status"] = rng.choice(STATED)
    if name in {"REPLACE_REQUESTED", "REPLACED"}:
        r["successor"] = rng.choice([*ids, 0])
    if name in OF_AN_ID and rng.random() < 0.5:
        r["own"] = rng.choice(ids)
    return name, r


@pytest.mark.parametrize("seed", range(20))
def test_equals_the_twin(seed: int) -> None:
    """On random reports, legal or not: the same outcome and the same whole state."""
    rng = random.Random(seed)
    for _ in range(300):
        table = Orders(8, 64)
        table.new(ID, quantity=6, price=100)
        slow = twin.Order(ID, 100, 6)
        ids = [ID, NEXT, NEXT + 1]
        for _ in range(rng.randrange(2, 14)):
            name, r = random_report(rng, ids)
            fast = table.report(ID, name, **r) & 15  # type: ignore[arg-type]
            said = slow.apply(name, **r)  # type: ignore[arg-type]
            found = {k: v for k, v in state(table).items() if k != "guessed"}
            assert (("", "APPLIED", "IGNORED", "ILLEGAL")[fast], found) == (said, slow.state()), (
                name,
                r,
            )
            assert table.live == (slow.status in twin.LIVE)


@pytest.mark.parametrize(("room", "trades"), [(3, 64), (1, 64), (16, 0), (16, 63)])
def test_a_table_has_powers_of_two(room: int, trades: int) -> None:
    with pytest.raises(ValueError, match="powers of two"):
        Orders(room, trades)


@pytest.mark.skipif("sanitize" in os.environ.get("TIERCEL_BUILD", ""), reason="ASan needs room")
def test_a_table_without_memory_is_none() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    have = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (have + (64 << 20), hard))
    try:
        with pytest.raises(MemoryError):
            Orders(1 << 22, 64)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def test_a_forgotten_order_takes_all_its_ids_with_it() -> None:
    """The chain's older ids are free again, or they would run out and find another's place."""
    table = Orders(2, 64)
    for n in range(1, 40):
        first, second, third = (pack_id(7, 3, n, leg, 1) for leg in (0, 1, 2))
        assert table.new(first, quantity=10, price=100)
        table.report(first, "APPROVED")
        table.report(first, "ACK", venue_order_id=n)
        for before, after in ((first, second), (second, third)):
            asked = table.report(before, "REPLACE_REQUESTED", successor=after, quantity=10, price=9)
            assert "APPLIED" in effect_names(asked)
            assert "APPLIED" in effect_names(table.report(before, "REPLACED", successor=after))
        assert all(table.state(i) is not None for i in (first, second, third))
        table.report(third, "CANCELED")
        old = pack_id(7, 3, n - 2, 0, 1) if n > 2 else None
        assert old is None or table.state(old) is None
    assert table.used == 2 and table.live == 0


def test_an_operator_may_state_that_an_unknown_order_was_rejected() -> None:
    table = placed()
    feed(table, ("UNKNOWN", {}))
    assert feed(table, ("RESOLVED", {"status": "REJECTED"})) == [{"APPLIED", "TERMINAL"}]
    assert (state(table)["status"], state(table)["evidence"]) == ("REJECTED", "CONFIRMED")


def test_an_order_that_traded_cannot_be_stated_rejected() -> None:
    table = placed()
    feed(table, fill(1, 4), ("CANCEL_REQUESTED", {}), ("UNKNOWN", {}))
    before = state(table)
    assert feed(table, ("RESOLVED", {"status": "REJECTED"})) == [{"ILLEGAL"}]
    assert state(table) == before


def test_a_report_of_no_type_is_illegal_and_an_id_that_is_not_there_is_said() -> None:
    table = placed()
    before = state(table)
    assert feed(table, ("", {})) == [{"ILLEGAL"}]
    assert state(table) == before
    with pytest.raises(KeyError):
        table.report(NEXT, "ACK")


@pytest.mark.parametrize("parts", [(1 << 40, 1, 1, 0, 0), (1, 1, 1 << 48, 0, 0)])
def test_an_id_that_does_not_fit_is_refused(parts: tuple[int, int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="instance has 40 bits"):
        pack_id(*parts)


def test_used_and_live_are_counted() -> None:
    table = placed()
    assert (table.used, table.live) == (1, 1)
    feed(table, ("ACK", {}), ("CANCELED", {}))
    assert (table.used, table.live) == (1, 0)
