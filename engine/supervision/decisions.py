"""The decision core: told what happened and when, it says what to do next (reliability 1.1-1.6).

It holds no clock, no process and no task: time comes in as integer nanoseconds, and the actions it
returns are carried out by whoever runs it (engine/root for lanes, a lane for its Python actors).
Every call returns the actions that follow, in order; `due` is when it wants to be called next.

A child is `idle` (not started), `starting`, `up`, `stopping` (asked, or killed), or `gone` (off the
list, or ended and not to be restarted). Children that must come up together carry one group: they
stop in reverse and start in list order, one at a time.
"""

from __future__ import annotations

import random
from collections import deque
from enum import Enum

import msgspec

from engine.supervision.policy import (
    FOREVER,
    Action,
    Child,
    ExitClass,
    Policy,
    Verb,
)


class State(Enum):
    """Of one child."""

    IDLE = 1
    STARTING = 2
    UP = 3
    STOPPING = 4
    GONE = 5


ALIVE = (State.STARTING, State.UP, State.STOPPING)


class Watched:
    """What the supervisor knows of one child."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.state = State.IDLE
        self.wanted = True  # to be up
        self.asked = False  # its end was asked for by us: class shutdown
        self.killed = False
        self.ever_up = False
        self.ready = False
        self.attempt = 0  # restarts in a row
        self.up_since: int | None = None
        self.deadline: int | None = None  # of starting or stopping
        self.not_before = 0
        self.group = 0
        self.must_stop = False
        self.restarts = 0


class Supervisor:
    """Decides for a list of children. `result` is None while it runs, then how it ended:
    `stopped`, `failed` (a child failed its first start) or `escalated`.
    """

    def __init__(self, children: list[Child], policy: Policy, seed: int) -> None:
        self.policy = policy
        self.watched = [Watched(c) for c in children]
        self.index = {c.name: i for i, c in enumerate(children)}
        if len(self.index) != len(children):
            raise ValueError("two children have one name")
        self.result: str | None = None
        self.why = ""
        self.restarts = 0
        self._ending: str | None = None  # what `result` will be
        self._escalated = False
        self._done = False
        self._recent: deque[int] = deque()
        self._groups = 0
        self._random = random.Random(seed)

    # ---- what happened

    def start(self, now: int) -> list[Action]:
        """Start all, in list order, each when the one before has started."""
        return self._proceed(now)

    def started(self, name: str, now: int) -> list[Action]:
        """The child's init reported."""
        w = self.watched[self.index[name]]
        if w.state is State.STARTING:
            w.state, w.deadline, w.up_since, w.ever_up = State.UP, None, now, True
        return self._proceed(now)

    def became_ready(self, name: str, now: int) -> list[Action]:
        """The child's readiness check passed."""
        self.watched[self.index[name]].ready = True
        return self._proceed(now)

    def hung(self, name: str, why: str, now: int) -> list[Action]:
        """The child missed its heartbeats, or was refused: it is killed, and that is abnormal."""
        w = self.watched[self.index[name]]
        if w.state not in (State.STARTING, State.UP) or w.killed:
            return []
        return [self._kill(w, why), *self._proceed(now)]

    def exited(self, name: str, code: int, now: int) -> list[Action]:
        """The child's process is reaped; `code` as Popen gives it (negative: a signal)."""
        i = self.index[name]
        w = self.watched[i]
        if w.state not in ALIVE:
            return []
        asked = w.asked
        if asked:
            ended = ExitClass.SHUTDOWN
        else:
            ended = ExitClass.NORMAL if code == 0 and not w.killed else ExitClass.ABNORMAL
        w.state, w.deadline, w.ready = State.IDLE, None, False
        w.must_stop = w.asked = w.killed = False
        actions: list[Action] = []
        if self._ending is not None or self._escalated:
            w.wanted = False
        elif asked:  # stopped because of a sibling
            if w.child.restart == "temporary":
                actions.append(self._drop(w))
        elif not w.ever_up:
            self._end("failed", f"{name} failed at its first start")
        else:
            actions += self._died(i, ended, code, now)
        return actions + self._proceed(now)

    def let_go(self, name: str) -> None:
        """From now on this child's end is final: it is dropped instead of restarted."""
        w = self.watched[self.index[name]]
        w.child = msgspec.structs.replace(w.child, restart="temporary")

    def tick(self, now: int) -> list[Action]:
        """Time has passed: timeouts of starting and stopping, waits that are over."""
        return self._proceed(now)

    def stop(self, now: int) -> list[Action]:
        """Stop everything in reverse order, and end."""
        if self._ending is None:
            self._ending = "escalated" if self._escalated else "stopped"
            self._flag_all()
        return self._proceed(now)

    @property
    def due(self) -> int | None:
        """When `tick` must be called at the latest."""
        times = [w.deadline for w in self.watched if w.deadline is not None]
        if self._ending is None and not self._escalated:
            times += [
                w.not_before
                for i, w in enumerate(self.watched)
                if self._startable(i) and not self._held(i)
            ]
        return min(times, default=None)

    def state_of(self, name: str) -> str:
        """In words, for `tiercel ps`."""
        w = self.watched[self.index[name]]
        if w.state is State.UP:
            return "ready" if w.ready else "up"
        if w.state is State.IDLE and w.wanted:
            return "waiting"
        return {State.IDLE: "stopped", State.GONE: "gone"}.get(w.state, w.state.name.lower())

    @property
    def is_running(self) -> bool:
        """Neither ending nor escalated."""
        return self._ending is None and not self._escalated

    # ---- decisions

    def _died(self, i: int, ended: ExitClass, code: int, now: int) -> list[Action]:
        w = self.watched[i]
        restart = w.child.restart
        if restart == "temporary":
            return [self._drop(w)]
        if restart == "transient" and ended is not ExitClass.ABNORMAL:
            w.state, w.wanted = State.GONE, False
            return []
        self._recent.append(now)
        while self._recent and self._recent[0] <= now - self.policy.window_ns:
            self._recent.popleft()
        if len(self._recent) > self.policy.max_restarts:
            self._escalated = True
            self.why = (
                f"{len(self._recent)} restarts within {self.policy.window_ns / 1e9:g} s, "
                f"the last of {w.child.name} (exit {code})"
            )
            w.wanted = False
            return [Action(Verb.ESCALATE, why=self.why)]
        self.restarts += 1
        w.restarts += 1
        if w.up_since is not None and now - w.up_since >= w.child.backoff.reset_after_ns:
            w.attempt = 0
        bound = w.child.backoff.bound_ns(w.attempt)
        wait = self._random.randrange(bound + 1) if bound else 0
        w.attempt += 1
        w.up_since = None
        self._regroup(i, now + wait)
        return []

    def _regroup(self, died: int, not_before: int) -> None:
        """Put the one that died, and those its death concerns, into a group of their own.

        Under the two ordered strategies there is one group: what an unfinished one had not yet
        brought up again joins the new.
        """
        strategy = self.policy.strategy
        concerned = range(died, died + 1)
        if strategy == "one_for_all":
            concerned = range(len(self.watched))
        elif strategy == "rest_for_one":
            down = [j for j, w in enumerate(self.watched) if w.state is State.IDLE and w.wanted]
            concerned = range(min([died, *down]), len(self.watched))
        self._groups += 1
        for j in concerned:
            w = self.watched[j]
            if w.state is State.GONE:
                if w.child.restart != "transient":
                    continue
                w.state, w.wanted = State.IDLE, True
            not_before = max(not_before, w.not_before)
            w.group = self._groups
            w.must_stop = w.state in ALIVE
        for j in concerned:
            if self.watched[j].group == self._groups:
                self.watched[j].not_before = not_before

    def _drop(self, w: Watched) -> Action:
        w.state, w.wanted = State.GONE, False
        return Action(Verb.DROP, w.child.name)

    def _end(self, result: str, why: str) -> None:
        self._ending, self.why = result, why
        self._flag_all()

    def _flag_all(self) -> None:
        for w in self.watched:
            w.wanted = False
            w.must_stop = w.state in ALIVE

    def _kill(self, w: Watched, why: str) -> Action:
        w.killed, w.deadline = True, None
        return Action(Verb.KILL, w.child.name, why)

    def _startable(self, i: int) -> bool:
        w = self.watched[i]
        if w.state is not State.IDLE or not w.wanted:
            return False
        peers = [v for v in self.watched if v.group == w.group and v is not w]
        if any(v.must_stop for v in peers):
            return False
        earlier = [v for v in self.watched[:i] if v.group == w.group and v.wanted]
        return all(v.state is State.UP for v in earlier)

    def _held(self, i: int) -> bool:
        """While a child that holds is down, nothing of another group starts."""
        w = self.watched[i]
        return any(
            v.child.holds
            and v.wanted
            and v.state is not State.UP
            and v.group != w.group
            and (v.ever_up or j < i)
            for j, v in enumerate(self.watched)
        )

    def _proceed(self, now: int) -> list[Action]:
        """Everything that is due now, given what is known."""
        actions: list[Action] = []
        for w in self.watched:
            if w.deadline is not None and now >= w.deadline and not w.killed:
                late = "it did not start in time" if w.state is State.STARTING else "it did not end"
                actions.append(self._kill(w, late))
        if self._ending is not None or not self._escalated:
            actions += self._stop_next(now)
        if self._ending is None and not self._escalated:
            for i, w in enumerate(self.watched):
                if self._startable(i) and not self._held(i) and now >= w.not_before:
                    w.state = State.STARTING
                    w.deadline = now + w.child.init_timeout_ns
                    actions.append(Action(Verb.START, w.child.name))
        alive = any(w.state in ALIVE for w in self.watched)
        if self._ending is not None and not self._done and not alive:
            self._done, self.result = True, self._ending
            actions.append(Action(Verb.DONE, why=self.why))
        return actions

    def _stop_next(self, now: int) -> list[Action]:
        """In each group, ask the last one that must stop, one at a time."""
        actions: list[Action] = []
        busy: set[int] = set()
        for w in reversed(self.watched):
            group = 0 if self._ending is not None else w.group
            if not w.must_stop or group in busy:
                continue
            busy.add(group)
            if w.asked or w.killed:  # killed for its own fault: that death counts for itself
                continue
            w.asked, w.state, w.deadline = True, State.STOPPING, None
            if w.child.shutdown_ns == 0:
                actions.append(self._kill(w, "it is stopped by killing"))
                continue
            if w.child.shutdown_ns != FOREVER:
                w.deadline = now + w.child.shutdown_ns
            actions.append(Action(Verb.STOP, w.child.name))
        return actions
