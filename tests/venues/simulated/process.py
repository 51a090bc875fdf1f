"""A simulated exchange as its own process, and plain clients that talk to it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from websockets.sync.client import ClientConnection, connect

ED25519 = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = base64.b64encode(ED25519.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
MARKET = {
    "symbol": "BTCUSDT",
    "base": "BTC",
    "quote": "USDT",
    "price": "50000",
    "maker_fee_bps": "1",
    "taker_fee_bps": "2.5",
}
BALANCES = {"BTC": "10", "USDT": "1000000"}
ACCOUNTS = [
    {"name": "main", "api_key": "HKEY", "hmac_secret": "secret", "balances": BALANCES},
    {
        "name": "second",
        "api_key": "EKEY",
        "ed25519_public": PUBLIC.decode(),
        "balances": BALANCES,
    },
]


def sign(payload: str, key: str) -> str:
    if key == "EKEY":
        return base64.b64encode(ED25519.sign(payload.encode())).decode()
    return hmac.new(b"secret", payload.encode(), hashlib.sha256).hexdigest()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Exchange:
    """Starts `python -m venues.simulated`; `spec` overrides the defaults."""

    def __init__(self, folder: Path, **spec: Any) -> None:
        self.folder = folder
        self.ledger = folder / "exchange.ledger.jsonl"
        document = {
            "name": "alpha",
            "ledger": str(self.ledger),
            "control": str(folder / "c.sock"),
            "markets": [MARKET],
            "accounts": ACCOUNTS,
            "flow": None,
        } | spec
        (folder / "spec.json").write_text(json.dumps(document))
        self.process: subprocess.Popen[bytes] | None = None
        self.ready: dict[str, Any] = {}

    def start(self) -> Exchange:
        root = Path(__file__).resolve().parents[3]
        with (self.folder / "stderr").open("ab") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "venues.simulated", "--spec", self.folder / "spec.json"],
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=root,
                env=os.environ | {"PYTHONPATH": str(root)},
                start_new_session=True,
            )
        assert self.process.stdout is not None
        assert select.select([self.process.stdout], [], [], 30)[0], "the exchange did not start"
        line = self.process.stdout.readline()
        assert line, (self.folder / "stderr").read_text()
        self.ready = json.loads(line)
        return self

    def end(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(15)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None
        return code

    def __enter__(self) -> Exchange:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.end(signal.SIGKILL)

    # ---- clients ------------------------------------------------------------------------------

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.ready['rest_port']}"

    def rest(
        self,
        method: str,
        path: str,
        key: str = "",
        timeout: float = 10,
        **params: Any,
    ) -> httpx.Response:
        """One request; signed when a key is given."""
        headers = {}
        text = urlencode(params)
        if key:
            text = urlencode(params | {"timestamp": now_ms()})
            text += "&signature=" + quote(sign(text, key), safe="")
            headers["X-MBX-APIKEY"] = key
        url = self.rest_url + path
        if method in ("POST", "PUT"):
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            return httpx.request(method, url, content=text, headers=headers, timeout=timeout)
        return httpx.request(
            method, url + (f"?{text}" if text else ""), headers=headers, timeout=timeout
        )

    def ws(self, target: str, **options: Any) -> ClientConnection:
        return connect(f"ws://127.0.0.1:{self.ready['ws_port']}{target}", **options)

    @contextmanager
    def api(self, key: str | None = "EKEY", user_data: bool = True) -> Iterator[Api]:
        with self.ws("/ws-api/v3") as ws:
            yield Api(ws, key, user_data)

    def control(self, **asked: Any) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(self.ready["control"])
            s.sendall(json.dumps(asked).encode() + b"\n")
            found: dict[str, Any] = json.loads(s.makefile().readline())
        return found

    def fault(self, name: str, **fields: Any) -> dict[str, Any]:
        found = self.control(op="fault", fault=name, **fields)
        assert found["ok"], found
        return found

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.ledger.read_text().splitlines()]


class Api:
    """A WebSocket API client: requests and the events that come between."""

    def __init__(self, ws: ClientConnection, key: str | None, user_data: bool) -> None:
        self.ws = ws
        self.number = 0
        self.events: list[dict[str, Any]] = []
        self.key = key
        if key == "EKEY":
            assert self.signed("session.logon", key)["status"] == 200
        if user_data and key is not None:
            if key == "EKEY":
                assert self.ask("userDataStream.subscribe")["status"] == 200
            else:
                asked = self.signed("userDataStream.subscribe.signature", key)
                assert asked["status"] == 200

    def send(self, method: str, params: dict[str, Any]) -> int:
        self.number += 1
        self.ws.send(json.dumps({"id": self.number, "method": method, "params": params}))
        return self.number

    def ask(self, method: str, timeout: float = 10, **params: Any) -> dict[str, Any]:
        return self.answer(self.send(method, params), timeout)

    def order(self, method: str, timeout: float = 10, **params: Any) -> dict[str, Any]:
        """A request of the logged-on session, or signed by HMAC."""
        if self.key == "HKEY":
            return self.signed(method, "HKEY", **params)
        return self.ask(method, timeout, timestamp=now_ms(), **params)

    def signed(self, method: str, key: str, **params: Any) -> dict[str, Any]:
        params |= {"apiKey": key, "timestamp": now_ms()}
        payload = "&".join(f"{k}={params[k]}" for k in sorted(params))
        return self.ask(method, **params, signature=sign(payload, key))

    def answer(self, number: int, timeout: float = 10) -> dict[str, Any]:
        return self.until(lambda m: m.get("id") == number, timeout)

    def until(
        self, wanted: Callable[[dict[str, Any]], bool], timeout: float = 10
    ) -> dict[str, Any]:
        """The next message that is wanted; events before it are kept in `events`."""
        end = time.monotonic() + timeout
        while True:
            found: dict[str, Any] = json.loads(self.ws.recv(max(end - time.monotonic(), 0)))
            if "event" in found:
                self.events.append(found["event"])
            if wanted(found):
                return found

    def event(self, execution: str, timeout: float = 10) -> dict[str, Any]:
        """The next report of this execution type, of those not yet taken."""
        while True:
            for at, event in enumerate(self.events):
                if event.get("x") == execution:
                    del self.events[: at + 1]
                    return event
            self.until(lambda m: m.get("event", {}).get("x") == execution, timeout)

    def place(self, side: str, price: str, quantity: str, **more: Any) -> dict[str, Any]:
        params = {"type": "LIMIT", "timeInForce": "GTC"} | more
        return self.order(
            "order.place",
            symbol="BTCUSDT",
            side=side,
            price=price,
            quantity=quantity,
            **params,
        )
