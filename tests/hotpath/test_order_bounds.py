"""The order life at its edges: each rule where it begins and ends, and the table's own lists."""

from __future__ import annotations

import random
from typing import Any

import pytest

from hotpath.order import Orders, effect_names, pack_id, read_id, spell_id, spell_twice
from tests.hotpath.test_order import ID, NEXT, Report, feed, fill, placed, random_report, state
from tests.reference import order as twin

AFTER = pack_id(7, 3, 13, 0, 1)
LARGEST = 2**63 - 1
ACK: Report = ("ACK", {})
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def replace(id: int = NEXT, quantity: int = 10, price: int = 100) -> Report:
    return "REPLACE_REQUESTED", {"successor": id, "quantity": quantity, "price": price}


def bust(trade_id: int, definite: bool = False, **more: object) -> Report:
    return "TRADE_BUST", {"trade_id": trade_id, "definite": definite, **more}


def correct(trade_id: int, quantity: int, price: int, **more: object) -> Report:
    return "TRADE_CORRECTION", {
        "trade_id": trade_id, "quantity": quantity, "price": price, **more,
    }  # fmt: skip


def suspended(venue_time: int) -> Report:
    return "SUSPENDED", {"venue_time": venue_time}


def resumed(venue_time: int) -> Report:
    return "RESUMED", {"venue_time": venue_time}


def after(*reports: Report, quantity: int = 10) -> Orders:
    table = placed(quantity)
    feed(table, *reports)
    return table


def last(table: Orders, *reports: Report) -> set[str]:
    return feed(table, *reports)[-1]


def look(table: Orders, *names: str) -> tuple[object, ...]:
    return tuple(state(table)[name] for name in names)


# ---- identity ------------------------------------------------------------------------------------


def spelled(v: int) -> str:
    text = ""
    for _ in range(11):
        v, digit = divmod(v, 62)
        text = DIGITS[digit] + text
    assert v == 0
    return text


def value(text: str) -> int:
    v = 0
    for digit in text:
        v = v * 62 + DIGITS.index(digit)
    return v


def test_ids_are_written_digit_by_digit_and_twice_alike() -> None:
    rng = random.Random(2)
    halves = [0, 1, 61, 62, 62**5 - 1, 62**5, 62**10, 2**64 - 1]
    halves += [rng.getrandbits(64) for _ in range(50)]
    for hi in halves:
        lo = rng.choice(halves)
        text = spelled(hi) + spelled(lo)
        assert spell_id(hi << 64 | lo) == text
        assert spell_twice(hi << 64 | lo) == (text, text)
        assert read_id(text) == hi << 64 | lo


def test_only_digits_and_letters_are_read_and_no_more_than_64_bits() -> None:
    text = spell_id(ID)
    for code in range(1, 256):
        for at in (0, 10, 11, 21):
            one = text[:at] + chr(code) + text[at + 1 :]
            read = read_id(one)
            digits = code < 128 and chr(code) in DIGITS
            if digits and value(one[:11]) < 2**64 and value(one[11:]) < 2**64:
                assert read is not None and spell_id(read) == one
            else:
                assert read is None, (code, at)
    most = spelled(2**64 - 1)
    assert read_id(most + most) == 2**128 - 1
    for beyond in range(2**64, 2**64 + 62, 7):
        assert read_id(spelled(beyond) + most) is None
        assert read_id(most + spelled(beyond)) is None
    assert read_id(text + "0") is None and read_id(text[:-1]) is None and read_id("") is None


def test_an_id_of_nought_is_no_id_and_a_known_one_is_not_given_twice() -> None:
    table = Orders(4, 16)
    assert not table.new(0, quantity=1)
    for id in (1, 1 << 64, 5):
        assert table.new(id, quantity=1)
        assert not table.new(id, quantity=1)
    assert table.used == 3


@pytest.mark.parametrize("part", ["instance", "position"])
def test_the_parts_of_an_id_fill_their_bits(part: str) -> None:
    parts = {"instance": 5, "source": 3, "position": 7, "leg": 2, "attempt": 1}
    most = 2 ** {"instance": 40, "position": 48}[part] - 1
    pack_id(**(parts | {part: most}))
    with pytest.raises(ValueError, match="40 bits"):
        pack_id(**(parts | {part: most + 1}))


# ---- the table -----------------------------------------------------------------------------------


def test_the_smallest_table() -> None:
    table = Orders(2, 2)
    assert table.new(1, quantity=1) and table.new(2, quantity=1) and not table.new(3, quantity=1)
    assert table.used == 2


def test_an_index_finds_every_id_through_all_that_comes_and_goes() -> None:
    """Neighbours share places: a removal must leave the others where they are found."""
    rng = random.Random(4)
    for _ in range(12):
        table, live, position = Orders(8, 16), dict[int, int](), 0
        for _ in range(80):
            if live and (len(live) == 8 or rng.random() < 0.45):
                id = rng.choice(list(live))
                table.report(id, "CANCELED")
                del live[id]
            else:
                position += rng.choice([1, 1, 8, 64, 512])
                id = pack_id(rng.choice([5, 6]), 9, position, rng.choice([0, 1]), 0)
                assert table.new(id, quantity=position, price=1)
                table.report(id, "APPROVED")
                table.report(id, "ACK", venue_order_id=position)
                live[id] = position
            assert table.live == len(live)
            for id, quantity in live.items():
                found = table.state(id)
                assert found is not None and found["quantity"] == quantity
                assert table.by_venue_id(1, quantity) == id
                assert table.by_venue_id(2, quantity) is None


