"""The wire bench measures a lane that really trades: every tick has its order, counted twice."""

from __future__ import annotations

import socket
import subprocess

import pytest

from bench import floors, wire

COUNT = 100
REPLY = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
TICK = b'\x81\x0e{"e":"ticker"}'


@pytest.mark.parametrize("strategy", ["compiled", "python"])
def test_every_tick_is_answered_by_an_order_through_the_whole_path(strategy: str) -> None:
    found = wire.once((strategy, "sleep"), paced=False, count=COUNT)
    assert 0 < found["p50"] <= found["p99"]
    own, whole = found.stages["own"], found.stages["tick_to_order"]
    assert own["count"] == whole["count"] == COUNT + wire.WARM
    assert 0 < own["p50_ns"] < whole["p50_ns"] < found["p50"]


def test_the_floor_answers_too_and_pairs_make_the_ratio() -> None:
    floor = wire.once(("floor", "sleep"), paced=True, count=COUNT)
    ours = wire.Round(p50=2 * floor["p50"], p99=3 * floor["p99"])
    ours.stages = {"own": {"p50_ns": 5}}
    shown = wire.summary({"ours": [ours], "floor": [floor]})
    assert (shown["ratio_p50"], shown["ratio_p99"], shown["own_p50_ns"]) == (2, 3, 5)


@pytest.mark.parametrize("wait", ["spin", "epoll"])
def test_the_floor_answers_a_tick_that_came_with_the_handshakes_reply(wait: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        port = str(listener.getsockname()[1])
        client = subprocess.Popen([floors.build("wire_client"), port, wait, "-1"])
        try:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(10)
                assert connection.recv(4096).endswith(b"\r\n\r\n")
                connection.sendall(REPLY + TICK)
                assert b"order.place" in connection.recv(4096)
                connection.sendall(TICK + TICK[:5])
                assert b"order.place" in connection.recv(4096)
                connection.sendall(TICK[5:])
                assert b"order.place" in connection.recv(4096)
            assert client.wait(10) == 0
        finally:
            client.kill()
            client.wait()


def test_a_row_over_its_must_says_so() -> None:
    assert not wire.row("x", [131.0], [100.0], must=1.3, aim=1.1)["ok"]
    assert wire.row("x", [129.0], [100.0], must=1.3, aim=1.1)["ok"]
    assert not wire.row("x", [601.0], [], must=600, aim=300)["ok"]
