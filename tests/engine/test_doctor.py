"""Each check of the doctor on a host that is sound and on one where it fails."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine import doctor
from engine.doctor import CHECKS, GIB, MIB, Finding, examine
from engine.host import Clock, Disk, Host, Measures, Shared, Spin, Timer, Wake, wake
from engine.memory import filesystem_of

SOUND_FILES = {
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance\n",
    "sys/devices/system/cpu/isolated": "2-3\n",
    "sys/devices/system/cpu/smt/active": "0\n",
    "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
    "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n",
    "proc/swaps": "Filename Type Size Used Priority\n",
    "proc/stat": "cpu  1 2 3 4 5 6 7 100 0 0\ncpu0 1 2 3 4 5 6 7 100 0 0\n",
    "proc/self/stat": "1 (me) R 0",
    "proc/1/stat": f"1 (me) R {'0 ' * 10}10 10 0",
    "proc/77/stat": f"77 (other thing) S {'0 ' * 10}10 10 0",
}
SOUND = Measures(
    wake=lambda: Wake(12_000, 30_000),
    syscall_ns=lambda: 120,
    timer=lambda: Timer(50_000, 60_000),
    spin=lambda: Spin(30_000, 200),
    clock=lambda: Clock(True, 900),
    disk=lambda path: Disk(100 * GIB, "ext4"),
    shared=lambda: Shared("/dev/shm", "", 4 * GIB),
    sqlite=lambda: (3, 54, 1),
    limit=lambda which: 1 << 30,
    cores=lambda: 8,
    user=lambda: 1000,
    owner=lambda path: 1000,
    wait=lambda seconds: None,
)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    for name, text in SOUND_FILES.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "alpha.key.json").write_text("{}")
    (state / "alpha.key.json").chmod(0o600)
    return Host(root=tmp_path / "root", state=state, measures=SOUND)


def measured(host: Host, **measures: Any) -> Host:
    return msgspec.structs.replace(
        host, measures=msgspec.structs.replace(host.measures, **measures)
    )


def write(host: Host, name: str, text: str) -> Host:
    (host.root / name).write_text(text)
    return host


def readable_key(host: Host) -> Host:
    (host.state / "alpha.key.json").chmod(0o644)
    return host


def writable_state(host: Host) -> Host:
    host.state.chmod(0o722)
    return host


def writable_folder(host: Host) -> Host:
    """Who may write there may put another file in the place of any."""
    (host.state / "recordings").mkdir()
    (host.state / "recordings").chmod(0o777)
    return host


def grows(host: Host, name: str, text: str) -> Host:
    """A file that is another one after the doctor has waited."""
    return measured(host, wait=lambda seconds: write(host, name, text) and None)


def below(which: int, value: int) -> Callable[[int], int]:
    return lambda asked: value if asked == which else 1 << 30


CPU, CLOCKS = "sys/devices/system/cpu", "sys/devices/system/clocksource/clocksource0"
FAILING: dict[str, tuple[tuple[str, Callable[[Host], Host]], ...]] = {
    "governor": (
        ("cost", lambda h: write(h, f"{CPU}/cpu0/cpufreq/scaling_governor", "powersave")),
    ),
    "isolated_cores": (("cost", lambda h: write(h, f"{CPU}/isolated", "\n")),),
    "enough_cores": (("cost", lambda h: measured(h, cores=lambda: 2)),),
    "sibling_threads": (("cost", lambda h: write(h, f"{CPU}/smt/active", "1\n")),),
    "huge_pages": (
        (
            "cost",
            lambda h: write(
                h, "sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never"
            ),
        ),
    ),
    "clock_source": (("cost", lambda h: write(h, f"{CLOCKS}/current_clocksource", "hpet")),),
    "clock_offset": (
        ("unsafe", lambda h: measured(h, clock=lambda: Clock(False, 16_000_000))),
        ("unsafe", lambda h: measured(h, clock=lambda: Clock(True, 700_000))),
        ("cost", lambda h: measured(h, clock=lambda: Clock(True, 70_000))),
    ),
    "swap": (("cost", lambda h: write(h, "proc/swaps", "Filename\n/swapfile file 1 0 -2\n")),),
    "open_files": (
        ("unsafe", lambda h: measured(h, limit=below(resource.RLIMIT_NOFILE, 256))),
        ("cost", lambda h: measured(h, limit=below(resource.RLIMIT_NOFILE, 1024))),
    ),
    "locked_memory": (
        ("cost", lambda h: measured(h, limit=below(resource.RLIMIT_MEMLOCK, 8 * MIB))),
    ),
    "shared_memory": (
        ("unsafe", lambda h: measured(h, shared=lambda: Shared("/dev/shm", "", 20 * MIB))),
        ("cost", lambda h: measured(h, shared=lambda: Shared("/dev/shm", "", 200 * MIB))),
        ("cost", lambda h: measured(h, shared=lambda: Shared("/tmp", "not a tmpfs", 9 * GIB))),
    ),
    "sqlite_build": (("unsafe", lambda h: measured(h, sqlite=lambda: (3, 40, 1))),),
    "permissions": (
        ("unsafe", readable_key),
        ("unsafe", writable_state),
        ("unsafe", writable_folder),
    ),
    "free_disk": (
        ("unsafe", lambda h: measured(h, disk=lambda path: Disk(GIB // 2, "ext4"))),
        ("cost", lambda h: measured(h, disk=lambda path: Disk(3 * GIB, "ext4"))),
    ),
    "filesystem": (
        ("unsafe", lambda h: measured(h, disk=lambda path: Disk(99 * GIB, "nfs4"))),
        ("unsafe", lambda h: measured(h, disk=lambda path: Disk(99 * GIB, "tmpfs"))),
    ),
    "neighbours": (
        ("cost", lambda h: grows(h, "proc/77/stat", f"77 (other thing) S {'0 ' * 10}50 20 0")),
        ("cost", lambda h: grows(h, "proc/stat", "cpu  1 2 3 4 5 6 7 190 0 0\n")),
    ),
    "wake_up": (("cost", lambda h: measured(h, wake=lambda: Wake(45_000, 900_000))),),
    "system_call": (("cost", lambda h: measured(h, syscall_ns=lambda: 2_400)),),
    "timer_slack": (("cost", lambda h: measured(h, timer=lambda: Timer(50_000, 1_100_000))),),
    "jitter": (
        ("cost", lambda h: measured(h, spin=lambda: Spin(4_000_000, 90_000))),
        ("cost", lambda h: measured(h, spin=lambda: Spin(30_000, 5_000))),
    ),
}


def one(host: Host, name: str) -> Finding:
    return next(f for f in examine(host) if f.check == name)


def test_a_sound_host_has_nothing_to_do(host: Host) -> None:
    assert [f for f in examine(host) if f.state != "ok" or f.do] == []


def test_every_check_has_a_case_in_which_it_fails() -> None:
    assert [*FAILING] == [check.__name__ for check in CHECKS]


@pytest.mark.parametrize(
    ("name", "state", "broken"),
    [(name, state, broken) for name, cases in FAILING.items() for state, broken in cases],
)
def test_a_check_fails_alone_and_says_what_to_do(
    host: Host, name: str, state: str, broken: Callable[[Host], Host]
) -> None:
    found = examine(broken(host))
    wrong = [f for f in found if f.state != "ok"]
    assert [(f.check, f.state) for f in wrong] == [(name, state)]
    assert wrong[0].do and wrong[0].found


def test_what_the_kernel_does_not_tell_is_unknown(host: Host) -> None:
    (host.root / CLOCKS / "current_clocksource").unlink()
    (host.root / "sys/kernel/mm/transparent_hugepage/enabled").unlink()
    unknown = [f.check for f in examine(host) if f.state == "unknown"]
    assert unknown == ["huge_pages", "clock_source"]


def refused() -> Any:
    raise PermissionError(1, "Operation not permitted")


@pytest.mark.parametrize("what", ["wake", "clock", "spin", "timer", "syscall_ns"])
def test_what_could_not_be_measured_is_unknown_and_the_rest_is_said(host: Host, what: str) -> None:
    found = examine(measured(host, **{what: refused}))
    unknown = [f for f in found if f.state == "unknown"]
    assert len(found) == len(CHECKS) and len(unknown) == 1
    assert "could not be measured: Operation not permitted" in unknown[0].found


def test_a_host_that_says_nothing_is_not_called_sound(tmp_path: Path) -> None:
    state = tmp_path / "none"
    found = {f.check: f for f in examine(Host(tmp_path, state, SOUND))}
    for check in ("isolated_cores", "sibling_threads", "swap", "neighbours", "permissions"):
        assert found[check].state == "unknown", found[check]


def test_a_state_directory_of_somebody_else_is_told(host: Host) -> None:
    (found,) = [
        f for f in examine(measured(host, owner=lambda path: 1234)) if f.check == "permissions"
    ]
    assert found.state == "unsafe" and "belongs to user 1234" in found.found


def test_a_name_that_is_no_text_ends_nothing(host: Host) -> None:
    """The kernel keeps 15 bytes of a process's name, and cuts letters in half."""
    (host.root / "proc" / "77" / "stat").write_bytes(b"77 (abcdefghijklmn\xc3) S " + b"0 " * 20)
    assert all(f.state == "ok" for f in examine(host))