@pytest.mark.parametrize("prepares", [False, True])
def test_the_order_that_ended_first_is_forgotten_first(prepares: bool) -> None:
    """Beside a plain list: ends, doubts that take an order off it, settlements that put it back."""
    rng = random.Random(6)
    for _ in range(25):
        table, live, ended, disputed, number = (
            Orders(4, 64),
            list[int](),
            list[int](),
            list[int](),
            0,
        )
        for _ in range(60):
            what = rng.random()
            if what < 0.45:
                full = len(live) + len(ended) + len(disputed) == 4
                if prepares:
                    table.prepare()
                    if full and ended:
                        assert table.state(ended.pop(0)) is None
                    full = len(live) + len(ended) + len(disputed) == 4
                number += 1
                made = table.new(number, quantity=1, price=3)
                assert made == (not full or bool(ended))
                if made:
                    if full:
                        assert table.state(ended.pop(0)) is None
                    table.report(number, "APPROVED")
                    fresh = table.state(number)
                    assert fresh is not None
                    assert (fresh["venue_order_id"], fresh["cumulative"]) == (0, 0)
                    assert (fresh["status"], fresh["evidence"]) == ("PENDING_NEW", "CONFIRMED")
                    live.append(number)
            elif what < 0.75 and live:
                id = live.pop(rng.randrange(len(live)))
                table.report(id, "FILL", trade_id=id, quantity=1, price=3, venue_order_id=id)
                ended.append(id)
            elif what < 0.9 and ended:
                id = ended.pop(rng.randrange(len(ended)))
                table.report(id, "FILL", trade_id=id, quantity=1, price=4)
                disputed.append(id)
            elif disputed:
                id = disputed.pop(rng.randrange(len(disputed)))
                table.report(id, "RESOLVED", status="FILLED")
                ended.append(id)
            assert table.used == len(live) + len(ended) + len(disputed)
            assert table.live == len(live)
            for id in (*live, *ended, *disputed):
                assert table.state(id) is not None
                assert table.by_venue_id(1, id) == (None if id in live else id)


def test_a_place_made_ready_is_as_good_as_new() -> None:
    table = Orders(2, 64)
    table.prepare()
    table.prepare()
    for n in range(1, 9):
        assert table.new(n, quantity=5, price=n)
        table.report(n, "APPROVED")
        table.report(n, "FILL", trade_id=n, quantity=5, price=n, venue_order_id=n, venue_time=n)
        found = table.state(n)
        assert found is not None
        assert (found["average"], found["overfilled"]) == (n * 10**8, False)
        for _ in range(n % 3):
            table.prepare()
    live = Orders(2, 64)
    assert live.new(1, quantity=1) and live.new(2, quantity=1)
    for id in (0, 1 << 24, 3 << 24, ID):
        live.prepare(id)  # nothing can be forgotten
    assert live.used == 2 and not live.new(3, quantity=1)


def test_approving_in_one_step_is_what_the_report_does() -> None:
    histories: list[list[Report]] = [
        [], [("DENIED", {})], [("APPROVED", {})], [("APPROVED", {}), fill(1, 4)],
        [("APPROVED", {}), ("CANCELED", {})],
    ]  # fmt: skip
    for history in histories:
        by_report, at_once = placed(approved=False), placed(approved=False)
        for table in (by_report, at_once):
            feed(table, *history)
        feed(by_report, ("APPROVED", {"now": 7}))
        at_once.approve(ID, 7)
        assert state(at_once) == state(by_report)
        assert (at_once.live, at_once.used) == (by_report.live, by_report.used)
        for table in (
            by_report,
            at_once,
        ):  # the time of the last change decides what contradicts it
            feed(table, ("CANCELED", {"now": 8}))
        for collected in (7, 8, 9):
            asked: Report = ("STATUS", {"status": "NEW", "collected": collected, "now": 8})
            assert last(at_once, asked) == last(by_report, asked)
    with pytest.raises(KeyError):
        at_once.approve(NEXT)


def test_a_chain_of_replaces_has_two_older_ids_a_place() -> None:
    table = Orders(2, 64)
    assert table.new(1, quantity=10)
    for report in (("APPROVED", {}), ACK):
        table.report(1, report[0])
    for n in range(2, 6):
        assert "APPLIED" in effect_names(
            table.report(1, "REPLACE_REQUESTED", successor=n, quantity=10)
        )
        table.report(1, "REPLACED", successor=n)
    asked = table.report(1, "REPLACE_REQUESTED", successor=6, quantity=10)
    assert effect_names(asked) == {"ILLEGAL"}, "all places of older ids are taken"
    states = [table.state(n) for n in range(1, 6)]
    assert states[0] is not None and states[0]["id"] == 5
    assert all(s == states[0] for s in states) and table.state(6) is None
    table.report(3, "CANCELED")
    assert table.new(7, quantity=1) and table.new(8, quantity=1), "the chain is forgotten"
    assert [table.state(n) for n in range(1, 7)] == [None] * 6
    table.report(7, "APPROVED")
    table.report(7, "ACK")
    for n in range(9, 13):
        table.report(7, "REPLACE_REQUESTED", successor=n, quantity=10)
        assert "APPLIED" in effect_names(table.report(7, "REPLACED", successor=n))


def test_a_forgotten_order_takes_its_open_replace_with_it() -> None:
    table = Orders(2, 64)
    table.new(1, quantity=10)
    table.report(1, "APPROVED")
    table.report(1, "FILL", trade_id=1, quantity=1, venue_order_id=5)
    table.report(1, "REPLACE_REQUESTED", successor=2, quantity=10)
    table.report(1, "TRADE_BUST", trade_id=1, definite=True)
    table.report(1, "REJECT")  # it never lived, so nothing has taken its place
    assert table.state(2) == table.state(1) and table.live == 0
    assert table.new(3, quantity=1) and table.new(4, quantity=1)
    assert table.state(1) is None and table.state(2) is None and table.by_venue_id(1, 5) is None


def test_as_many_trades_are_known_as_there_is_room_for() -> None:
    table = Orders(2, 4)
    table.new(ID, quantity=100)
    table.report(ID, "APPROVED")
    feed(table, *(fill(n, 1) for n in range(1, 5)))
    assert [last(table, fill(n, 1)) for n in range(1, 5)] == [{"IGNORED"}] * 4
    assert look(table, "cumulative") == (4,)
    feed(table, fill(5, 1))
    assert [last(table, fill(n, 1)) for n in range(2, 6)] == [{"IGNORED"}] * 4
    assert last(table, fill(1, 1)) == {"APPLIED", "POSITION"}, "the oldest was forgotten"
    other = Orders(2, 4)
    for instrument in (1, 2):
        other.new(instrument, quantity=5, instrument=instrument)
        other.report(instrument, "APPROVED")
        told = other.report(instrument, "FILL", trade_id=9, quantity=1)
        assert effect_names(told) == {"APPLIED", "POSITION"}, "a trade is its instrument's"


# ---- state ---------------------------------------------------------------------------------------


