"""The sockets of a hot lane: the same frames whether the library reads them or the lane itself."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvloop

from engine.budget import LONGEST_BAN_NS, silence_of
from engine.lane_uvloop import HotLane
from engine.sockets import split_frames
from hotpath.lane import Actor, Lane
from hotpath.ring import Outbox

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
OPENED, CLOSED = 1, 2
Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def frame(payload: bytes, opcode: int = TEXT, fin: bool = True) -> bytes:
    """A server's frame, spelled out as RFC 6455 has it."""
    n = len(payload)
    size = (
        bytes([n]) if n < 126 else b"\x7e" + n.to_bytes(2) if n < 65536 else b"\x7f" + n.to_bytes(8)
    )
    return bytes([opcode | (0x80 if fin else 0)]) + size + payload


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """A client's frame, unmasked."""
    head = await reader.readexactly(2)
    n = head[1] & 127
    if n == 126:
        n = int.from_bytes(await reader.readexactly(2))
    assert head[1] & 128
    mask = await reader.readexactly(4)
    body = await reader.readexactly(n)
    return head[0] & 15, bytes(b ^ mask[k % 4] for k, b in enumerate(body))


async def shake_hands(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    request = await reader.readuntil(b"\r\n\r\n")
    lines = dict(x.split(b": ", 1) for x in request.split(b"\r\n")[1:] if b": " in x)
    key = {k.lower(): v for k, v in lines.items()}[b"sec-websocket-key"]
    digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
    )


class Listening(Actor):
    """Keeps what it hears."""

    def __init__(self, lane: Lane) -> None:
        super().__init__(lane, "listening", Outbox.private(1 << 16, 3))
        self.heard: list[tuple[bytes, bool]] = []
        self.links: list[int] = []
        self.codes: list[int] = []

    def on_bytes(self, channel: int, data: bytes, last: bool) -> None:
        self.heard.append((data, last))

    def on_link(self, channel: int, event: int, code: int) -> None:
        self.links.append(event)
        self.codes.append(code)


def talk(
    peer: Peer,
    spin: bool,
    until: Callable[[Any], bool],
    kind: type[Listening] = Listening,
) -> Any:
    """A lane that connects to `peer` and runs until `until`; its actor, with what it heard."""

    async def main() -> Listening:
        lane = Lane("test", None)
        actor = kind(lane)
        hot = HotLane(lane, [], spin=spin, heartbeat_ns=10**9)
        failures: list[BaseException] = []
        hot.on_heartbeat, hot.on_failure = lambda _: None, failures.append
        lane.transport = hot
        done = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await shake_hands(reader, writer)
            try:
                await peer(reader, writer)
            except BaseException as error:  # an assertion of the peer is the test's
                failures.append(error)
            await done.wait()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        hot.run(os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC))
        actor.open(0, {"url": f"ws://127.0.0.1:{port}/x"})
        async with asyncio.timeout(10):
            while not until(actor) and not failures:
                await asyncio.sleep(0.002)
            actor.close(0)
            while CLOSED not in actor.links and not failures:
                await asyncio.sleep(0.002)
        hot.stop()
        done.set()
        server.close()
        if failures:
            raise failures[0]
        assert hot.direct_reads == 0, "a closed connection is still read"
        return actor

    return uvloop.run(main())


SPINNING = pytest.mark.parametrize("spin", [True, False])


@SPINNING
def test_frames_arrive_whole_and_in_order_however_the_bytes_are_cut(spin: bool) -> None:
    chance = random.Random(5)
    sizes = [0, 1, 125, 126, 65535, 65536, 200_000] + [chance.randrange(3000) for _ in range(300)]
    payloads = [b"first"] + [chance.randbytes(n) for n in sizes]

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(payloads[0]))
        await asyncio.sleep(0.02)
        stream = b"".join(frame(p) for p in payloads[1:])
        while stream:
            cut = chance.choice([1, 2, 3, 9, 500, 4000, 70_000])
            writer.write(stream[:cut])
            stream = stream[cut:]
            await asyncio.sleep(0.001 if cut < 10 else 0)

    heard = talk(peer, spin, lambda a: len(a.heard) == len(payloads)).heard
    assert [data for data, _ in heard] == payloads
    assert heard[0][1] and heard[-1][1]


