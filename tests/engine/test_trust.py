"""TLS of both runtimes: what is not trusted is refused in coded words, and nothing goes in plain.

Servers count what a client tells them before they are trusted: a client that went on after a
refusal, or tried again in plain text, would have told its request.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
import uvloop

from engine import trouble
from engine.lane_trio import ColdLane
from engine.lane_uvloop import HotLane
from engine.trust import trusted
from hotpath.lane import Actor, Lane
from hotpath.ring import Outbox
from tests.engine.authority import WRONG, Authority
from tests.engine.test_sockets import CLOSED, OPENED, Listening, frame, read_frame, shake_hands

SPINNING = pytest.mark.parametrize("spin", [True, False])
S = 10**9


class World:
    """A lane that may connect to one server; what the server was told."""

    def __init__(self, spin: bool) -> None:
        self.lane = Lane("test", None)
        self.actor = Listening(self.lane)
        self.hot = HotLane(self.lane, [], spin=spin, heartbeat_ns=S)
        self.failures: list[BaseException] = []
        self.hot.on_heartbeat, self.hot.on_failure = lambda _: None, self.failures.append
        self.lane.transport = self.hot
        self.told: list[bytes] = []
        self.links: list[int] = []
        self.port = 0

    def dial(self, scheme: str = "wss", **target: Any) -> None:
        self.actor.open(0, {"url": f"{scheme}://localhost:{self.port}/x"} | target)

    async def until(self, what: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not what():
                assert not self.failures, self.failures
                await asyncio.sleep(0.002)

    @property
    def trouble(self) -> str:
        """The code of what is told of the actor; empty when all is well."""
        error = trouble.in_words("listening", self.hot.refused.get("listening"))
        return "" if error is None else error.code


def in_world(spin: bool, serve: Any, play: Any, context: ssl.SSLContext | None) -> World:
    """Run `play(world)` on a lane, with a server that talks as `serve(world, reader, writer)`."""

    async def main() -> World:
        world = World(spin)

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await serve(world, reader, writer)
            except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                pass  # the client left, or all is over
            finally:
                writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
        world.port = server.sockets[0].getsockname()[1]
        world.hot.run(os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC))
        try:
            await play(world)
            world.links = list(world.actor.links)
            if world.links[-1] == OPENED:
                world.actor.close(0)
                await world.until(lambda: world.actor.links[-1] == CLOSED)
        finally:
            world.hot.stop()
            server.close()
        assert not world.failures, world.failures
        return world

    return uvloop.run(main())


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """Trusted by everything of this test."""
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    return made


async def greet(world: World, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A whole peer: its handshake, one frame, then whatever the client says."""
    await shake_hands(reader, writer)
    writer.write(frame(b"hello"))
    while True:
        world.told.append((await read_frame(reader))[1])