def test_an_order_of_nothing_is_not_filled() -> None:
    table = placed(quantity=0)
    assert look(table, "status", "leaves") == ("PENDING_NEW", 0)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("more", "said"), [(0, LARGEST), (1, 0)])
def test_an_average_at_the_end_of_64_bits(sign: int, more: int, said: int) -> None:
    lots = 10**8
    price, rest = divmod(LARGEST + more, lots)
    table = after(
        fill(1, lots - rest, sign * price), fill(2, rest, sign * (price + 1)), quantity=lots
    )
    assert look(table, "average", "cumulative") == (sign * said, lots)


def test_an_average_is_rounded_half_away_from_zero() -> None:
    lots = 2 * 10**8
    for sign in (1, -1):
        for trades, said in (
            ([(lots - 1, 0), (1, 1)], 1),
            ([(lots, 0)], 0),
            ([(3, 1), (4, 2)], 157142857),
        ):
            table = placed(quantity=lots)
            feed(table, *(fill(n + 1, q, sign * p) for n, (q, p) in enumerate(trades)))
            assert look(table, "average") == (sign * said,)
    table = after(fill(1, 10**8 * 3 - 1, 0), fill(2, 1, 1), quantity=10**9)
    assert look(table, "average") == (0,), "a third"


def test_a_cost_beyond_128_bits_has_no_average() -> None:
    table = after(fill(1, 2**62, 2**62), quantity=2**62)
    assert look(table, "average") == (0,)


def test_a_new_number_of_the_venue_takes_the_old_ones_place() -> None:
    table = after(("ACK", {"venue_order_id": 5}))
    assert (table.by_venue_id(1, 5), table.by_venue_id(1, 6)) == (ID, None)
    feed(table, fill(1, 1, venue_order_id=6))
    assert (table.by_venue_id(1, 5), table.by_venue_id(1, 6)) == (None, ID)
    feed(table, fill(2, 1, venue_order_id=6), fill(3, 1))
    assert look(table, "venue_order_id") == (6,) and table.by_venue_id(1, 6) == ID


def test_an_illegal_report_teaches_no_number() -> None:
    table = after(ACK, replace())
    told = last(table, fill(1, 0, own=NEXT, venue_order_id=77))
    assert told == {"ILLEGAL", "HALT"}
    assert look(table, "id", "venue_order_id") == (NEXT, 0), "it says that the replace happened"
    assert last(table, ("DENIED", {"venue_order_id": 77})) == {"ILLEGAL"}
    assert table.by_venue_id(1, 77) is None
    denied = placed(approved=False)
    feed(denied, ("DENIED", {"venue_order_id": 77}))
    assert look(denied, "status", "venue_order_id") == ("DENIED", 0)


# ---- fills ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "report",
    [fill(0, 1), fill(1, 0), fill(1, -1), fill(1, LARGEST)],
)
def test_a_fill_that_cannot_be_placed_halts(report: Report) -> None:
    table = after(fill(9, 1))
    before = state(table)
    assert last(table, report) == {"ILLEGAL", "HALT"}
    assert state(table) == before


def test_the_largest_fill() -> None:
    table = after(fill(9, 1))
    assert "OVERFILL" in last(table, fill(1, LARGEST - 1))
    assert look(table, "cumulative") == (LARGEST,)


def test_more_than_ordered_is_said_once() -> None:
    table = after(fill(1, 10))
    assert look(table, "overfilled") == (False,)
    assert last(table, fill(2, 1)) == {"APPLIED", "POSITION", "OVERFILL", "HALT"}
    assert last(table, fill(3, 1)) == {"APPLIED", "POSITION"}
    feed(table, bust(2, True), bust(3, True))
    assert look(table, "overfilled", "status") == (False, "FILLED")
    assert "OVERFILL" in last(table, fill(4, 1)), "and again when it is so again"


def test_an_id_is_overfilled_by_what_it_traded_beyond_its_own_quantity() -> None:
    """Not the chain by what it got beyond the wish: every order of it did what it was sent for."""
    table = after(ACK, fill(1, 6), replace(quantity=5), ("REPLACED", {}))
    assert look(table, "status", "overfilled", "leaves") == ("FILLED", False, 0)
    assert "OVERFILL" not in last(table, fill(2, 4, own=ID))
    assert look(table, "overfilled", "cumulative") == (False, 10)
    assert "OVERFILL" in last(table, fill(3, 1, own=ID)), "the old id was sent for ten"
    feed(table, bust(3))
    assert look(table, "overfilled") == (False,)
    assert "OVERFILL" in last(table, fill(4, 1, own=NEXT)), "the new one for nothing"
    feed(table, bust(1), bust(2))
    assert look(table, "overfilled", "cumulative") == (True, 1)
    feed(table, bust(4))
    assert look(table, "overfilled", "cumulative") == (False, 0)


def test_a_bust_is_of_the_id_under_which_the_trade_was_done() -> None:
    """Broken, a bust of an older id's trade would hide that the newest id is overfilled."""
    table = after(ACK, fill(1, 6), replace(quantity=5), ("REPLACED", {}), fill(2, 1, own=NEXT))
    assert look(table, "overfilled") == (True,)
    feed(table, bust(1), correct(3, 6, 100, own=ID))
    assert look(table, "cumulative", "overfilled") == (7, True)
    feed(table, correct(3, 5, 100, own=ID))
    assert look(table, "cumulative", "overfilled") == (6, True)
    feed(table, bust(2))
    assert look(table, "cumulative", "overfilled") == (5, False)
    assert "OVERFILL" in last(table, fill(4, 6, own=ID))
    feed(table, correct(4, 5, 100, own=ID))
    assert look(table, "overfilled") == (False,)
    feed(table, correct(3, 5, 101, own=NEXT))
    assert look(table, "overfilled") == (True,), "a correction says of which id it is"


def test_each_id_has_the_quantity_it_was_sent_for() -> None:
    table = after(ACK, replace(quantity=15), ("REPLACED", {}), replace(AFTER, 8), ("REPLACED", {}))
    assert look(table, "leaves", "quantity") == (8, 8)
    for n, (own, most) in enumerate(((ID, 10), (NEXT, 15), (AFTER, 8))):
        assert "OVERFILL" not in last(table, fill(10 * n + 1, most, own=own))
        assert "OVERFILL" in last(table, fill(10 * n + 2, 1, own=own))
        feed(table, bust(10 * n + 2))
    assert look(table, "status", "cumulative", "overfilled") == ("FILLED", 33, False)


