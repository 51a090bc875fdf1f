"""Each fault does what it says, over real sockets."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.venues.simulated.process import Exchange


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """An exchange with flow, and a far resting room for orders that must not fill."""
    flow = {"maker_events_per_s": 400, "taker_events_per_s": 40}
    with Exchange(tmp_path_factory.mktemp("live"), flow=flow, ping_ms=200) as exchange:
        yield exchange


@pytest.fixture(autouse=True)
def cleared(live: Exchange) -> Iterator[None]:
    yield
    live.control(op="clear")


def frames(ws: ClientConnection, seconds: float) -> list[dict[str, Any]]:
    found = []
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        try:
            found.append(json.loads(ws.recv(left)))
        except TimeoutError:
            break
    return found


def wait_for(condition: Callable[[], bool], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def acted(live: Exchange, name: str) -> int:
    return int(live.control(op="status")["faults_acted"].get(name, 0))


def updates(found: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [(f["U"], f["u"]) for f in found if f.get("e") == "depthUpdate"]


def test_gap_loses_exactly_one_depth_update(live: Exchange) -> None:
    with live.ws("/ws/btcusdt@depth@0ms") as ws:
        before = frames(ws, 0.2)
        live.fault("gap")
        ids = updates(before + frames(ws, 0.8))
    holes = [b[0] - a[1] - 1 for a, b in pairwise(ids) if b[0] != a[1] + 1]
    assert len(ids) > 20
    assert len(holes) == 1


def test_drop_with_a_probability_loses_some(live: Exchange) -> None:
    with live.ws("/ws/btcusdt@depth@0ms") as ws:
        live.fault("drop", target="streams", count=0, probability=0.3)
        ids = updates(frames(ws, 0.8))
    holes = [1 for a, b in pairwise(ids) if b[0] != a[1] + 1]
    assert 0 < len(holes) < len(ids)


def test_duplicate_and_reorder(live: Exchange) -> None:
    with live.ws("/ws/btcusdt@depth@0ms") as ws:
        before = frames(ws, 0.1)
        live.fault("duplicate", target="streams")
        ids = updates(before + frames(ws, 0.4))
        assert sum(a == b for a, b in pairwise(ids)) == 1
        before = frames(ws, 0.1)
        live.fault("reorder", target="streams")
        ids = updates(before + frames(ws, 0.4))
        assert sum(b < a for a, b in pairwise(ids)) == 1


def test_delay_holds_a_message_and_all_behind_it(live: Exchange) -> None:
    with live.api("EKEY", user_data=False) as api:
        live.fault("delay", target="replies", delay_ms=300)
        begun = time.monotonic()
        first, second = api.send("ping", {}), api.send("ping", {})
        api.answer(first)
        assert time.monotonic() - begun > 0.28
        api.answer(second, timeout=1)


def test_silence_stops_the_data_and_keeps_the_pings(live: Exchange) -> None:
    with live.ws("/ws/btcusdt@bookTicker") as ws:
        assert frames(ws, 0.3)
        live.fault("silence", target="streams", for_ms=700)
        frames(ws, 0.05)
        ws.ping().wait(2)  # a ping of ours is still answered
        assert frames(ws, 0.3) == []
        assert frames(ws, 1.0), "it speaks again after for_ms"


def test_half_open_answers_nothing_and_stays_open(live: Exchange) -> None:
    with live.ws("/ws/btcusdt@bookTicker", close_timeout=0.2) as ws:
        assert frames(ws, 0.3)
        live.fault("half_open", target="streams")
        frames(ws, 0.05)
        assert not ws.ping().wait(0.4)
        assert frames(ws, 0.2) == []


@pytest.mark.parametrize("code", [0, 1011])
def test_disconnect_closes_with_the_code_or_resets(live: Exchange, code: int) -> None:
    with live.ws("/ws/btcusdt@bookTicker") as ws:
        live.fault("disconnect", target="streams", code=code)
        with pytest.raises(ConnectionClosed) as closed:
            frames(ws, 2)
        received = closed.value.rcvd
        assert (received.code if received else 0) == code


def test_shutdown_is_announced_before_the_close(live: Exchange) -> None:
    with live.ws("/stream?streams=btcusdt@bookTicker") as ws, live.api("EKEY") as api:
        live.fault("shutdown", delay_ms=300)
        event = api.until(lambda m: m.get("event", {}).get("e") == "serverShutdown")
        assert set(event) == {"event"}
        found = []
        with pytest.raises(ConnectionClosed) as closed:
            for _ in range(10_000):
                found.append(json.loads(ws.recv(3)))
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
        assert [f for f in found if f["stream"] == "!serverShutdown"]


def test_reject_refuses_the_next_placement_alone(live: Exchange) -> None:
    with live.api("EKEY") as api:
        live.fault("reject", code=-2010, msg="This action is disabled on this account.")
        refused = api.place("BUY", "1000", "0.1", newClientOrderId="refused")
        assert refused["error"] == {
            "code": -2010,
            "msg": "This action is disabled on this account.",
        }
        assert api.place("BUY", "1000", "0.1", newClientOrderId="taken")["status"] == 200
        api.order("openOrders.cancelAll", symbol="BTCUSDT")
    known = [x.get("client_id") for x in live.lines() if x["t"] == "order"]
    assert "taken" in known
    assert "refused" not in known


def test_late_ack_is_overtaken_by_the_report(live: Exchange) -> None:
    with live.api("EKEY") as api:
        live.fault("late_ack", delay_ms=300)
        begun = time.monotonic()
        number = api.send(
            "order.place",
            {
                "symbol": "BTCUSDT",
                "side": "BUY",
                "type": "LIMIT_MAKER",
                "price": "1000",
                "quantity": "0.1",
                "timestamp": time.time_ns() // 1_000_000,
            },
        )
        first = api.until(lambda m: True)
        assert first["event"]["x"] == "NEW"
        assert api.answer(number)["status"] == 200
        assert time.monotonic() - begun > 0.28
        api.order("openOrders.cancelAll", symbol="BTCUSDT")


@pytest.mark.parametrize("fault", ["lost_reply", "unknown"])
def test_a_reply_that_is_lost_or_unknown_leaves_the_order_in_the_book(
    live: Exchange, fault: str
) -> None:
    with live.api("EKEY", user_data=False) as api:
        live.fault(fault)
        client_id = f"after-{fault}"
        params = {
            "symbol": "BTCUSDT",
            "side": "BUY",
            "type": "LIMIT_MAKER",
            "price": "1000",
            "quantity": "0.1",
            "newClientOrderId": client_id,
            "timestamp": time.time_ns() // 1_000_000,
        }
        number = api.send("order.place", params)
        if fault == "unknown":
            answer = api.answer(number)
            assert (answer["status"], answer["error"]["code"]) == (503, -1007)
        status = api.order("order.status", symbol="BTCUSDT", origClientOrderId=client_id)
        assert status["result"]["status"] == "NEW"
        assert acted(live, fault) == 1
        api.order("order.cancel", symbol="BTCUSDT", origClientOrderId=client_id)


def test_rest_429_and_418_carry_retry_after_and_end(live: Exchange) -> None:
    live.fault("rate_limit", target="rest", retry_after_s=7)
    limited = live.rest("GET", "/api/v3/time")
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "7")
    assert limited.json()["code"] == -1003
    assert live.rest("GET", "/api/v3/time").status_code == 200
    live.fault("ban", for_ms=1500)
    for _ in range(2):
        banned = live.rest("GET", "/api/v3/time")
        assert (banned.status_code, banned.headers["Retry-After"]) == (418, "2")
    with live.api(None) as api:
        assert api.ask("ping")["status"] == 418
    wait_for(lambda: live.rest("GET", "/api/v3/time").status_code == 200)


def test_a_lost_rest_reply_was_still_executed(live: Exchange) -> None:
    live.fault("lost_reply", target="rest", match="/api/v3/order")
    with pytest.raises(httpx.ReadTimeout):
        live.rest(
            "POST",
            "/api/v3/order",
            "HKEY",
            timeout=0.7,
            symbol="BTCUSDT",
            side="BUY",
            type="LIMIT_MAKER",
            price="1000",
            quantity="0.1",
            newClientOrderId="silent",
        )
    found = live.rest("GET", "/api/v3/order", "HKEY", symbol="BTCUSDT", origClientOrderId="silent")
    assert found.json()["status"] == "NEW"
    live.rest("DELETE", "/api/v3/openOrders", "HKEY", symbol="BTCUSDT")


def test_a_client_that_answers_no_ping_is_closed(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("pings")
    with Exchange(folder, ping_ms=100, pong_timeout_ms=300) as exchange:
        with exchange.ws("/ws/btcusdt@trade") as ws, pytest.raises(TimeoutError):
            ws.recv(0.8)  # this client answers: it is kept
        with socket.create_connection(("127.0.0.1", exchange.ready["ws_port"]), 5) as raw:
            raw.sendall(
                b"GET /ws/btcusdt@trade HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            read = b""
            while chunk := raw.recv(4096):
                read += chunk
            assert read.count(b"\x89") >= 3, "pings came first"
            assert read.endswith(b"\x88\x02\x03\xf0"), "closed with 1008"


def test_real_limits_are_kept(tmp_path_factory: pytest.TempPathFactory) -> None:
    limits = {"weight_per_minute": 40, "orders_per_10s": 3, "stream_messages_per_s": 5}
    with Exchange(tmp_path_factory.mktemp("limits"), limits=limits) as exchange:
        with exchange.api("EKEY") as api:
            codes = [api.place("BUY", "1000", "0.1").get("error", {}).get("code") for _ in range(4)]
            assert codes == [None, None, None, -1015]
        answers = [exchange.rest("GET", "/api/v3/exchangeInfo") for _ in range(14)]
        assert [a.status_code for a in answers[:3]].count(200) >= 1
        assert 429 in [a.status_code for a in answers]
        assert answers[-1].status_code == 418
        assert int(answers[-1].headers["Retry-After"]) > 60
        with exchange.ws("/ws") as ws:
            with pytest.raises(ConnectionClosed) as closed:
                for n in range(200):  # one at a time: bytes nobody reads would reset the connection
                    ws.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": n}))
                    ws.recv(5)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1008


def test_an_unknown_fault_is_refused_with_its_reason(live: Exchange) -> None:
    assert not live.control(op="fault", fault="earthquake")["ok"]
    assert not live.control(op="fault", fault="drop", probability=2)["ok"]
    assert not live.control(op="nothing")["ok"]
