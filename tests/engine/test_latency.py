"""Kept latencies: interval by interval, whole, against a baseline, and as a page in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.kept_latencies import KeptLatencies, interval_s
from engine.latency import HistogramLog, read_hlog, read_intervals, to_hdr
from engine.latency_page import page, spectrum
from engine.latency_run import compared, last_run
from engine.report import NoLatencies
from hotpath.histogram import Stages

STAGES = ("tick_to_order", "ack", "collect", "never")
SECOND = 1_000_000_000
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def fill(stages: Stages, seed: int, count: int = 500, slower: int = 1) -> None:
    random = Random(seed)
    for _ in range(count):
        stages["tick_to_order"].add(int(random.lognormvariate(10, 0.6)) * slower)
        stages["ack"].add(int(random.lognormvariate(12, 0.9)) * slower)
    stages["collect"].add(81_000 * slower)


def run_at(state: Path, slower: int = 1) -> Path:
    """A state directory whose last run has three intervals."""
    place = state / "latency"
    place.mkdir(parents=True)
    stages = Stages.private(STAGES)
    log = HistogramLog(place / "20260101T000000-1-trade.hlog", stages, 0)
    for n in range(1, 4):
        fill(stages, n, slower=slower)
        assert [*log.append(n * 2 * SECOND)] == ["tick_to_order", "ack", "collect"]
    return state


def test_intervals_add_up_to_the_whole(tmp_path: Path) -> None:
    stages = Stages.private(STAGES)
    path = tmp_path / "r-1-lane.hlog"
    log = HistogramLog(path, stages, 5 * SECOND)
    fill(stages, 1)
    assert [*log.append(7 * SECOND)] == ["tick_to_order", "ack", "collect"]
    assert [*log.append(8 * SECOND)] == []
    stages["ack"].add(3_000_000_000)
    assert [*log.append(9 * SECOND)] == ["ack"]
    found = read_intervals(path)
    assert [(i.stage, i.start_s, i.seconds) for i in found] == [
        ("tick_to_order", 5, 2),
        ("ack", 5, 2),
        ("collect", 5, 2),
        ("ack", 7, 2),
    ]
    last = found[-1].histogram
    assert last.total_count == 1
    assert last.get_value_at_percentile(50) >= 3_000_000_000
    whole = read_hlog(path)
    for name in ("tick_to_order", "ack"):
        ours = to_hdr(stages[name])
        for q in (0.1, 50, 99, 99.9, 100):
            assert whole[name].get_value_at_percentile(q) == ours.get_value_at_percentile(q)
        assert whole[name].total_count == ours.total_count


def test_a_line_cut_short_by_a_death_is_left_out(tmp_path: Path) -> None:
    state = run_at(tmp_path / "s")
    path = state / "latency" / "20260101T000000-1-trade.hlog"
    whole = read_intervals(path)
    text = path.read_text()
    for cut in (2, 20, 60):
        path.write_text(text[:-cut])
        assert [i.stage for i in read_intervals(path)] == [i.stage for i in whole][:-1]


def test_intervals_grow_with_the_run() -> None:
    assert interval_s(0) == 2 and interval_s(60) == 2
    assert interval_s(600) == 20 and interval_s(86_400) == 60


def test_a_lane_without_a_file_does_not_stop_the_others(tmp_path: Path) -> None:
    import os

    from hotpath.histogram import file_bytes

    fds = {}
    for lane in ("a", "b"):
        fd = os.memfd_create(lane)
        os.ftruncate(fd, file_bytes(len(STAGES)))
        fill(Stages.create(fd, STAGES), 1)
        fds[lane] = fd
    (tmp_path / "latency" / "r-1-a.hlog").mkdir(parents=True)
    kept = KeptLatencies(tmp_path / "latency", "r-1", fds, 0)
    assert len([*kept.append(SECOND)]) == 3
    assert set(read_hlog(tmp_path / "latency" / "r-1-b.hlog")) == {
        "tick_to_order",
        "ack",
        "collect",
    }
    for fd in fds.values():
        os.close(fd)


def test_runs_are_compared(tmp_path: Path) -> None:
    slow, fast = last_run(run_at(tmp_path / "slow", 2)), last_run(run_at(tmp_path / "fast"))
    assert set(slow.rows()) == {"tick_to_order", "ack", "collect trade"}
    for ratios in compared(slow, fast).values():
        assert all(1.99 < r < 2.01 for r in ratios.values()), ratios
    with pytest.raises(NoLatencies):
        last_run(tmp_path / "nothing")


def test_a_spectrum_rises_to_the_maximum(tmp_path: Path) -> None:
    whole = last_run(run_at(tmp_path / "s")).whole(("ack", ""))
    points = spectrum(whole)
    assert points == sorted(points) and points[-1][1] == whole.get_max_value()
    assert [y for _, y in points] == sorted(y for _, y in points)


def latency(*arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "engine.main", "latency", *arguments, "--json"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_command_compares_and_writes_a_page(tmp_path: Path) -> None:
    a, b = run_at(tmp_path / "a"), run_at(tmp_path / "b", 3)
    html = tmp_path / "page.html"
    found = latency("--state", str(a), "--compare", str(b), "--html", str(html))
    assert found["latency"]["ack"]["count"] == 1500 and found["html"] == str(html)
    assert 0.32 < found["ratios"]["ack"]["p50_ratio"] < 0.34
    text = html.read_text()
    assert not re.search(r"(src|href)=|url\(|@import|<script", text), "it asks for something"
    assert text.count('data-stage="') == 3 and text.count("curve baseline") == 3


@pytest.mark.long
@pytest.mark.skipif(CHROMIUM is None, reason="chromium (a Debian package) is not on this machine")
def test_a_browser_draws_the_page(tmp_path: Path) -> None:
    """Every curve is in the document that the browser made, and it complains of nothing."""
    assert CHROMIUM is not None
    html, picture = tmp_path / "page.html", tmp_path / "page.png"
    html.write_text(page(last_run(run_at(tmp_path / "a")), last_run(run_at(tmp_path / "b", 3))))
    common = [
        CHROMIUM,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--enable-logging=stderr",
        "--window-size=1200,2400",
    ]
    done = subprocess.run(
        [*common, "--dump-dom", html.as_uri()], capture_output=True, text=True, timeout=120
    )
    dom = done.stdout
    assert "CONSOLE" not in done.stderr, done.stderr
    # spectrum of all, then of each stage with its baseline and p50, p99 and max over time
    assert dom.count("<polyline") == 2 + 3 * (2 + 3), dom[:500]
    for line in re.findall(r'points="([^"]+)"', dom):
        for point in line.split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= 560 and 0 <= y <= 260, point
    subprocess.run(
        [*common, f"--screenshot={picture}", html.as_uri()], capture_output=True, timeout=120
    )
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and picture.stat().st_size > 30_000