@pytest.mark.parametrize("own", [None, NEXT])
def test_a_guess_and_its_trades_count_once_under_their_id(own: int | None) -> None:
    more: dict[str, Any] = {} if own is None else {"own": own}
    table = after(ACK, fill(1, 6), replace(quantity=5), ("REPLACED", {}))
    assert "OVERFILL" in last(table, fill(1 << 63, 2, guess=True, **more))
    assert look(table, "guessed", "cumulative", "overfilled") == (2, 8, True)
    assert last(table, fill(2, 1, **more)) == {"APPLIED", "POSITION", "COMPENSATED"}
    assert look(table, "guessed", "cumulative", "overfilled") == (1, 8, True)
    assert last(table, fill(3, 3, **more)) == {"APPLIED", "POSITION", "COMPENSATED"}
    assert look(table, "guessed", "cumulative", "overfilled") == (0, 10, True)
    assert last(table, fill(4, 1, **more)) == {"APPLIED", "POSITION"}
    feed(table, bust(2), bust(3), bust(4))
    assert look(table, "cumulative", "overfilled") == (6, False)


def test_a_guess_under_the_new_id_is_replaced_by_trades_of_the_old_one() -> None:
    table = after(ACK, fill(1, 6), replace(quantity=5), ("REPLACED", {}))
    feed(table, fill(1 << 63, 2, guess=True, own=NEXT), fill(2, 2, own=ID))
    assert look(table, "cumulative", "overfilled") == (8, False)
    feed(table, fill(3, 1, own=NEXT), bust(3))
    assert look(table, "cumulative", "overfilled") == (8, False)


