"""The sockets of a simulated exchange: WebSockets by picows, REST by Starlette on Hypercorn.

One process, one uvloop, one thread (but for fdatasync). Every input is stamped with the time, given
to the wire, and what comes out is done in order: ledger first, then frames. Loopback only.

The control socket (unix, 0600) takes one JSON object a line and answers each with one line:
`{"op":"fault", ...}` arms a fault (fields of venues/simulated/faults.py), `{"op":"clear"}` ends
all, `{"op":"status"}` tells connections, open orders, ledger lines, how often each fault acted.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from typing import Any

import msgspec
import orjson
from hypercorn.asyncio import serve
from hypercorn.config import Config
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from venues.simulated import ledger
from venues.simulated.faults import Fault
from venues.simulated.spec import ExchangeSpec
from venues.simulated.wire import Output, Wire

HANG_S = 60.0  # an answer that never comes: the connection is given up after this
MOST_WAITING_BYTES = 64 << 20
METHODS = ["GET", "POST", "PUT", "DELETE"]


def waiting_bytes(transport: WSTransport) -> int:
    """What the client has not read yet, beyond the kernel's buffer."""
    return int(transport.underlying_transport.get_write_buffer_size())


class Client(WSListener):
    """One WebSocket client's socket."""

    def __init__(self, server: Server, number: int) -> None:
        super().__init__()
        self.server = server
        self.number = number
        self.transport: WSTransport | None = None
        self.deaf = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        self.server.flush()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if self.deaf:
            return
        server, wire, now = self.server, self.server.wire, time.time_ns()
        kind = frame.msg_type
        if kind == WSMsgType.TEXT:
            wire.text(self.number, frame.get_payload_as_bytes(), now)
        elif kind == WSMsgType.PING:
            wire.ping(self.number, frame.get_payload_as_bytes(), now)
        elif kind == WSMsgType.PONG:
            wire.pong(self.number, frame.get_payload_as_bytes(), now)
        elif kind == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), None)
            transport.disconnect()
        server.flush()

    def pause_writing(self) -> None:
        self.server.wire.congested.add(self.number)

    def resume_writing(self) -> None:
        self.server.wire.congested.discard(self.number)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.server.clients.pop(self.number, None)
        self.server.wire.closed(self.number, time.time_ns())
        self.server.flush()


