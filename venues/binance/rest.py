"""The venue's HTTP side: reads on request, and the canceller of last resort.

Sans-I/O: the lane does the HTTP, the answer is an input. A request record of the venue (one order,
or everything) is answered with a document that holds the reply in the words of the order socket, so
the venue reads both sources with one codec. Reads may be repeated; nothing here places an order.

The canceller has a connection and a process of its own. It acts when the kill switch falls, when
the root is gone or closes the gates, and when the venue's lane is not heard of: it lists the open
orders of each instrument, cancels those that are ours (all of them when the venue is killed) and
lists again until none is left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from engine import slots
from engine.budget import BAN_S, Budget, Silence, Silenced, shared_budget
from hotpath.instrument import Instrument
from hotpath.lane import Actor
from hotpath.order import read_id, spell_id, unpack_id
from hotpath.records import Document, Kind, Request, RequestType, pack, split, unpack
from venues.binance.profile import SPOT
from venues.binance.request import WINDOW_MS
from venues.binance.settings import RestSettings
from venues.binance.sign import Signer, Value, signed_query, signer

TICK, TICK_NS = 1, 100_000_000
SECOND_NS = 1_000_000_000
PAGE = 1000
NEXT = {"a": ("orderId", "orderId"), "t": ("id", "fromId")}
"""Lists that come in pages: what an item is numbered by, and the parameter that goes on from it."""
PARTS_A_TICK = 4
PART_BYTES = 6_000
"""Of an answer in one record: escaped, it fits the smallest outbox (64 KiB: records of 16 KiB). A
page of 1000 orders has 500 kB; what an outbox does not take ends its lane."""
PARTS_KEPT = 100
"""Of long answers, for later ticks. Above it no further page is asked for, so that a history of any
length takes the memory of its lists' pages, not of all it says: also while the journal is down and
nothing may be told."""
READS_KEPT = 1_000
"""Questions that a budget or a ban kept back; one beyond is not asked (the venue asks again)."""
LISTS_KEPT = 1_000
"""Lists whose next page waits for its turn; a comparison that finds no place begins again later."""
WEIGHTS = {
    ("GET", "/api/v3/order"): 4, ("GET", "/api/v3/openOrders"): 6, ("GET", "/api/v3/account"): 20,
    ("GET", "/api/v3/allOrders"): 20, ("GET", "/api/v3/myTrades"): 20,
    ("DELETE", "/api/v3/order"): 1, ("DELETE", "/api/v3/openOrders"): 1,
}  # fmt: skip


class Asked(NamedTuple):
    """A request under way: what its answer is for."""

    id: str  # the reply's id in the venue's words; "" = the canceller's own
    instrument: int
    method: str
    path: str
    params: dict[str, Value]
    cause: int
    since: int  # engine time at which the venue wanted to know

    @property
    def question(self) -> tuple[str, int, str]:
        return self.id, self.instrument, self.path


class BinanceRest(Silenced, Actor):
    """Reads for the venue it follows, and cancels when nobody else can."""

    def set_up(self, setup: Any) -> None:
        """From the configuration: address, key, listings, and the words of the board to watch."""
        spec = setup.venue
        key, board = spec.settings.key, setup.slots
        watched = [board[slots.KILL]] if slots.KILL in board else []
        own_kill = board.get(slots.kill(spec.name), -1)
        if own_kill >= 0:
            watched.append(own_kill)
        names = {number: name for name, number in setup.sources.items()}
        shown = slots.venue(names.get(spec.source, ""))
        self.configure(
            address=spec.settings.endpoints.rest if spec.settings.endpoints else "",
            api_key=key.api_key.reveal() if key else "",
            signer=signer(key.kind, key.secret, key.label) if key else None,
            instruments=[listing.instrument for listing in setup.listings.values()],
            instance=setup.instance,
            kill_slots=watched,
            venue_slot=board.get(shown, -1),
            hold_slot=board.get(slots.CANCEL_ONLY, -1),
            silent_slot=board.get(slots.silent(spec.name), -1),
            settings=setup.settings,
        )

    def configure(
        self, *, address: str, api_key: str, signer: Signer | None,
        instruments: Sequence[Instrument], instance: int, kill_slots: Sequence[int] = (),
        venue_slot: int = -1, hold_slot: int = -1, silent_slot: int = -1,
        settings: RestSettings | None = None,
    ) -> None:  # fmt: skip
        """`address`: http://host:port; `venue_slot`: where the venue shows that it lives;
        `hold_slot`: the word that is on while the journal takes nothing; `silent_slot`: where the
        time stands until which the venue wants no request."""
        self.wants = 1 << Kind.REQUEST
        self.settings = settings or RestSettings()
        self.address = address.rstrip("/").removesuffix("/api/v3").removesuffix("/api")
        self.api_key, self.signer, self.instance = api_key, signer, instance
        self.instruments = {i.id: i for i in instruments}
        self.kill_slots, self.venue_slot = list(kill_slots), venue_slot
        self.budget: Budget = shared_budget(self.lane, self.address, SPOT.weight_per_minute)
        self.silence = Silence(self.lane, self.budget, silent_slot)
        self.hold_slot = hold_slot
        self.under_way: dict[int, Asked] = {}
        self.unasked: dict[tuple[str, int, str], Asked] = {}  # reads kept back, by question
        self.untold: list[tuple[Asked, str]] = []  # parts of long answers, in order
        self.pages: deque[tuple[Asked, int]] = deque()  # the next of a list: numbered from here on
        self.turning = 0  # the request of such a page, while it is under way
        self.number = 0
        self.failed = self.cancels = 0
        self.beats = (0, 0)  # of the venue: its turns of 50 ms, and when they last rose
        self.gate_closed = False
        self.reason = ""  # why the canceller acts, "" = it does not
        self.listed: dict[int, bool] = {}  # instrument: no order of ours is open there
        self.next_round = 0

    # ---- life -----------------------------------------------------------------------------------

    def on_start(self) -> None:
        self.beats = (0, self.now)
        self.arm(self.now + TICK_NS, TICK)

    def on_gate_closed(self) -> None:
        """The root is gone, or has given up: nothing may work unattended."""
        self.gate_closed = True

    def on_stop(self) -> None:
        self.gate_closed = self.settings.cancel_when_orphaned

    def is_idle(self) -> bool:
        return not self.under_way and (not self.reason or all(self.listed.values()))

    def on_timer(self, token: int) -> None:
        self.arm(self.now + TICK_NS, TICK)
        if self.untold:
            self.tell_some()
        self.read_on()
        self.turn_page()
        reason = self.why_cancel()
        if reason and not self.reason:
            self.listed = dict.fromkeys(self.instruments, False)
            self.next_round = self.now
            self.tell({"canceller": reason})
        elif self.reason and not reason:
            self.tell({"canceller": ""})
        self.reason = reason
        if self.reason and self.now >= self.next_round:
            self.next_round = self.now + SECOND_NS
            self.cancel_round()

    def why_cancel(self) -> str:
        """`killed`, `gate closed`, `venue silent`, or "" while all is well."""
        if any(self.word(slot) for slot in self.kill_slots):
            return "killed"
        if self.gate_closed:
            return "gate closed"
        if self.venue_slot >= 0 and self.settings.cancel_when_orphaned:
            beats = self.word(self.venue_slot)
            if beats != self.beats[0]:
                self.beats = (beats, self.now)
            if self.beats[0] and self.now - self.beats[1] > self.settings.venue_silence_ms * 10**6:
                return "venue silent"
        return ""

    def word(self, slot: int) -> int:
        version, raw = self.lane.slot(slot, slots.WORD.size)
        return int(slots.WORD.unpack(raw)[0]) if version else 0

    def tell(self, document: dict[str, Any], instrument: int = 0, cause: int = 0) -> None:
        self.write(Kind.DOCUMENT, instrument, pack(Document(document=document)), cause)

    # ---- cancelling -----------------------------------------------------------------------------

    def cancel_round(self) -> None:
        """List every instrument; on a kill cancel in bulk first."""
        for number, instrument in self.instruments.items():
            symbol: dict[str, Value] = {"symbol": instrument.symbol}
            if self.reason == "killed" and not self.listed[number]:
                self.ask("", number, "DELETE", "/api/v3/openOrders", symbol)
            self.ask("", number, "GET", "/api/v3/openOrders", symbol)

    def cancel_listed(self, asked: Asked, body: bytes) -> None:
        """Cancel what is still open and may be cancelled."""
        try:
            listed = orjson.loads(body)
            names = [str(o["clientOrderId"]) for o in listed]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            self.failed += 1
            return
        mine = [name for name in names if self.reason == "killed" or self.is_ours(name)]
        self.listed[asked.instrument] = not mine
        for name in mine:
            params: dict[str, Value] = {
                "symbol": self.instruments[asked.instrument].symbol,
                "origClientOrderId": name,
            }
            self.cancels += 1
            self.ask("", asked.instrument, "DELETE", "/api/v3/order", params)

    def is_ours(self, name: str) -> bool:
        whole = read_id(name)
        return whole is not None and unpack_id(whole)[0] == self.instance

    # ---- reading for the venue ------------------------------------------------------------

    def on_record(self, kind: int, record: bytes) -> None:
        """A request of the venue; `self.cause` names it."""
        header, payload = split(record)
        asked: Request = unpack(kind, payload)
        instrument = self.instruments.get(header.instrument)
        if asked.type == RequestType.QUERY and instrument is not None:
            params: dict[str, Value] = {
                "symbol": instrument.symbol, "origClientOrderId": spell_id(asked.id),
            }  # fmt: skip
            self.read("q" + spell_id(asked.id), header.instrument, "/api/v3/order", params,
                      header.time)  # fmt: skip
        elif asked.type == RequestType.RECONCILE:
            for number, one in self.instruments.items():
                symbol: dict[str, Value] = {"symbol": one.symbol}
                since: dict[str, Value] = {"startTime": asked.since // 1_000_000, "limit": PAGE}
                for key, path, more in (
                    ("o", "/api/v3/openOrders", {}), ("a", "/api/v3/allOrders", since),
                    ("t", "/api/v3/myTrades", since),
                ):  # fmt: skip
                    self.read(f"{key}{number}", number, path, symbol | more, header.time)
            self.read("b", 0, "/api/v3/account", {}, header.time)
        elif asked.type == RequestType.CANCEL_ALL:
            self.gate_closed = True

    def read(
        self, id: str, instrument: int, path: str, params: dict[str, Value], since: int
    ) -> None:
        """Ask for the venue, now or as soon as budget and bans allow it. The venue asks for one
        order again within seconds, but compares everything only once in many minutes."""
        if self.signer is None or not self.address:
            return
        asked = Asked(id, instrument, "GET", path, params, self.cause, since)
        if asked.question in self.unasked or not self.ask(*asked[:5], since):
            self.keep(asked)

    def keep(self, asked: Asked) -> None:
        """A read that may not leave now: of one question the newest, from the earliest time."""
        known = self.unasked.get(asked.question)
        if known is None and len(self.unasked) == READS_KEPT:
            self.failed += 1
            return
        if known is not None:
            older, asked = sorted((known, asked), key=lambda a: a.since)
            if since := older.params.get("startTime"):
                asked = asked._replace(params=asked.params | {"startTime": since})
        self.unasked[asked.question] = asked

    def read_on(self) -> None:
        """Ask one of what was kept back: after a ban its answer says whether the next may leave."""
        for question, asked in self.unasked.items():
            if self.ask(*asked[:5], asked.since, asked.cause):
                del self.unasked[question]
            return

    def ask(
        self, id: str, instrument: int, method: str, path: str, params: dict[str, Value],
        since: int = 0, cause: int | None = None,
    ) -> bool:  # fmt: skip
        """Send a signed request, by default of what this turn was caused by; False when budget or
        ban forbid it (cancels pass both, the canceller's lists a pause a failure asked for)."""
        if self.signer is None or not self.address:
            return False
        weight = WEIGHTS[method, path]
        self.silence.hear()
        if method != "DELETE" and self.budget.wait(self.now, weight, held=bool(id)):
            return False
        self.budget.spend(self.now, weight)
        whole = params | {"recvWindow": WINDOW_MS, "timestamp": self.now // 1_000_000}
        query, _, _ = signed_query(whole, self.signer)
        self.number += 1
        self.under_way[self.number] = Asked(
            id, instrument, method, path, params, self.cause if cause is None else cause, since
        )
        headers = [("X-MBX-APIKEY", self.api_key)]
        self.request(self.number, method, f"{self.address}{path}?{query}", headers)
        return True

    def on_response(self, token: int, status: int, headers: dict[str, str], body: bytes) -> None:
        """An answer. Status 0, a ban or a failure is no information (8.7)."""
        asked = self.under_way.pop(token, None)
        if asked is None:
            return
        is_page = token == self.turning
        if is_page:
            self.turning = 0
        self.budget.heard(self.now, status, headers)
        if status in BAN_S and is_page:
            self.pages.appendleft((asked, int(asked.params[NEXT[asked.id[0]][1]])))
        elif status in BAN_S and asked.id:
            self.keep(asked)  # refused before it was looked at, as if it had not left
        if status == 0 or status in BAN_S or status >= 500:
            self.failed += 1
            return
        if not asked.id:
            if asked.method == "GET" and status == 200 and self.reason:  # else it has stood down
                self.cancel_listed(asked, body)
            return
        replies = replies_of(asked.id, status, body)
        if not replies:
            self.failed += 1
        if len(replies) == 1:  # the state of an order does not wait behind a long list
            self.tell({"reply": replies[0], "asked": asked.since}, asked.instrument, asked.cause)
        else:
            self.untold += [(asked, reply) for reply in replies]
        if replies and status == 200 and asked.id[0] in NEXT:
            self.ask_next(asked, orjson.loads(body))
        self.turn_page()

    def tell_some(self) -> None:
        """A few parts of long answers, the rest a tick later: the journal, which holds the outbox
        back, must have time to take them, and while it is down nothing is told."""
        if self.hold_slot >= 0 and self.word(self.hold_slot):
            return
        for asked, reply in self.untold[:PARTS_A_TICK]:
            self.tell({"reply": reply, "asked": asked.since}, asked.instrument, asked.cause)
        del self.untold[:PARTS_A_TICK]

    def ask_next(self, asked: Asked, listed: Any) -> None:
        """A full page is not all there is: the next begins behind its last."""
        if not isinstance(listed, list) or len(listed) < PAGE:
            return
        if len(self.pages) == LISTS_KEPT:
            self.failed += 1
            return
        number, _ = NEXT[asked.id[0]]
        self.pages.append((asked, max(int(x[number]) for x in listed) + 1))

    def turn_page(self) -> None:
        """Ask for one page, when the one before is here and nearly told; what a budget or a ban
        keeps back is asked for a tick later."""
        if self.turning or not self.pages or len(self.untold) > PARTS_KEPT:
            return
        asked, first = self.pages[0]
        params: dict[str, Value] = {
            "symbol": self.instruments[asked.instrument].symbol, "limit": PAGE,
            NEXT[asked.id[0]][1]: first,
        }  # fmt: skip
        of = (asked.id, asked.instrument, asked.method, asked.path)
        if self.ask(*of, params, asked.since, asked.cause):
            self.pages.popleft()
            self.turning = self.number


def replies_of(id: str, status: int, body: bytes) -> list[str]:
    """An HTTP answer in the words of the order socket, in parts that fit any outbox.

    Empty when it is no JSON, or when something that cannot be parted is too long: no information
    (8.7). A list of open orders in parts is told as orders like any others (`a`): a part of it
    says nothing about the orders that are not in it.
    """
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return []
    member = "result" if status == 200 else "error"

    def text(part: Any, of: str = id) -> str:
        return orjson.dumps({"id": of, "status": status, member: part}).decode()

    if len(body) <= PART_BYTES:
        return [text(content)]
    if isinstance(content, list):
        of = "a" + id[1:] if id.startswith("o") else id
        return [text(part, of) for part in parts_of(content)]
    if isinstance(content, dict) and isinstance(content.get("balances"), list):
        return [text(content | {"balances": part}) for part in parts_of(content["balances"])]
    return []


def parts_of(items: list[Any]) -> list[list[Any]]:
    """The items in lists of at most PART_BYTES of text each; what is longer alone is left out."""
    parts: list[list[Any]] = [[]]
    size = 0
    for item in items:
        n = len(orjson.dumps(item)) + 1
        if n > PART_BYTES:
            continue
        if size + n > PART_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(item)
        size += n
    return parts