def test_a_guess_is_valued_at_its_price_until_its_trades_come() -> None:
    table = after(fill(1 << 63, 4, 90, guess=True))
    assert look(table, "average") == (90 * 10**8,)
    feed(table, fill(1, 1, 100))
    assert look(table, "average") == ((3 * 90 + 100) * 10**8 // 4,)
    feed(table, fill(1 << 62, 2, 80, guess=True))
    assert look(table, "guessed", "cumulative") == (5, 6)


@pytest.mark.parametrize(
    ("before", "disputed"),
    [
        ([("DENIED", {"definite": True})], True),
        ([("REJECT", {})], True),
        ([("UNKNOWN", {}), ("ABSENT", {})], True),
        ([("CANCELED", {})], False),
        ([("EXPIRED", {})], False),
    ],
)
def test_a_fill_disputes_what_says_that_it_never_lived(
    before: list[Report], disputed: bool
) -> None:
    told = last(after(*before), fill(1, 4))
    assert told == {"APPLIED", "POSITION"} | ({"DISPUTED", "HALT"} if disputed else set())


def test_a_fill_ends_the_doubt_about_a_placement() -> None:
    table = after(("UNKNOWN", {}))
    assert look(table, "evidence") == ("UNKNOWN",)
    feed(table, fill(1, 4))
    assert look(table, "evidence") == ("CONFIRMED",)
    feed(table, bust(1, True))
    assert look(table, "status", "evidence") == ("PENDING_NEW", "CONFIRMED")
    assert last(table, ("ABSENT", {})) == {"ILLEGAL"}


# ---- taken back ----------------------------------------------------------------------------------


def test_a_bust_of_a_trade_that_was_not_reported_waits_for_it() -> None:
    table = after(ACK)
    assert last(table, bust(7)) == {"APPLIED"}
    assert last(table, fill(7, 4)) == {"IGNORED"}
    assert look(table, "cumulative", "status") == (0, "NEW")
    assert last(table, correct(8, 3, 99)) == {"APPLIED", "POSITION"}
    assert last(table, fill(8, 4)) == {"IGNORED"}
    assert look(table, "cumulative", "average") == (3, 99 * 10**8)


@pytest.mark.parametrize("report", [bust(0), correct(0, 1, 1), correct(1, 0, 1), correct(1, -1, 1)])
def test_nothing_is_taken_back_without_a_trade(report: Report) -> None:
    table = after(fill(1, 4))
    before = state(table)
    assert last(table, report) == {"ILLEGAL"}
    assert state(table) == before
    assert last(placed(approved=False), bust(1)) == {"ILLEGAL"}


def test_a_correction_counts_once_and_a_bust_ends_it() -> None:
    table = after(ACK, fill(1, 4, 100))
    changed = {"APPLIED", "POSITION", "COMPENSATED"}
    assert last(table, correct(1, 4, 100)) == changed, "it says so for the first time"
    assert last(table, correct(1, 4, 100)) == {"IGNORED"}
    assert last(table, correct(1, 4, 101)) == changed
    assert last(table, correct(1, 3, 101)) == changed
    assert last(table, correct(1, 3, 101)) == {"IGNORED"}
    assert look(table, "cumulative", "average") == (3, 101 * 10**8)
    assert last(table, bust(1, price=101, quantity=3)) == changed
    assert last(table, bust(1)) == {"IGNORED"} and last(table, correct(1, 2, 9)) == {"IGNORED"}
    assert last(table, fill(1, 4, 100)) == {"IGNORED"}
    assert look(table, "cumulative", "average", "status") == (0, 0, "NEW")


@pytest.mark.parametrize("own", [None, ID, NEXT])
def test_a_correction_counts_under_its_id(own: int | None) -> None:
    more: dict[str, object] = {} if own is None else {"own": own}
    table = after(ACK, fill(1, 6), replace(quantity=5), ("REPLACED", {}))
    feed(table, correct(1, 7, 100, **more))
    assert look(table, "cumulative", "overfilled") == (7, own != ID)
    feed(table, fill(2, 1, own=NEXT))
    assert look(table, "overfilled") == (True,)
    feed(table, bust(2))
    assert look(table, "overfilled") == (own != ID,)


def test_a_filled_order_stays_so_unless_the_venue_says_it_lives() -> None:
    for definite, status in ((False, "FILLED"), (True, "PARTIALLY_FILLED")):
        assert look(after(ACK, fill(1, 4), fill(2, 6), bust(2, definite)), "status") == (status,)
        table = after(ACK, fill(1, 4), fill(2, 6), correct(2, 5, 100, definite=definite))
        assert look(table, "status", "cumulative") == (status, 9)
    table = after(ACK, fill(1, 4), fill(2, 6), bust(2), bust(1, True))
    assert look(table, "status") == ("NEW",), "the venue's word came later"
    partly = after(ACK, fill(1, 4), fill(2, 3), bust(2))
    assert look(partly, "status") == ("PARTIALLY_FILLED",), "it was not filled"
    exactly = after(ACK, fill(1, 4), fill(2, 6), correct(2, 6, 99), bust(1, True))
    assert look(exactly, "status") == ("PARTIALLY_FILLED",)


def test_what_is_still_filled_after_a_bust_may_go_on_when_it_grows() -> None:
    table = after(ACK, fill(1, 10), bust(1), fill(2, 9))
    assert look(table, "status", "cumulative") == ("FILLED", 9)
    feed(table, correct(2, 8, 100, definite=True))
    assert look(table, "status", "leaves") == ("PARTIALLY_FILLED", 2)


# ---- ends ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["CANCELED", "EXPIRED"])
def test_an_end_that_lost_to_a_fill_is_kept_for_the_case_of_a_bust(name: str) -> None:
    table = after(ACK, fill(1, 10))
    assert last(table, (name, {})) == {"IGNORED"} and last(table, (name, {})) == {"IGNORED"}
    assert look(table, "status") == ("FILLED",)
    feed(table, bust(1, True))
    assert look(table, "status") == (name,)


@pytest.mark.parametrize("name", ["CANCELED", "EXPIRED"])
@pytest.mark.parametrize(
    ("before", "told"),
    [
        ([], {"APPLIED", "TERMINAL"}),
        ([("REJECT", {})], {"ILLEGAL"}),
        ([("DENIED", {"definite": True})], {"ILLEGAL"}),
        ([("SUSPENDED", {})], {"APPLIED", "TERMINAL"}),
        ([("DONE_FOR_DAY", {})], {"APPLIED", "TERMINAL"}),
    ],
)
def test_only_what_lives_can_end(name: str, before: list[Report], told: set[str]) -> None:
    assert last(after(*before), (name, {})) == told
    other = "EXPIRED" if name == "CANCELED" else "CANCELED"
    assert last(after((name, {})), (other, {})) == {"ILLEGAL"}
    assert last(after((name, {})), (name, {})) == {"IGNORED"}


@pytest.mark.parametrize(
    ("before", "told", "status"),
    [
        ([("REJECT", {})], {"IGNORED"}, "REJECTED"),
        ([("UNKNOWN", {}), ("ABSENT", {})], {"IGNORED"}, "REJECTED"),
        ([("DENIED", {"definite": True})], {"ILLEGAL"}, "DENIED"),
        ([("CANCELED", {})], {"ILLEGAL"}, "CANCELED"),
        ([ACK, ("SUSPENDED", {})], {"ILLEGAL"}, "SUSPENDED"),
        ([ACK, ("EXPIRED", {})], {"ILLEGAL"}, "EXPIRED"),
        ([("CANCELED", {}), fill(1, 1)], {"APPLIED", "DISPUTED", "HALT"}, "CANCELED"),
    ],
)
def test_rejects(before: list[Report], told: set[str], status: str) -> None:
    table = after(*before)
    assert last(table, ("REJECT", {})) == told
    assert look(table, "status") == (status,)


def test_an_acknowledgement_of_what_was_denied_is_a_dispute() -> None:
    table = after(("DENIED", {"definite": True}))
    assert last(table, ACK) == {"APPLIED", "DISPUTED", "HALT"}
    assert look(table, "status", "evidence") == ("NEW", "DISPUTED")
    assert last(table, ACK) == {"IGNORED"}


# ---- pauses --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "report", "told", "status"),
    [
        ([ACK], ("SUSPENDED", {}), {"APPLIED"}, "SUSPENDED"),
        ([ACK, ("SUSPENDED", {})], ("SUSPENDED", {}), {"IGNORED"}, "SUSPENDED"),
        ([ACK, ("SUSPENDED", {})], ("DONE_FOR_DAY", {}), {"APPLIED"}, "SUSPENDED"),
        ([ACK, ("DONE_FOR_DAY", {})], ("DONE_FOR_DAY", {}), {"IGNORED"}, "DONE_FOR_DAY"),
        ([ACK, ("DONE_FOR_DAY", {})], ("RESUMED", {}), {"ILLEGAL"}, "DONE_FOR_DAY"),
        ([ACK], ("RESUMED", {}), {"ILLEGAL"}, "NEW"),
        ([ACK], ("RESUMED", {"venue_time": 5}), {"IGNORED"}, "NEW"),
        ([ACK, resumed(5)], suspended(4), {"IGNORED"}, "NEW"),
        ([ACK, resumed(5)], suspended(5), {"APPLIED"}, "SUSPENDED"),
        ([ACK, suspended(5)], resumed(4), {"IGNORED"}, "SUSPENDED"),
        ([ACK, suspended(5)], resumed(5), {"APPLIED"}, "NEW"),
        ([ACK, suspended(5)], ("RESUMED", {}), {"APPLIED"}, "NEW"),
        ([ACK, suspended(5)], fill(1, 1, venue_time=4),
         {"APPLIED", "POSITION"}, "SUSPENDED"),
        ([ACK, suspended(5)], fill(1, 1, venue_time=5),
         {"APPLIED", "POSITION"}, "PARTIALLY_FILLED"),
        ([ACK, suspended(5)], fill(1, 1), {"APPLIED", "POSITION"}, "PARTIALLY_FILLED"),
        ([("REJECT", {})], ("SUSPENDED", {}), {"ILLEGAL"}, "REJECTED"),
        ([("DENIED", {"definite": True})], ("SUSPENDED", {}), {"ILLEGAL"}, "DENIED"),
        ([("CANCELED", {})], ("SUSPENDED", {}), {"IGNORED"}, "CANCELED"),
        ([("EXPIRED", {})], ("RESUMED", {}), {"IGNORED"}, "EXPIRED"),
        ([fill(1, 10)], ("DONE_FOR_DAY", {}), {"IGNORED"}, "FILLED"),
    ],
)  # fmt: skip
def test_pauses_are_ordered_by_the_venues_time(
    before: list[Report], report: Report, told: set[str], status: str
) -> None:
    table = after(*before)
    assert last(table, report) == told
    assert look(table, "status") == (status,)


