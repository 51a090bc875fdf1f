"""Books at volume: the real feed under lost, doubled, late and broken updates, on virtual time.

The venue of the test remembers its book after every update. Whenever the feed calls its own book
valid, it must be the venue's book at that update; anything else is a false-valid book (X17). A book
in doubt prices nothing, so prices that no venue means (X18) and silence (X14) must put it there.
"""

from __future__ import annotations

from random import Random

from tests.chaos.table import Row
from tests.feeds.test_binance_feed import MS, Stage, depth

A_WORLD = 500  # updates of one seed
STALE_MS = 5_000
STEP_MS = 400  # so that a fault comes every four seconds: sooner than a book that does not last is
# asked for again
FAULTS = {
    "lost": 0.02, "cut": 0.02, "twice": 0.02, "late": 0.02, "reset": 0.005, "absurd": 0.02,
    "silence": 0.002,
}  # fmt: skip
ABSURD = ('["999999.9","5"]', '["-1.0","5"]', '["0.05","5"]', '["1e400","5"]', '["","5"]',
          '["NaN","5"]', '["9223372036854775808","5"]')  # fmt: skip
Levels = dict[int, int]


class BookWorld:
    """One venue's book, the feed that follows it, and what the feed held wrongly to be valid."""

    def __init__(self, seed: int, *, forges: bool = False) -> None:
        self.draw = Random(f"books/{seed}")
        self.stage = Stage(stale_most_ms=STALE_MS)
        self.stage.open()
        self.sides: tuple[Levels, Levels] = ({10: 5}, {200: 5})
        self.update = 100
        self.history: dict[int, tuple[Levels, Levels]] = {}
        self.forges = forges
        self.parked = ""
        self.done = dict.fromkeys(FAULTS, 0)
        self.wrong: list[str] = []
        self.valid = 0

    def next_update(self) -> str:
        """The venue's book changes in one level; the frame that says so."""
        self.update += 1
        side = self.draw.randrange(2)
        levels = dict(self.sides[side])
        price = self.draw.randrange(1, 100) if side == 0 else self.draw.randrange(101, 250)
        quantity = self.draw.choice((0, 1, 7)) if len(levels) > 1 else 7
        levels[price] = quantity
        levels = {p: q for p, q in levels.items() if q}
        self.sides = (levels, self.sides[1]) if side == 0 else (self.sides[0], levels)
        self.history[self.update] = self.sides
        if self.forges and self.draw.random() < 0.05:
            quantity += 1  # the venue lies about one quantity: no feed could know
        text = f'["{price / 10:.1f}","{quantity}"]'
        return depth(self.update, self.update, *((text, "") if side == 0 else ("", text)))

    def say(self, frame: str) -> None:
        """One frame, and the look at what the feed makes of it."""
        stage = self.stage
        if stage.feed.active < 0:
            return
        stage.say(frame)
        market = stage.market
        if not market.is_valid:
            return
        self.valid += 1
        held = tuple(dict(market.book.side_levels(s, 500)) for s in (1, 2))
        if held != self.history.get(market.book.last_id):
            self.wrong.append(f"update {market.book.last_id}: {str(held)[:200]}")

    def step(self, is_faulty: bool) -> None:
        """One update of the venue, and perhaps a fault."""
        stage, draw = self.stage, self.draw
        if stage.feed.active < 0:
            stage.wait(400)
            if stage.feed.coming >= 0:
                stage.open()
            return
        frame = self.next_update()
        fault = self.choose() if is_faulty else ""
        if fault:
            self.done[fault] += 1
        if fault == "cut":
            frame = frame[: draw.randrange(1, len(frame))]
        elif fault == "absurd":
            price = draw.choice(ABSURD)
            frame = depth(self.update, self.update, price, "")
        if fault == "late" and not self.parked:
            self.parked = frame
        elif fault != "lost":
            self.say(frame)
        if fault == "twice":
            self.say(frame)
        elif fault == "absurd" and stage.market.is_valid:
            self.wrong.append(f"update {self.update}: {frame[-60:]} left the book valid")
        elif fault == "reset" and stage.feed.active >= 0:
            stage.closes(stage.feed.active)
        elif fault == "silence":
            self.be_silent()
        if fault != "late" and self.parked:
            self.parked = self.say(self.parked) or ""
        if draw.random() < 0.5 or not is_faulty:
            for _, number in stage.asked()[-1:]:
                bids, asks = (list(levels.items()) for levels in self.sides)
                stage.snapshot(self.update, bids, asks, number)
        stage.wait(STEP_MS)

    def be_silent(self) -> None:
        """The connection stands, its pings are answered, and the channel says nothing (X14)."""
        self.stage.wait(STALE_MS + 600)
        if self.stage.market.is_valid:
            self.wrong.append(f"update {self.update}: silent for too long and still valid")

    def choose(self) -> str:
        left = self.draw.random()
        for name, share in FAULTS.items():
            left -= share
            if left < 0:
                return name
        return ""

    def run(self, updates: int) -> None:
        """So many updates under faults, then quiet, in which the book must come back."""
        last = self.update + updates
        while self.update < last:
            self.step(is_faulty=True)
        for _ in range(100):
            self.step(is_faulty=False)
        if not self.stage.market.is_valid:
            self.wrong.append("no valid book after quiet")