class Server:
    """Binds a Wire to sockets."""

    def __init__(self, spec: ExchangeSpec) -> None:
        self.spec = spec
        self.ledger = ledger.Ledger(spec.ledger, spec.fsync)
        self.wire = Wire(spec, time.time_ns(), ledger.read(spec.ledger))
        self.clients: dict[int, Client] = {}
        self.waiting: dict[int, asyncio.Future[tuple[int, dict[str, str], bytes]]] = {}
        self.numbers = 0
        self.stopping = asyncio.Event()
        self.failure: BaseException | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.timer_due = 0
        self.loop = asyncio.get_running_loop()

    # ---- inputs -----------------------------------------------------------------------------

    def accept(self, request: Any) -> Client | None:
        self.numbers += 1
        client = Client(self, self.numbers)
        if not self.wire.open(self.numbers, request.path.decode("ascii"), time.time_ns()):
            return None
        self.clients[self.numbers] = client
        return client

    async def rest(self, request: Request) -> Response:
        self.numbers += 1
        number = self.numbers
        body = await request.body()
        future: asyncio.Future[tuple[int, dict[str, str], bytes]] = self.loop.create_future()
        self.waiting[number] = future
        query = request.url.query
        target = request.url.path + (f"?{query}" if query else "")
        headers = {k.lower(): v for k, v in request.headers.items()}
        self.wire.request(number, request.method, target, headers, body, time.time_ns())
        self.flush()
        try:
            status, told, text = await asyncio.wait_for(future, HANG_S)
        except TimeoutError:
            return Response(b"", 504)
        finally:
            self.waiting.pop(number, None)
        return Response(text, status, told)

    def tick(self) -> None:
        self.timer = None
        try:
            self.wire.advance(time.time_ns())
        except Exception as wrong:  # the loop would log it, and the market stand still from here on
            self.failure = wrong
            self.stopping.set()
            raise
        self.flush()

    # ---- outputs ------------------------------------------------------------------------------

    def flush(self) -> None:
        """Do what the wire says: the ledger first, then the frames, then the next timer.

        Once a line could not be kept nothing leaves any more: who was to hear of it asks again when
        the exchange goes on from its ledger, which never had it.
        """
        if self.failure is not None:
            return
        wire = self.wire
        lines = wire.take_lines()
        if lines:
            try:
                self.ledger.append(lines)
            except OSError as failed:
                self.fail(failed)
                return
        for output in wire.take():
            self.do(output)
        if wire.captured is not None and wire.captured.failure is not None:
            self.failure = wire.captured.failure
            self.stopping.set()
            return
        due = wire.next_due()
        if due is not None and (self.timer is None or due < self.timer_due):
            if self.timer is not None:
                self.timer.cancel()
            self.timer_due = due
            delay = max(due - time.time_ns(), 0) / 1e9
            self.timer = self.loop.call_later(delay, self.tick)

    def fail(self, failed: OSError) -> None:
        """No ledger, no exchange."""
        if self.failure is None:
            self.failure = ledger.LedgerFailed(path=self.ledger.path, detail=failed)
        self.stopping.set()

    def do(self, output: Output) -> None:
        kind, number, payload, extra = output
        if kind in ("answer", "hang"):
            future = self.waiting.get(number)
            if future is not None and not future.done() and kind == "answer":
                status, headers = extra
                future.set_result((status, headers, payload))
            return
        client = self.clients.get(number)
        transport = client.transport if client is not None else None
        if client is None or transport is None or transport.is_disconnected:
            return
        if kind == "send":
            if number in self.wire.congested and waiting_bytes(transport) > MOST_WAITING_BYTES:
                transport.disconnect(graceful=False)  # it reads too slowly, as a venue would say
                return
            transport.send(WSMsgType.TEXT, payload)
        elif kind == "ping":
            transport.send_ping(payload)
        elif kind == "pong":
            transport.send_pong(payload)
        elif kind == "deaf":
            client.deaf = True
        elif kind == "close":
            if extra:
                transport.send_close(WSCloseCode(extra), b"")
            transport.disconnect(graceful=bool(extra))

    # ---- the control socket -----------------------------------------------------------------

    async def controlled(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(orjson.dumps(self.obey(line), option=orjson.OPT_APPEND_NEWLINE))
                self.flush()
                await writer.drain()
        except (ConnectionError, ValueError):  # gone, or a line beyond the reader's limit
            pass
        finally:
            writer.close()

    def obey(self, line: bytes) -> dict[str, Any]:
        try:
            asked = orjson.loads(line)
            operation = asked.pop("op", None)
            if operation == "fault":
                self.wire.order_fault(msgspec.convert(asked, Fault), time.time_ns())
            elif operation == "clear":
                self.wire.clear_faults()
            elif operation != "status":
                return {"ok": False, "error": f"unknown op {operation!r}"}
        except (orjson.JSONDecodeError, AttributeError, msgspec.ValidationError) as wrong:
            return {"ok": False, "error": str(wrong)}
        exchange, captured = self.wire.exchange, self.wire.captured
        source = captured.status() if captured is not None else None
        return {
            "ok": True,
            "capture": source,
            "connections": len(self.clients),
            "open_orders": len(exchange.orders),
            "ledger_lines": exchange.written,
            "faults_armed": len(self.wire.faults.armed),
            "faults_acted": self.wire.faults.acted,
        }

    # ---- life -------------------------------------------------------------------------------

    async def run(self, announce: Any) -> None:
        """Serve until `stopping` is set; `announce` is told the ports once all are open."""
        spec = self.spec
        ws = await ws_create_server(
            self.accept, spec.host, spec.ws_port, enable_auto_pong=False, logger_name="exchange"
        )
        ready = {
            "name": spec.name,
            "pid": os.getpid(),
            "ws_port": ws.sockets[0].getsockname()[1],
            "ledger": str(self.ledger.path),
        }
        rest_done = asyncio.Event()
        tasks = [self.loop.create_task(self.keep_durable())]
        if spec.rest:
            bound = socket.create_server((spec.host, spec.rest_port))
            ready["rest_port"] = bound.getsockname()[1]
            tasks.append(self.loop.create_task(self.serve_rest(bound, rest_done)))
        if spec.control is not None:
            control = await self.open_control(spec.control)
            ready["control"] = spec.control
        self.flush()
        announce(ready)
        await self.stopping.wait()
        self.wire.stop_all(time.time_ns())
        self.flush()
        ws.close()
        if spec.control is not None:
            control.close()
            os.unlink(spec.control)
        for future in self.waiting.values():
            future.cancel()
        rest_done.set()
        await asyncio.sleep(0)
        for task in tasks[1:]:
            await asyncio.wait([task], timeout=2)
        tasks[0].cancel()
        try:
            self.ledger.close()
        except OSError as failed:
            self.fail(failed)
        if self.failure is not None:
            raise self.failure

    async def serve_rest(self, bound: socket.socket, done: asyncio.Event) -> None:
        config = Config()
        config.bind = [f"fd://{bound.detach()}"]
        config.accesslog = None
        config.errorlog = None
        config.include_server_header = False
        config.keep_alive_timeout = 75
        config.graceful_timeout = 0.2
        app = Starlette(routes=[Route("/{path:path}", self.rest, methods=METHODS)])

        async def stop() -> None:
            await done.wait()

        await serve(app, config, shutdown_trigger=stop)  # type: ignore[arg-type]

    async def open_control(self, path: str) -> asyncio.AbstractServer:
        if os.path.exists(path):
            os.unlink(path)  # of an earlier run: the ledger's lock says there is no other
        folder, name = os.path.split(os.path.abspath(path))
        at = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        mask = os.umask(0o177)
        bound = socket.socket(socket.AF_UNIX)
        try:
            bound.bind(f"/proc/self/fd/{at}/{name}")  # an address holds 107 bytes, a path may not
        finally:
            os.umask(mask)
            os.close(at)
        return await asyncio.start_unix_server(self.controlled, sock=bound)

    async def keep_durable(self) -> None:
        """fdatasync beside the loop, so that a slow disk never stalls the exchange."""
        while self.spec.fsync == "batch":
            await asyncio.sleep(ledger.BATCH_S)
            if self.ledger.dirty:
                try:
                    await self.loop.run_in_executor(None, self.ledger.sync)
                except OSError as failed:
                    self.fail(failed)
                    return
