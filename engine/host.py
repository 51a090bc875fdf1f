"""This host as `tiercel doctor` sees it: files of /proc and /sys, and what is measured.

Everything that is read lies below `root`, and everything measured is a function in `Measures`, so
that a test can show a host on which a check fails.
"""

from __future__ import annotations

import ctypes
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

PR_GET_TIMERSLACK = 30
STA_UNSYNC, TIME_ERROR = 0x40, 5
WAKE_ROUNDS, SLEEP_ROUNDS, CALL_ROUNDS = 500, 100, 4000
SPIN_S = 1.0
GAP_NS = 20_000
"""A spinning core that makes no step for so long was taken away from us."""


class Wake(msgspec.Struct, frozen=True):
    """From a write into a pipe to the reader's answer in hand, halved, ns."""

    p50_ns: int
    p99_ns: int


class Spin(msgspec.Struct, frozen=True):
    """A core that only reads the clock: its longest pause, and the part of time it lost."""

    longest_ns: int
    lost_ppm: int


class Timer(msgspec.Struct, frozen=True):
    """The slack the kernel allows itself, and by how much a sleep of 100 us is too long (p50)."""

    slack_ns: int
    late_ns: int


class Clock(msgspec.Struct, frozen=True):
    """What the kernel knows of the wall clock: disciplined or not, and its largest error."""

    is_synchronized: bool
    largest_error_us: int


class Disk(msgspec.Struct, frozen=True):
    """The filesystem that holds a path."""

    free_bytes: int
    kind: str


class Shared(msgspec.Struct, frozen=True):
    """Where shared memory would lie: the place, why it is not tmpfs (or ""), bytes free."""

    place: str
    fallback: str
    free_bytes: int


def quantile(values: list[int], q: float) -> int:
    """The value below which a part `q` of the (unsorted) values lies."""
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


def wake() -> Wake:
    """Two processes that wake each other through pipes, on two cores where there are two.

    Both rest between rounds, so that the cores have gone idle, as a sleeping lane's has.
    """
    usable = sorted(os.sched_getaffinity(0))
    to_child, to_parent = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(to_child[1])
            os.close(to_parent[0])
            os.sched_setaffinity(0, {usable[-1]})
            while os.read(to_child[0], 1):
                os.write(to_parent[1], b"x")
        finally:
            os._exit(0)  # whatever failed: what the parent would do is not the child's
    os.close(to_child[0])
    os.close(to_parent[1])
    taken = []
    try:
        os.sched_setaffinity(0, {usable[0]})
        for _ in range(WAKE_ROUNDS):
            time.sleep(0.0002)
            begin = time.perf_counter_ns()
            os.write(to_child[1], b"x")
            if not os.read(to_parent[0], 1):
                raise ChildProcessError("the process that was to be woken has ended")
            taken.append((time.perf_counter_ns() - begin) // 2)
    finally:
        os.sched_setaffinity(0, usable)
        os.close(to_child[1])
        os.close(to_parent[0])
        os.waitpid(child, 0)
    return Wake(quantile(taken, 0.5), quantile(taken, 0.99))


def syscall_ns() -> int:
    """Cost of the cheapest system call, the loop's own part taken off."""
    call, clock = os.getppid, time.perf_counter_ns
    with_call, without = [], []
    for _ in range(5):
        begin = clock()
        for _ in range(CALL_ROUNDS):
            call()
        with_call.append(clock() - begin)
        begin = clock()
        for _ in range(CALL_ROUNDS):
            pass
        without.append(clock() - begin)
    return max(0, min(with_call) - min(without)) // CALL_ROUNDS


def timer() -> Timer:
    """The slack of this thread, and how late short sleeps end."""
    slack = ctypes.CDLL(None).prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0)
    late = []
    for _ in range(SLEEP_ROUNDS):
        begin = time.perf_counter_ns()
        time.sleep(0.0001)
        late.append(time.perf_counter_ns() - begin - 100_000)
    return Timer(slack, max(0, quantile(late, 0.5)))


def spin() -> Spin:
    """Read the clock without a pause for a second; what is missing was taken by others."""
    now = time.perf_counter_ns
    begin = before = now()
    end = begin + int(SPIN_S * 1e9)
    longest = lost = 0
    while before < end:
        at = now()
        gap = at - before
        if gap > GAP_NS:
            lost += gap
            longest = max(longest, gap)
        before = at
    return Spin(longest, lost * 1_000_000 // (before - begin))


class _Timex(ctypes.Structure):
    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    ]


def clock() -> Clock:
    """adjtimex(2), reading only."""
    words = _Timex()
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(words))
    if state == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    synchronized = state != TIME_ERROR and not words.status & STA_UNSYNC
    return Clock(synchronized, words.maxerror)


def disk(path: Path) -> Disk:
    """Room and kind of the filesystem that holds `path`, or will (its nearest parent that is)."""
    from engine.memory import filesystem_of

    while not path.exists():
        path = path.parent
    room = os.statvfs(path)
    return Disk(room.f_bavail * room.f_frsize, filesystem_of(path))


def shared() -> Shared:
    """Where the engine would put its shared memory."""
    from engine.memory import find_place

    place, fallback = find_place()
    room = os.statvfs(place)
    return Shared(str(place), fallback, room.f_bavail * room.f_frsize)


def sqlite() -> tuple[int, int, int]:
    """Version of the SQLite that the journal uses."""
    import apsw

    major, minor, patch = (int(x) for x in apsw.sqlite_lib_version().split(".")[:3])
    return major, minor, patch


def limit(which: int) -> int:
    """A soft resource limit; unlimited is the largest number."""
    soft = resource.getrlimit(which)[0]
    return 2**63 - 1 if soft == resource.RLIM_INFINITY else soft


class Measures(msgspec.Struct, frozen=True):
    """Everything that is asked of the machine rather than read from a file."""

    wake: Callable[[], Wake] = wake
    syscall_ns: Callable[[], int] = syscall_ns
    timer: Callable[[], Timer] = timer
    spin: Callable[[], Spin] = spin
    clock: Callable[[], Clock] = clock
    disk: Callable[[Path], Disk] = disk
    shared: Callable[[], Shared] = shared
    sqlite: Callable[[], tuple[int, int, int]] = sqlite
    limit: Callable[[int], int] = limit
    cores: Callable[[], int] = lambda: len(os.sched_getaffinity(0))
    user: Callable[[], int] = os.geteuid
    owner: Callable[[Path], int] = lambda path: path.stat().st_uid
    wait: Callable[[float], None] = time.sleep


class Host(msgspec.Struct, frozen=True):
    """Where things are read, the state directory that is meant, and the measures."""

    root: Path = Path("/")
    state: Path = Path("var")
    measures: Measures = Measures()

    def text(self, path: str) -> str | None:
        """The content of a file below root, stripped; None when it is not there."""
        try:
            return (self.root / path).read_text(errors="replace").strip()
        except OSError:
            return None

    def texts(self, pattern: str) -> dict[str, str]:
        """{path below root: content} of every file that matches."""
        found = {}
        for path in sorted(self.root.glob(pattern)):
            name = path.relative_to(self.root).as_posix()
            text = self.text(name)
            if text is not None:
                found[name] = text
        return found
