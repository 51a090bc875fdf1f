"""Drills: the user's configuration, one fault, and a verdict that can say no."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml

from engine import control
from engine.demo import SHIPPED
from engine.demo_world import ACCOUNT, Exchange
from engine.drill import Drill
from engine.drill_faults import FAULTS, NoSuchDrill, full_disk, named, no_file_grows
from engine.drill_verdict import unproven
from engine.drill_words import told_by_engine
from engine.memory import Memory
from engine.state import read_run
from tests.engine.small_disk import MIB, small_disk

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


@pytest.mark.parametrize(
    ("text", "exit_code", "code"),
    [
        ("application: nothing\nlanes: []\n", 1, "TCL-2111"),
        ("venues: [1]\ninstruments: 7\nlanes: {a: b}\n", 2, "TCL-1012"),
        (
            "venues: {a: 1}\ninstruments: {a.B: 2}\nlanes: [3, {actors: [4, {kind: [5]}]}]\n",
            2,
            None,
        ),
        ("application: x\nvenue: {}\n", 1, "TCL-2111"),
        ("\t", 2, "TCL-1010"),
    ],
)
def test_a_configuration_that_cannot_be_drilled_is_refused(
    tmp_path: Path, text: str, exit_code: int, code: str | None
) -> None:
    config = tmp_path / "app.yaml"
    config.write_text(text)
    got, found = drill("gap", "--config", str(config), "--state", str(tmp_path / "state"))
    assert got == exit_code and found["error"]["code"].startswith("TCL-1" if code is None else code)
    got, found = drill("gap", "--config", str(tmp_path / "none.yaml"), "--state", str(tmp_path))
    assert got == 2 and found["error"]["code"] == "TCL-1002"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("gap", "--at", "gamma"), "TCL-2113"),
        (("kill-lane", "--at", "alpha"), "TCL-2113"),
        (("kill-root", "--at", "trade"), "TCL-2113"),
        (("gap", "--price", "alpha.ETHUSDT=5"), "TCL-2113"),
        (("gap", "--price", "alpha.BTCUSDT=-5"), "TCL-2113"),
        (("gap", "--price", "alpha.BTCUSDT=nan"), "TCL-2113"),
        (("gap", "--price", "alpha.BTCUSDT"), "TCL-1001"),
        (("gap", "--for", "never"), "TCL-1001"),
    ],
)
def test_wrong_words_are_refused_before_anything_starts(
    tmp_path: Path, words: tuple[str, ...], code: str
) -> None:
    exit_code, found = drill(*words, "--state", str(tmp_path / "state"))
    assert exit_code == 2 and found["error"]["code"] == code, found
    assert not list((tmp_path / "state").glob("exchanges/*.ledger.jsonl"))


def test_a_state_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for state in (tmp_path / "file", tmp_path / "file" / "state"):
        code, found = drill("gap", "--state", str(state))
        assert code == 2 and found["error"]["code"] == "TCL-3004"


def test_an_engine_that_runs_on_the_state_is_not_hurt(tmp_path: Path) -> None:
    config = tmp_path / "t.yaml"
    config.write_text(
        "application: t\nlanes:\n"
        "  - {name: journal, runtime: trio, actors: [{name: journal, kind: engine/journal}]}\n"
    )
    state = tmp_path / "state"
    argv = [*TIERCEL, "run", str(config), "--state", str(state)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as other:
        try:
            assert other.stdout is not None and other.stdout.readline().startswith(b"ready")
            before = control.call(state, "ps")["lanes"]
            words = ("kill-lane", "--at", "journal", "--for", "3s")
            code, found = drill(*words, "--state", str(state))
            assert (code, found["error"]["code"]) == (2, "TCL-3001"), found
            assert control.call(state, "ps")["lanes"] == before
            assert not list(state.glob("exchanges/*.ledger.jsonl"))
        finally:
            other.terminate()
            other.wait(20)
    run_of = read_run(state)
    assert run_of is not None
    Memory.of_instance(run_of.instance).remove_all()


def test_a_drill_that_shows_nothing_says_so() -> None:
    lost, killed = named("lost-reply"), named("kill-lane")
    assert unproven(lost, True, {lost.words["fault"]: 1}) == []
    assert unproven(killed, True, {}) == []
    assert unproven(lost, True, {}) == ["the fault acted"]
    assert unproven(killed, False, {}) == ["it traded before it was hurt"]


def test_only_trades_of_orders_placed_since_count(tmp_path: Path) -> None:
    """An order of before trades without an engine, and one of an earlier drill is not of this."""
    stage = Drill(SHIPPED, tmp_path / "state", 1, {})
    try:
        began = stage.began_ns

        def line(t: str, order: int, time: int, **more: Any) -> str:
            known = {"t": t, "account": ACCOUNT, "order_id": order, "time": time}
            return json.dumps(known | more) + "\n"

        ledger = tmp_path / "ledger"
        ledger.write_text(
            line("order", 1, began - 9) + line("fill", 1, began + 1)
            + line("order", 2, began + 2) + line("fill", 2, began + 9)
            + line("order", 3, began + 7) + line("fill", 3, began + 10)
        )  # fmt: skip
        stage.exchanges = [cast("Exchange", SimpleNamespace(name="alpha", ledger=ledger))]
        assert stage.trades() == [began + 9, began + 10]
        assert stage.trades(since=began + 5) == [began + 10]
        assert stage.trades_again("alpha", began + 6) and not stage.trades_again("", began + 7)
    finally:
        os.close(stage._lock)


def test_the_words_of_the_engine_are_those_of_its_log(tmp_path: Path) -> None:
    """What the root logged is told in the order of time; what says nothing is left out."""
    lines = [
        {"time": 1, "event": "lane started", "name": "old", "pid": 1, "epoch": 1},
        {"time": 5, "event": "lane killed", "name": "trade", "why": "it hangs"},
        {"time": 6, "event": "lane ended", "name": "trade", "pid": 9, "code": -9},
        {"time": 7, "event": "trouble", "code": "TCL-5211", "what": "banned", "why": "418"},
        {"time": 8, "event": "something else"},
    ]
    text = "".join(json.dumps(x) + "\n" for x in lines) + '{"time": 9, "event": "lane en'
    (tmp_path / "root.main.jsonl").write_text(text)
    assert told_by_engine(tmp_path, 2) == [
        (5, "the root kills lane trade: it hangs"),
        (6, "lane trade (process 9) ended by SIGKILL"),
        (7, "TCL-5211: banned; 418"),
    ]


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
    shipped = SHIPPED.parent.parent / "actors" / "strategies" / "market_maker.py"
    (tmp_path / "mine.py").write_text(shipped.read_text())
    tree["lanes"][-1]["actors"][-1]["settings"] = {}
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


def test_a_venue_without_an_exchange_here_is_not_reached(tmp_path: Path) -> None:
    """It has no listing of ours; its address and key are the user's and stay out of a drill."""
    tree = yaml.safe_load(SHIPPED.read_text())
    key = {"label": "mine", "kind": "hmac", "api_key": "mine", "secret": "mine"}
    places = {"streams": "ws://there", "orders": "ws://there", "rest": "http://there"}
    tree["venues"]["gamma"] = {"kind": "venues/binance", "endpoints": places, "key": key}
    config = tmp_path / "mine.yaml"
    config.write_text(yaml.safe_dump(tree))
    found = Drill(config, tmp_path / "state", 1, {})
    assert "gamma" not in found.specs()
    gamma = found.app.venues["gamma"]
    assert gamma.endpoints is not None and gamma.key is not None
    assert gamma.endpoints.rest == "http://127.0.0.1" and gamma.key.label == "drill"
    assert found.unreached()["gamma"]["endpoints"]["orders"] == "ws://127.0.0.1"


