"""The REST actor: snapshots by request number, budgets, bans, retries, metadata that disagree."""

from __future__ import annotations

from typing import Any

import orjson

from engine import trouble
from engine.budget import MINUTE_NS, Budget, publish_silence, shared_budget
from engine.slots import SILENCE
from feeds.binance.rest import BinanceRest
from feeds.binance.settings import RestSettings
from hotpath.board import Board
from hotpath.instrument import Instrument
from hotpath.lane import Lane
from hotpath.records import Header, Kind, Request, RequestType, join, pack, split, unpack
from hotpath.ring import Outbox, Reader

S = 10**9
BODY = b'{"lastUpdateId":77,"bids":[["1.5","2"],["1.4","1"]],"asks":[["1.6","3"]]}'


class Transport:
    def __init__(self) -> None:
        self.requests: list[tuple[int, str]] = []

    def request(
        self, actor: Any, token: int, method: str, target: str, headers: Any, body: bytes
    ) -> None:
        assert method == "GET"
        self.requests.append((token, target))


class Stage:
    def __init__(self, symbols: tuple[str, ...] = ("AB", "CD"), **settings: Any) -> None:
        self.now = 1_700_000_000 * S
        self.board = Board.private(["silent"])
        self.lane = Lane("test", self.board, is_virtual=True)
        self.transport = self.lane.transport = Transport()
        self.rest = BinanceRest(self.lane, "rest", Outbox.private(1 << 20, 9))
        self.reader = Reader.of(self.rest.outbox, True)
        instruments = [Instrument(s, "0.1", "1", id=100 + i) for i, s in enumerate(symbols)]
        self.rest.configure("http://there:1/", instruments, RestSettings(**settings), 0)
        self.positions = 0

    def ask(self, instrument: int, epoch: int, what: int = RequestType.SNAPSHOT) -> None:
        self.positions += 1
        payload = pack(Request(id=0, type=what, epoch=epoch, since=0))
        header = Header(
            40 + len(payload), Kind.REQUEST, 3, self.positions, self.now, 0, instrument, 0
        )
        self.lane.take_record(self.rest, join(header, payload), self.now)

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """To the newest request."""
        token = self.transport.requests[-1][0]
        told = {k.replace("_", "-"): v for k, v in headers.items()}
        self.lane.take_response(self.rest, token, status, told, body, self.now)

    def wait(self, seconds: float) -> None:
        end = self.now + round(seconds * S)
        while self.lane.due is not None and self.lane.due <= end:
            self.now = self.lane.due
            self.lane.take_timers(self.now)
        self.now = end

    def told(self) -> list[tuple[Header, Any]]:
        found = []
        while batch := self.reader.take(64):
            found += [(h, unpack(h.kind, p)) for h, p in map(split, batch)]
        self.reader.store()
        return found

    @property
    def asked(self) -> list[str]:
        return [target.removeprefix("http://there:1") for _, target in self.transport.requests]


def test_a_snapshot_is_answered_in_ticks_and_lots_with_its_number_and_cause() -> None:
    stage = Stage()
    stage.ask(100, 5)
    assert stage.asked == ["/api/v3/depth?symbol=AB&limit=1000"]
    stage.answer(200, BODY)
    ((header, found),) = stage.told()
    assert (header.kind, header.instrument, header.cause) == (Kind.SNAPSHOT, 100, 3 << 48 | 1)
    assert (found.last_id, found.epoch) == (77, 5)
    assert (found.bids, found.asks) == ([(15, 2), (14, 1)], [(16, 3)])


def test_one_request_is_under_way_and_the_newest_of_an_instrument_counts() -> None:
    stage = Stage()
    for instrument, epoch in ((100, 1), (101, 1), (101, 2), (101, 3)):
        stage.ask(instrument, epoch)
    assert len(stage.asked) == 1
    stage.answer(200, BODY)
    stage.answer(200, BODY)
    assert [(h.instrument, r.epoch) for h, r in stage.told()] == [(100, 1), (101, 3)]
    assert len(stage.asked) == 2 and stage.rest.is_idle()


def test_an_instrument_that_is_not_ours_is_not_asked_for() -> None:
    stage = Stage()
    stage.ask(555, 1)
    assert stage.asked == []


def test_a_ban_is_obeyed_for_as_long_as_the_venue_says() -> None:
    for status in (429, 418):
        stage = Stage()
        stage.ask(100, 1)
        stage.answer(status, b'{"code":-1003,"msg":"Way too many requests"}', Retry_After="30")
        stage.ask(101, 1)
        stage.wait(29.9)
        assert len(stage.asked) == 1
        stage.wait(0.2)
        assert stage.asked[1] == stage.asked[0]
        stage.answer(200, BODY)
        stage.answer(200, BODY)
        assert [h.instrument for h, _ in stage.told()] == [100, 101]