@SPINNING
def test_only_the_last_frame_of_a_read_says_so(spin: bool) -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(b"0"))
        await asyncio.sleep(0.02)
        whole = b"".join(frame(b"%d" % k) for k in range(1, 4)) + frame(b"4" * 50)[:20]
        writer.write(whole)
        await asyncio.sleep(0.02)
        writer.write(frame(b"4" * 50)[20:])

    heard = talk(peer, spin, lambda a: len(a.heard) == 5).heard
    assert [last for _, last in heard] == [True, False, False, True, True]


BEHIND = {
    "ping": frame(b"now", PING),
    "pong": frame(b"now", PONG),
    "two pings and a part of a frame": frame(b"now", PING) * 2 + frame(b"later" * 50)[:40],
    "the first part of a message": frame(b"half", fin=False) + frame(b"now", PONG),
    "close": frame(b"\x03\xe8", CLOSE),
    "nothing": b"",
}


@SPINNING
@pytest.mark.parametrize("is_first", [True, False])  # in picows' hands, or in the lane's own
@pytest.mark.parametrize("what", BEHIND)
def test_what_ends_no_message_behind_a_frame_takes_no_turn_from_it(
    spin: bool, is_first: bool, what: str
) -> None:
    """A frame that is not told as the last is not published: nothing may come to hide it."""

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not is_first:
            writer.write(frame(b"0"))
            await asyncio.sleep(0.02)
        writer.write(frame(b"1") + frame(b"now", PING) + frame(b"2") + BEHIND[what])

    heard = talk(peer, spin, lambda a: bool(a.heard) and a.heard[-1][0] == b"2").heard
    assert heard[-2:] == [(b"1", False), (b"2", True)]


@SPINNING
def test_a_message_of_parts_behind_a_frame_is_the_last(spin: bool) -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(b"0"))
        await asyncio.sleep(0.02)
        parts = frame(b"2", fin=False) + frame(b"now", PING) + frame(b"3", 0) + frame(b"now", PONG)
        writer.write(frame(b"1") + parts)

    heard = talk(peer, spin, lambda a: len(a.heard) == 3).heard
    assert heard == [(b"0", True), (b"1", False), (b"23", True)]


@SPINNING
def test_pings_are_answered_and_fragments_are_put_together(spin: bool) -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(b"0"))
        await asyncio.sleep(0.02)
        writer.write(frame(b"one ", fin=False) + frame(b"are you there", PING))
        assert await read_frame(reader) == (PONG, b"are you there")
        writer.write(frame(b"two ", 0, fin=False) + frame(b"three", 0))

    heard = talk(peer, spin, lambda a: len(a.heard) == 2).heard
    assert [data for data, _ in heard] == [b"0", b"one two three"]


@SPINNING
@pytest.mark.parametrize("how", ["end", "abort", "close frame"])
def test_the_actor_hears_that_the_peer_is_gone(spin: bool, how: str) -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(b"0"))
        await asyncio.sleep(0.02)
        if how == "close frame":
            writer.write(frame(b"\x03\xe9", CLOSE))
        elif how == "abort":
            writer.transport.abort()
        else:
            writer.close()

    actor = talk(peer, spin, lambda a: CLOSED in a.links)
    assert actor.links == [OPENED, CLOSED]


@pytest.mark.parametrize(
    "broken",
    [b"\xc1\x01x", b"\x81\x81abcdx", b"\x83\x00", b"\x09\x00", b"\x89\x7e\x00\x7e",
     b"\x81\x7e\x00\x01x", b"\x81\x7f" + (1 << 40).to_bytes(8)],
    ids=["reserved", "masked", "opcode", "cut ping", "long ping", "size", "huge"],
)  # fmt: skip
def test_a_peer_that_breaks_the_protocol_is_left(broken: bytes) -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(b"0"))
        await asyncio.sleep(0.02)
        writer.write(frame(b"1") + broken)
        opcode, payload = await read_frame(reader)
        code = 1009 if broken[1] == 0x7F else 1002
        assert (opcode, payload[:2]) == (CLOSE, code.to_bytes(2))

    actor = talk(peer, True, lambda a: CLOSED in a.links)
    assert [data for data, _ in actor.heard] == [b"0", b"1"]