# ---- what a query answers ------------------------------------------------------------------------


def answer(status: str, collected: int = 0, cumulative: int = -1) -> Report:
    return "STATUS", {"status": status, "collected": collected, "cumulative": cumulative}


@pytest.mark.parametrize("status", ["PENDING_NEW", "NEW", "PARTIALLY_FILLED"])
def test_an_answer_that_it_lives(status: str) -> None:
    assert last(after(("UNKNOWN", {})), answer(status)) == {"APPLIED"}
    table = after(ACK, fill(1, 4))
    assert last(table, answer(status)) == {"IGNORED"}
    assert last(table, answer(status, cumulative=4)) == {"IGNORED"}
    assert last(table, answer(status, cumulative=5)) == {"IGNORED", "FILL_QUERY"}
    over = after(("CANCELED", {"now": 7}))
    assert last(over, answer(status, collected=7)) == {"IGNORED"}, "collected before it ended"
    assert last(over, answer(status, collected=8)) == {"APPLIED", "DISPUTED", "HALT"}
    assert look(over, "evidence") == ("DISPUTED",)
    over = after(("CANCELED", {"now": 7}))
    told = last(over, answer(status, collected=8, cumulative=1))
    assert told == {"APPLIED", "DISPUTED", "HALT", "FILL_QUERY"}


def test_the_time_of_the_last_change_is_when_something_was_applied() -> None:
    late: Report = ("CANCELED", {"now": 20})
    for report, touches in ((late, False), (fill(1, 1, now=20), True)):
        table = after(("CANCELED", {"now": 7}))
        feed(table, report)
        assert ("DISPUTED" in last(table, answer("NEW", collected=20))) != touches


@pytest.mark.parametrize(
    ("asked", "pending"), [(("CANCEL_REQUESTED", {}), "NONE"), (replace(), "REPLACE")]
)
def test_an_answer_ends_the_doubt_about_a_change_that_was_sent_before_it(
    asked: Report, pending: str
) -> None:
    table = after(ACK, asked, ("UNKNOWN", {}))
    before = state(table)
    assert before["evidence"] == "UNKNOWN"
    assert last(table, answer("NEW", collected=0)) == {"IGNORED"}
    assert state(table) == before
    assert last(table, answer("NEW", collected=1)) == {"APPLIED"}
    assert look(table, "pending", "evidence") == (pending, "CONFIRMED")
    assert last(table, answer("NEW", collected=1)) == {"IGNORED"}, "there is no doubt left"


@pytest.mark.parametrize(
    ("status", "before", "told", "ends"),
    [
        ("FILLED", [ACK, fill(1, 4)], {"APPLIED", "FILL_QUERY"}, "PARTIALLY_FILLED"),
        ("FILLED", [("UNKNOWN", {})], {"APPLIED", "FILL_QUERY"}, "NEW"),
        ("FILLED", [fill(1, 10)], {"IGNORED"}, "FILLED"),
        ("CANCELED", [ACK], {"APPLIED", "TERMINAL"}, "CANCELED"),
        ("EXPIRED", [ACK], {"APPLIED", "TERMINAL"}, "EXPIRED"),
        ("REJECTED", [], {"APPLIED", "TERMINAL"}, "REJECTED"),
        ("CANCELED", [("CANCELED", {})], {"IGNORED"}, "CANCELED"),
        ("INTENT", [ACK], {"ILLEGAL"}, "NEW"),
        ("SUSPENDED", [ACK], {"ILLEGAL"}, "NEW"),
    ],
)
def test_an_answer_that_it_ended(
    status: str, before: list[Report], told: set[str], ends: str
) -> None:
    table = after(*before)
    filled = look(table, "cumulative")[0]
    assert isinstance(filled, int)
    assert last(table, answer(status, cumulative=filled)) == told
    assert look(table, "status") == (ends,)
    if status in {"CANCELED", "EXPIRED", "REJECTED"}:
        more = last(after(*before), answer(status, cumulative=filled + 1))
        assert more == told | {"FILL_QUERY"}
    if status == "FILLED" and ends != "FILLED":
        assert look(table, "evidence") == ("UNKNOWN",), "until its trades have come"


@pytest.mark.parametrize(
    ("before", "status", "told", "ends"),
    [
        ([("UNKNOWN", {})], "NEW", {"APPLIED"}, "NEW"),
        ([("UNKNOWN", {})], "PARTIALLY_FILLED", {"APPLIED"}, "NEW"),
        ([("UNKNOWN", {})], "FILLED", {"APPLIED", "TERMINAL"}, "FILLED"),
        ([("UNKNOWN", {})], "CANCELED", {"APPLIED", "TERMINAL"}, "CANCELED"),
        ([("UNKNOWN", {})], "EXPIRED", {"APPLIED", "TERMINAL"}, "EXPIRED"),
        ([("UNKNOWN", {})], "REJECTED", {"APPLIED", "TERMINAL"}, "REJECTED"),
        ([("UNKNOWN", {})], "SUSPENDED", {"ILLEGAL"}, "PENDING_NEW"),
        ([ACK], "NEW", {"ILLEGAL"}, "NEW"),
        ([ACK, ("CANCEL_REQUESTED", {}), ("UNKNOWN", {})], "REJECTED", {"ILLEGAL"}, "NEW"),
        ([fill(1, 4), ("CANCEL_REQUESTED", {}), ("UNKNOWN", {})], "REJECTED", {"ILLEGAL"},
         "PARTIALLY_FILLED"),
        ([fill(1, 4), fill(1, 5)], "PARTIALLY_FILLED", {"APPLIED"}, "PARTIALLY_FILLED"),
        ([fill(1, 4), fill(1, 5), ("SUSPENDED", {})], "NEW", {"APPLIED"}, "PARTIALLY_FILLED"),
        ([fill(1, 4), fill(1, 5), ("DONE_FOR_DAY", {})], "NEW", {"APPLIED"}, "PARTIALLY_FILLED"),
        ([("REJECT", {}), fill(1, 4)], "CANCELED", {"APPLIED", "TERMINAL"}, "CANCELED"),
        ([("DENIED", {"definite": True}), ACK], "EXPIRED", {"APPLIED", "TERMINAL"}, "EXPIRED"),
    ],
)  # fmt: skip
def test_an_operators_word_settles_what_is_in_doubt(
    before: list[Report], status: str, told: set[str], ends: str
) -> None:
    table = after(*before)
    doubt = look(table, "evidence")
    assert last(table, ("RESOLVED", {"status": status})) == told
    assert look(table, "status", "evidence") == (
        ends,
        *(doubt if "ILLEGAL" in told else ("CONFIRMED",)),
    )


