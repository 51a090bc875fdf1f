"""`python -m tests.chaos.proxied_demo STATE SEED`: the demo, its lanes behind fault proxies.

Each line on stdin is one JSON object: {"venue": NAME, "port": "ws" | "rest", "act": FAULT} or with
"mode" (and "count") instead of "act". How often each acted is in STATE/proxies.json, written
twice a second.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

import orjson

from engine import demo
from engine.demo_world import Exchange, start_exchange
from tests.chaos.proxy import Proxy

PROXIES: dict[str, Proxy] = {}


def start_behind_proxies(spec: dict[str, Any], directory: Path) -> Exchange:
    """An exchange whose ports are those of its proxies."""
    exchange = start_exchange(spec, directory)
    for which in ("ws", "rest"):
        proxy = Proxy(exchange.ready[f"{which}_port"])
        PROXIES[f"{exchange.name}.{which}"] = proxy
        exchange.ready[f"{which}_port"] = proxy.port
    return exchange


def obey() -> None:
    for line in sys.stdin:
        asked = orjson.loads(line)
        proxy = PROXIES[f"{asked['venue']}.{asked['port']}"]
        if "act" in asked:
            proxy.act(asked["act"])
        else:
            proxy.set(asked["mode"], asked.get("count", -1))


def show(path: Path) -> None:
    while True:
        path.write_bytes(orjson.dumps({name: p.acted for name, p in PROXIES.items()}))
        time.sleep(0.5)


def main() -> int:
    state, seed = Path(sys.argv[1]), int(sys.argv[2])
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    demo.start_exchange = start_behind_proxies
    threading.Thread(target=obey, daemon=True).start()
    threading.Thread(target=show, args=(state / "proxies.json",), daemon=True).start()
    try:
        return demo.run_demo(state, for_s=None, seed=seed, as_json=True)
    finally:
        for proxy in PROXIES.values():
            proxy.close()


if __name__ == "__main__":
    raise SystemExit(main())
