"""The decision core on a virtual clock, against its twin and against the sentences one by one."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from engine.supervision.decisions import ALIVE, Supervisor
from engine.supervision.policy import (
    FOREVER,
    MILLISECOND,
    SECOND,
    Action,
    Backoff,
    Child,
    Policy,
    Verb,
)
from tests.reference.supervision import Twin

ABNORMAL, KILLED = 1, -9


def names(actions: list[Action], verb: Verb) -> list[str]:
    return [a.name for a in actions if a.verb is verb]


def up(s: Supervisor, now: int = 0) -> Supervisor:
    """Everything started."""
    actions = s.start(now)
    while started := names(actions, Verb.START):
        actions = s.started(started[0], now)
    return s


def three(strategy: str = "one_for_one", restart: str = "permanent", **more: Any) -> Supervisor:
    children = [Child(name=n, restart=restart) for n in "abc"]  # type: ignore[arg-type]
    policy = {"strategy": strategy, "max_restarts": 5, "window_ns": 60 * SECOND} | more
    return up(Supervisor(children, Policy(**policy), seed=1))


def test_starts_in_order_each_when_the_one_before_has_started() -> None:
    s = Supervisor([Child(name=n) for n in "abc"], Policy(), 1)
    assert s.start(0) == [Action(Verb.START, "a")]
    assert s.tick(5) == []
    assert s.started("a", 5) == [Action(Verb.START, "b")]
    assert s.started("b", 6) == [Action(Verb.START, "c")]


def test_stops_in_reverse_one_at_a_time_and_kills_who_does_not_end() -> None:
    s = three()
    assert names(s.stop(0), Verb.STOP) == ["c"]
    assert s.due == 5 * SECOND
    assert names(s.tick(5 * SECOND), Verb.KILL) == ["c"]
    assert names(s.exited("c", KILLED, 5 * SECOND), Verb.STOP) == ["b"]
    assert names(s.exited("b", 0, 6 * SECOND), Verb.STOP) == ["a"]
    assert names(s.exited("a", 0, 7 * SECOND), Verb.DONE) == [""]
    assert s.result == "stopped"


def test_a_failed_first_start_stops_the_started_in_reverse() -> None:
    s = Supervisor([Child(name=n) for n in "abc"], Policy(), 1)
    s.start(0)
    s.started("a", 0)
    s.started("b", 0)
    assert names(s.tick(10 * SECOND), Verb.KILL) == ["c"]
    assert names(s.exited("c", KILLED, 10 * SECOND), Verb.STOP) == ["b"]
    s.exited("b", 0, 10 * SECOND)
    s.exited("a", 0, 10 * SECOND)
    assert s.result == "failed"


def test_the_first_restart_is_immediate_and_the_later_ones_wait_within_their_bounds() -> None:
    waits: list[int] = []
    for seed in range(40):
        s = Supervisor([Child(name="a")], Policy(max_restarts=300), seed)
        up(s)
        assert s.exited("a", ABNORMAL, 1) == [Action(Verb.START, "a")]
        now = 1
        for attempt in range(1, 9):
            s.exited("a", ABNORMAL, now)  # a failed attempt is a death of its own
            due = s.due
            bound = min(30 * SECOND, 100 * MILLISECOND * 2 ** (attempt - 1))
            if s.state_of("a") == "starting":
                continue  # a wait of nothing
            assert due is not None and now <= due <= now + bound
            waits.append((due - now) * 100 // bound)
            now = due
            assert names(s.tick(now), Verb.START) == ["a"]
    assert min(waits) < 10 and max(waits) > 90 and 40 < sum(waits) / len(waits) < 60  # full jitter


def test_health_makes_the_next_restart_immediate_again() -> None:
    s = three()
    s.exited("b", ABNORMAL, 0)
    s.started("b", 0)
    s.exited("b", ABNORMAL, 59 * SECOND)
    assert s.state_of("b") == "waiting"
    s.tick(s.due or 0)
    s.started("b", 60 * SECOND)
    assert s.exited("b", ABNORMAL, 120 * SECOND) == [Action(Verb.START, "b")]


def test_more_than_the_limit_in_the_last_seconds_escalates_and_the_window_slides() -> None:
    still = [Child(name="a", backoff=Backoff(initial_ns=1, cap_ns=1))]
    policy = Policy(max_restarts=3, window_ns=60 * SECOND)

    def die(s: Supervisor, at: int) -> list[Action]:
        actions = s.exited("a", ABNORMAL, at)
        if not names(actions, Verb.ESCALATE):
            s.tick(at + 1)
            s.started("a", at + 1)
        return actions

    s = up(Supervisor(still, policy, 1))
    for t in (0, 10, 20, 60, 70):  # the ones of 0 and 10 have left the window in time
        assert not names(die(s, t * SECOND), Verb.ESCALATE)
    assert names(die(s, 79 * SECOND), Verb.ESCALATE)
    assert s.stop(80 * SECOND) == [Action(Verb.DONE, why=s.why)]
    assert s.result == "escalated"
    s = up(Supervisor(still, Policy(max_restarts=0), 1))
    assert names(die(s, 5), Verb.ESCALATE)


def test_one_for_all_stops_all_in_reverse_and_counts_once() -> None:
    s = three("one_for_all", max_restarts=1)
    assert names(s.exited("b", ABNORMAL, 0), Verb.STOP) == ["c"]
    assert names(s.exited("c", 0, 1), Verb.STOP) == ["a"]
    assert names(s.exited("a", KILLED, 2), Verb.START) == ["a"]
    assert names(s.started("a", 3), Verb.START) == ["b"]
    assert names(s.started("b", 3), Verb.START) == ["c"]
    s.started("c", 3)
    assert s.restarts == 1
    assert names(s.exited("a", 0, 4), Verb.ESCALATE)


def test_rest_for_one_leaves_those_before_it_alone() -> None:
    s = three("rest_for_one")
    assert names(s.exited("b", 0, 0), Verb.STOP) == ["c"]
    assert names(s.exited("c", 0, 1), Verb.START) == ["b"]
    assert names(s.started("b", 2), Verb.START) == ["c"]
    assert s.state_of("a") == "up"


@pytest.mark.parametrize(
    ("restart", "code", "restarted"),
    [
        ("permanent", 0, True),
        ("permanent", ABNORMAL, True),
        ("transient", 0, False),
        ("transient", ABNORMAL, True),
        ("transient", KILLED, True),
        ("temporary", 0, False),
        ("temporary", KILLED, False),
    ],
)
def test_who_is_restarted(restart: str, code: int, restarted: bool) -> None:
    s = three(restart=restart)
    assert (names(s.exited("b", code, 0), Verb.START) == ["b"]) is restarted


def test_a_temporary_one_stopped_for_its_sibling_is_dropped() -> None:
    children = [Child(name="a"), Child(name="b", restart="temporary")]
    s = up(Supervisor(children, Policy(strategy="one_for_all"), 1))
    assert names(s.exited("a", ABNORMAL, 0), Verb.STOP) == ["b"]
    actions = s.exited("b", 0, 1)
    assert names(actions, Verb.DROP) == ["b"] and names(actions, Verb.START) == ["a"]
    assert s.started("a", 2) == []


def test_nothing_restarts_while_the_journal_is_down() -> None:
    children = [Child(name="journal", holds=True), Child(name="x"), Child(name="y")]
    s = up(Supervisor(children, Policy(max_restarts=9), 1))
    assert names(s.exited("journal", KILLED, 0), Verb.START) == ["journal"]
    assert s.exited("x", KILLED, 1) == []
    assert names(s.started("journal", 2), Verb.START) == ["x"]


def test_a_hang_is_an_abnormal_end() -> None:
    s = three(restart="transient")
    assert names(s.hung("b", "it missed three beats", 0), Verb.KILL) == ["b"]
    assert s.hung("b", "again", 1) == []
    assert names(s.exited("b", 0, 2), Verb.START) == ["b"]


class Actor:
    """A simulated child: what it does next is drawn."""

    def __init__(self) -> None:
        self.alive = self.reported = self.asked = self.killed = False


def scenario(seed: int) -> tuple[list[Child], Policy]:
    r = random.Random(seed)
    children = [
        Child(
            name=f"c{i}",
            restart=r.choice(["permanent", "permanent", "transient", "temporary"]),
            init_timeout_ns=r.choice([50, 1000]),
            shutdown_ns=r.choice([0, 40, 500, FOREVER]),
            backoff=Backoff(
                initial_ns=r.choice([10, 100]),
                factor=r.choice([1, 2, 3]),
                cap_ns=r.choice([100, 1000]),
                reset_after_ns=r.choice([300, 3000]),
            ),
            holds=r.random() < 0.2,
        )
        for i in range(r.randint(1, 6))
    ]
    policy = Policy(
        strategy=r.choice(["one_for_one", "one_for_all", "rest_for_one"]),
        max_restarts=r.choice([0, 1, 3, 10, 50]),
        window_ns=r.choice([200, 2000]),
    )
    return children, policy


def drive(seed: int, steps: int = 250) -> tuple[list[Any], Supervisor]:
    """Random events on both; every answer must be the same. Returns the trace."""
    children, policy = scenario(seed)
    core, twin = Supervisor(children, policy, seed), Twin(children, policy, seed)
    r = random.Random(seed * 7 + 1)
    actors = {c.name: Actor() for c in children}
    trace: list[Any] = []
    now = 0

    def both(call: str, *args: Any) -> None:
        mine = getattr(core, call)(*args, now)
        other = getattr(twin, call)(*args, now)
        key = lambda a: (a.verb.value, a.name)  # noqa: E731
        assert Counter(map(key, mine)) == Counter(map(key, other)), (seed, now, call, args)
        assert (core.result or "") == twin.result, (seed, now, call, args)
        trace.append((now, call, args, [key(a) for a in mine]))
        for a in mine:
            one = actors.get(a.name)
            if a.verb is Verb.START:
                assert one is not None and not one.alive, "started while the old one lives"
                actors[a.name] = fresh = Actor()
                fresh.alive = True
            elif a.verb is Verb.STOP:
                assert one is not None and one.alive
                one.asked = True
            elif a.verb is Verb.KILL:
                assert one is not None and one.alive
                one.killed = True

    both("start")
    for _ in range(steps):
        if core.result is not None:
            break
        name = r.choice(children).name
        one, dice = actors[name], r.random()
        if one.alive and one.killed and dice < 0.7:
            one.alive = False
            both("exited", name, KILLED)
        elif one.alive and one.asked and dice < 0.5:
            one.alive = False
            both("exited", name, r.choice([0, 0, 3]))
        elif one.alive and not one.reported and dice < 0.7:
            one.reported = True
            both("started", name)
        elif one.alive and dice < 0.2:
            one.alive = False
            both("exited", name, r.choice([0, 1, KILLED]))
        elif one.alive and dice < 0.25:
            both("hung", name, "silent")
        elif dice > 0.997 or any(verb == "escalate" for t in trace[-3:] for verb, _ in t[3]):
            both("stop")
        else:
            due = core.due
            ahead = now + r.choice([1, 10, 100])
            now = ahead if due is None or r.random() < 0.5 else max(now, min(due, ahead))
            both("tick")
    return trace, core


def test_core_and_twin_agree() -> None:
    seen: Counter[str] = Counter()
    for seed in range(400):
        trace, core = drive(seed)
        seen.update(v for t in trace for v, _ in t[3])
        seen[str(core.result)] += 1
    # the driver reached what the text speaks of
    for what in ("start", "stop", "kill", "drop", "escalate", "done", "failed", "stopped"):
        assert seen[what] > 10, seen


def test_the_same_seed_decides_the_same() -> None:
    assert all(drive(seed)[0] == drive(seed)[0] for seed in range(20))


@pytest.mark.long
@pytest.mark.computes
def test_core_and_twin_agree_for_long() -> None:
    for seed in range(1000, 9000):
        drive(seed)


def test_children_have_names_of_their_own() -> None:
    with pytest.raises(ValueError, match="one name"):
        Supervisor([Child(name="a"), Child(name="a")], Policy(), 1)


def test_a_death_told_twice_counts_once() -> None:
    s = up(Supervisor([Child(name="a", restart="temporary")], Policy(), 1))
    s.exited("a", 1, 10**9)
    assert s.watched[0].state not in ALIVE
    restarts = s.restarts
    assert s.exited("a", 1, 10**9) == []
    assert s.restarts == restarts
