"""The HTTP side: reads answered in the venue's words, and the canceller that acts alone."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from engine.secret import Secret
from hotpath.board import Board
from hotpath.instrument import Instrument
from hotpath.lane import Lane
from hotpath.order import pack_id, spell_id
from hotpath.records import Header, Kind, Request, RequestType, join, pack, split, unpack
from hotpath.ring import Outbox, Reader
from tests.venues.binance.stage import RAW_KEY, WORD, Stage
from venues.binance.rest import PAGE, PARTS_A_TICK, PARTS_KEPT, READS_KEPT, BinanceRest, parts_of
from venues.binance.settings import RestSettings
from venues.binance.sign import signer

MS, S = 10**6, 10**9
INSTANCE = 77
OURS = spell_id(pack_id(INSTANCE, 5, 9, 0, 0))
LEFT = spell_id(pack_id(INSTANCE + 1, 5, 9, 0, 0))


class Http:
    """Notes what is asked and answers from a small exchange of its own."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, str, str, dict[str, str]]] = []
        self.open: list[str] = []

    def request(
        self, actor: Any, token: int, method: str, target: str, headers: Any, body: bytes
    ) -> None:
        parts = urlsplit(target)
        self.asked.append((token, method, parts.path, dict(parse_qsl(parts.query))))
        assert dict(headers)["X-MBX-APIKEY"] == "K" and "signature" in parts.query


