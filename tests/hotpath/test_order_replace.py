"""A replace that races with fills of the order it replaces, in whatever order it is told of.

The venue is played: each id of a chain is sent for what the wish leaves as far as we know, and
trades within its own quantity; what the old one still trades is told late, twice, or after the new
one's end. Never is that an overfill, and the chain is over exactly when its last id is.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import pytest

from hotpath.order import Orders, effect_names, pack_id
from tests.hotpath.test_order import ID, NEXT, Report, fill
from tests.reference import order as twin

ACK: Report = ("ACK", {})
WRONG = {"OVERFILL", "HALT", "DISPUTED"}
OVER = {"FILLED", "CANCELED", "EXPIRED"}
# the old order is sent for 10 and the new one for 8, nothing being known of trades then
OLD_IN_PART, OLD_IN_MORE = fill(1, 3, own=ID), fill(1, 9, own=ID)
OLD_IS_GONE: Report = ("CANCELED", {"own": ID})
REPLACED: Report = ("REPLACED", {"successor": NEXT})
NEW_IS_THERE: Report = ("ACK", {"own": NEXT})
NEW_WHOLE = fill(2, 8, own=NEXT)
NEW_IN_PART = fill(2, 5, own=NEXT)
NEW_IS_GONE: Report = ("CANCELED", {"own": NEXT})
ENDS: dict[str, tuple[list[Report], str, int]] = {
    "all of both": ([OLD_IN_PART, OLD_IS_GONE, REPLACED, NEW_IS_THERE, NEW_WHOLE], "FILLED", 11),
    "surplus cancelled": ([OLD_IN_MORE, OLD_IS_GONE, REPLACED, NEW_IS_GONE], "FILLED", 9),
    "surplus traded": (
        [OLD_IN_MORE, OLD_IS_GONE, REPLACED, NEW_IN_PART, NEW_IS_GONE], "FILLED", 14,
    ),
    "cancelled short of it": ([OLD_IN_PART, REPLACED, NEW_IS_GONE, OLD_IS_GONE], "CANCELED", 3),
    "just reached": ([OLD_IN_PART, OLD_IS_GONE, REPLACED, NEW_IN_PART, NEW_IS_GONE], "FILLED", 8),
    "the old one was filled": (
        [fill(1, 4, own=ID), fill(2, 6, own=ID), ("REPLACE_REJECTED", {"definite": True})],
        "FILLED",
        10,
    ),
    "the new one was refused": (
        [OLD_IN_PART, OLD_IS_GONE, ("REJECT", {"own": NEXT})], "CANCELED", 3,
    ),
    "and no word was clear": ([OLD_IN_PART, OLD_IS_GONE, ("REPLACE_REJECTED", {})], "CANCELED", 3),
    "in doubt meanwhile": ([OLD_IN_PART, ("UNKNOWN", {}), OLD_IS_GONE, REPLACED, NEW_WHOLE],
                           "FILLED", 11),
}  # fmt: skip


def replaced(quantity: int = 8) -> Orders:
    table = Orders(16, 64)
    assert table.new(ID, quantity=10, price=100)
    table.report(ID, "APPROVED")
    table.report(ID, "ACK")
    table.report(ID, "REPLACE_REQUESTED", successor=NEXT, quantity=quantity, price=101)
    return table


def tell(table: Orders, report: Report) -> set[str]:
    name, values = report
    return effect_names(table.report(ID, name, **values))  # type: ignore[arg-type]


def state(table: Orders) -> dict[str, Any]:
    found = table.state(ID)
    assert found is not None
    return found


@pytest.mark.parametrize("name", ENDS)
def test_every_arrival_ends_alike_and_is_nobodys_fault(name: str) -> None:
    """Broken, an instrument halts, or a strategy is told an end while the venue works on."""
    reports, status, cumulative = ENDS[name]
    ends = set()
    for order in itertools.permutations(reports):
        table = replaced()
        told = [tell(table, r) for r in order]
        assert not any(effects & WRONG for effects in told), order
        assert sum("TERMINAL" in effects for effects in told) == 1, order
        for again in order:  # all of it once more
            assert "TERMINAL" not in tell(table, again)
        found = state(table)
        ends.add((found["id"], found["cumulative"], found["leaves"], found["overfilled"]))
        assert (found["status"], found["evidence"]) == (status, "CONFIRMED"), order
        assert (found["pending"], table.live) == ("NONE", 0)
    assert len(ends) == 1 and ends.pop()[1:] == (cumulative, 0, False)


def test_it_is_over_only_when_the_newest_id_is() -> None:
    table = replaced()
    assert "TERMINAL" not in tell(table, OLD_IN_MORE)
    assert (state(table)["status"], state(table)["surplus"]) == ("PARTIALLY_FILLED", False)
    tell(table, OLD_IS_GONE)
    assert (state(table)["status"], state(table)["pending"]) == ("PARTIALLY_FILLED", "REPLACE")
    tell(table, NEW_IS_THERE)
    s = state(table)
    assert (s["status"], s["leaves"], s["surplus"]) == ("PARTIALLY_FILLED", 8, True)
    tell(table, NEW_IN_PART)
    s = state(table)
    assert (s["status"], s["leaves"], s["surplus"], s["cumulative"]) == (
        "PARTIALLY_FILLED", 3, True, 14,
    )  # fmt: skip
    assert tell(table, fill(3, 3, own=NEXT)) == {"APPLIED", "POSITION", "TERMINAL"}
    assert (state(table)["surplus"], state(table)["leaves"]) == (False, 0)
    assert tell(table, fill(4, 1, own=NEXT)) == {"APPLIED", "POSITION", "OVERFILL", "HALT"}
    tell(table, ("TRADE_BUST", {"trade_id": 4}))
    assert tell(table, fill(5, 1, own=ID)) == {"APPLIED", "POSITION"}, "ten of ten"
    assert tell(table, fill(6, 1, own=ID)) == {"APPLIED", "POSITION", "OVERFILL", "HALT"}


def test_a_guess_is_taken_back_from_the_id_it_was_booked_under() -> None:
    table = replaced()
    tell(table, fill(1 << 63, 4, own=ID, guess=True))
    tell(table, REPLACED)
    tell(table, NEW_WHOLE)
    assert (state(table)["guessed"], state(table)["cumulative"]) == (0, 8), "real trades first"
    tell(table, fill(3, 4, own=ID))
    assert (state(table)["cumulative"], state(table)["overfilled"]) == (12, False)
    assert "OVERFILL" in tell(table, fill(4, 7, own=ID))


class Played:
    """A venue that works one id after the other, and a wire that mixes up what it says."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.ids = [pack_id(7, 3, 20 + n, 0, 1) for n in range(4)]
        self.trades = itertools.count(1)
        self.mail: list[Report] = []
        self.said: list[Report] = []
        self.total = 0

    def works(self, id: int, asked: int, may_fill: bool = True) -> int:
        """Some trades of an id within its quantity; how many lots."""
        done = self.rng.choice([0, asked, self.rng.randint(0, asked)]) if may_fill else 0
        left = done
        while left:
            lots = self.rng.randint(1, left)
            left -= lots
            self.mail.append(fill(next(self.trades), lots, own=id))
        self.total += done
        return done

    def post(self) -> Iterator[Report]:
        """What has been said and not heard yet: any of it, some of it twice."""
        while self.mail and self.rng.random() < 0.7:
            report = self.mail.pop(self.rng.randrange(len(self.mail)))
            self.said.append(report)
            yield report
            if self.rng.random() < 0.2:
                yield self.rng.choice(self.said)


