"""A slow, obvious supervisor, written from reliability.md section 1 alone.

What the text says in sequence ("stop those after it, in reverse; start it and them, in list
order") stands here in sequence, as generators that yield what they wait for.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator

from engine.supervision.policy import Action, Child, Policy, Verb

Wait = Generator[Callable[[int], bool], None, None]


class Twin:
    """Same inputs and answers as engine.supervision.decisions.Supervisor."""

    def __init__(self, children: list[Child], policy: Policy, seed: int) -> None:
        self.children, self.policy = children, policy
        self.phase = {c.name: "down" for c in children}  # down, starting, up, out
        self.plan_of: dict[str, object] = {c.name: "first start" for c in children}
        self.was_up: set[str] = set()
        self.asked: set[str] = set()
        self.killed: set[str] = set()
        self.alarm: dict[str, int] = {}
        self.up_at: dict[str, int] = {}
        self.in_a_row = {c.name: 0 for c in children}
        self.not_before = {c.name: 0 for c in children}
        self.deaths: list[int] = []
        self.random = random.Random(seed)
        self.scripts: list[tuple[Wait, Callable[[int], bool]]] = []
        self.ending = self.result = ""
        self.escalated = False
        self.now = 0
        self.out: list[Action] = []

    # ---- inputs

    def start(self, now: int) -> list[Action]:
        self.run(self.first_start())
        return self.turn(now)

    def started(self, name: str, now: int) -> list[Action]:
        if self.phase[name] == "starting" and name not in self.asked:
            self.phase[name], self.up_at[name] = "up", now
            self.was_up.add(name)
            self.alarm.pop(name, None)
        return self.turn(now)

    def hung(self, name: str, why: str, now: int) -> list[Action]:
        alive = self.phase[name] in ("starting", "up")
        if not alive or name in self.asked or name in self.killed:
            return []
        self.kill(name)
        return self.turn(now)

    def exited(self, name: str, code: int, now: int) -> list[Action]:
        if self.phase[name] not in ("starting", "up"):
            return []
        child = next(c for c in self.children if c.name == name)
        shutdown = name in self.asked
        abnormal = not shutdown and (code != 0 or name in self.killed)
        self.phase[name] = "down"
        self.alarm.pop(name, None)
        self.asked.discard(name)
        self.killed.discard(name)
        if self.ending or self.escalated:
            self.phase[name] = "out"
        elif shutdown:
            if child.restart == "temporary":
                self.drop(name)
        elif name not in self.was_up:
            self.end("failed")
        elif child.restart == "temporary":
            self.drop(name)
        elif child.restart == "transient" and not abnormal:
            self.phase[name] = "out"
        else:
            self.death(child, now)
        return self.turn(now)

    def tick(self, now: int) -> list[Action]:
        return self.turn(now)

    def stop(self, now: int) -> list[Action]:
        if not self.ending:
            self.end("escalated" if self.escalated else "stopped")
        return self.turn(now)

    # ---- what the text says

    def death(self, child: Child, now: int) -> None:
        """1.2 (whom it concerns), 1.4 (how often), and the back-off."""
        self.deaths.append(now)
        recent = [t for t in self.deaths if t > now - self.policy.window_ns]
        if len(recent) > self.policy.max_restarts:
            self.escalated = True
            self.phase[child.name] = "out"
            self.scripts.clear()
            self.out.append(Action(Verb.ESCALATE))
            return
        up_at = self.up_at.pop(child.name, None)
        if up_at is not None and now - up_at >= child.backoff.reset_after_ns:
            self.in_a_row[child.name] = 0
        n = self.in_a_row[child.name]
        self.in_a_row[child.name] += 1
        delay = 0
        if n > 0:
            bound = child.backoff.initial_ns
            for _ in range(n - 1):
                bound = min(child.backoff.cap_ns, bound * child.backoff.factor)
            bound = min(bound, child.backoff.cap_ns)
            delay = self.random.randrange(bound + 1)
        at = self.children.index(child)
        if self.policy.strategy == "one_for_one":
            concerned = [child]
        elif self.policy.strategy == "one_for_all":
            concerned = self.children
        else:
            down = [i for i, c in enumerate(self.children) if self.phase[c.name] == "down"]
            concerned = self.children[min(at, *down) :]
        concerned = [
            c for c in concerned if self.phase[c.name] != "out" or c.restart == "transient"
        ]
        for c in concerned:
            if self.phase[c.name] == "out":
                self.phase[c.name] = "down"
        when = max([now + delay] + [self.not_before[c.name] for c in concerned])
        plan = object()
        for c in concerned:
            self.plan_of[c.name], self.not_before[c.name] = plan, when
        self.run(self.restart(concerned, plan, when))

    def first_start(self) -> Wait:
        """1.1: in list order, each when the one before has started."""
        for c in self.children:
            if self.plan_of[c.name] == "first start":
                yield from self.bring_up(c, "first start", 0)

    def restart(self, concerned: list[Child], plan: object, when: int) -> Wait:
        """1.2: stop them in reverse, start them in list order."""
        for c in reversed(concerned):
            if self.phase[c.name] in ("starting", "up"):
                if c.name not in self.killed:
                    self.ask(c)
                yield lambda now, c=c: (  # type: ignore[misc]
                    self.phase[c.name] in ("down", "out") or self.plan_of[c.name] is not plan
                )
                if self.plan_of[c.name] is not plan:
                    return  # another death has made another plan
        for c in concerned:
            if self.phase[c.name] != "out":
                yield from self.bring_up(c, plan, when)

    def bring_up(self, c: Child, plan: object, when: int) -> Wait:
        """Wait until it is time and the journal is there; start; wait until it has started."""
        mine = lambda: self.plan_of[c.name] == plan  # noqa: E731
        yield lambda now: not mine() or (now >= when and not self.journal_is_down(c))
        if not mine():
            return
        self.phase[c.name] = "starting"
        self.alarm[c.name] = self.now + c.init_timeout_ns
        self.out.append(Action(Verb.START, c.name))
        yield lambda now: not mine() or self.phase[c.name] in ("up", "out")

    def journal_is_down(self, c: Child) -> bool:
        before = True
        for v in self.children:
            if v is c:
                before = False
            elif (
                v.holds
                and self.phase[v.name] in ("down", "starting")
                and self.plan_of[v.name] != self.plan_of[c.name]
                and (before or v.name in self.was_up)
            ):
                return True
        return False

    def end(self, result: str) -> None:
        """1.1, 1.6: everything stops in reverse order."""
        self.ending = result
        self.scripts.clear()
        self.run(self.stop_all())

    def stop_all(self) -> Wait:
        for c in reversed(self.children):
            if self.phase[c.name] in ("starting", "up"):
                if c.name not in self.killed and c.name not in self.asked:
                    self.ask(c)
                yield lambda now, c=c: self.phase[c.name] in ("down", "out")  # type: ignore[misc]
        self.result = self.ending
        self.out.append(Action(Verb.DONE))

    # ---- the small print

    def ask(self, c: Child) -> None:
        if c.name in self.asked:
            return
        self.asked.add(c.name)
        self.alarm.pop(c.name, None)
        if c.shutdown_ns == 0:
            self.kill(c.name)
            return
        if c.shutdown_ns > 0:
            self.alarm[c.name] = self.now + c.shutdown_ns
        self.out.append(Action(Verb.STOP, c.name))

    def kill(self, name: str) -> None:
        self.killed.add(name)
        self.alarm.pop(name, None)
        self.out.append(Action(Verb.KILL, name))

    def drop(self, name: str) -> None:
        self.phase[name] = "out"
        self.out.append(Action(Verb.DROP, name))

    def run(self, script: Wait) -> None:
        self.scripts.append((script, lambda now: True))

    def turn(self, now: int) -> list[Action]:
        """Run every script that waits for nothing more, until none goes on."""
        self.now = now
        for name in [n for n, t in self.alarm.items() if now >= t]:
            self.kill(name)
        moved = True
        while moved:
            moved = False
            for entry in list(self.scripts):
                script, waits_for = entry
                if entry not in self.scripts or not waits_for(now):
                    continue
                self.scripts.remove(entry)
                moved = True
                following = next(script, None)
                if following is not None:
                    self.scripts.append((script, following))
        out, self.out = self.out, []
        return out
