"""`tiercel new strategy` writes what runs as it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

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
