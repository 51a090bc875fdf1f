"""`python -m tests.chaos.ladder_demo STATE SEED`: the demo, and 500 orders at work beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from engine import demo
from tests.chaos.brisk_demo import Brisk, run
from tests.chaos.ladder import RUNGS

LADDER = Path(__file__).parent / "ladder.py"
VENUES = ("alpha", "beta")
ORDERS = RUNGS * len(VENUES)


class LadderDemo(demo.Demo):
    """The shipped configuration with one more strategy, and limits that let it work."""

    def document(self) -> dict[str, Any]:
        tree: dict[str, Any] = yaml.safe_load(demo.SHIPPED.read_text(encoding="utf-8"))
        trade = tree["lanes"][-1]
        listings = [f"{v}.BTCUSDT" for v in VENUES]
        trade["actors"].append(
            {
                "name": "ladder",
                "kind": str(LADDER),
                "instruments": listings,
                "follows": [f"{role}_{v}" for v in VENUES for role in ("feed", "venue")],
            }
        )
        for actor in trade["actors"]:
            if actor["name"].startswith("venue_"):
                actor["follows"].append("ladder")
        risk = tree["risk"]
        risk["total"] |= {"max_open_orders": 1200, "max_open_notional": "2000000"}
        risk["total"]["max_gross_notional"] = "4000000"
        for venue in VENUES:
            risk["venues"][venue] = {
                "max_open_orders": 600,
                "submits_per_s": 2000,
                "submits_per_minute": 100_000,
                "cancels_per_s": 2000,
            }
            limits = risk["instruments"][f"{venue}.BTCUSDT"]
            risk["instruments"][f"{venue}.BTCUSDT"] = limits | {"max_open_orders": 600}
            risk["leases"].append(
                {
                    "strategy": "ladder",
                    "venue": venue,
                    "gross_notional": "500000",
                    "open_notional": "500000",
                    "open_orders": 500,
                }
            )
        risk["strategies"]["ladder"] = {"max_executions": 1_000_000}
        over = {"lanes": tree["lanes"], "risk": risk, "seed": self.seed}
        return {"include": [str(demo.SHIPPED)], **over}


class Laddered(Brisk):
    """Such a demo."""

    MODULE = "tests.chaos.ladder_demo"


if __name__ == "__main__":
    raise SystemExit(run(LadderDemo))
