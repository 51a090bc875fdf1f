"""TLS in front of a simulated exchange: a port that shows one of several certificates."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading

from tests.engine.authority import Authority

READ = 1 << 16
START_S = 5.0


class TlsFront:
    """Ends TLS on a free port of loopback and forwards in plain text to `port`.

    Which certificate a new connection is shown is `kind`: `good`, or one of authority.WRONG.
    """

    def __init__(self, port: int, authority: Authority) -> None:
        self.target = port
        self.contexts: dict[str, ssl.SSLContext] = {}
        self.authority = authority
        self.kind = "good"
        self.port = 0
        self.loop = asyncio.new_event_loop()
        self.started = threading.Event()
        self.thread = threading.Thread(target=self.run, name="tls", daemon=True)
        self.thread.start()
        assert self.started.wait(START_S), "no TLS port"

    def show(self, kind: str) -> None:
        """New connections see this certificate."""
        if kind not in self.contexts:
            self.contexts[kind] = self.authority.issue(kind)
        self.kind = kind

    def close(self) -> None:
        """End every connection and the thread."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)

    # ---- the thread

    def run(self) -> None:
        self.loop.run_until_complete(self.open())
        self.started.set()
        self.loop.run_forever()

    async def open(self) -> None:
        first = self.authority.issue()
        self.contexts["good"] = self.authority.issue()
        first.sni_callback = self.choose
        server = await asyncio.start_server(self.forward, "127.0.0.1", 0, ssl=first)
        self.port = server.sockets[0].getsockname()[1]
        self.server = server

    def choose(self, talk: ssl.SSLObject, name: str | None, first: ssl.SSLContext) -> None:
        talk.context = self.contexts[self.kind]

    async def forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner, outer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self.pump(reader, outer), self.pump(inner, writer))

    async def pump(self, source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ssl.SSLError):
            while data := await source.read(READ):
                to.write(data)
                await to.drain()
        with contextlib.suppress(OSError, ssl.SSLError, RuntimeError):
            to.close()
