"""A TCP proxy that misbehaves: between a client and a server on loopback, piece by piece.

It passes bytes until a fault is set. From a server it tells pieces apart, WebSocket frames or, when
`is_secure`, TLS records, so that a fault may drop, double or exchange whole ones. Faults act on the
connections there are (`act`) or on what follows (`set`). One thread, no state outlives `close`.

| fault | how | what happens |
| --- | --- | --- |
| rst | act | the connections are reset, both ways, at once |
| fin | act | the connections are closed in order, mid-frame as they stand |
| half_open | act | nothing passes either way any more and nothing is closed |
| stall_down, stall_up | act | one way passes nothing any more; the other goes on |
| split | set | each piece is sent in bits of 1 to 9 bytes |
| delay | set | each piece comes `delay_s` later, in order |
| duplicate, reorder | set | a piece from the server comes twice, or after the next one |
| garbage | set | a frame's place is taken by bytes that are no frame |
| flip | set | one byte of a piece is another |
| cut | set | half of a piece is sent, then the connection is reset |
| refuse | set | new connections are reset |
| cut_handshake | set | of a new connection half of the server's first piece is sent, then a reset |
| silent_handshake | set | a new connection is accepted and never answered |
| plain | set | new connections are answered by a server that speaks no TLS |

`left` counts the connections that the client ended by itself after they had gone dead.
"""

from __future__ import annotations

import selectors
import socket
import struct
import threading
import time
from collections import Counter, deque
from random import Random
from typing import Literal

Fault = Literal[
    "none", "rst", "fin", "half_open", "stall_down", "stall_up", "split", "delay", "duplicate",
    "reorder", "garbage", "flip", "cut", "refuse", "cut_handshake", "silent_handshake", "plain",
]  # fmt: skip
ONE_PIECE = ("duplicate", "reorder", "garbage", "flip", "cut")
RESET = struct.pack("ii", 1, 0)
ESTABLISHED = 1  # tcpi_state, the first byte of TCP_INFO
TEXT, APPLICATION_DATA = 1, 23
CLIENT_HELLO = b"\x16"  # the type of a handshake's records
PIECE = 1 << 16
TICK_S = 0.02


class Frames:
    """Cuts a server's stream into its HTTP head and its WebSocket frames (never masked there)."""

    def __init__(self) -> None:
        self.rest = b""
        self.is_open = False
        self.is_other = False  # no WebSocket: bytes without pieces

    def feed(self, data: bytes) -> list[bytes]:
        """The whole pieces that are complete now."""
        self.rest += data
        found = []
        while piece := self.next():
            found.append(piece)
            self.rest = self.rest[len(piece) :]
        return found

    def next(self) -> bytes:
        if self.is_other:
            return self.rest
        if not self.is_open:
            end = self.rest.find(b"\r\n\r\n") + 4
            if end < 4:
                return b""
            self.is_open = b"101" in self.rest[:16]
            self.is_other = not self.is_open
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

    def is_message(self, piece: bytes) -> bool:
        """A text that a client's actor reads."""
        return self.is_open and piece[0] & 15 == TEXT


class Records(Frames):
    """Cuts a server's stream into TLS records."""

    def next(self) -> bytes:
        whole = 5 + int.from_bytes(self.rest[3:5], "big") if len(self.rest) >= 5 else 1 << 30
        return self.rest[:whole] if len(self.rest) >= whole else b""

    def is_message(self, piece: bytes) -> bool:
        """What the handshake protects looks the same; `is_open` says that it is over."""
        return self.is_open and piece[0] == APPLICATION_DATA


class Pair:
    """One connection through the proxy."""

    def __init__(self, client: socket.socket, server: socket.socket, is_secure: bool) -> None:
        self.client, self.server = client, server
        self.frames = Records() if is_secure else Frames()
        self.is_secure = is_secure
        self.said = 0  # pieces that the client sent
        self.is_new = True  # the server has said nothing yet
        self.dead = ""  # the fault that stopped it
        self.held = b""
        self.waiting: deque[tuple[float, socket.socket, bytes]] = deque()

    def other(self, side: socket.socket) -> socket.socket:
        return self.server if side is self.client else self.client

    def is_left(self) -> bool:
        """The client has closed or reset it, whether or not anybody reads its last words."""
        try:
            state = self.client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        except OSError:
            return True
        return state != ESTABLISHED


