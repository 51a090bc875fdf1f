"""Drills: the user's configuration, one fault, and a verdict that can say no."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.demo import SHIPPED
from engine.drill import Drill
from engine.drill_faults import FAULTS, NoSuchDrill, full_disk, named

TIERCEL = [sys.executable, "-m", "engine.main"]


def drill(*words: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [*TIERCEL, "drill", *words, "--json"], capture_output=True, text=True, timeout=300
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.stdout.strip(), done.stderr
    return done.returncode, json.loads(done.stdout)


def test_the_drills_are_listed_and_others_refused() -> None:
    code, found = drill()
    assert code == 0 and found["drills"].keys() == FAULTS.keys()
    wanted = {"kill-lane", "silent-feed", "full-disk", "lost-reply", "half-open", "reject", "ban"}
    assert wanted | {"gap"} <= FAULTS.keys()
    code, found = drill("burn")
    assert code == 2 and found["error"]["code"] == "TCL-2110"
    with pytest.raises(NoSuchDrill):
        named("burn")


def test_a_configuration_without_venues_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "app.yaml"
    config.write_text("application: nothing\nlanes: []\n")
    code, found = drill("gap", "--config", str(config), "--state", str(tmp_path / "state"))
    assert code == 1 and found["error"]["code"] == "TCL-2111"


def test_exchanges_have_the_markets_of_the_configuration(tmp_path: Path) -> None:
    """Listings, fees and prices are the user's; modes are simulation; files are named in full."""
    tree = yaml.safe_load(SHIPPED.read_text())
    tree["mode"] = "testnet"
    tree["venues"]["beta"]["mode"] = "testnet"
    tree["venues"]["beta"]["taker_fee_ppm"] = 750
    tree["instruments"]["beta.ETHBTC"] = {"base": "ETH", "quote": "BTC"} | {
        "tick": "0.00001",
        "lot": "0.0001",
    }
    tree["lanes"][-1]["actors"][-1]["kind"] = "./mine.py"
    config = tmp_path / "mine.yaml"
    config.write_text(yaml.safe_dump(tree))
    found = Drill(config, tmp_path / "state", 1, {"beta.ETHBTC": "0.05"})
    specs = found.specs()
    assert [m["symbol"] for m in specs["alpha"]["markets"]] == ["BTCUSDT"]
    bitcoin, ether = specs["beta"]["markets"]
    assert (bitcoin["price"], ether["price"], ether["tick"]) == ("50000", "0.05", "0.00001")
    assert ether["taker_fee_bps"] == "7.5" and specs["beta"]["dialect"] == "binance"
    balances = specs["beta"]["accounts"][0]["balances"]
    assert balances.keys() == {"BTC", "ETH", "USDT"}
    document = found.document()
    assert document["mode"] == "simulation" and document["drill"] is True
    assert document["lanes"][-1]["actors"][-1]["kind"] == str(tmp_path / "mine.py")


def test_no_file_grows_on_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "grows"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with path.open("wb", buffering=0) as f:
        f.write(bytes(4096))
        with full_disk(lambda: [os.getpid()]), pytest.raises(OSError):
            f.write(b"more")
        f.write(b"more")
    assert resource.getrlimit(resource.RLIMIT_FSIZE) == before and path.stat().st_size == 4100
