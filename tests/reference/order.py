"""The life of an order, slow and obvious: table 5.2 of the order life over plain Python values.

It keeps every report it accepted and works out the state from the whole list each time, in no
particular order, so it cannot depend on arrival. What is legal is asked before a report is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field

LIVE = {"PENDING_NEW", "NEW", "PARTIALLY_FILLED", "DONE_FOR_DAY", "SUSPENDED"}
OVER = {"DENIED", "FILLED", "CANCELED", "REJECTED", "EXPIRED"}
OF_ONE_ID = {
    "ACK", "REJECT", "CANCELED", "EXPIRED", "DONE_FOR_DAY", "SUSPENDED", "RESUMED", "STATUS",
}  # fmt: skip


@dataclass
class Trade:
    price: int
    quantity: int
    own: int  # the id under which it was done, 0 = booked without one
    busted: bool = False
    corrected: bool = False


@dataclass
class Order:
    id: int
    price: int
    quantity: int
    said: set[str] = field(default_factory=set)
    trades: dict[int, Trade] = field(default_factory=dict)
    chain: list[int] = field(default_factory=list)
    open_replace: tuple[int, int, int] | None = None
    asked: dict[int, int] = field(default_factory=dict)  # what each id was sent for
    pending: str = "NONE"
    venue_order_id: int = 0
    touched: int = 0
    sent: int = 0
    newest: int = 0
    filled_for_good: bool = False

    def __post_init__(self) -> None:
        self.first = self.id
        self.asked[self.id] = self.quantity

    # ---- what follows from what was said ------------------------------------------------------

    @property
    def counted(self) -> list[Trade]:
        return [t for t in self.trades.values() if not t.busted]

    @property
    def cumulative(self) -> int:
        return sum(t.quantity for t in self.counted)

    def filled(self, id: int) -> int:
        return sum(t.quantity for t in self.counted if t.own == id)

    @property
    def overfilled(self) -> bool:
        """An id traded more than it was sent for; more than was wished is no overfill."""
        return any(self.filled(id) > self.asked[id] for id in (*self.chain, self.id))

    @property
    def left(self) -> int:
        """What the id it has may still trade, as far as its own trades say."""
        return max(0, self.asked[self.id] - self.filled(self.id))

    @property
    def surplus(self) -> bool:
        """Nothing more is wished for, and the newest id works on."""
        return (
            self.status in LIVE
            and self.open_replace is None
            and 0 < self.cumulative >= self.quantity
            and self.left > 0
        )

    @property
    def status(self) -> str:
        said, acked = self.said, "ACK" in self.said
        ended = {"CANCELED", "EXPIRED", "REJECT"} & said
        if self.open_replace is None:  # else a younger id may work, whatever became of this one
            whole = 0 < self.cumulative >= self.quantity and (ended or not self.left)
            if whole or self.filled_for_good:
                return "FILLED"
            for name in ("CANCELED", "EXPIRED"):
                if name in said:
                    return name
        for name in ("SUSPENDED", "DONE_FOR_DAY"):
            if name in said:
                return name
        if self.cumulative > 0:
            return "PARTIALLY_FILLED"
        if "DENIED" in said and not acked:
            return "DENIED"
        if "ABSENT" in said and not acked:
            return "REJECTED"
        if "REJECT" in said and not acked:
            return "REJECTED"
        if "REJECT" in said and self.open_replace is None:
            return "CANCELED"
        if acked:
            return "NEW"
        return "PENDING_NEW" if "APPROVED" in said else "INTENT"

    @property
    def evidence(self) -> str:
        if "DISPUTE" in self.said:
            return "DISPUTED"
        return "UNKNOWN" if self.said & {"UNKNOWN_PLACE", "UNKNOWN_CHANGE"} else "CONFIRMED"

    @property
    def average(self) -> int:
        total = self.cumulative
        if total <= 0:
            return 0
        cost = sum(t.price * t.quantity for t in self.counted) * 10**8
        half = total // 2
        return (cost + half) // total if cost >= 0 else -((-cost + half) // total)

    def state(self) -> dict[str, object]:
        status = self.status
        return {
            "id": self.id,
            "first": self.first,
            "venue_order_id": self.venue_order_id,
            "status": status,
            "pending": self.pending,
            "evidence": self.evidence,
            "price": self.price,
            "quantity": self.quantity,
            "cumulative": self.cumulative,
            "leaves": self.left if status in LIVE else 0,
            "average": self.average,
            "overfilled": self.overfilled,
            "surplus": self.surplus,
        }

    # ---- one report ----------------------------------------------------------------------------

    def apply(self, event: str, **r: int) -> str:
        """APPLIED, IGNORED or ILLEGAL."""
        own = r.get("own", 0)
        past = own not in {0, self.id, self.open_replace[0] if self.open_replace else 0}
        if past and event in OF_ONE_ID:
            return "IGNORED"  # another id has taken its place, or it never came
        moved = False
        if (
            self.open_replace
            and own == self.open_replace[0]
            and event in {"ACK", "FILL", "CANCELED", "EXPIRED", "TRADE_CORRECTION"}
        ):
            self.move_on()
            moved = True
        outcome = getattr(self, "on_" + event.lower())(r)
        if outcome == "ILLEGAL" and not moved:
            return "ILLEGAL"
        if moved and outcome == "IGNORED":
            outcome = "APPLIED"
        if event != "DENIED" and outcome != "ILLEGAL" and r.get("venue_order_id") and not past:
            self.venue_order_id = r["venue_order_id"]
        if self.status != "PENDING_NEW":
            self.said.discard("UNKNOWN_PLACE")
        if self.status in OVER:
            self.said -= {"UNKNOWN_PLACE", "UNKNOWN_CHANGE"}
            self.pending = "NONE"
        if outcome == "APPLIED":
            self.touched = r.get("now", 0)
        return outcome

    def move_on(self) -> None:
        assert self.open_replace is not None
        self.chain.append(self.id)
        self.id, self.price, self.quantity = self.open_replace
        self.open_replace = None
        self.said -= {"UNKNOWN_CHANGE", "CANCELED", "EXPIRED", "REJECT"}  # the old id's
        if self.pending == "REPLACE":
            self.pending = "NONE"

    def is_newer(self, venue_time: int) -> bool:
        if venue_time and venue_time < self.newest:
            return False
        self.newest = venue_time or self.newest
        return True

    def on_denied(self, r: dict[str, int]) -> str:
        proof = bool(r.get("definite"))
        if self.status == "INTENT" or (self.status == "PENDING_NEW" and proof):
            self.said.add("DENIED")
            return "APPLIED"
        return "ILLEGAL"

    def on_approved(self, r: dict[str, int]) -> str:
        if self.status != "INTENT":
            return "ILLEGAL"
        self.said.add("APPROVED")
        return "APPLIED"

    def on_unknown(self, r: dict[str, int]) -> str:
        placing = self.status == "PENDING_NEW"
        changing = self.pending != "NONE"
        if not placing and not (self.status in LIVE and changing):
            return "ILLEGAL"
        if placing:
            self.said.add("UNKNOWN_PLACE")
        if changing:
            self.said.add("UNKNOWN_CHANGE")
        return "APPLIED"

    def on_ack(self, r: dict[str, int]) -> str:
        if self.status == "INTENT":
            return "ILLEGAL"
        if "ACK" in self.said:
            return "IGNORED"
        self.said.add("ACK")
        if self.said & {"DENIED", "ABSENT"}:
            self.said.add("DISPUTE")
        return "APPLIED"

    def on_reject(self, r: dict[str, int]) -> str:
        if self.open_replace and r.get("own", 0) == self.open_replace[0]:
            return self.on_replace_rejected({"definite": 1})
        if self.status in {"INTENT", "DENIED"}:
            return "ILLEGAL"
        if self.said & {"REJECT", "ABSENT"}:
            return "IGNORED"
        if self.cumulative > 0:
            self.said |= {"REJECT", "DISPUTE"}
            self.is_newer(r.get("venue_time", 0))
            return "APPLIED"
        if self.status not in {"PENDING_NEW", "NEW"}:
            return "ILLEGAL"
        self.said.add("REJECT")
        self.is_newer(r.get("venue_time", 0))
        return "APPLIED"

    def one_of_its(self, own: int) -> int:
        return own if own in self.chain else self.id

    def count(self, trade_id: int, price: int, quantity: int, own: int) -> None:
        self.trades[trade_id] = Trade(price, quantity, self.one_of_its(own))
        self.said.discard("UNKNOWN_PLACE")
        if self.said & {"DENIED", "REJECT", "ABSENT"}:
            self.said.add("DISPUTE")

    def on_fill(self, r: dict[str, int]) -> str:
        if self.status == "INTENT" or r["quantity"] <= 0 or not r["trade_id"]:
            return "ILLEGAL"
        known = self.trades.get(r["trade_id"])
        if known:
            if (
                known.busted
                or known.corrected
                or (known.price, known.quantity) == (r["price"], r["quantity"])
            ):
                return "IGNORED"
            self.said.add("DISPUTE")
            return "APPLIED"
        self.count(r["trade_id"], r["price"], r["quantity"], r.get("own", 0))
        if self.is_newer(r.get("venue_time", 0)):
            self.said -= {"SUSPENDED", "DONE_FOR_DAY"}
        return "APPLIED"

    def on_cancel_requested(self, r: dict[str, int]) -> str:
        if self.status not in LIVE:
            return "ILLEGAL"
        if self.pending == "CANCEL":
            return "IGNORED"
        self.pending = "CANCEL"
        return "APPLIED"

    def end(self, word: str, r: dict[str, int]) -> str:
        if word in self.said:
            return "IGNORED"
        if self.status not in LIVE and self.status != "FILLED":
            return "ILLEGAL"
        outcome = "IGNORED" if self.status == "FILLED" else "APPLIED"
        self.said.add(word)
        self.is_newer(r.get("venue_time", 0))
        return outcome

    def on_canceled(self, r: dict[str, int]) -> str:
        return self.end("CANCELED", r)

    def on_expired(self, r: dict[str, int]) -> str:
        return self.end("EXPIRED", r)

    def on_cancel_rejected(self, r: dict[str, int]) -> str:
        if self.status in OVER and self.status != "DENIED":
            return "IGNORED"
        if self.pending != "CANCEL":
            return "ILLEGAL"
        self.pending = "REPLACE" if self.open_replace else "NONE"
        if not r.get("definite"):
            self.said.add("UNKNOWN_CHANGE")
        return "APPLIED"

    def on_replace_requested(self, r: dict[str, int]) -> str:
        if (
            self.status not in {"NEW", "PARTIALLY_FILLED"}
            or self.pending != "NONE"
            or self.open_replace
            or not r.get("successor")
            or r["quantity"] <= 0
            or r["successor"] in {self.id, *self.chain}
        ):
            return "ILLEGAL"
        self.pending = "REPLACE"
        self.open_replace = (r["successor"], r["price"], r["quantity"])
        self.asked[r["successor"]] = max(0, r["quantity"] - self.cumulative)
        return "APPLIED"

    def on_replaced(self, r: dict[str, int]) -> str:
        successor = r.get("successor", 0)
        if successor and successor == self.id:
            return "IGNORED"
        if (
            not self.open_replace
            or self.status in {"REJECTED", "DENIED"}
            or (successor and successor != self.open_replace[0])
        ):
            return "ILLEGAL"
        self.move_on()
        return "APPLIED"

    def on_replace_rejected(self, r: dict[str, int]) -> str:
        if not self.open_replace:
            return "IGNORED" if self.status in OVER and self.status != "DENIED" else "ILLEGAL"
        lived = self.status in LIVE
        self.drop_replace()
        if not lived:
            return "IGNORED"
        if not r.get("definite"):
            self.said.add("UNKNOWN_CHANGE")
        return "APPLIED"

    def drop_replace(self) -> None:
        self.open_replace = None
        if self.pending == "REPLACE":
            self.pending = "NONE"

    def pause(self, word: str, on: bool, venue_time: int) -> str:
        if self.status not in LIVE:
            return "ILLEGAL" if self.status in {"INTENT", "DENIED", "REJECTED"} else "IGNORED"
        if not on and word not in self.said and not venue_time:
            return "ILLEGAL"
        if not self.is_newer(venue_time):
            return "IGNORED"
        if on == (word in self.said):
            return "IGNORED"
        (self.said.add if on else self.said.discard)(word)
        return "APPLIED"

    def on_done_for_day(self, r: dict[str, int]) -> str:
        return self.pause("DONE_FOR_DAY", True, r.get("venue_time", 0))

    def on_suspended(self, r: dict[str, int]) -> str:
        return self.pause("SUSPENDED", True, r.get("venue_time", 0))

    def on_resumed(self, r: dict[str, int]) -> str:
        return self.pause("SUSPENDED", False, r.get("venue_time", 0))

    def on_trade_bust(self, r: dict[str, int]) -> str:
        if not r["trade_id"] or self.status == "INTENT":
            return "ILLEGAL"
        known = self.trades.get(r["trade_id"])
        if known is None:
            self.trades[r["trade_id"]] = Trade(r["price"], 0, 0, busted=True)
            return "APPLIED"
        if known.busted:
            return "IGNORED"
        was = self.status
        known.busted = True
        self.reopen_or_stay(was, r)
        return "APPLIED"

    def on_trade_correction(self, r: dict[str, int]) -> str:
        if not r["trade_id"] or r["quantity"] <= 0 or self.status == "INTENT":
            return "ILLEGAL"
        known = self.trades.get(r["trade_id"])
        if known is None:
            self.count(r["trade_id"], r["price"], r["quantity"], r.get("own", 0))
            self.trades[r["trade_id"]].corrected = True
            if self.is_newer(r.get("venue_time", 0)):
                self.said -= {"SUSPENDED", "DONE_FOR_DAY"}
            return "APPLIED"
        same = (known.price, known.quantity) == (r["price"], r["quantity"])
        if known.busted or (known.corrected and same):
            return "IGNORED"
        was = self.status
        known.price, known.quantity, known.corrected = r["price"], r["quantity"], True
        known.own = self.one_of_its(r.get("own", 0))
        self.reopen_or_stay(was, r)
        return "APPLIED"

    def reopen_or_stay(self, was: str, r: dict[str, int]) -> None:
        if r.get("definite"):
            self.filled_for_good = False
        elif was == "FILLED" and self.cumulative < self.quantity:
            self.filled_for_good = True

    def on_absent(self, r: dict[str, int]) -> str:
        if self.status != "PENDING_NEW" or "UNKNOWN_PLACE" not in self.said:
            return "ILLEGAL"
        self.said.add("ABSENT")
        return "APPLIED"

    def on_resolved(self, r: dict[str, int]) -> str:
        stated = str(r.get("status", "NONE"))
        words = {
            "NEW": {"ACK"},
            "PARTIALLY_FILLED": {"ACK"},
            "FILLED": set[str](),
            "CANCELED": {"CANCELED"},
            "EXPIRED": {"EXPIRED"},
            "REJECTED": {"REJECT"},
        }.get(stated)
        if self.evidence == "CONFIRMED" or words is None:
            return "ILLEGAL"
        if stated == "REJECTED" and (self.cumulative > 0 or "ACK" in self.said):
            return "ILLEGAL"
        if stated not in {"NEW", "PARTIALLY_FILLED"}:
            self.drop_replace()
        self.said &= {"APPROVED", "ACK"}
        self.said |= words
        self.filled_for_good = stated == "FILLED"
        return "APPLIED"

    def on_status(self, r: dict[str, int]) -> str:
        stated = str(r.get("status", "NONE"))
        if self.status == "INTENT":
            return "ILLEGAL"
        if stated in {"PENDING_NEW", "NEW", "PARTIALLY_FILLED"}:
            if self.status in OVER:
                said_at = r.get("venue_time", 0)
                if r.get("collected", 0) <= self.touched or (said_at and said_at <= self.newest):
                    return "IGNORED"
                self.said.add("DISPUTE")
                return "APPLIED"
            outcome = self.on_ack(r)
            if r.get("collected", 0) > self.sent and "UNKNOWN_CHANGE" in self.said:
                self.said.discard("UNKNOWN_CHANGE")
                if self.pending == "CANCEL":
                    self.pending = "NONE"
                outcome = "APPLIED"
            return outcome
        if stated == "FILLED":
            if self.status == "FILLED":
                return "IGNORED"
            self.said |= {"ACK", "UNKNOWN_CHANGE"}
            return "APPLIED"
        if stated in {"CANCELED", "EXPIRED"}:
            return self.end(stated, r)
        return self.on_reject(r) if stated == "REJECTED" else "ILLEGAL"