class Proxy:
    """Listens on a free port of loopback and forwards to `port`."""

    def __init__(self, port: int, *, is_secure: bool = False, delay_s: float = 0.2) -> None:
        self.target = ("127.0.0.1", port)
        self.is_secure, self.delay_s = is_secure, delay_s
        self.mode: Fault = "none"
        self.once = 0
        """Pieces that the faults of one piece still act on; 0: none, below 0: all."""
        self.acted: Counter[str] = Counter()
        self.left: Counter[str] = Counter()
        self.opened = 0
        self.draw = Random(f"proxy/{port}")
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
        """On all connections there are, at the proxy's next turn."""
        self.orders.append(fault)

    def set(self, mode: Fault, count: int = -1) -> None:
        """From now on; `count` bounds the pieces that are changed."""
        self.once, self.mode = count, mode

    def shown(self) -> dict[str, int]:
        """How often each fault acted, how many dead connections were left and are there, and how
        many connections were ever made."""
        found = dict(self.acted)
        found |= {f"left {name}": n for name, n in self.left.items()}
        dead = sum(bool(p.dead) for p in list(self.pairs))
        return found | {"dead": dead, "opened": self.opened}

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
            for pair in list(self.pairs):
                if pair.dead and pair.is_left():
                    self.end(pair, False)
            while self.orders:
                fault = self.orders.popleft()
                for pair in list(self.pairs):
                    self.hurt(pair, fault)
        for pair in list(self.pairs):
            self.end(pair, False)
        self.listener.close()
        self.chosen.close()

    def hurt(self, pair: Pair, fault: Fault) -> None:
        """One connection, as it stands; what is dead already stays so."""
        if pair.dead:
            return
        self.acted[fault] += 1
        if fault in ("rst", "fin"):
            self.end(pair, fault == "rst")
            return
        pair.dead = fault
        if fault != "stall_up":
            self.chosen.unregister(pair.server)
        if fault != "stall_down":
            self.chosen.unregister(pair.client)

    def accept(self) -> None:
        client, _ = self.listener.accept()
        if self.mode == "refuse":
            self.acted["refuse"] += 1
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
            return
        if self.mode == "plain":
            self.answer_plainly(client)
            return
        try:
            server = socket.create_connection(self.target, 2.0)
        except OSError:
            client.close()
            return
        pair = Pair(client, server, self.is_secure)
        self.pairs.append(pair)
        self.opened += 1
        for side in (client, server):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            side.settimeout(5.0)
            self.chosen.register(side, selectors.EVENT_READ, pair)
        if self.mode == "silent_handshake":
            self.acted[self.mode] += 1
            pair.dead = self.mode
            self.chosen.unregister(server)

    def answer_plainly(self, client: socket.socket) -> None:
        """As a web server answers what it does not understand; was it asked in plain text?"""
        self.acted["plain"] += 1
        try:
            client.settimeout(1.0)
            if client.recv(PIECE)[:1] != CLIENT_HELLO:
                self.acted["told in plain text"] += 1
            client.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        except OSError:
            pass  # it left before
        client.close()

    def end(self, pair: Pair, reset: bool) -> None:
        if pair not in self.pairs:
            return
        self.pairs.remove(pair)
        if pair.dead:
            self.left[pair.dead] += 1
        for side in (pair.client, pair.server):
            if side in self.chosen.get_map():
                self.chosen.unregister(side)
            if reset:
                side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            side.close()

    def read(self, pair: Pair, side: socket.socket) -> None:
        down = side is pair.server
        try:
            data = side.recv(PIECE)
        except OSError:
            self.end(pair, True)
            return
        if not data:
            self.end(pair, False)
            return
        if not down:
            pair.said += 1
            if pair.is_secure and pair.said > 2:
                pair.frames.is_open = True
        for piece in pair.frames.feed(data) if down else [data]:
            self.pass_on(pair, pair.other(side), piece, down)

    def pass_on(self, pair: Pair, to: socket.socket, piece: bytes, down: bool) -> None:
        mode = self.mode
        if mode == "delay":
            self.acted[mode] += 1
            pair.waiting.append((time.monotonic() + self.delay_s, to, piece))
            return
        is_cut = False
        if down and mode == "cut_handshake" and pair.is_new:
            self.acted[mode] += 1
            piece, is_cut = piece[: len(piece) // 2], True
        elif down and mode in ONE_PIECE and self.once != 0 and pair.frames.is_message(piece):
            if mode == "reorder" and not pair.held:
                pair.held = piece
                return
            self.once -= self.once > 0
            self.acted[mode] += 1
            piece, is_cut = self.changed(pair, piece, mode), mode == "cut"
        elif pair.held and down:
            piece, pair.held = piece + pair.held, b""
        pair.is_new = pair.is_new and not down
        try:
            self.write(pair, to, piece, mode)
        except OSError:
            is_cut = True
        if is_cut:
            self.end(pair, True)

    def changed(self, pair: Pair, piece: bytes, mode: Fault) -> bytes:
        """A piece as the fault wants it."""
        if mode == "garbage":
            return b"\xff" * len(piece)
        if mode == "cut":
            return piece[: max(1, len(piece) // 2)]
        if mode == "flip":
            at = len(piece) - 1 - self.draw.randrange(max(1, (len(piece) - 5) // 2))
            return piece[:at] + bytes([piece[at] ^ 0x20]) + piece[at + 1 :]
        piece = piece + (pair.held or piece)
        pair.held = b""
        return piece

    def write(self, pair: Pair, to: socket.socket, piece: bytes, mode: Fault) -> None:
        if mode == "split":
            self.acted[mode] += 1
            while piece:
                n = self.draw.randrange(1, 10)
                to.sendall(piece[:n])
                piece = piece[n:]
        elif pair.waiting:
            pair.waiting.append((0.0, to, piece))
        else:
            to.sendall(piece)

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