class Desk:
    def __init__(self, room: int = 1 << 20, gating: tuple[str, ...] = (), **settings: Any) -> None:
        self.now = 1_700_000_000 * S
        self.board = Board.private(["kill", "kill_venue", "venue", "hold"])
        self.lane = Lane("control", self.board, is_virtual=True)
        self.http = self.lane.transport = Http()
        self.rest = BinanceRest(self.lane, "rest", Outbox.private(room, 6, gating=gating))
        self.reader = Reader.of(self.rest.outbox, not gating, *gating)
        self.rest.configure(
            address="http://there:1/api", api_key="K", signer=signer("ed25519", Secret(RAW_KEY)),
            instruments=[Instrument("BTCUSDT", "0.01", "0.0001", id=100)], instance=INSTANCE,
            kill_slots=[0, 1], venue_slot=2, hold_slot=3, settings=RestSettings(**settings),
        )  # fmt: skip
        self.beats = 0
        self.alive = True
        self.serving = True
        self.served = 0
        self.lane.start(self.now)

    def wait(self, ms: int) -> None:
        end = self.now + ms * MS
        while self.lane.due is not None and self.lane.due <= end:
            self.now = self.lane.due
            if self.alive:
                self.beats += 1
                self.board.write(2, WORD.pack(self.beats))
            self.lane.take_timers(self.now)
            self.serve()
        self.now = end

    def serve(self) -> None:
        while self.serving and self.served < len(self.http.asked):
            token, method, path, params = self.http.asked[self.served]
            self.served += 1
            if method == "DELETE":
                if path == "/api/v3/openOrders":
                    self.http.open.clear()
                elif params["origClientOrderId"] in self.http.open:
                    self.http.open.remove(params["origClientOrderId"])
                self.respond(token, [])
            elif path == "/api/v3/openOrders":
                self.respond(token, [{"clientOrderId": c} for c in self.http.open])

    def respond(self, token: int, content: Any, status: int = 200, **headers: str) -> None:
        body = content if isinstance(content, bytes) else orjson.dumps(content)
        self.lane.take_response(self.rest, token, status, headers, body, self.now)

    def ask(self, request: Request, instrument: int = 100) -> None:
        payload = pack(request)
        header = Header(40 + len(payload), Kind.REQUEST, 4, 1, self.now, 0, instrument, 0)
        self.lane.take_record(self.rest, join(header, payload), self.now)

    def replies(self, ms: int) -> list[dict[str, Any]]:
        """What is told within so long."""
        found = self.documents()
        for _ in range(ms // 100):
            self.wait(100)
            found += self.documents()
        return [orjson.loads(d["reply"]) for d in found if "reply" in d]

    def documents(self) -> list[dict[str, Any]]:
        found = []
        while batch := self.reader.take(256):
            for raw in batch:
                header, payload = split(raw)
                if header.kind == Kind.DOCUMENT:
                    found.append(unpack(header.kind, payload).document)
        self.reader.store()
        return found

    def calls(self) -> list[tuple[str, str]]:
        return [(m, p) for _, m, p, _ in self.http.asked]


def test_nothing_is_asked_while_all_is_well() -> None:
    desk = Desk()
    desk.wait(60_000)
    assert desk.http.asked == [] and desk.rest.is_idle()


def test_a_kill_cancels_everything_and_looks_until_nothing_is_left() -> None:
    desk = Desk()
    desk.wait(1000)
    desk.http.open = [OURS, "by hand"]
    desk.board.write(1, WORD.pack(1))
    desk.wait(200)
    assert desk.calls()[0] == ("DELETE", "/api/v3/openOrders") and desk.http.open == []
    desk.wait(1200)
    assert desk.rest.is_idle() and desk.documents() == [{"canceller": "killed"}]


def test_a_silent_venue_has_its_own_orders_cancelled_and_no_others() -> None:
    desk = Desk(venue_silence_ms=1000)
    desk.wait(5000)
    assert desk.http.asked == []
    desk.http.open = [OURS, LEFT, "by hand"]
    desk.alive = False
    desk.wait(900)
    assert desk.http.asked == []
    desk.wait(400)
    assert desk.http.open == [LEFT, "by hand"]
    assert ("DELETE", "/api/v3/openOrders") not in desk.calls()
    desk.alive = True
    desk.wait(500)
    assert desk.documents() == [{"canceller": "venue silent"}, {"canceller": ""}]


def test_a_list_that_comes_when_it_has_stood_down_cancels_nothing() -> None:
    desk = Desk(venue_silence_ms=1000)
    desk.wait(3_000)
    desk.serving = desk.alive = False
    desk.wait(1_300)
    assert desk.rest.reason, "it has asked for the list"
    desk.alive = True
    desk.wait(300)
    assert not desk.rest.reason
    desk.http.open = [OURS]
    desk.serving = True
    desk.wait(200)
    assert desk.http.open == [OURS], "the venue lives and its order works"


def test_an_order_that_appears_late_is_cancelled_too() -> None:
    """A placement still on its way when the venue died becomes visible after the first round."""
    desk = Desk(venue_silence_ms=1000)
    desk.wait(1000)
    desk.alive = False
    desk.wait(2500)
    desk.http.open = [OURS]
    desk.wait(1500)
    assert desk.http.open == []


def test_a_closed_gate_cancels() -> None:
    desk = Desk()
    desk.wait(500)
    desk.http.open = [OURS]
    desk.lane.close_gates(desk.now)
    desk.wait(200)
    assert desk.http.open == []


def test_cancels_pass_a_full_budget_and_reads_wait() -> None:
    desk = Desk()
    desk.rest.budget.ban(desk.now, 30)
    desk.ask(Request(id=pack_id(INSTANCE, 5, 9, 0, 0), type=RequestType.QUERY))
    assert desk.http.asked == []
    desk.board.write(0, WORD.pack(1))
    desk.wait(200)
    assert desk.calls() == [("DELETE", "/api/v3/openOrders")]


def test_a_query_is_answered_in_the_words_of_the_socket() -> None:
    desk = Desk()
    id = pack_id(INSTANCE, 5, 9, 0, 0)
    desk.ask(Request(id=id, type=RequestType.QUERY))
    token, method, path, params = desk.http.asked[0]
    assert (method, path, params["origClientOrderId"]) == ("GET", "/api/v3/order", spell_id(id))
    desk.respond(token, {"orderId": 9})
    assert [orjson.loads(d["reply"]) for d in desk.documents()] == [
        {"id": "q" + spell_id(id), "status": 200, "result": {"orderId": 9}}
    ]
    desk.ask(Request(id=id, type=RequestType.QUERY))
    desk.respond(desk.http.asked[1][0], {"code": -2013, "msg": "Order does not exist."}, 400)
    assert orjson.loads(desk.documents()[0]["reply"])["error"]["code"] == -2013


def test_a_failed_lookup_is_no_answer() -> None:
    desk = Desk()
    for status, body in ((0, b""), (502, b"<html>"), (429, b"{}"), (200, b"not json")):
        desk.wait(2000)  # what the one before was told is over
        desk.ask(Request(id=1, type=RequestType.QUERY))
        desk.respond(desk.http.asked[-1][0], body, status, **{"retry-after": "1"})
    assert desk.documents() == [] and desk.rest.failed == 4
    assert desk.rest.budget.bans == 1


def test_a_pause_that_a_failure_names_holds_reads_and_not_the_canceller() -> None:
    desk = Desk()
    desk.wait(1000)
    desk.ask(Request(id=1, type=RequestType.QUERY))
    desk.respond(desk.http.asked[0][0], b"", 503, **{"Retry-After": "30"})
    desk.ask(Request(id=2, type=RequestType.QUERY))
    assert len(desk.http.asked) == 1 and desk.rest.silent_until == 0
    desk.http.open = [OURS]
    desk.rest.on_gate_closed()
    desk.wait(1500)
    assert desk.http.open == [] and desk.rest.is_idle()
    assert ("GET", "/api/v3/order") not in desk.calls()[1:]
    desk.wait(30_000)
    assert ("GET", "/api/v3/order") in desk.calls()[1:]


def order(number: int) -> dict[str, Any]:
    """As long as an order in a list is."""
    words = dict.fromkeys(("price", "origQty", "executedQty", "cummulativeQuoteQty"), "0.00000000")
    return {
        "symbol": "BTCUSDT",
        "orderId": number,
        "clientOrderId": OURS,
        **words,
        "pad": "x" * 300,
    }


def test_a_long_list_is_told_in_parts_that_fit_any_outbox() -> None:
    """A page of a thousand orders was one record, too long for its outbox, and ended the lane."""
    desk = Desk(room=1 << 16)  # the smallest that a configuration may name
    desk.serving = False
    desk.ask(Request(type=RequestType.RECONCILE, since=desk.now), 0)
    opened, every, trades, account = [token for token, *_ in desk.http.asked]
    for token, id, count in ((opened, "a100", 80), (every, "a100", 80), (trades, "t100", 70)):
        desk.respond(token, [order(n) for n in range(count)])
        assert len(desk.rest.untold) > 0, "all of it in one turn"
        replies = desk.replies(1000)
        assert len(replies) > PARTS_A_TICK and {r["id"] for r in replies} == {id}
        assert [x["orderId"] for r in replies for x in r["result"]] == list(range(count))
    balances = [{"asset": f"A{n}", "free": "0.00000000", "locked": "0.0"} for n in range(300)]
    desk.respond(account, {"canTrade": True, "balances": balances})
    replies = desk.replies(1000)
    assert [b for r in replies for b in r["result"]["balances"]] == balances
    assert all(r["id"] == "b" and r["result"]["canTrade"] for r in replies)
    assert desk.rest.failed == 0


def test_a_thousand_orders_do_not_fill_an_outbox_whose_journal_is_slow() -> None:
    """What a long look found: an answer of one turn was more than the outbox has room for."""
    desk = Desk(room=1 << 16, gating=("journal",))
    desk.serving = False
    desk.ask(Request(type=RequestType.RECONCILE, since=desk.now), 0)
    desk.respond(desk.http.asked[1][0], [order(n) for n in range(999)])
    told = desk.replies(100)
    desk.board.write(3, WORD.pack(1))  # the journal is down
    assert told and desk.replies(2000) == []
    desk.board.write(3, WORD.pack(0))
    told += desk.replies(5000)
    assert [x["orderId"] for r in told for x in r["result"]] == list(range(999))
    assert desk.rest.untold == []


def test_a_short_list_of_open_orders_says_what_is_not_in_it() -> None:
    desk = Desk()
    desk.serving = False
    desk.ask(Request(type=RequestType.RECONCILE, since=desk.now), 0)
    desk.respond(desk.http.asked[0][0], [order(1)])
    (reply,) = [orjson.loads(d["reply"]) for d in desk.documents()]
    assert reply["id"] == "o100"


def test_what_cannot_be_parted_is_no_information() -> None:
    desk = Desk()
    desk.ask(Request(id=1, type=RequestType.QUERY))
    desk.respond(desk.http.asked[0][0], {"orderId": 9, "pad": "x" * 10_000})
    assert desk.documents() == [] and desk.rest.failed == 1
    assert parts_of([{"pad": "x" * 10_000}, {"orderId": 1}]) == [[{"orderId": 1}]]


def test_a_full_page_is_followed_by_the_next() -> None:
    desk = Desk()
    desk.serving = False
    desk.ask(Request(type=RequestType.RECONCILE, since=desk.now), 0)
    every, trades = (token for token, _, path, _ in desk.http.asked[1:3])
    desk.respond(every, [{"orderId": n} for n in range(1000)])
    desk.respond(trades, [{"id": n, "orderId": 1} for n in range(999)])
    assert len(desk.http.asked) == 5, "a page that is not full is the last"
    _, _, path, params = desk.http.asked[4]
    assert (path, params["orderId"]) == ("/api/v3/allOrders", "1000")
    assert "startTime" not in params
    desk.respond(desk.http.asked[4][0], [])
    assert len(desk.http.asked) == 5


def test_a_long_history_is_read_no_faster_than_it_is_told() -> None:
    """All pages were asked for at once: what an account ever did was kept in memory, and for as
    long as the journal was down."""
    desk = Desk(room=1 << 16, gating=("journal",))
    desk.serving = False
    pages, most = 12, 0
    desk.ask(Request(type=RequestType.RECONCILE, since=desk.now), 0)
    told: list[int] = []
    waiting = {desk.http.asked[1][0]: 0, desk.http.asked[2][0]: 0}
    desk.board.write(3, WORD.pack(1))  # the journal is down from the second page on
    served = 4
    for step in range(4_000):
        if step == 100:
            assert len(desk.http.asked) < 6, "pages were read that nobody may be told of"
            desk.board.write(3, WORD.pack(0))
        for token, page in list(waiting.items()):
            del waiting[token]
            count = PAGE if page < pages else 10
            first = page * PAGE
            kind = desk.http.asked[token - 1][2]
            name = "id" if kind.endswith("myTrades") else "orderId"
            desk.respond(token, [order(1) | {name: first + n} for n in range(count)])
        while served < len(desk.http.asked):
            token, _, _, params = desk.http.asked[served]
            waiting[token] = int(params.get("fromId") or params["orderId"]) // PAGE
            served += 1
        most = max(most, len(desk.rest.untold))
        told += [
            x["id"] for r in desk.replies(100) if r["id"] == "t100" for x in r["result"]
        ]  # fmt: skip
        if not waiting and not desk.rest.untold and not desk.rest.pages:
            break
    told.sort()  # a short page does not wait behind long ones
    assert told == list(range(pages * PAGE + 10)), "a page is missing, or was told twice"
    part = 10  # orders in one, at the least
    assert most <= PARTS_KEPT + 2 * PAGE // part and desk.rest.failed == 0


def test_a_page_that_a_ban_keeps_back_is_asked_for_after_it() -> None:
    """It was given up, and the comparison took what there was for all."""
    desk = Desk()
    desk.serving = False
    desk.ask(Request(type=RequestType.RECONCILE, since=desk.now), 0)
    desk.rest.budget.ban(desk.now, 3.0)
    desk.respond(desk.http.asked[1][0], [{"orderId": n} for n in range(PAGE)])
    desk.wait(2_900)
    assert len(desk.http.asked) == 4
    desk.wait(30_000)
    assert desk.http.asked[4][3]["orderId"] == str(PAGE)


def test_reads_that_a_ban_or_a_full_budget_keeps_back_are_asked_for_after_it() -> None:
    """They were dropped: the next comparison of everything is ten minutes away."""
    for is_ban in (True, False):
        desk = Desk()
        desk.serving = False
        if is_ban:
            desk.rest.budget.ban(desk.now, 30.0)
        else:
            desk.rest.budget.used(desk.now, desk.rest.budget.weight)
        for since in (desk.now - 60 * S, desk.now - 50 * S):  # the second time a newer one
            desk.ask(Request(type=RequestType.RECONCILE, since=since), 0)
            desk.ask(Request(id=5, type=RequestType.QUERY))
            desk.now += S
        desk.wait(1000)
        assert desk.http.asked == []
        desk.wait(60_000)
        assert sorted(p.rpartition("/")[2] for _, p in desk.calls()) == [
            "account", "allOrders", "myTrades", "openOrders", "order",
        ]  # fmt: skip
        starts = {p["startTime"] for *_, p in desk.http.asked if "startTime" in p}
        assert starts == {str((1_700_000_000 - 60) * 1000)}, "what the older one would have told"
        for token, *_ in desk.http.asked:
            desk.respond(token, [])
        asked = {d["asked"] for d in desk.documents() if "reply" in d}
        assert asked == {1_700_000_001 * S}, "the answer is as old as the newest question"


def test_a_read_that_is_answered_with_a_ban_is_asked_again_and_the_next_wait_for_its_answer() -> (
    None
):
    desk = Desk()
    desk.serving = False
    desk.ask(Request(type=RequestType.RECONCILE, since=desk.now), 0)
    for token, *_ in list(desk.http.asked):
        desk.respond(token, b"{}", 429, **{"Retry-After": "5"})
    desk.wait(4_900)
    assert len(desk.http.asked) == 4
    desk.wait(150)
    assert len(desk.http.asked) == 5
    desk.respond(desk.http.asked[4][0], b"{}", 429, **{"Retry-After": "5"})
    desk.wait(4_900)
    assert len(desk.http.asked) == 5, "one of them says whether the ban is over"
    desk.wait(600)
    assert sorted(desk.calls()[5:]) == sorted(desk.calls()[:4])


def test_a_page_that_is_answered_with_a_ban_is_asked_for_again() -> None:
    desk = Desk()
    desk.serving = False
    desk.ask(Request(type=RequestType.RECONCILE, since=desk.now), 0)
    desk.respond(desk.http.asked[1][0], [{"orderId": n} for n in range(PAGE)])
    desk.respond(desk.http.asked[4][0], b"", 429, **{"Retry-After": "5"})
    desk.wait(4_900)
    assert len(desk.http.asked) == 5
    desk.wait(300)
    assert desk.calls()[4:] == 2 * [("GET", "/api/v3/allOrders")]
    assert [p["orderId"] for *_, p in desk.http.asked[4:]] == 2 * [str(PAGE)]
    assert desk.rest.turning == 6


def test_no_more_reads_are_kept_than_have_a_bound() -> None:
    desk = Desk()
    desk.rest.budget.ban(desk.now, 3600.0)
    for id in range(1, READS_KEPT + 11):
        desk.ask(Request(id=id, type=RequestType.QUERY))
    assert len(desk.rest.unasked) == READS_KEPT and desk.rest.failed == 10


def test_cancels_that_pass_the_budget_count_in_it() -> None:
    desk = Desk()
    desk.rest.budget.used(desk.now, desk.rest.budget.weight)
    desk.http.open = [OURS]
    desk.board.write(1, WORD.pack(1))
    desk.wait(200)
    assert desk.calls() == [("DELETE", "/api/v3/openOrders")]
    assert desk.rest.budget.total == 1


def test_everything_is_read_when_asked() -> None:
    desk = Desk()
    desk.serving = False
    desk.ask(Request(type=RequestType.RECONCILE, since=desk.now), 0)
    assert [p for _, p in desk.calls()] == [
        "/api/v3/openOrders", "/api/v3/allOrders", "/api/v3/myTrades", "/api/v3/account",
    ]  # fmt: skip


def test_the_venue_learns_from_the_second_source_while_its_socket_is_down() -> None:
    """Venue and HTTP side together: an unknown order is settled without the order socket."""
    stage = Stage()
    stage.venue.has_rest = True
    stage.start()
    id = stage.place()
    stage.disconnect()
    assert stage.state(id)[2] == "UNKNOWN"
    stage.wait(300)
    requests = [r for _, r in stage.records(Kind.REQUEST)]
    assert requests and {(r.id, r.type) for r in requests} == {(id, RequestType.QUERY)}
    desk = Desk()
    desk.now = stage.now
    desk.ask(requests[0])
    desk.respond(desk.http.asked[0][0], stage.order(id))
    stage.reader.store()
    payload = next(iter(Reader.of(desk.rest.outbox, True).take(16)))
    stage.now += MS
    stage.lane.take_record(stage.venue, payload, stage.now)
    assert stage.state(id) == ("NEW", "NONE", "CONFIRMED", 0)
