"""Logs: what goes where, how files rotate, and that no secret gets in."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from engine.application import Logs
from engine.logs import HIDDEN, QUEUE, File, Redaction, open_logs
from engine.secret import Secret


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(x) for x in path.read_text().splitlines()]


def test_each_line_goes_where_it_belongs(tmp_path: Path) -> None:
    log = open_logs(tmp_path, "trade", Logs())
    log.main("info", "started", pid=7)
    log.main("debug", "not at this level")
    log.trade("filled", price="1.5")
    log.problem("restarted", why="it died")
    log.error("gave up")
    assert (
        tmp_path / "trade.main.jsonl"
    ).read_bytes() == b""  # nothing is written where it happens
    assert log.flush() == 6
    log.close()
    events = {n: [x["event"] for x in lines(tmp_path / f"trade.{n}.jsonl")] for n in log.files}
    assert events == {
        "main": ["started", "restarted", "gave up"],
        "trades": ["filled"],
        "errors": ["restarted", "gave up"],
    }
    first = lines(tmp_path / "trade.main.jsonl")[0]
    assert (first["lane"], first["level"], first["pid"]) == ("trade", "info", 7)
    assert (tmp_path / "trade.main.jsonl").stat().st_mode & 0o777 == 0o600


def test_the_sizes_asked_for() -> None:
    logs = Logs()
    assert (logs.size_mb, logs.backups) == (10, 5)


def test_files_rotate_with_their_backups(tmp_path: Path) -> None:
    file = File(tmp_path / "x", 100, 3)
    for n in range(20):
        file.write(f"{n:039d}\n".encode())
    file.close()
    kept = sorted(p.name for p in tmp_path.iterdir())
    assert kept == ["x", "x.1", "x.2", "x.3"]
    numbers = [int(x) for p in reversed(kept) for x in (tmp_path / p).read_text().split()]
    assert numbers == list(range(20 - len(numbers), 20))  # the latest, in order, whole lines
    assert all((tmp_path / p).stat().st_size <= 100 for p in kept)


def test_errors_are_half_the_size(tmp_path: Path) -> None:
    log = open_logs(tmp_path, "a", Logs())
    sizes = {n: f.size for n, f in log.files.items()}
    log.close()
    assert sizes == {"main": 10_000_000, "trades": 10_000_000, "errors": 5_000_000}


CANARY = "c4n4ry-value-1"
PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIFAKEFAKEFAKE\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    "value",
    [
        f"url?key={CANARY}&x=1",
        {"api_key": "whatever-else"},
        {"headers": [["X-MBX-APIKEY", CANARY]]},
        {"deep": [{"Authorization": "whatever-else"}, CANARY]},
        Secret("whatever-else"),
        {"signature": "whatever-else"},
        CANARY.encode(),
        RuntimeError(f"refused {CANARY}"),
        "in a text: MC4CAQAwBQYDK2VwBCIEIFAKEFAKEFAKE",
        {CANARY: 1},
    ],
)
def test_no_secret_gets_in(tmp_path: Path, value: object) -> None:
    redaction = Redaction([Secret(CANARY), Secret(PEM)])
    log = open_logs(tmp_path, "a", Logs(), redaction)
    log.error("something", value=value)
    log.close()
    text = "".join(p.read_text() for p in tmp_path.iterdir())
    assert HIDDEN in text
    for secret in (CANARY, "whatever-else", "FAKEFAKEFAKE"):
        assert secret not in text


def test_a_full_queue_or_disk_loses_lines_and_counts_them(tmp_path: Path) -> None:
    log = open_logs(tmp_path, "a", Logs())
    for _ in range(QUEUE + 5):
        log.main("info", "x")
    assert log.lost == 5
    log.flush()
    os.close(log.files["main"]._fd)
    log.main("info", "y")
    log.flush()  # its file cannot be written: no exception reaches the lane
    log.files["main"]._fd = -1
    assert log.lost == 7  # and the line that told of the five


def test_a_lane_that_never_trades_leaves_no_file_of_trades(tmp_path: Path) -> None:
    log = open_logs(tmp_path, "a", Logs())
    log.main("info", "said")
    log.flush()
    assert {f.name for f in tmp_path.iterdir()} == {"a.main.jsonl", "a.errors.jsonl"}
    log.trade("filled", order=1)
    log.close()
    assert b"filled" in (tmp_path / "a.trades.jsonl").read_bytes()
