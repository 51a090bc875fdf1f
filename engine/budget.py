"""The request budget of one address at one venue: who asks waits, bans are obeyed by all.

Pure: time is passed in. The actors of one lane that speak to one address share one budget
(`shared_budget`), because the venue counts by address and not by actor; a ban that one lane was
told of reaches the others through the root and the board (`Silence`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine import slots
from engine.decimals import whole

if TYPE_CHECKING:
    from hotpath.board import Board
    from hotpath.lane import Lane

BAN_S = {403: 60.0, 418: 120.0, 429: 10.0}
"""HTTP statuses that forbid further requests, and for how long where the venue does not say it."""
MARKET_DATA_PERCENT = 75
"""Of a budget, for snapshots and metadata: the last quarter is the venue's. Books can wait; what
an order became cannot, however many books there are that no snapshot mends."""
MINUTE_NS = 60_000_000_000
LONGEST_BAN_NS = 3 * 24 * 3600 * 1_000_000_000


class Budget:
    """At most `weight` in any minute as this side counts it, and as the venue says it counts."""

    def __init__(self, address: str, weight: int) -> None:
        self.address, self.weight = address, weight
        self.spent: deque[tuple[int, int]] = deque()  # (time, weight)
        self.total = 0
        self.told = (0, 0)  # (minute, weight) of the venue's header
        self.banned_until = 0
        self.held_until = 0  # a pause that a failure asked for: its HTTP side only, and no ban
        self.bans = 0
        self.banned_by = 0  # the HTTP status that said so

    def forget(self, now: int) -> None:
        while self.spent and self.spent[0][0] <= now - MINUTE_NS:
            self.total -= self.spent.popleft()[1]

    def wait(self, now: int, weight: int, *, percent: int = 100, held: bool = True) -> int:
        """Nanoseconds until a request of `weight` may leave; 0 = now. `percent`: how much of the
        budget this asker may find spent; `held`: pauses that failures asked for count too."""
        self.forget(now)
        room = self.weight * percent // 100
        until = max(self.banned_until, self.held_until if held else 0)
        if self.told[0] == now // MINUTE_NS and self.told[1] + weight > room:
            until = max(until, (now // MINUTE_NS + 1) * MINUTE_NS)
        excess = self.total + min(weight, room) - room
        for time, spent in self.spent:
            if excess <= 0:
                break
            excess -= spent
            until = max(until, time + MINUTE_NS)
        return max(0, until - now)

    def take(self, now: int, weight: int) -> bool:
        """Spend `weight` now if it may be spent."""
        if self.wait(now, weight):
            return False
        self.spend(now, weight)
        return True

    def spend(self, now: int, weight: int) -> None:
        """What leaves counts, whether it had to ask or not (cancels do not)."""
        self.spent.append((now, weight))
        self.total += weight

    def heard(self, now: int, status: int, headers: Mapping[str, str]) -> None:
        """What an HTTP answer says of further requests: weight used, a ban, a pause."""
        told = {k.lower(): v for k, v in headers.items()}
        if (used := whole(told.get("x-mbx-used-weight-1m"))) is not None:
            self.used(now, used)
        if status in BAN_S:
            self.ban(now, seconds_of(told.get("retry-after"), BAN_S[status]), status)
        elif status >= 500:
            pause = seconds_of(told.get("retry-after"), 0.0)
            self.held_until = max(self.held_until, now + ban_ns(pause))

    def used(self, now: int, weight: int) -> None:
        """The venue says that `weight` is used in this minute (all processes of the address)."""
        self.told = (now // MINUTE_NS, weight)

    def ban(self, now: int, seconds: float, status: int = 418) -> None:
        """No request for that long; the longer of two bans holds."""
        self.bans += 1
        self.hear(now + ban_ns(seconds), status)

    def hear(self, until: int, status: int) -> None:
        """Somebody at this address was told to be silent until then (engine time)."""
        if until > self.banned_until:
            self.banned_until, self.banned_by = until, status


class Silenced:
    """What an actor with a budget shows of it; its lane tells the root."""

    budget: Budget

    @property
    def silent_until(self) -> int:
        """Engine time until which the venue wants no request of this address."""
        return self.budget.banned_until

    @property
    def silenced_by(self) -> int:
        """The HTTP status that said so, 0 = none."""
        return self.budget.banned_by


class Silence:
    """The time for which a venue wants no request: one for all lanes, on the board."""

    def __init__(self, lane: Lane, budget: Budget, slot: int) -> None:
        self.lane, self.budget, self.slot = lane, budget, slot

    def hear(self) -> None:
        """What other lanes were told holds here too; call it before a request."""
        if self.slot >= 0:
            version, raw = self.lane.slot(self.slot, slots.SILENCE.size)
            if version:
                self.budget.hear(*slots.SILENCE.unpack(raw))


def seconds_of(text: str | None, otherwise: float) -> float:
    """Retry-After in seconds; `otherwise` when it is not said so, or said to be none at all: a
    venue that refused this request takes the next one no better in the same instant."""
    return float(whole(text) or otherwise)


def refused_code(status: int, headers: Mapping[str, str]) -> int:
    """The code of the link event of a handshake that was answered with an HTTP status instead:
    status << 32 | seconds of its Retry-After, 0 where it has none."""
    told = {k.lower(): v for k, v in headers.items()}
    return status << 32 | min(whole(told.get("retry-after")) or 0, 0xFFFFFFFF)


def ban_ns(seconds: float) -> int:
    """How long a ban of so many seconds is kept."""
    return min(LONGEST_BAN_NS, max(0, round(seconds * 1e9)))


def silence_of(code: int) -> tuple[int, int] | None:
    """(status, nanoseconds) for which a venue wants no request, from the code of a closed link;
    None when the code says nothing of it."""
    status, seconds = code >> 32, code & 0xFFFFFFFF
    return (status, ban_ns(seconds or BAN_S[status])) if status in BAN_S else None


def publish_silence(board: Board, told: dict[str, Any]) -> None:
    """What a lane told (venue, until, number), for all lanes: the longer of two silences stands."""
    slot, until, status = board.slot(slots.silent(told["venue"])), told["until"], told["number"]
    version, known = board.read(slot, slots.SILENCE.size)
    if not version or until > slots.SILENCE.unpack(known)[0]:
        board.write(slot, slots.SILENCE.pack(until, status))


def shared_budget(lane: Lane, address: str, weight: int) -> Budget:
    """The budget that an actor of this lane already keeps for `address`, or a new one. An actor
    offers its own as its attribute `budget`."""
    for actor in lane.actors:
        known = getattr(actor, "budget", None)
        if isinstance(known, Budget) and known.address == address:
            known.weight = min(known.weight, weight)
            return known
    return Budget(address, weight)