def test_a_ban_of_no_seconds_lasts_as_long_as_one_without_a_number() -> None:
    """Refused and sent again in the same instant, without end."""
    for told, seconds in (("0", 10), ("soon", 10), ("1", 1)):
        stage = Stage()
        stage.ask(100, 1)
        for _ in range(3):
            stage.answer(429, b"", Retry_After=told)
        assert len(stage.asked) == 1
        stage.wait(seconds - 0.1)
        assert len(stage.asked) == 1
        stage.wait(0.2)
        assert len(stage.asked) == 2


def test_a_failure_that_names_a_pause_is_asked_again_after_it() -> None:
    """No ban: connections may be tried, and nothing of it goes to other lanes."""
    stage = Stage()
    stage.ask(100, 1)
    stage.answer(503, b"", Retry_After="30")
    stage.ask(101, 1)
    stage.wait(29.9)
    assert len(stage.asked) == 1, "another one at once"
    assert (stage.rest.silent_until, stage.rest.budget.bans) == (0, 0)
    stage.wait(0.2)
    stage.answer(200, BODY)
    stage.answer(200, BODY)
    assert sorted(h.instrument for h, _ in stage.told()) == [100, 101]


def test_a_ban_that_another_lane_was_told_of_holds_here_too() -> None:
    stage = Stage()
    stage.board.write(0, SILENCE.pack(stage.now + 30 * S, 418))
    stage.ask(100, 1)
    stage.wait(29.9)
    assert stage.asked == []
    assert (stage.rest.silent_until, stage.rest.silenced_by) == (stage.now + S // 10, 418)
    stage.wait(0.2)
    assert len(stage.asked) == 1


def test_failures_are_tried_again_a_few_times_and_no_answer_is_one() -> None:
    for status, body in ((0, b"ConnectError"), (500, b""), (200, b"[]"), (200, BODY[:-9])):
        stage = Stage(retries=2)
        stage.ask(100, 1)
        for _ in range(5):
            stage.answer(status, body)
            stage.wait(3)
        assert len(stage.asked) == 3
        assert stage.told() == [] and stage.rest.is_idle()


def test_one_that_failed_waits_alone() -> None:
    """It held all others up, for three and a half seconds in all."""
    stage = Stage()
    stage.ask(100, 1)
    stage.ask(101, 1)
    stage.answer(500)
    assert "CD" in stage.asked[1], "the other one waits"
    stage.answer(200, BODY)
    stage.wait(0.4)
    assert len(stage.asked) == 2, "the one that failed is asked again at once"
    stage.wait(0.2)
    assert "AB" in stage.asked[2]
    stage.answer(200, BODY)
    assert [h.instrument for h, _ in stage.told()] == [101, 100]


def test_what_was_not_answered_is_not_asked_again_when_a_newer_one_waits() -> None:
    """Both were sent, and the feed drops the first answer."""
    for status in (429, 500):
        stage = Stage()
        stage.ask(100, 1)
        stage.ask(100, 2)
        stage.answer(status, b"", Retry_After="1")
        stage.wait(1.1)
        stage.answer(200, BODY)
        assert [r.epoch for _, r in stage.told()] == [2] and len(stage.asked) == 2
        stage.wait(10)
        assert len(stage.asked) == 2 and stage.rest.is_idle()


def test_a_long_ban_arms_one_timer_however_often_it_is_asked() -> None:
    """One for each request: thousands fired at the end of an hour's ban."""
    stage = Stage()
    stage.ask(100, 1)
    stage.answer(418, b"", Retry_After="3600")
    for epoch in range(2, 720):
        stage.now += 5 * S
        stage.ask(100, epoch)
        stage.ask(101, epoch)
    stage.now += 20 * S
    assert stage.lane.take_timers(stage.now) == 1
    assert len(stage.asked) == 2 and len(stage.rest.waiting) == 1
    for _ in range(2):  # the next time it is armed anew
        stage.answer(429, b"", Retry_After="5")
        stage.wait(5.1)
    assert len(stage.asked) == 4
    stage.answer(418, b"", Retry_After="60")
    stage.rest.budget.banned_until -= 50 * S  # and an earlier end is not slept through
    stage.ask(100, 1000)
    stage.wait(10.1)
    assert len(stage.asked) == 5


def test_metadata_that_wait_do_not_pile_up_and_let_books_go_first() -> None:
    stage = Stage(metadata_refresh_s=10)
    stage.lane.start(stage.now)
    stage.answer(418, b"", Retry_After="3595")
    stage.wait(3594)
    for _ in range(3):
        stage.ask(0, 0, RequestType.METADATA)
    assert len(stage.rest.waiting) == 1
    stage.ask(100, 1)
    stage.wait(2)
    assert "depth" in stage.asked[1]


def test_the_budget_of_the_address_is_never_passed() -> None:
    stage = Stage(weight_per_minute=334, share_percent=80)  # three quarters: four snapshots of 50
    for epoch in range(1, 9):
        stage.ask(100, epoch)
        if not stage.rest.is_idle():
            stage.answer(200, BODY)
    assert len(stage.asked) == 4
    stage.wait(61)
    assert len(stage.asked) == 5


def test_the_venues_own_count_holds_too() -> None:
    stage = Stage(weight_per_minute=1000, share_percent=100)
    stage.ask(100, 1)
    stage.answer(200, BODY, X_MBX_USED_WEIGHT_1M="990")  # another process of this address
    stage.ask(100, 2)
    assert len(stage.asked) == 1
    stage.wait(61)
    assert len(stage.asked) == 2


def test_market_data_leave_the_last_quarter_of_the_budget_to_the_venue() -> None:
    """Books that no snapshot mends took all of it: not one open order was read any more."""
    stage = Stage(weight_per_minute=1000, share_percent=100)
    budget = stage.rest.budget
    for epoch in range(1, 40):
        stage.ask(100, epoch)
        if not stage.rest.is_idle():
            stage.answer(200, BODY)
    assert budget.total == 750
    assert budget.wait(stage.now, 250) == 0 and budget.wait(stage.now, 251) > 0
    stage.wait(120)
    if not stage.rest.is_idle():
        stage.answer(200, BODY, X_MBX_USED_WEIGHT_1M="701")  # as the venue counts, alike
    before = len(stage.asked)
    stage.ask(101, 1)
    assert len(stage.asked) == before and budget.wait(stage.now, 250) == 0
    stage.wait(60)
    assert len(stage.asked) == before + 1


def exchange_info(
    tick: str = "0.10000000", status: str = "TRADING", symbols: tuple[str, ...] = ("AB", "CD")
) -> bytes:
    filters = [
        {"filterType": "PRICE_FILTER", "tickSize": tick},
        {"filterType": "LOT_SIZE", "stepSize": "1.00000000", "minQty": "1.00000000"},
        {"filterType": "NOTIONAL", "minNotional": "5.00000000"},
    ]
    return orjson.dumps(
        {"symbols": [{"symbol": s, "status": status, "filters": filters} for s in symbols]}
    )


def test_metadata_are_read_at_start_and_again_and_told_when_they_change() -> None:
    stage = Stage(metadata_refresh_s=100)
    stage.lane.start(stage.now)
    assert stage.asked == ["/api/v3/exchangeInfo?symbols=%5B%22AB%22,%22CD%22%5D"]
    stage.answer(200, exchange_info())
    told = [r.document["metadata"] for _, r in stage.told()]
    assert told[0] == {
        "symbol": "AB",
        "status": "trading",
        "tick": "0.1",
        "lot": "1",
        "min_quantity": "1",
        "min_notional": "5",
        "agrees": True,
    }
    assert len(told) == 2
    stage.wait(101)
    stage.answer(200, exchange_info())
    assert stage.told() == []
    stage.wait(100)
    stage.answer(200, exchange_info("0.01000000", "BREAK"))
    told = [r.document["metadata"] for _, r in stage.told()]
    assert [(m["agrees"], m["status"]) for m in told] == 2 * [(False, "halted")]
    stage.wait(100)
    stage.answer(200, b'{"symbols":[]}')
    assert [r.document["metadata"]["status"] for _, r in stage.told()] == 2 * ["unknown"]


UNKNOWN = b'{"code":-1121,"msg":"Invalid symbol."}'


def serve(stage: Stage, *gone: str) -> None:
    """Answer metadata as the venue does: one unknown name refuses the whole list."""
    while not stage.rest.is_idle():
        names = tuple(stage.asked[-1].partition("%5B")[2][:-3].replace("%22", "").split(","))
        is_whole = not set(names) & set(gone)
        stage.answer(*((200, exchange_info(symbols=names)) if is_whole else (400, UNKNOWN)))


def test_one_symbol_that_the_venue_does_not_know_does_not_hide_the_others() -> None:
    """All metadata were refused for it, and nobody was told anything."""
    symbols = ("AB", "CD", "EF", "GH", "OLD", "IJ", "KL")
    stage = Stage(symbols, metadata_refresh_s=100)
    stage.lane.start(stage.now)
    serve(stage, "OLD")
    told = {r.document["metadata"]["symbol"]: r.document["metadata"] for _, r in stage.told()}
    assert {name for name, m in told.items() if m["agrees"]} == set(symbols) - {"OLD"}
    assert told["OLD"] == {
        "symbol": "OLD",
        "status": "unknown",
        "agrees": False,
        "number": -1121,
        "message": "Invalid symbol.",
    }
    words = str(trouble.in_words("feed_rest", stage.rest.trouble))
    assert "TCL-5217" in words and "OLD is not known there (-1121: Invalid symbol.)" in words
    assert len(stage.asked) == 7, "halves, not one by one"
    stage.wait(100)
    serve(stage, "OLD")
    assert [a.count("%22") // 2 for a in stage.asked[7:]] == [6, 1], "apart from then on"
    assert stage.told() == []
    stage.wait(100)
    serve(stage)
    assert [r.document["metadata"]["agrees"] for _, r in stage.told()] == [True]
    assert stage.rest.trouble is None
    stage.wait(100)
    assert stage.asked[-1].count("%22") // 2 == 7, "listed again: asked with the others"


def test_a_market_in_other_steps_than_ours_is_trouble() -> None:
    """Its document was read by nobody: its orders are refused, and nothing said why."""
    stage = Stage()
    stage.lane.start(stage.now)
    stage.answer(200, exchange_info("0.01000000", symbols=("CD",)))
    words = str(trouble.in_words("feed_rest", stage.rest.trouble))
    assert "AB is not known there; CD has tick 0.01 and lot 1, not 0.1 and 1" in words
    assert stage.rest.trouble is not None
    many = {"kind": "instruments", "unlike": 8 * stage.rest.trouble["unlike"][:1]}
    assert "and 3 more" in str(trouble.in_words("feed_rest", many))


def test_one_symbol_in_words_we_do_not_know_does_not_hide_the_others() -> None:
    stranger: tuple[Any, ...] = (None, 5, [{}], [{"filterType": "PRICE_FILTER", "tickSize": 1}])
    for strange in stranger:
        stage = Stage()
        stage.lane.start(stage.now)
        info = orjson.loads(exchange_info())
        info["symbols"][0]["filters"] = strange
        stage.answer(200, orjson.dumps(info))
        told = [r.document["metadata"] for _, r in stage.told()]
        assert [(m["symbol"], m["status"]) for m in told] == [("AB", "unknown"), ("CD", "trading")]


def test_a_refusal_that_names_no_reason_is_a_failure_like_others() -> None:
    for body in (b"", b"[]", b'{"code":"x"}', b"<html>"):
        stage = Stage(retries=2)
        stage.lane.start(stage.now)
        for _ in range(4):
            stage.answer(400, body)
            stage.wait(3)
        assert len(stage.asked) == 3 and stage.rest.trouble is None


def test_a_minute_is_a_sliding_one() -> None:
    budget = Budget("x", 100)
    assert budget.take(0, 60) and budget.take(30 * S, 40)
    assert not budget.take(59 * S, 1)
    assert budget.wait(59 * S, 60) == S
    assert budget.wait(59 * S, 61) == 31 * S
    assert budget.take(MINUTE_NS, 60)
    assert budget.wait(MINUTE_NS, 500) == 60 * S  # more than all of it: when all is free


def test_bans_last_and_actors_of_one_address_share_them() -> None:
    stage = Stage()
    other = BinanceRest(stage.lane, "other", Outbox.private(1 << 16, 10))
    other.configure("http://there:1/api", [Instrument("AB", "0.1", "1", id=100)])
    assert other.budget is stage.rest.budget
    elsewhere = shared_budget(stage.lane, "http://elsewhere", 10)
    assert elsewhere is not other.budget
    other.budget.ban(stage.now, 10)
    other.budget.ban(stage.now, 5)
    assert stage.rest.budget.wait(stage.now, 1) == 10 * S


def test_the_longer_of_two_silences_is_published() -> None:
    board = Board.private(["silent:alpha"])
    for until, stands in ((50, (50, 418)), (40, (50, 418)), (60, (60, 429))):
        number = 429 if until == 60 else 418
        publish_silence(board, {"venue": "alpha", "until": until, "number": number})
        assert SILENCE.unpack(board.read(0, SILENCE.size)[1]) == stands
