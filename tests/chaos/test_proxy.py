"""The fault proxy does what its table says; one that did less would let any engine pass."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.chaos.proxy import Proxy
from tests.engine.test_sockets import frame

WAIT_S = 5.0
UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


class Server:
    """Accepts one client after another; keeps what each said, and says what the test wants."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.said = b""
        self.peers: list[socket.socket] = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self) -> None:
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.peers.append(peer)
            threading.Thread(target=self.hear, args=(peer,), daemon=True).start()

    def hear(self, peer: socket.socket) -> None:
        try:
            while data := peer.recv(4096):
                self.said += data
        except OSError:
            return

    def close(self) -> None:
        self.listener.close()
        for peer in self.peers:
            peer.close()


def until(what: Callable[[], Any]) -> Any:
    end = time.monotonic() + WAIT_S
    while not (found := what()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.005)
    return found


class Bench:
    """A client of the proxy, its proxy and its server."""

    def __init__(self, head: bytes = UPGRADED) -> None:
        self.server = Server()
        self.proxy = Proxy(self.server.port, delay_s=0.2)
        self.clients: list[socket.socket] = []
        self.client = self.dial()
        self.say(head)
        assert self.hear(len(head)) == head

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self.proxy.close()
        self.server.close()

    def dial(self) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.proxy.port), WAIT_S)
        client.settimeout(WAIT_S)
        self.clients.append(client)
        until(lambda: len(self.server.peers) > 0 or self.proxy.acted)
        return client

    def say(self, data: bytes) -> None:
        """The server speaks."""
        self.server.peers[-1].sendall(data)

    def hear(self, most: int) -> bytes:
        """What the client reads, up to `most` bytes or the end."""
        found = b""
        while len(found) < most and (data := self.client.recv(most - len(found))):
            found += data
        return found

    def is_quiet(self) -> bool:
        self.client.settimeout(0.15)
        try:
            return self.client.recv(1) == b"never"
        except TimeoutError:
            return True
        finally:
            self.client.settimeout(WAIT_S)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


ONE, TWO, THREE = frame(b"one"), frame(b"two, longer"), frame(b"3")


def test_without_a_fault_everything_passes(bench: Bench) -> None:
    bench.client.sendall(b"a question")
    until(lambda: bench.server.said == b"a question")
    bench.say(ONE + TWO)
    assert bench.hear(len(ONE + TWO)) == ONE + TWO


def test_what_is_no_websocket_passes_as_it_comes() -> None:
    """An HTTP body that follows its head by itself would otherwise wait for the next answer."""
    bench = Bench(b"HTTP/1.1 200 OK\r\n\r\n")
    for body in (b"a body", b"and its end"):
        bench.say(body)
        assert bench.hear(len(body)) == body
    bench.close()


def test_a_reset_and_an_end(bench: Bench) -> None:
    bench.proxy.act("rst")
    with pytest.raises(ConnectionResetError):
        bench.hear(1)
    bench.client = bench.dial()
    until(lambda: len(bench.server.peers) == 2)
    bench.proxy.act("fin")
    assert bench.hear(1) == b""
    assert (bench.proxy.acted["rst"], bench.proxy.acted["fin"]) == (1, 1)


@pytest.mark.parametrize(
    ("fault", "down", "up"),
    [("half_open", False, False), ("stall_down", False, True), ("stall_up", True, False)],
)
def test_a_dead_route(bench: Bench, fault: Any, down: bool, up: bool) -> None:
    bench.proxy.act(fault)
    until(lambda: bench.proxy.acted[fault])
    bench.client.sendall(b"hello?")
    bench.say(ONE)
    assert bench.is_quiet() != down
    assert (bench.server.said == b"hello?") == up
    assert bench.proxy.shown()["dead"] == 1 and not bench.proxy.left
    other = bench.dial()  # new connections pass
    until(lambda: len(bench.server.peers) == 2)
    bench.say(UPGRADED)
    assert other.recv(100) == UPGRADED
    bench.client.close()
    until(lambda: bench.proxy.left[fault] == 1)


def test_pieces_of_a_few_bytes_and_late_ones_are_whole(bench: Bench) -> None:
    long = frame(b"x" * 3000)
    bench.proxy.set("split")
    bench.say(long)
    assert bench.hear(len(long)) == long and bench.proxy.acted["split"]
    bench.proxy.set("delay")
    began = time.monotonic()
    bench.say(long)
    assert bench.hear(len(long)) == long and time.monotonic() - began > 0.15


@pytest.mark.parametrize(
    ("fault", "heard"),
    [("duplicate", ONE + ONE + TWO + THREE), ("reorder", TWO + ONE + THREE),
     ("garbage", b"\xff" * len(ONE) + TWO + THREE)],
)  # fmt: skip
def test_messages_change_their_number_their_order_or_their_bytes(
    bench: Bench, fault: Any, heard: bytes
) -> None:
    bench.proxy.set(fault, 1)
    bench.say(ONE + TWO + THREE)
    assert bench.hear(len(heard)) == heard and bench.proxy.acted[fault] == 1


def test_a_changed_bit_and_a_message_cut_in_its_middle(bench: Bench) -> None:
    bench.proxy.set("flip", 1)
    bench.say(ONE)
    heard = bench.hear(len(ONE))
    assert sum((a ^ b).bit_count() for a, b in zip(heard, ONE, strict=True)) == 1
    bench.proxy.set("cut", 1)
    bench.say(TWO)
    heard = b""
    with pytest.raises(ConnectionResetError):
        while True:
            heard += bench.client.recv(1)
    assert len(heard) <= len(TWO) // 2 and TWO.startswith(heard)


def test_new_connections_are_refused_cut_or_never_answered(bench: Bench) -> None:
    bench.proxy.set("refuse")
    with pytest.raises(ConnectionResetError):
        bench.client = bench.dial()
        bench.hear(1)
    bench.proxy.set("cut_handshake")
    bench.client = bench.dial()
    until(lambda: len(bench.server.peers) == 2)
    bench.say(UPGRADED)
    with pytest.raises(ConnectionResetError):
        bench.hear(len(UPGRADED))
    bench.proxy.set("silent_handshake")
    bench.client = bench.dial()
    until(lambda: len(bench.server.peers) == 3)
    bench.say(UPGRADED)
    assert bench.is_quiet()