S = 10**9
ANSWERS = [
    (b"418 I'm a teapot", b"Retry-After: 7\r\n", (418, 7 * S)),
    (b"418 I'm a teapot", b"", (418, 120 * S)),
    (b"429 Too Many Requests", b"retry-after: 3\r\n", (429, 3 * S)),
    (b"429 Too Many Requests", b"Retry-After: soon\r\n", (429, 10 * S)),
    (b"429 Too Many Requests", b"Retry-After: 99999999999\r\n", (429, LONGEST_BAN_NS)),
    (b"503 Service Unavailable", b"Retry-After: 7\r\n", None),
]


@pytest.mark.parametrize(("status", "header", "meant"), ANSWERS)
def test_the_actor_hears_that_its_handshake_was_answered_with_a_ban(
    status: bytes, header: bytes, meant: tuple[int, int] | None
) -> None:
    async def main() -> tuple[list[int], list[str]]:
        lane = Lane("test", None)
        actor = Listening(lane)
        lane.transport = hot = HotLane(lane, [], spin=False, heartbeat_ns=10**9)
        hot.on_heartbeat = hot.on_failure = lambda _: None

        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 " + status + b"\r\n" + header + b"Content-Length: 0\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(refuse, "127.0.0.1", 0)
        hot.run(os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC))
        async with asyncio.timeout(10):
            for n in range(1, 4):
                actor.open(0, {"url": f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"})
                while len(actor.codes) < n:
                    await asyncio.sleep(0.002)
        hot.stop()
        server.close()
        return actor.codes, [t["kind"] for t in hot.refused.values()]

    codes, troubles = uvloop.run(main())
    assert [silence_of(code) for code in codes] == [meant] * 3
    assert troubles == ([] if meant else ["unreached"]), "who answers is reached"


def test_what_the_lane_cannot_read_is_never_read_past() -> None:
    """Any bytes: either frames that spell the same bytes again, or broken, and none beyond."""
    chance = random.Random(11)
    for _ in range(20_000):
        data = bytearray(
            b"".join(frame(chance.randbytes(chance.choice([0, 5, 130])), chance.choice([1, 2, 9])
                           if chance.random() < 0.9 else chance.randrange(16))
                     for _ in range(3))
        )  # fmt: skip
        for _ in range(chance.randrange(3)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        cut = bytes(data[: chance.randrange(len(data) + 1)])
        state, used, found = split_frames(cut, 1 << 16)
        assert b"".join(frame(p, op, fin) for op, fin, p in found) == cut[:used]
        assert state in (0, -1, -2)


class Pressing(Listening):
    """Sends at its connection's begin until the kernel takes no more, and then once again."""

    def __init__(self, lane: Lane) -> None:
        super().__init__(lane)
        self.whole, self.after = 0, True

    def on_link(self, channel: int, event: int, code: int) -> None:
        super().on_link(channel, event, code)
        if event == OPENED:
            while self.send_text(channel, b"%08d" % self.whole * 500):
                self.whole += 1
            self.after = self.send_text(channel, b"after")


@SPINNING
def test_what_the_kernel_takes_in_part_is_followed_by_nothing(spin: bool) -> None:
    """No rest is kept to be sent later: the connection ends, and whoever sent it knows."""
    arrived = bytearray()
    over = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        try:
            while piece := await reader.read(1 << 16):
                arrived.extend(piece)
        except ConnectionError:
            pass
        over.set()

    actor = talk(slow, spin, lambda a: CLOSED in a.links and over.is_set(), Pressing)
    assert actor.whole > 10 and not actor.after
    frames = []
    while len(arrived) >= 8 + 4000:
        head, mask = arrived[:4], arrived[4:8]
        assert head == bytes([0x81, 0x80 | 126]) + (4000).to_bytes(2)
        frames.append(bytes(b ^ mask[k % 4] for k, b in enumerate(arrived[8:16])))
        del arrived[: 8 + 4000]
    # a reset may take the last of them along, never a middle one, and nothing comes after
    assert frames == [b"%08d" % n for n in range(len(frames))]
    assert len(frames) <= actor.whole and b"after" not in bytes(arrived)