@pytest.mark.parametrize(
    ("states", "is_ready"),
    [
        ({}, True),
        ({"recorder": "gone"}, True),
        ({"trade": "gone"}, False),
        ({"control": "gone"}, False),
        ({"trade": "starting"}, False),
    ],
)
def test_a_lane_that_trades_may_not_be_gone(
    tmp_path: Path, states: dict[str, str], is_ready: bool
) -> None:
    class Told(Drill):
        def lanes(self) -> dict[str, dict[str, Any]]:
            return {
                x.name: {"name": x.name, "state": states.get(x.name, "ready")}
                for x in self.app.lanes
            }

    assert Told(SHIPPED, tmp_path / "state", 1, {}).is_ready() is is_ready


def test_no_file_grows_on_a_full_disk_that_is_played(tmp_path: Path) -> None:
    path = tmp_path / "grows"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with path.open("wb", buffering=0) as f:
        f.write(bytes(4096))
        with no_file_grows(lambda: [os.getpid()]), pytest.raises(OSError):
            f.write(b"more")
        f.write(b"more")
    assert resource.getrlimit(resource.RLIMIT_FSIZE) == before and path.stat().st_size == 4100


def test_a_small_disk_is_really_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 4) as place:
        path = place / "grows"
        with path.open("wb", buffering=0) as f:
            with full_disk(place, lambda: [os.getpid()]) as how, pytest.raises(OSError) as told:
                f.write(bytes(MIB))
            assert told.value.errno == errno.ENOSPC and "no free byte" in how
            assert f.write(bytes(MIB)) == MIB
        assert [x.name for x in place.iterdir()] == ["grows"]


def test_the_exchanges_write_on_while_the_disk_is_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 12) as place:
        path = place / "ledger"
        with path.open("wb", buffering=0) as f:
            f.write(b"before")
            with full_disk(place, lambda: [os.getpid()], [path]):
                assert path.stat().st_size == 6, "its length stays"
                assert f.write(bytes(MIB)) == MIB
                with pytest.raises(OSError), (place / "other").open("wb", buffering=0) as other:
                    other.write(bytes(MIB))