# ---- cancels and replaces ------------------------------------------------------------------------


def test_a_cancel_is_asked_once_and_of_what_lives() -> None:
    table = after(ACK)
    assert last(table, ("CANCEL_REQUESTED", {})) == {"APPLIED"}
    assert last(table, ("CANCEL_REQUESTED", {})) == {"IGNORED"}
    assert last(table, ("CANCEL_REJECTED", {"definite": True})) == {"APPLIED"}
    assert look(table, "pending", "evidence") == ("NONE", "CONFIRMED")
    assert last(table, ("CANCEL_REJECTED", {})) == {"ILLEGAL"}
    for ended in (("CANCELED", {}), ("REJECT", {}), ("EXPIRED", {}), fill(1, 10)):
        over = after(ended)
        assert last(over, ("CANCEL_REQUESTED", {})) == {"ILLEGAL"}
        assert last(over, ("CANCEL_REJECTED", {})) == {"IGNORED"}
        assert last(over, ("REPLACE_REJECTED", {})) == {"IGNORED"}
    denied = after(("DENIED", {"definite": True}))
    assert last(denied, ("CANCEL_REJECTED", {})) == {"ILLEGAL"}
    assert last(denied, ("REPLACE_REJECTED", {})) == {"ILLEGAL"}
    asked = after(ACK, ("CANCEL_REQUESTED", {}), ("CANCELED", {}))
    assert look(asked, "pending") == ("NONE",)


def test_a_cancel_during_a_replace_leaves_the_replace_open() -> None:
    table = after(ACK, replace(), ("CANCEL_REQUESTED", {}))
    assert look(table, "pending") == ("CANCEL",)
    assert last(table, replace(AFTER)) == {"ILLEGAL"}
    assert last(table, ("CANCEL_REJECTED", {"definite": True})) == {"APPLIED"}
    assert look(table, "pending") == ("REPLACE",)
    feed(table, ("CANCEL_REQUESTED", {}), ("REPLACED", {"successor": NEXT}))
    assert look(table, "pending", "id") == ("CANCEL", NEXT)
    other = after(
        ACK, replace(), ("CANCEL_REQUESTED", {}), ("REPLACE_REJECTED", {"definite": True})
    )
    assert look(other, "pending", "id") == ("CANCEL", ID)


@pytest.mark.parametrize(
    ("before", "report"),
    [
        ([], replace()),
        ([ACK, ("SUSPENDED", {})], replace()),
        ([ACK, ("CANCEL_REQUESTED", {})], replace()),
        ([ACK, replace()], replace(AFTER)),
        ([ACK], replace(0)),
        ([ACK], replace(quantity=0)),
        ([ACK], replace(quantity=-1)),
        ([ACK], replace(ID)),
        # the answer ended the doubt and the pending replace with it, not the replace itself
        (
            [ACK, replace(), ("CANCEL_REQUESTED", {}), ("UNKNOWN", {}), answer("NEW", 1)],
            replace(AFTER),
        ),
    ],
)  # fmt: skip
def test_a_replace_that_cannot_be_asked(before: list[Report], report: Report) -> None:
    table = after(*before)
    was = state(table)
    assert last(table, report) == {"ILLEGAL"}
    assert state(table) == was
    assert table.state(AFTER) is None


def test_replaced_names_its_successor_or_none() -> None:
    table = after(ACK, replace(quantity=12, price=103))
    assert last(table, ("REPLACED", {"successor": AFTER})) == {"ILLEGAL"}
    assert look(table, "id", "pending", "price") == (ID, "REPLACE", 100)
    assert last(table, ("REPLACED", {})) == {"APPLIED"}
    assert look(table, "id", "pending", "price", "quantity", "leaves") == (
        NEXT,
        "NONE",
        103,
        12,
        12,
    )
    assert last(table, ("REPLACED", {"successor": NEXT})) == {"IGNORED"}
    assert last(table, ("REPLACED", {})) == {"ILLEGAL"}
    assert last(after(ACK), ("REPLACED", {"successor": NEXT})) == {"ILLEGAL"}


@pytest.mark.parametrize(
    ("end", "status"), [(("REJECT", {}), "REJECTED"), (("DENIED", {"definite": True}), "DENIED")]
)
def test_what_never_lived_is_not_replaced(end: Report, status: str) -> None:
    table = after(fill(1, 4), replace(), bust(1, True), end)
    assert look(table, "status") == (status,)
    assert last(table, ("REPLACED", {"successor": NEXT})) == {"ILLEGAL"}
    assert look(table, "id") == (ID,)


def test_a_replace_after_the_end_still_happened() -> None:
    """Half of a replace is the cancel of the old one: the chain lives on."""
    for end in ("CANCELED", "EXPIRED", "REJECT"):
        table = after(ACK, replace(), (end, {}))
        assert look(table, "id", "status", "pending") == (ID, "NEW", "REPLACE")
        assert last(table, ("REPLACED", {"successor": NEXT})) == {"APPLIED"}
        assert look(table, "id", "status", "leaves") == (NEXT, "NEW", 10)
        assert last(table, (end, {"own": ID})) == {"IGNORED"}
        assert last(table, (end, {"own": NEXT})) == {"APPLIED", "TERMINAL"}