@pytest.mark.parametrize("block", range(4))
def test_chains_of_replaces_under_fire(block: int) -> None:
    """Equal to the twin at each step; no overfill, no end too early, and the venue's own sum."""
    raced = surpluses = 0
    for seed in range(block * 150, block * 150 + 150):
        p = Played(seed)
        first, quantity = p.ids[0], p.rng.randint(1, 12)
        table, slow = Orders(16, 256), twin.Order(p.ids[0], 100, quantity)
        table.new(first, quantity=quantity, price=100)

        def hear(report: Report, table: Orders = table, slow: Any = slow, n: int = seed) -> None:
            name, values = report
            told = effect_names(table.report(slow.first, name, **values))  # type: ignore[arg-type]
            assert slow.apply(name, **values) in told, report  # type: ignore[arg-type]
            found = table.state(slow.first)
            assert found is not None
            assert {k: v for k, v in found.items() if k != "guessed"} == slow.state(), report
            assert not told & WRONG, (n, report)

        hear(("APPROVED", {}))
        hear(ACK)
        id, asked, ended = first, quantity, False
        for new in p.ids[1:]:
            done = p.works(id, asked // 2)
            for report in p.post():
                hear(report)
            if slow.status not in ("NEW", "PARTIALLY_FILLED") or slow.pending != "NONE":
                break
            wish = p.rng.randint(1, 12)
            known = slow.cumulative
            hear(("REPLACE_REQUESTED", {"successor": new, "quantity": wish, "price": 101}))
            done += p.works(id, asked - done)  # on its way meanwhile
            raced += done > 0
            if done == asked and asked:
                p.mail.append(("REPLACE_REJECTED", {"definite": True}))
                break
            p.mail.append(("CANCELED", {"own": id}))
            if wish <= known or p.rng.random() < 0.2:
                p.mail.append(("REJECT", {"own": new}))
                ended = True
                break
            p.mail.append(p.rng.choice([("REPLACED", {"successor": new}), ("ACK", {"own": new})]))
            id, asked = new, wish - known
            while slow.id != new:  # another is asked for only when this one is known
                for report in p.post():
                    hear(report)
        else:
            done = 0
        if not ended and slow.status not in OVER and not slow.open_replace:
            p.works(id, max(0, asked - slow.filled(id)))
            p.mail.append(("CANCELED", {"own": id}))
        surpluses += slow.surplus
        while p.mail:
            for report in p.post():
                hear(report)
            surpluses += slow.surplus
        assert slow.status in OVER and slow.state()["leaves"] == 0, (seed, slow)
        assert slow.cumulative == sum(t.quantity for t in slow.counted)
        assert table.live == 0
    assert raced > 30 and surpluses > 5, "nothing raced: the test would show nothing"
