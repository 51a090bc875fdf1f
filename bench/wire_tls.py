"""The exchange of the wire bench over TLS, in picows: ticks by ping-pong, orders timed.

    python -m bench.wire_tls FOLDER COUNT CORE CONNECTIONS OUTFILE

Makes a key and a certificate for loopback in FOLDER, then speaks as bench/floor/wire_server.c does:
`ready PORT`, `connected`, a line on stdin starts the clock, three int64 a tick in OUTFILE.
"""

from __future__ import annotations

import asyncio
import datetime
import gc
import ipaddress
import os
import ssl
import sys
import time
from array import array
from pathlib import Path

import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server

FIRST_ID = 400_900_217


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A self-made certificate for 127.0.0.1, a day long."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    certificate = (
        builder.not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    made, kept = folder / "certificate.pem", folder / "key.pem"
    made.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    kept.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return made, kept


class Exchange:
    """What the connections share: the clock of the round trips."""

    def __init__(self, count: int, connections: int) -> None:
        self.count, self.expected = count, connections
        self.transports: list[WSTransport] = []
        self.stamps = array("q")
        self.sent_at = 0
        self.running = False
        self.connected, self.done = asyncio.Event(), asyncio.Event()

    def open(self, transport: WSTransport) -> None:
        self.transports.append(transport)
        if len(self.transports) == self.expected:
            self.connected.set()

    def tick(self) -> None:
        n = len(self.stamps) // 3
        price = 67234 + n % 7
        now = time.monotonic_ns()
        text = (
            f'{{"e":"bookTicker","u":{FIRST_ID + n},"s":"BTCUSDT","b":"{price}.51000000",'
            f'"B":"3.21450000","a":"{price}.52000000","A":"4.66120000",'
            f'"T":{now // 10**6},"E":{now // 10**6}}}'
        )
        self.sent_at = time.monotonic_ns()
        self.transports[0].send(WSMsgType.TEXT, text.encode())

    def order(self) -> None:
        if not self.running:
            return
        self.stamps.extend((self.sent_at, self.sent_at, time.monotonic_ns()))
        if len(self.stamps) == 3 * self.count:
            self.running = False
            self.done.set()
        else:
            self.tick()


class Peer(WSListener):
    """One connection."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.exchange.open(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        self.exchange.order()


async def serve(folder: Path, count: int, connections: int, out: Path) -> None:
    certificate, key = make_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    exchange = Exchange(count, connections)
    server = await ws_create_server(
        lambda _: Peer(exchange), "127.0.0.1", 0, ssl=context, enable_auto_ping=False,
        use_aiofastnet=False,
    )  # fmt: skip
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    await exchange.connected.wait()
    print("connected", flush=True)
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), told.set)
    await told.wait()
    loop.remove_reader(sys.stdin.fileno())
    gc.freeze()
    gc.disable()

    def again() -> None:
        if not exchange.done.is_set():
            loop.call_soon(again)

    again()
    exchange.running = True
    exchange.tick()
    await asyncio.wait_for(exchange.done.wait(), 60)
    out.write_bytes(exchange.stamps.tobytes())
    for transport in exchange.transports:
        transport.disconnect(False)
    server.close()


def main() -> None:
    folder, count, core, connections, out = sys.argv[1:]
    if int(core) >= 0:
        os.sched_setaffinity(0, {int(core)})
    uvloop.run(serve(Path(folder), int(count), int(connections), Path(out)))


if __name__ == "__main__":
    main()