def test_a_rejected_replace_is_gone() -> None:
    table = after(ACK, replace())
    assert table.state(NEXT) == table.state(ID)
    assert last(table, ("REPLACE_REJECTED", {"definite": True})) == {"APPLIED"}
    assert look(table, "pending", "evidence") == ("NONE", "CONFIRMED") and table.state(NEXT) is None
    assert last(table, ("REPLACE_REJECTED", {})) == {"ILLEGAL"}
    feed(table, replace(AFTER))
    assert last(table, ("REPLACE_REJECTED", {})) == {"APPLIED", "QUERY"}
    assert look(table, "pending", "evidence") == ("NONE", "UNKNOWN")
    for end, status in (
        (("CANCELED", {}), "CANCELED"),
        (("EXPIRED", {}), "EXPIRED"),
        (fill(1, 10), "FILLED"),
    ):
        for refusal in (("REPLACE_REJECTED", {}), ("REJECT", {"own": NEXT})):
            over = after(ACK, replace(), end)
            assert "TERMINAL" not in last(over, ("UNKNOWN", {})), "the new one may work"
            assert last(over, refusal) == {"APPLIED", "TERMINAL"}
            assert look(over, "status", "evidence", "id") == (status, "CONFIRMED", ID)
            assert over.state(NEXT) is None
    never = after(fill(1, 4), replace(), bust(1, True), ("REJECT", {}))
    assert last(never, ("REPLACE_REJECTED", {})) == {"IGNORED"}


@pytest.mark.parametrize(
    ("report", "moves"),
    [
        (("ACK", {"own": NEXT}), True),
        (fill(1, 1, own=NEXT), True),
        (("CANCELED", {"own": NEXT}), True),
        (("EXPIRED", {"own": NEXT}), True),
        (("REJECT", {"own": NEXT}), False),
        (("SUSPENDED", {"own": NEXT}), False),
        (("STATUS", {"own": NEXT, "status": "NEW"}), False),
        (("ACK", {"own": ID}), False),
        (("ACK", {}), False),
    ],
)
def test_what_speaks_of_the_new_id_says_that_the_replace_happened(
    report: Report, moves: bool
) -> None:
    table = after(ACK, replace(price=105))
    told = last(table, report)
    assert look(table, "id") == (NEXT if moves else ID,)
    assert not moves or ("APPLIED" in told and look(table, "price") == (105,))


def test_an_unknown_change_is_of_what_is_pending() -> None:
    table = after(ACK, ("CANCEL_REQUESTED", {}))
    assert last(table, ("UNKNOWN", {})) == {"APPLIED", "QUERY"}
    assert look(table, "evidence", "status") == ("UNKNOWN", "NEW")
    assert last(after(), ("UNKNOWN", {})) == {"APPLIED", "QUERY"}
    known: list[list[Report]] = [
        [ACK], [ACK, ("CANCEL_REQUESTED", {}), ("CANCELED", {})], [("REJECT", {})],
    ]  # fmt: skip
    for reports in known:
        assert last(after(*reports), ("UNKNOWN", {})) == {"ILLEGAL"}
    both = after(("CANCEL_REQUESTED", {}), ("UNKNOWN", {}), ACK)
    assert look(both, "evidence") == ("UNKNOWN",), "of the cancel there is still no word"
    moved = after(ACK, replace(), ("UNKNOWN", {}), ("REPLACED", {}))
    assert look(moved, "evidence") == ("CONFIRMED",)


def test_absent_is_only_what_was_unknown() -> None:
    assert last(after(("UNKNOWN", {}), ACK), ("ABSENT", {})) == {"ILLEGAL"}
    assert last(after(("UNKNOWN", {})), ("ABSENT", {})) == {"APPLIED", "TERMINAL"}


@pytest.mark.parametrize(
    ("before", "report", "told"),
    [
        ([], ("DENIED", {}), {"ILLEGAL"}),
        ([], ("DENIED", {"definite": True}), {"APPLIED", "TERMINAL"}),
        ([ACK], ("DENIED", {"definite": True}), {"ILLEGAL"}),
        ([], ("APPROVED", {}), {"ILLEGAL"}),
    ],
)
def test_denied_and_approved(before: list[Report], report: Report, told: set[str]) -> None:
    assert last(after(*before), report) == told
    fresh = placed(approved=False)
    assert last(fresh, ("DENIED", {})) == {"APPLIED", "TERMINAL"}
    assert last(fresh, ("APPROVED", {})) == {"ILLEGAL"}


# ---- beside the twin, deep in a life -------------------------------------------------------------

OPENINGS: list[list[Report]] = [
    [ACK], [ACK, replace(quantity=8)], [fill(1, 2)], [ACK, fill(1, 2), replace(quantity=3)],
    [("UNKNOWN", {})], [ACK, ("CANCEL_REQUESTED", {})], [fill(1, 4), fill(2, 2)],
    [ACK, replace(quantity=6), fill(1, 5, own=ID), ("REPLACED", {"successor": NEXT})],
    [ACK, replace(quantity=4), ("CANCELED", {"own": ID})],
    [ACK, replace(quantity=4), ("REPLACED", {}), replace(AFTER, 5), fill(3, 3, own=NEXT)],
]  # fmt: skip


@pytest.mark.parametrize("seed", range(10))
def test_equals_the_twin_wherever_an_order_has_got_to(seed: int) -> None:
    """And what follows from a report is what the states before and after it say."""
    rng = random.Random(500 + seed)
    for _ in range(150):
        table = Orders(8, 64)
        table.new(ID, quantity=6, price=100)
        slow = twin.Order(ID, 100, 6)
        ids = [ID, NEXT, AFTER]
        opening = [("APPROVED", dict[str, Any]()), *rng.choice(OPENINGS)]
        for name, r in [*opening, *(random_report(rng, ids) for _ in range(rng.randrange(4, 16)))]:
            before, over = slow.status, slow.overfilled
            told = effect_names(table.report(ID, name, **r))
            outcome = slow.apply(name, **r)
            found = {k: v for k, v in state(table).items() if k != "guessed"}
            assert found == slow.state(), (name, r)
            assert outcome in told
            ends = slow.status in twin.OVER and before not in twin.OVER
            assert ("TERMINAL" in told) == ends, (name, r)
            assert ("OVERFILL" in told) == (slow.overfilled and not over), (name, r)
            for id in ids:
                known = id in {slow.id, *slow.chain} or (
                    slow.open_replace is not None and slow.open_replace[0] == id
                )
                assert (table.state(id) is not None) == known, (name, r)
            if slow.venue_order_id:
                assert table.by_venue_id(1, slow.venue_order_id) == slow.id
            assert table.by_venue_id(1, 11 - slow.venue_order_id) is None