def test_a_process_to_be_woken_that_has_ended_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = os.sched_setaffinity

    def refuse(pid: int, cores: Any) -> None:
        if os.getpid() != parent:
            raise PermissionError(1, "no")
        usual(pid, cores)

    parent = os.getpid()
    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    with pytest.raises(OSError, match=r"has ended|Broken pipe"):
        wake()


def test_mount_points_with_a_space_and_one_above_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = tmp_path / "a b"
    place.mkdir()
    at = str(place.resolve()).replace(" ", "\\040")
    table = f"x / ext4 rw 0 0\ny {at} tmpfs rw 0 0\nz {at} xfs rw 0 0\n"
    usual = Path.read_text

    def read(path: Path, *of: Any, **more: Any) -> str:
        return table if str(path) == "/proc/self/mounts" else usual(path, *of, **more)

    monkeypatch.setattr(Path, "read_text", read)
    assert filesystem_of(place / "state") == "xfs"
    assert filesystem_of(tmp_path) == "ext4"


def test_the_loud_neighbour_is_named(host: Host) -> None:
    broken = FAILING["neighbours"][0][1]
    assert "other thing 100%" in one(broken(host), "neighbours").found


def test_this_host_is_measured(tmp_path: Path) -> None:
    """The real measures give numbers, and the exit code says whether something is unsafe."""
    done = subprocess.run(
        [sys.executable, "-m", "engine.main", "doctor", "--state", str(tmp_path), "--json"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    found = json.loads(done.stdout)
    assert [f["check"] for f in found["checks"]] == [c.__name__ for c in CHECKS]
    unsafe = [f for f in found["checks"] if f["state"] == "unsafe"]
    assert done.returncode == bool(unsafe) and found["count"]["unsafe"] == len(unsafe)
    wake = next(f for f in found["checks"] if f["check"] == "wake_up")
    assert wake["found"].startswith("p50 ") and doctor.SAMPLE_S < 1
