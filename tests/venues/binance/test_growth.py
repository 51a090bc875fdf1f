"""Months of trading in trouble hold no more than an hour does: what a lane keeps has a bound.

The real venue, its HTTP side and the simulated exchange on virtual time; replies and reports are
lost and late, connections end, orders are cancelled and replaced. After each round everything that
is reachable from the lane is counted, whoever holds it: dictionaries by order or by question,
lists of what waits, pages under way. Only the actors' own state is looked at: the other end and the
pretended network belong to the test.
"""

from __future__ import annotations

import gc
import types
from collections import Counter
from collections.abc import Iterable

import pytest

from tests.chaos.races import Racing
from venues.simulated.faults import Fault

CODE = (types.ModuleType, type, types.FunctionType, types.BuiltinFunctionType, types.CodeType)
TROUBLE = (("lost_reply", "replies", 0.05), ("drop", "user", 0.05), ("late_ack", "replies", 0.05))
ROUND_S, ROUNDS, SHORT_ROUNDS = 30.0, 24, 8
REST_S = 20.0
"""until questions that had no answer are asked again and answered"""
FEW = 60
"""objects: a question or two under way, a timer"""
NUMBERS = "entries by number"
FORMER = 4096
"""numbers of replaced orders that a venue remembers (venues/binance/reports.pyx)"""


def reachable(roots: Iterable[object], stop: Iterable[object]) -> Counter[str]:
    """Objects by type that the roots hold, directly or not, without what `stop` names. The entries
    of a dictionary by (instrument, number) or the halves of an id are counted as NUMBERS."""
    seen = {id(s) for s in stop}
    found: Counter[str] = Counter()
    todo = list(roots)
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, CODE):
            continue
        seen.add(id(one))
        found[type(one).__name__] += 1
        if isinstance(one, dict) and isinstance(next(iter(one), None), tuple):
            found[NUMBERS] += len(one)
            continue
        todo.extend(gc.get_referents(one))
    return found


def held(stage: Racing) -> Counter[str]:
    """What the lane holds."""
    gc.collect()
    world = stage.world
    stop = (stage, stage.__dict__, world, stage.wire, stage.lane.transport, *world.lines.values())
    return reachable([stage.lane], stop)


def trade_for_a_while(stage: Racing, number: int) -> None:
    """Orders, replaces and cancels in trouble, a connection that ends, and then some rest."""
    for name, target, share in TROUBLE:
        fault = Fault(name, target, count=0, probability=share, delay_ms=700)  # type: ignore[arg-type]
        stage.wire.order_fault(fault, stage.world.now)
    stage.run(ROUND_S, trading=True)
    if number % 3 == 2:
        stage.wire.order_fault(Fault("disconnect", "replies"), stage.world.now)
    stage.wire.clear_faults()
    stage.run(REST_S, trading=True)
    stage.run(REST_S)
    stage.venue.gate.halt(100, False)  # an operator looks at what trouble halted
    stage.fills.clear()
    stage.events.clear()
    stage.ids = stage.ids[-50:]


def rounds_of(count: int) -> tuple[Racing, list[Counter[str]]]:
    """What is held after each round."""
    stage, found = Racing(1), []
    stage.run(1.5)
    for number in range(count):
        trade_for_a_while(stage, number)
        found.append(held(stage))
    return stage, found


def flat(count: int) -> None:
    stage, found = rounds_of(count)
    numbers = [f.pop(NUMBERS, 0) for f in found]
    sizes = [sum(f.values()) for f in found]
    grown = found[-1] - found[count // 2]
    print(f"{stage.venue.sent} orders, {stage.races} races; objects held: {sizes}, {numbers}")
    assert max(numbers) <= FORMER + FEW
    assert stage.venue.sent > 25 * count and stage.races > 25 * count, "nothing happened"
    assert max(sizes[count // 2 :]) <= max(sizes[: count // 2]) + FEW, (sizes, grown.most_common(8))


def test_what_a_lane_holds_has_a_bound() -> None:
    flat(SHORT_ROUNDS)


@pytest.mark.long
def test_what_a_lane_holds_has_a_bound_over_many_hours() -> None:
    flat(ROUNDS * 4)


def test_the_measure_sees_what_is_kept() -> None:
    stage, _ = rounds_of(1)
    before = sum(held(stage).values())
    stage.rest.untold += [(None, str(n)) for n in range(2 * FEW)]  # type: ignore[misc]
    assert sum(held(stage).values()) > before + FEW