def books(updates: int, seed: int = 1) -> list[Row]:
    """At least `updates` of them, in worlds of their own; a control in which the venue lies."""
    moved = Row("X17", "updates lost, cut, twice, late, reset", "0 false-valid books")
    absurd = Row("X18", "absurd, negative, endless prices", "the book is in doubt at once")
    silent = Row("X14", "a channel silent, its connection alive", "in doubt by its limit")
    while moved.injected < updates:
        world = BookWorld(seed)
        world.run(A_WORLD)
        moved.injected += A_WORLD
        absurd.injected += world.done["absurd"]
        silent.injected += world.done["silence"]
        for what in world.wrong:
            row = absurd if "left" in what else silent if "silent" in what else moved
            row.broken.append(f"seed {seed}: {what}")
        moved.holds(world.valid > A_WORLD // 10, f"seed {seed}: valid {world.valid} times only")
        seed += 1
    control = Row("-", "control: a venue that lies", "false-valid books are found", injected=1)
    liar = BookWorld(seed, forges=True)
    liar.run(A_WORLD)
    control.holds(bool(liar.wrong), "a wrong level in a valid book was not seen")
    return [moved, absurd, silent, control]


def lifetimes(count: int, seed: int = 1) -> Row:
    """A connection's life ends and the next one takes over, interleaved at random (X16)."""
    row = Row("X16", "a feed's connection ends its life", "no gap, never in doubt")
    for number in range(count):
        draw = Random(f"lifetimes/{seed}/{number}")
        stage = Stage(lifetime_s=60, stale_most_ms=600_000).joined()
        stage.wait(61_000)
        old, new = stage.feed.active, stage.open()
        said = {old: 10, new: 10 + draw.randrange(3)}
        while stage.feed.active == old:
            channel = draw.choice((old, new))
            said[channel] += 1
            k = said[channel]
            stage.say(depth(k, k, f'["1.{k % 9}","{k % 3}"]'), channel)
            stage.wait(draw.randrange(20))
            row.holds(stage.market.is_valid, f"seed {number}: {stage.market.reason} at {k}")
            if stage.now - 1_700_000_000 * 1000 * MS > 600_000 * MS:
                row.broken.append(f"seed {number}: the new connection never took over")
                break
        stage.closes(old)
        for k in range(said[new] + 1, said[new] + 20):
            stage.say(depth(k, k, f'["1.{k % 9}","{k % 3}"]'))
        row.injected += 1
        ended = (stage.feed.gaps, stage.feed.reconnects, stage.market.epoch)
        row.holds(ended == (0, 0, 1), f"seed {number}: gaps, reconnects, epoch are {ended}")
    return row
