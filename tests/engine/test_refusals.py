"""What a user meets when something is wrong before or while it runs: a code, an exit code, nothing
lost. Each case is a command as it is typed."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine import control
from engine.demo import SHIPPED, Demo
from engine.demo_world import exchange_spec, make_key
from engine.errors import TiercelError
from engine.journal.store import open_reader
from tests.engine.running import until
from tests.engine.small_disk import small_disk

TIERCEL = [sys.executable, "-m", "engine.main"]
NOBODY = 65534


def refused(*words: str, code: str, exit_code: int, **more: Any) -> dict[str, Any]:
    """A command that must be refused, plainly and with --json alike; the error as JSON."""
    found: dict[str, Any] = {}
    for last in ((), ("--json",)):
        done = subprocess.run(
            [*TIERCEL, *words, *last], capture_output=True, text=True, timeout=120, **more
        )
        assert "Traceback" not in done.stderr + done.stdout, done
        assert done.returncode == exit_code and done.stderr.startswith(code), done
        assert done.stderr.count("\n") == 1
        if last:
            found = json.loads(done.stdout)["error"]
            assert found["code"] == code and set(found) == {"code", "what", "why", "do"}
        else:
            assert done.stdout == "" or words[0] == "demo"
    return found


# ---- configurations


def changed(tmp_path: Path, change: Any) -> Path:
    """The demo's configuration with one thing wrong, where it would run."""
    tree = yaml.safe_load(SHIPPED.read_text())
    change(tree)
    path = tmp_path / "app.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def share(tree: dict[str, Any]) -> None:
    tree["risk"]["leases"][0]["gross_notional"] = "300000"


def key_of_the_environment(tree: dict[str, Any]) -> None:
    tree["venues"]["alpha"]["key"] = {"label": "x", "kind": "ed25519"} | {
        "api_key": "${TIERCEL_TEST_NO_SUCH_KEY}",
        "secret": "x",
    }


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        (lambda t: t.update(lane=[]), "TCL-1011", "Did you mean `lanes`"),
        (lambda t: t["lanes"][0].update(init_timeout_s="soon"), "TCL-1012", "init_timeout_s"),
        (key_of_the_environment, "TCL-1013", "TIERCEL_TEST_NO_SUCH_KEY"),
        (share, "TCL-1016", "500000"),
        (lambda t: t.update(include=["missing.yaml"]), "TCL-1014", "There is no file"),
        (lambda t: t["lanes"][3]["actors"][0].update(kind="./mine.py"), "TCL-1030", "mine.py"),
    ],
)
def test_a_wrong_configuration_is_refused_by_run_and_drill_with_its_line(
    tmp_path: Path, change: Any, code: str, says: str
) -> None:
    config, state = changed(tmp_path, change), tmp_path / "state"
    found = refused("run", str(config), "--state", str(state), code=code, exit_code=2)
    assert says in " ".join(found.values()) and str(config) in found["what"]
    assert not state.exists(), "a configuration that is refused leaves nothing behind"
    if code != "TCL-1013":  # a drill lays its own keys over those of the file
        refused("drill", "gap", "--config", str(config), "--state", str(state), code=code,
                exit_code=2)  # fmt: skip


# ---- the state directory, sockets and ports


def test_a_state_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    """By `run` in its own words, and by `demo` in those of the engine it started."""
    if os.geteuid() != 0:
        pytest.skip("giving a directory away needs root")
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    os.chown(state, NOBODY, NOBODY)
    found = refused("run", str(changed(tmp_path, lambda t: t["venues"].clear() or without(t))),
                    "--state", str(state), code="TCL-3002", exit_code=2)  # fmt: skip
    assert "belongs to user" in found["why"]
    found = refused("demo", "--for", "5s", "--state", str(state), code="TCL-2103", exit_code=1)
    assert "TCL-3002" in found["why"] and "belongs to user" in found["why"]


def without(tree: dict[str, Any]) -> None:
    """A configuration that needs nobody: the journal alone."""
    for name in ("instruments", "risk", "recording"):
        tree.pop(name)
    tree["lanes"] = tree["lanes"][:1]


