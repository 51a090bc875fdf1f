"""`tiercel new strategy` writes what runs as it is."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from engine.strategy_files import NameRefused, write
from tests.engine.running import ROOT

ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


def call(*argv: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *argv],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=cwd,
        env=ENVIRONMENT,
    )


def test_what_is_written_is_right_and_its_test_passes(tmp_path: Path) -> None:
    done = call("engine.main", "new", "strategy", "my_first", "--json", cwd=tmp_path)
    files = [Path(f).name for f in json.loads(done.stdout)["files"]]
    assert files == ["my_first.py", "my_first.yaml", "my_first.exchange.json", "test_my_first.py"]
    tested = call("pytest", "-q", "-p", "no:cacheprovider", "test_my_first.py", cwd=tmp_path)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    again = call("engine.main", "new", "strategy", "my_first", "--json", cwd=tmp_path)
    assert again.returncode == 2
    assert json.loads(again.stdout)["error"]["code"] == "TCL-1056"
    checked = call(
        "ruff", "check", "--isolated", "--select", "E4,E7,E9,F,B,UP", "my_first.py", cwd=tmp_path
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("name", ["1st", "Upper", "", "class", "match", "json", "msgspec"])
def test_a_name_that_no_module_beside_it_can_have_is_refused(tmp_path: Path, name: str) -> None:
    """`class.py` cannot be imported, and `json.py` would be imported by everything else."""
    with pytest.raises(NameRefused):
        write(name, tmp_path)
    assert not list(tmp_path.iterdir())


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def test_it_trades_as_it_was_written(tmp_path: Path) -> None:
    from engine.strategy_files import write

    paths = write("my_first", tmp_path)
    ws, rest = free_port(), free_port()
    for path in paths[1:3]:  # ports that are free here
        text = path.read_text().replace("19380", str(ws)).replace("19381", str(rest))
        path.write_text(text)
    exchange = subprocess.Popen(
        [sys.executable, "-m", "venues.simulated", "--spec", paths[2].name],
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        env=ENVIRONMENT,
    )
    try:
        assert exchange.stdout is not None and exchange.stdout.readline().startswith(b"{")
        ran = call("engine.main", "run", "my_first.yaml", "--for", "12s", "--json", cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr
        assert json.loads(ran.stdout)["restarts"] == 0
    finally:
        exchange.terminate()
        exchange.communicate(timeout=20)
    checked = call(
        "engine.main", "journal", "check", "--state", "var/my_first", "--json", cwd=tmp_path
    )
    found = json.loads(checked.stdout)
    assert found["ok"] is True and found["events"] > 0, found
    ledger = [json.loads(x) for x in (tmp_path / "my_first.ledger.jsonl").read_text().splitlines()]
    orders = [x for x in ledger if x["t"] == "order" and x["account"] == "my_first"]
    assert orders and {x["side"] for x in orders} == {"BUY"}  # what it decided reached the exchange


def test_an_exchange_that_was_not_started_is_said(tmp_path: Path) -> None:
    path = write("my_first", tmp_path)[1]
    path.write_text(path.read_text().replace("19380", str(free_port())))
    ran = call("engine.main", "run", "my_first.yaml", "--for", "3s", cwd=tmp_path)
    assert "TCL-5215: venue does not reach 127.0.0.1" in ran.stderr, ran.stderr


def test_its_exchange_is_one(tmp_path: Path) -> None:
    from engine.strategy_files import write
    from venues.simulated.spec import read_spec

    paths = write("other", tmp_path / "deep")
    spec = read_spec(paths[2].read_bytes())
    assert (spec.name, spec.ws_port, spec.accounts[0].name) == ("alpha", 19380, "other")


def test_its_configuration_is_one(tmp_path: Path) -> None:
    from engine import checks, document
    from engine.application import Application
    from engine.strategy_files import write

    source = document.load(write("other", tmp_path)[1])
    application = document.convert(source, document.expand(source, {}), Application)
    checks.check(application, source)
    assert application.lanes[-1].actors[-1].kind == "./other.py"


def test_names_that_cannot_be_are_refused(tmp_path: Path) -> None:
    for name in ("My", "9lives", "../up", "a" * 40, "a-b", ""):
        done = call("engine.main", "new", "strategy", name, "--json", cwd=tmp_path)
        assert json.loads(done.stdout)["error"]["code"] == "TCL-1055", name
    assert not list(tmp_path.iterdir())
