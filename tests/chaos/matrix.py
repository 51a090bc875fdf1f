"""Rows of the fault matrix that are tests of the suite: each fault, its invariant, and the tests.

They run in one pytest. A row counts what its tests say they injected (`record_property`), and the
case itself for a test that says nothing, and the cases that failed. Faults with counts of their
own (X01, X03, X06, X07, X12, X14-X21, X23, X24, X26, X32, X35, X37) are parts
of tests/chaos/__main__.py too.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

from tests.chaos.table import Row

ROOT = Path(__file__).resolve().parent.parent.parent
MATRIX_S = 1500
ROOTS, FAULTS = "tests/engine/test_root.py", "tests/engine/test_demo_faults.py"
VENUE, FEED = "tests/venues/binance/test_venue.py", "tests/feeds/test_binance_feed.py"
RING, STORE = "tests/hotpath/test_ring.py", "tests/engine/journal/test_store.py"

TESTED: list[tuple[str, str, str, list[str]]] = [
    ("X02", "kill -9 of the supervisor", "1.10, no orphans",
     [f"{ROOTS}::test_the_end_of_the_root_is_the_end_of_its_lanes",
      f"{ROOTS}::test_a_start_after_any_death_drains_and_goes_on",
      "tests/engine/test_demo.py::test_the_engine_dies_at_once_and_the_next_start_goes_on"]),
    ("X04", "SIGSTOP, then resumed or replaced", "no fenced write",
     [f"{ROOTS}::test_a_stopped_lane_misses_its_beats_and_is_replaced",
      f"{ROOTS}::test_a_root_that_was_stopped_blames_nobody",
      f"{RING}::test_a_lower_epoch_writes_nothing",
      f"{FAULTS}::test_lanes_are_stopped_and_the_root_is_killed"]),
    ("X05", "restart loop", "1.4, back-off, escalation",
     [f"{ROOTS}::test_a_restart_storm_escalates_and_the_next_start_stays_closed",
      "tests/engine/supervision/test_decisions.py"]),
    ("X08", "disk full, writes that fail", "2.4, nothing silent",
     [f"{STORE}::test_a_failed_write_ends_the_writer_and_loses_nothing",
      "tests/engine/test_recording.py::test_a_full_disk_has_a_code",
      "tests/engine/test_memory.py::test_a_full_tmpfs_is_a_refusal",
      f"{ROOTS}::test_a_state_directory_that_takes_nothing_more_escalates_and_still_kills"]),
    ("X11", "bit flips in store and recording", "0 undetected",
     [f"{STORE}::test_bit_flips_are_found",
      "tests/engine/test_recording.py::test_every_changed_byte_is_found"]),
    ("X12", "ring producer and consumer killed", "0 torn",
     ["tests/hotpath/test_ring_storm.py::test_hundreds_of_kills_tear_and_lose_nothing"]),
    ("X13", "bytes and frames under sanitizers", "0 crashes",
     ["tests/fuzz/test_frame_fuzz.py::test_frames_under_the_sanitizers",
      "tests/fuzz/test_findings.py::test_every_kept_input_is_read_without_a_finding"]),
    ("X14", "a silent channel, pongs alive", "9.1, no stale trade",
     [f"{FEED}::test_a_silent_channel_is_stale_by_its_own_rhythm_and_is_subscribed_anew",
      f"{FEED}::test_a_quiet_channel_without_a_rhythm_is_given_the_longest_time",
      f"{FAULTS}::test_exchanges_misbehave"]),
    ("X16", "a connection's lifetime ends", "no fill missed, no doubt",
     [f"{FEED}::test_a_connection_is_replaced_before_it_ends_without_a_doubt",
      f"{VENUE}::test_fills_of_an_absence_are_fetched_before_the_gate_opens",
      f"{VENUE}::test_a_foreign_end_of_the_stream_reconciles_again"]),
    ("X17", "gap, dup, reorder, reset", "0 false-valid books",
     [f"{FEED}::test_any_order_of_faults_ends_in_a_valid_book_equal_to_the_venues"]),
    ("X18", "crossed and absurd prices", "0 orders on invalid",
     [f"{FEED}::test_a_book_crossed_at_the_end_of_a_read_is_in_doubt",
      f"{FEED}::test_a_frame_that_cannot_be_read_puts_its_book_in_doubt",
      "tests/hotpath/test_book.py::test_what_is_out_of_range_is_refused",
      "tests/hotpath/test_gate.py::test_each_control_refuses"]),
    ("X19", "slow consumer, burst", "3.4",
     [f"{RING}::test_a_full_ring_refuses_new_work_and_keeps_its_reserve",
      f"{RING}::test_a_lapped_lossy_reader_is_told_what_it_lost",
      f"{FEED}::test_an_answer_lost_in_a_lapped_outbox_is_asked_for_again"]),
    ("X22", "all orders of reports", "one final state",
     ["tests/hotpath/test_order.py::test_every_arrival_order_ends_in_the_same_state",
      "tests/hotpath/test_order.py::test_every_arrival_order_of_six_reports",
      "tests/hotpath/test_order.py::test_every_arrival_order_around_a_replace"]),
    ("X23", "fills, cancels, replaces race", "net error 0",
     ["tests/venues/binance/test_venue_judged.py",
      "tests/hotpath/test_order.py::test_equals_the_twin"]),
    ("X24", "reject storm, runaway strategy", "R11, R12, R14-R16",
     ["tests/hotpath/test_gate.py::test_a_rule_that_fires_too_often_is_disabled_until_an_operator_acts",
      "tests/hotpath/test_gate.py::test_rejects_halt_a_strategy",
      "tests/hotpath/test_gate.py::test_the_same_order_from_another_cause_waits_for_the_first",
      "tests/hotpath/test_gate.py::test_own_orders_never_cross",
      "tests/hotpath/test_gate.py::test_cancels_have_a_share_of_the_throttle"]),
    ("X26", "clock steps, drift, a lane that stood", "0 false-fresh",
     ["tests/engine/test_engine_clock.py", "tests/engine/test_liveness.py",
      f"{FEED}::test_a_lane_that_stood_still_doubts_its_books"]),
    ("X33", "numbers and JSON against orjson", "0 unexplained differences",
     ["tests/hotpath/test_scan.py::test_frames_read_like_orjson",
      "tests/hotpath/test_scan.py::test_mutated_frames_read_like_orjson",
      "tests/feeds/test_binance_codec.py::test_mutated_frames_equal_the_twin"]),
    ("X35", "kill switch in other troubles", "7.2, stays closed",
     ["tests/engine/test_kill_switch.py",
      f"{VENUE}::test_kill_cancels_in_bulk_then_by_id_until_none_lives"]),
    ("X36", "version, schema, config errors", "0 starts",
     ["tests/engine/test_config.py",
      f"{RING}::test_a_later_build_s_outbox_or_another_struct_is_refused",
      f"{STORE}::test_old_sqlite_later_schema_and_other_files_are_refused"]),
    ("X38", "secret canaries", "0 hits",
     [f"{ROOTS}::test_a_secret_is_nowhere_to_be_read",
      "tests/engine/test_logs.py::test_no_secret_gets_in",
      "tests/engine/test_config.py::test_secrets_do_not_leak_from_their_type"]),
]  # fmt: skip


def matrix() -> list[Row]:
    """The rows, each with its cases counted."""
    wanted = [t for _, _, _, tests in TESTED for t in tests]
    with tempfile.TemporaryDirectory(prefix="tiercel-matrix-") as folder:
        report = Path(folder) / "report.xml"
        argv = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--junitxml={report}",
        ]
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(
                [*argv, *dict.fromkeys(wanted)], cwd=ROOT, timeout=MATRIX_S, capture_output=True
            )
        cases = list(ET.parse(report).iter("testcase")) if report.exists() else []
    rows = []
    for x, fault, invariant, tests in TESTED:
        row = Row(x, fault, invariant)
        for test in tests:
            mine = [c for c in cases if is_of(c, test) and c.find("skipped") is None]
            row.injected += sum(injected(c) for c in mine)
            row.holds(bool(mine), f"{test} did not run")
            row.broken += [
                f"{c.get('name')}: {(bad.get('message') or '')[:300]}"
                for c in mine
                for bad in [*c.iter("failure"), *c.iter("error")]
            ]
        rows.append(row)
    return rows


def injected(case: ET.Element) -> int:
    """What a case says it injected; one when it says nothing."""
    for said in case.iter("property"):
        if said.get("name") == "injected":
            return int(said.get("value") or 0)
    return 1


def is_of(case: ET.Element, test: str) -> bool:
    """Is this case one of a named file's, or of a named function's?"""
    file, _, function = test.partition("::")
    if case.get("classname") != file.removesuffix(".py").replace("/", "."):
        return False
    return not function or (case.get("name") or "").partition("[")[0] == function