async def note(world: World, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Notes every byte."""
    while data := await reader.read(4096):
        world.told.append(data)


@SPINNING
def test_a_trusted_exchange_is_talked_to(spin: bool, authority: Authority) -> None:
    async def play(world: World) -> None:
        world.dial()
        await world.until(lambda: [d for d, _ in world.actor.heard] == [b"hello"])
        world.actor.send_text(0, b"an order")
        await world.until(lambda: world.told == [b"an order"])

    world = in_world(spin, greet, play, authority.issue())
    assert world.links == [OPENED] and world.trouble == ""


@SPINNING
@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_certificate_is_a_coded_refusal(
    kind: str, spin: bool, authority: Authority
) -> None:
    async def play(world: World) -> None:
        for _ in range(3):
            before = len(world.actor.links)
            world.dial()
            await world.until(lambda before=before: len(world.actor.links) > before)

    world = in_world(spin, note, play, authority.issue(kind))
    assert world.links == [CLOSED] * 3 and world.told == []
    assert world.trouble == "TCL-5212"


@SPINNING
def test_an_exchange_without_tls_is_refused_and_told_nothing(
    spin: bool, authority: Authority
) -> None:
    async def answer(world: World, reader: Any, writer: Any) -> None:
        world.told.append(await reader.read(4096))
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async def play(world: World) -> None:
        world.dial()
        await world.until(lambda: world.actor.links == [CLOSED])

    world = in_world(spin, answer, play, None)
    assert world.trouble == "TCL-5213"
    assert [d[0] for d in world.told] == [0x16] and b"GET" not in world.told[0]


@pytest.mark.parametrize("kind", ["refused", "cut", "silent"])
def test_a_handshake_that_does_not_end_is_given_up(kind: str, authority: Authority) -> None:
    async def refuse(world: World, reader: Any, writer: Any) -> None:
        if kind == "refused":
            writer.transport.abort()
            return
        hello = await reader.read(4096)
        answer = await first_flight(authority.issue(), hello)
        writer.write(answer[: len(answer) // 2])
        await writer.drain()
        if kind == "silent":
            await reader.read(1)

    async def play(world: World) -> None:
        world.dial(timeout_s=1)
        await world.until(lambda: CLOSED in world.actor.links)
        await asyncio.sleep(1.2)  # nothing of it comes to life afterwards

    world = in_world(True, refuse, play, None)
    assert world.links == [CLOSED]


async def first_flight(context: ssl.SSLContext, hello: bytes) -> bytes:
    """What a server of this context answers to a client's first words."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(hello)
    with pytest.raises(ssl.SSLWantReadError):
        server.do_handshake()
    return outgoing.read()


def test_an_address_where_nothing_answers_is_told_after_the_third_attempt() -> None:
    """Nobody listens (the exchange was not started): once is an ordinary event, always is not."""
    said = []

    async def play(world: World) -> None:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            open_port, world.port = world.port, closed.getsockname()[1]
            for n in range(1, 4):
                world.dial("ws")
                await world.until(lambda n=n: len(world.actor.links) == n)
                said.append(world.trouble)
        world.port = open_port
        world.dial("ws")
        await world.until(lambda: world.actor.heard != [])
        said.append(world.trouble)

    world = in_world(False, greet, play, None)
    assert world.links[:4] == [CLOSED, CLOSED, CLOSED, OPENED]
    assert said == ["", "", "TCL-5215", ""]


def test_all_is_well_again_once_the_certificate_is_right(authority: Authority) -> None:
    contexts = [authority.issue("expired"), authority.issue()]

    async def play(world: World) -> None:
        for context in contexts:
            server = await asyncio.start_server(
                lambda r, w: greet(world, r, w), "127.0.0.1", 0, ssl=context
            )
            world.port = server.sockets[0].getsockname()[1]
            world.dial()
            if context is contexts[0]:
                await world.until(lambda: world.trouble == "TCL-5212")
            else:
                await world.until(lambda: world.actor.heard != [])
            server.close()
        world.actor.close(0)
        await world.until(lambda: world.actor.links[-1] == CLOSED)

    world = in_world(False, note, play, None)
    assert world.links == [CLOSED, OPENED, CLOSED] and world.trouble == ""


def test_a_redirect_is_not_followed(authority: Authority) -> None:
    """It would carry what we sign to an address that nobody configured."""

    async def redirect(world: World, reader: Any, writer: Any) -> None:
        world.told.append(await reader.readuntil(b"\r\n\r\n"))
        where = f"wss://localhost:{world.port}/elsewhere"
        writer.write(f"HTTP/1.1 302 Found\r\nLocation: {where}\r\n\r\n".encode())
        await writer.drain()

    async def play(world: World) -> None:
        world.dial()
        await world.until(lambda: world.actor.links == [CLOSED])

    world = in_world(True, redirect, play, authority.issue())
    assert len(world.told) == 1


@SPINNING
def test_a_route_that_is_dead_one_way_is_left(spin: bool, authority: Authority) -> None:
    """The peer talks on but hears nothing: an unanswered ping ends the connection."""

    async def deaf(world: World, reader: Any, writer: Any) -> None:
        await shake_hands(reader, writer)
        while True:
            writer.write(frame(b"tick"))
            await writer.drain()
            await asyncio.sleep(0.01)

    async def play(world: World) -> None:
        world.dial("ws")
        await world.until(lambda: len(world.actor.heard) > 3)
        began = world.lane.read_clock()
        for seconds in (1, 7, 9, 12, 17, 19):
            for listener in list(world.hot.listeners):
                listener.keep_alive(began + seconds * S)
            await asyncio.sleep(0.05)
            assert (CLOSED in world.actor.links) == (seconds == 19), seconds

    assert in_world(spin, deaf, play, None).links == [OPENED, CLOSED]


@SPINNING
def test_a_route_that_answers_is_kept(spin: bool, authority: Authority) -> None:
    async def polite(world: World, reader: Any, writer: Any) -> None:
        await shake_hands(reader, writer)
        writer.write(frame(b"0"))
        while True:
            opcode, payload = await read_frame(reader)
            assert opcode == 9
            writer.write(frame(payload, 10))

    async def play(world: World) -> None:
        world.dial("ws")
        await world.until(lambda: world.actor.heard != [])
        began = world.lane.read_clock()
        for round in range(1, 8):
            (listener,) = world.hot.listeners
            listener.keep_alive(began + 9 * round * S)
            assert listener.pinged
            await world.until(lambda one=listener: not one.pinged)

    assert in_world(spin, polite, play, None).links == [OPENED]


# ---- the control runtime


class Asking(Actor):
    """Keeps the answers of its requests."""

    def __init__(self, lane: Lane) -> None:
        super().__init__(lane, "asking", Outbox.private(1 << 16, 4))
        self.answers: list[tuple[int, bytes]] = []

    def on_response(self, token: int, status: int, headers: dict[str, str], body: bytes) -> None:
        self.answers.append((status, body))


def fetched(scheme: str, context: ssl.SSLContext | None) -> tuple[Asking, ColdLane, list[bytes]]:
    """One request of a control lane to a server of this context."""
    told: list[bytes] = []

    async def serve(stream: trio.SocketStream) -> None:
        secure = stream if context is None else trio.SSLStream(stream, context, server_side=True)
        try:
            told.append(await secure.receive_some(4096))
            await secure.send_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client left
        finally:
            await trio.aclose_forcefully(stream)

    async def main() -> tuple[Asking, ColdLane, list[bytes]]:
        lane = Lane("cold", None)
        actor = Asking(lane)
        bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        cold = ColdLane(lane, [], bell=bell, on_heartbeat=lambda: None)
        lane.transport = cold
        async with trio.open_nursery() as nursery:
            (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
            nursery.start_soon(trio.serve_listeners, serve, [listener])
            await nursery.start(cold.run)
            port = listener.socket.getsockname()[1]
            cold.request(actor, 1, "GET", f"{scheme}://localhost:{port}/x", [], b"")
            with trio.fail_after(10):
                while not actor.answers:
                    await trio.sleep(0.005)
            cold.stopping = True
            nursery.cancel_scope.cancel()
        os.close(bell)
        return actor, cold, told

    return trio.run(main)


def test_the_control_runtime_trusts_what_the_host_trusts(authority: Authority) -> None:
    actor, cold, told = fetched("https", authority.issue())
    assert actor.answers == [(200, b"ok")] and cold.refused == {}
    assert told[0].startswith(b"GET /x")


@pytest.mark.parametrize("kind", [*WRONG, "plain"])
def test_the_control_runtime_refuses_what_is_wrong(kind: str, authority: Authority) -> None:
    actor, cold, told = fetched("https", None if kind == "plain" else authority.issue(kind))
    assert [status for status, _ in actor.answers] == [0]
    error = trouble.in_words("asking", cold.refused["asking"])
    assert error is not None and error.code == ("TCL-5213" if kind == "plain" else "TCL-5212")
    assert not any(b"GET" in said for said in told)


def test_every_context_verifies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also on a host that has no certificates of its own: then a bundle is read."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    context = trusted()
    assert context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert context.cert_store_stats()["x509_ca"] > 50
