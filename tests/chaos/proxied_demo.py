"""`python -m tests.chaos.proxied_demo STATE SEED [tls]`: the demo, its lanes behind fault proxies.

Each line on stdin is one JSON object: {"venue": NAME, "port": "ws" | "rest", "act": FAULT}, or
with "mode" (and "count") instead of "act"; with `tls` also {"venue": NAME, "certificate": KIND}.
How often each fault acted is in STATE/proxies.json, written ten times a second.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import orjson

from engine.demo import Demo, run_demo
from engine.demo_world import Exchange
from tests.chaos.proxy import Proxy
from tests.chaos.tls_front import TlsFront
from tests.engine.authority import Authority

SHOW_S = 0.1


class ProxiedDemo(Demo):
    """A demo whose endpoints are proxies, before plain ports or before TLS."""

    is_secure = False

    def __init__(self, state: Path, seed: int) -> None:
        super().__init__(state, seed)
        self.proxies: dict[str, Proxy] = {}
        self.fronts: dict[str, TlsFront] = {}
        self.authority = Authority(state / "authority")
        if self.is_secure:
            os.environ["SSL_CERT_FILE"] = str(self.authority.file)
        for what in (self.obey, self.show):
            threading.Thread(target=what, daemon=True).start()

    def endpoints(self, exchange: Exchange) -> dict[str, str]:
        for which in ("ws", "rest"):
            name, port = f"{exchange.name}.{which}", exchange.ready[f"{which}_port"]
            if self.is_secure:
                front = self.fronts[name] = TlsFront(port, self.authority)
                self.proxies[name] = Proxy(front.port, is_secure=True)
            else:
                self.proxies[name] = Proxy(port)
            exchange.ready[f"{which}_port"] = self.proxies[name].port
        found = super().endpoints(exchange)
        if not self.is_secure:
            return found
        secure = {"ws": "wss", "http": "https"}
        split = {k: url.split("://127.0.0.1") for k, url in found.items()}
        return {k: f"{secure[scheme]}://localhost{rest}" for k, (scheme, rest) in split.items()}

    def obey(self) -> None:
        for line in sys.stdin:
            asked = orjson.loads(line)
            if "certificate" in asked:
                for which in ("ws", "rest"):
                    self.fronts[f"{asked['venue']}.{which}"].show(asked["certificate"])
                continue
            proxy = self.proxies[f"{asked['venue']}.{asked['port']}"]
            if "act" in asked:
                proxy.act(asked["act"])
            else:
                proxy.set(asked["mode"], asked.get("count", -1))

    def show(self) -> None:
        path = self.state / "proxies.json"
        while True:
            shown = {name: p.shown() for name, p in list(self.proxies.items())}
            path.with_suffix(".new").write_bytes(orjson.dumps(shown))
            path.with_suffix(".new").replace(path)
            time.sleep(SHOW_S)


class SecureDemo(ProxiedDemo):
    """The same over TLS, with an authority of its own."""

    is_secure = True


def main() -> int:
    state, seed = Path(sys.argv[1]), int(sys.argv[2])
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = SecureDemo if sys.argv[3:] == ["tls"] else ProxiedDemo
    return run_demo(state, for_s=None, seed=seed, as_json=True, made=made)


if __name__ == "__main__":
    raise SystemExit(main())