def test_a_state_directory_that_takes_no_write_is_refused(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 4) as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        for command in (("demo", "--for", "5s"), ("drill", "gap")):
            found = refused(*command, "--state", str(disk / "s"), code="TCL-3004", exit_code=2)
            assert "Read-only" in found["why"]


def test_a_control_socket_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """Something else stands where the root's socket goes; nothing is started."""
    state = tmp_path / "state"
    (state / "root.sock").mkdir(parents=True)
    state.chmod(0o700)
    config = changed(tmp_path, lambda t: t["venues"].clear() or without(t))
    found = refused("run", str(config), "--state", str(state), code="TCL-3004", exit_code=2)
    assert "root.sock" in found["why"]


def test_an_exchange_s_control_socket_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state" / "exchanges" / "alpha.control").mkdir(parents=True)
    found = refused("demo", "--for", "5s", "--state", str(tmp_path / "state"), code="TCL-2101",
                    exit_code=2)  # fmt: skip
    assert "alpha" in found["what"] and "alpha.control" in found["why"]


def test_a_busy_port_of_an_exchange_is_refused(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key.json")
    with socket.create_server(("127.0.0.1", 0)) as busy:
        spec = exchange_spec("alpha", tmp_path, key, 1) | {"ws_port": busy.getsockname()[1]}
        (tmp_path / "spec.json").write_text(json.dumps(spec))
        words = [sys.executable, "-m", "venues.simulated", "--spec", str(tmp_path / "spec.json")]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stderr.startswith("TCL-5201"), done
    assert "address already in use" in done.stderr.lower() and "Traceback" not in done.stderr


def test_no_room_for_shared_memory_is_refused(tmp_path: Path) -> None:
    """A tmpfs too small for the outboxes, in a mount namespace of its own: said by its code."""
    words = ["unshare", "-rm", "sh", "-c",
             'mount -t tmpfs -o size=8m tmpfs /dev/shm && exec "$@"', "sh",
             *TIERCEL, "demo", "--for", "5s", "--state", str(tmp_path / "state")]  # fmt: skip
    if subprocess.run([*words[:4], "mount -t tmpfs tmpfs /dev/shm"],
                      capture_output=True).returncode != 0:  # fmt: skip
        pytest.skip("this machine gives no mount namespace")
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stderr.startswith("TCL-2103"), done
    assert "TCL-20" in done.stderr and "Traceback" not in done.stderr


# ---- files that are cut


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state of a demo of a few seconds."""
    state = tmp_path_factory.mktemp("refusals") / "state"
    done = subprocess.run(
        [*TIERCEL, "demo", "--for", "6s", "--state", str(state), "--json"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done
    yield state
    with contextlib.suppress(OSError):
        shutil.rmtree(state)


def replay(path: Path, *words: str) -> tuple[int, dict[str, Any], str]:
    """`tiercel replay` as JSON and in words."""
    argv = [*TIERCEL, "replay", str(path), *words]
    plain = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    done = subprocess.run([*argv, "--json"], capture_output=True, text=True, timeout=120)
    assert "Traceback" not in plain.stderr + done.stderr
    assert plain.returncode == done.returncode
    return done.returncode, json.loads(done.stdout), plain.stdout + plain.stderr


def test_a_cut_recording_is_replayed_as_far_as_it_is_whole(session: Path, tmp_path: Path) -> None:
    (whole,) = (session / "recordings").glob("*.tcr")
    code, found, text = replay(whole)
    assert code == 0 and found["complete"] and "damaged" not in text
    content = whole.read_bytes()
    cut = tmp_path / "cut.tcr"
    cut.write_bytes(content[: len(content) // 2])
    code, found, text = replay(cut)
    assert code == 1 and not found["identical"] and not found["complete"]
    assert found["records"] > 0 and found["compared"] > 0
    offset = found["first_difference"]["offset"]
    assert found["first_difference"]["what"] == "damage" and offset <= len(content) // 2
    assert f"damaged at byte {offset}" in text
    cut.write_bytes(content[:-20])  # exactly its end: a recorder that was killed
    code, found, text = replay(cut)
    assert (code, found["identical"], found["complete"]) == (0, True, False)
    assert "it has no end" in text


def test_a_cut_recording_is_no_market_data(session: Path, tmp_path: Path) -> None:
    """A back-test on half a day would look like a whole one: it is refused."""
    (whole,) = (session / "recordings").glob("*.tcr")
    cut = tmp_path / "cut.tcr"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    code, found, _ = replay(cut, "--config", str(SHIPPED))
    assert code == 1 and found["error"]["code"] == "TCL-7002"


def test_a_cut_capture_is_refused_by_book_and_back_test(tmp_path: Path) -> None:
    capture = tmp_path / "cut.jsonl"
    capture.write_bytes(b'1700000000000000000 {"stream":"btcusdt@depth","data":{"e":"depthUp')
    book = ("book", str(capture), "--venue", "binance", "--symbol", "BTCUSDT")
    refused(*book, code="TCL-4001", exit_code=2)
    refused("replay", str(capture), "--config", str(SHIPPED), code="TCL-4001", exit_code=2)


# ---- keys


def test_a_key_that_may_only_read_is_told_and_never_tried(tmp_path: Path) -> None:
    """The account says `canTrade` false: an alert in coded words, the gate closed, no order."""

    class ReadsOnly(Demo):
        def specs(self) -> dict[str, dict[str, Any]]:
            found = super().specs()
            found["alpha"]["accounts"][0]["may_trade"] = False
            return found

    demo = ReadsOnly(tmp_path / "state", 1)
    try:
        demo.start()

        def alerts() -> list[dict[str, str]]:
            with contextlib.suppress(TiercelError, OSError):
                found: list[dict[str, str]] = control.call(demo.state, "ps").get("alerts", [])
                return found
            return []

        (alert,) = until(alerts, 30.0)
        assert alert["code"] == "TCL-5210" and "venue_alpha" in alert["what"]
        assert "may read and not trade" in alert["why"]
        lanes = {x["name"]: x["state"] for x in control.call(demo.state, "ps")["lanes"]}
        assert lanes["trade"] != "ready"
    finally:
        code = demo.stop()
        for process in [demo.root, *(e.process for e in demo.exchanges)]:
            if process is not None:
                process.stdout.close()
    assert code == 0
    db = open_reader(demo.state)
    try:
        assert db.execute("SELECT count(*) FROM orders WHERE approved > 0").fetchone() == (0,)
    finally:
        db.close()


# ---- Ctrl-C at a terminal


def typed(state: Path, when: Any, *words: str) -> tuple[int, str]:
    """A demo on a terminal of its own, Ctrl-C typed once `when` holds; exit code and output."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [*TIERCEL, "demo", "--state", str(state), *words])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 20, 0, 0))
    output, is_typed, end = b"", False, time.monotonic() + 90
    try:
        while time.monotonic() < end:
            if select.select([terminal], [], [], 0.02)[0]:
                try:
                    data = os.read(terminal, 65536)
                except OSError:  # the last process at the terminal has ended
                    break
                output += data
            if not is_typed and when():
                os.write(terminal, b"\x03")
                is_typed = True
        else:
            os.kill(pid, signal.SIGKILL)
    finally:
        os.close(terminal)
        _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), output.decode(errors="replace")


def test_ctrl_c_at_a_terminal_ends_in_order(tmp_path: Path) -> None:
    """The terminal signals its whole process group: the exchanges must outlive the cancels. On
    a terminal of 20 columns, in a directory whose name has spaces and no ASCII."""
    state = tmp_path / "ein Ort für {alles} 状態"
    ledger = state / "exchanges" / "alpha.ledger.jsonl"

    def has_traded() -> bool:
        return ledger.exists() and ledger.read_bytes().count(b'"account":"tiercel"') > 6

    code, output = typed(state, has_traded)
    assert code == 0 and "Traceback" not in output, output[-2000:]
    assert "ledgers: yes" in output and "records: yes" in output


def test_ctrl_c_while_it_starts_is_no_failure(tmp_path: Path) -> None:
    for number, file in enumerate(("demo.lock", "exchanges/alpha.log", "exchanges.json")):
        state = tmp_path / str(number)
        code, output = typed(state, lambda at=state / file: at.exists())
        assert code == 0 and "Traceback" not in output, (file, output[-2000:])


def test_a_demo_too_short_to_start_says_so(tmp_path: Path) -> None:
    refused("demo", "--for", "1ms", "--state", str(tmp_path / "s"), code="TCL-2104", exit_code=1)
