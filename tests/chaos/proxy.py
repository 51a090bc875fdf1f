"""A TCP proxy that misbehaves: between a client and a server on loopback, frame by frame.

It passes bytes until a fault is set. From a server it tells WebSocket frames apart, so that a fault
may drop, double or exchange whole ones. Faults act on the connections there are (`act`) or on all
that follow (`mode`). One thread, non-blocking, no state outlives `close`.

| fault | what happens |
| --- | --- |
| rst | the connections are reset, both ways, at once |
| fin | the connections are closed in order, mid-frame as they stand |
| half_open | nothing passes either way and nothing is closed |
| stall_down, stall_up | one way passes nothing; the other goes on |
| split | each piece is sent byte by byte |
| delay | each piece comes `delay_s` later, in order |
| duplicate, reorder | a frame from the server comes twice, or after the next one |
| garbage | a frame's place is taken by bytes that are no frame |
| refuse | new connections are reset |
"""

from __future__ import annotations

import selectors
import socket
import struct
import threading
import time
from collections import deque
from typing import Literal

Fault = Literal[
    "none", "rst", "fin", "half_open", "stall_down", "stall_up", "split", "delay", "duplicate",
    "reorder", "garbage", "refuse",
]  # fmt: skip
RESET = struct.pack("ii", 1, 0)
PIECE = 1 << 16
TICK_S = 0.02


class Frames:
    """Cuts a server's stream into its HTTP head and its WebSocket frames (never masked there)."""

    def __init__(self) -> None:
        self.rest = b""
        self.is_open = False

    def feed(self, data: bytes) -> list[bytes]:
        """The whole pieces that are complete now."""
        self.rest += data
        found = []
        while piece := self.next():
            found.append(piece)
            self.rest = self.rest[len(piece) :]
        return found

    def next(self) -> bytes:
        if not self.is_open:
            end = self.rest.find(b"\r\n\r\n") + 4
            if end < 4:
                return b""
            self.is_open = b"101" in self.rest[:16]
            return self.rest[:end] if self.is_open else self.rest
        if len(self.rest) < 2:
            return b""
        length, head = self.rest[1] & 127, 2
        if length >= 126:
            head = 4 if length == 126 else 10
            if len(self.rest) < head:
                return b""
            length = int.from_bytes(self.rest[2:head], "big")
        return self.rest[: head + length] if len(self.rest) >= head + length else b""


class Pair:
    """One connection through the proxy."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server
        self.frames = Frames()
        self.held = b""
        self.waiting: deque[tuple[float, socket.socket, bytes]] = deque()

    def other(self, side: socket.socket) -> socket.socket:
        return self.server if side is self.client else self.client


class Proxy:
    """Listens on a free port of loopback and forwards to `port`."""

    def __init__(self, port: int, *, delay_s: float = 0.2) -> None:
        self.target, self.delay_s = ("127.0.0.1", port), delay_s
        self.mode: Fault = "none"
        self.once = 0
        """Frames that duplicate, reorder or garbage still act on; 0: none, below 0: all."""
        self.acted: dict[str, int] = {}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.chosen = selectors.DefaultSelector()
        self.chosen.register(self.listener, selectors.EVENT_READ)
        self.pairs: list[Pair] = []
        self.orders: deque[Fault] = deque()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, name="proxy", daemon=True)
        self.thread.start()

    # ---- from the outside

    def act(self, fault: Fault) -> None:
        """rst or fin: on all connections there are, at the proxy's next turn."""
        self.orders.append(fault)

    def set(self, mode: Fault, count: int = -1) -> None:
        """From now on; `count` bounds the frames that are changed."""
        self.once, self.mode = count, mode

    def close(self) -> None:
        """End every connection and the thread."""
        self.stopping.set()
        self.thread.join(5)

    # ---- the thread

    def run(self) -> None:
        while not self.stopping.is_set():
            for key, _ in self.chosen.select(TICK_S):
                if key.fileobj is self.listener:
                    self.accept()
                elif key.data in self.pairs:
                    self.read(key.data, key.fileobj)  # type: ignore[arg-type]
            self.release(time.monotonic())
            while self.orders:
                fault = self.orders.popleft()
                for pair in list(self.pairs):
                    self.end(pair, fault == "rst")
                    self.count(fault)
        for pair in list(self.pairs):
            self.end(pair, False)
        self.listener.close()
        self.chosen.close()

    def count(self, fault: str) -> None:
        self.acted[fault] = self.acted.get(fault, 0) + 1

    def accept(self) -> None:
        client, _ = self.listener.accept()
        if self.mode == "refuse":
            self.count("refuse")
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
            return
        try:
            server = socket.create_connection(self.target, 2.0)
        except OSError:
            client.close()
            return
        pair = Pair(client, server)
        self.pairs.append(pair)
        for side in (client, server):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            side.settimeout(5.0)
            self.chosen.register(side, selectors.EVENT_READ, pair)

    def end(self, pair: Pair, reset: bool) -> None:
        if pair not in self.pairs:
            return
        self.pairs.remove(pair)
        for side in (pair.client, pair.server):
            self.chosen.unregister(side)
            if reset:
                side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            side.close()

    def read(self, pair: Pair, side: socket.socket) -> None:
        mode = self.mode
        down = side is pair.server
        if mode == "half_open" or mode == ("stall_down" if down else "stall_up"):
            self.count(mode)
            time.sleep(TICK_S)  # the bytes stay where they are, as on a dead route
            return
        try:
            data = side.recv(PIECE)
        except OSError:
            self.end(pair, True)
            return
        if not data:
            self.end(pair, False)
            return
        for piece in pair.frames.feed(data) if down else [data]:
            self.pass_on(pair, pair.other(side), piece, down)

    def pass_on(self, pair: Pair, to: socket.socket, piece: bytes, down: bool) -> None:
        mode = self.mode
        may = down and self.once != 0 and piece[0] & 15 == 1 and pair.frames.is_open
        if mode == "delay":
            self.count(mode)
            pair.waiting.append((time.monotonic() + self.delay_s, to, piece))
            return
        if may and mode in ("duplicate", "reorder", "garbage"):
            if mode == "reorder" and not pair.held:
                pair.held = piece
                return
            self.once -= self.once > 0
            self.count(mode)
            if mode == "garbage":
                piece = b"\xff" * len(piece)
            else:
                piece = piece + (pair.held or piece)
                pair.held = b""
        elif pair.held and down:
            piece, pair.held = piece + pair.held, b""
        try:
            if mode == "split":
                self.count(mode)
                for at in range(len(piece)):
                    to.sendall(piece[at : at + 1])
            elif pair.waiting:
                pair.waiting.append((0.0, to, piece))
            else:
                to.sendall(piece)
        except OSError:
            self.end(pair, True)

    def release(self, now: float) -> None:
        """Send what was delayed long enough, in order."""
        for pair in list(self.pairs):
            while pair.waiting and pair.waiting[0][0] <= now:
                _, to, piece = pair.waiting.popleft()
                try:
                    to.sendall(piece)
                except OSError:
                    self.end(pair, True)
                    break
