"""What on this host costs latency or safety, each with what to do about it.

A check looks at a Host and says what it found. `cost` means slower than this machine could be,
`unsafe` that money or records are at risk, `unknown` that the host does not say.
"""

from __future__ import annotations

import resource
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from engine.host import Host
from engine.state import in_words

MIB, GIB = 1 << 20, 1 << 30
SOUND_SQLITE = (3, 51, 3)
"""From 3.7.0 to 3.51.2 a WAL could be reset under a second connection and corrupt the file."""
BUSY_SHARE = 0.05
SAMPLE_S = 0.5
TICKS = 100
NETWORKED = ("nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "glusterfs", "fuse.sshfs", "afs")
GOOD_CLOCKS = ("tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter", "xen")

State = Literal["ok", "cost", "unsafe", "unknown"]


class Finding(msgspec.Struct, frozen=True):
    """One check's answer."""

    check: str
    state: State
    found: str
    do: str = ""


def governor(host: Host) -> Finding:
    """Cores that change their frequency wake up slow."""
    found = set(host.texts("sys/devices/system/cpu/cpu*/cpufreq/scaling_governor").values())
    if not found:
        return Finding("governor", "ok", "this machine does not offer one (usual in a guest)")
    shown = ", ".join(sorted(found))
    if found == {"performance"}:
        return Finding("governor", "ok", shown)
    do = "cpupower frequency-set -g performance, and keep it so across boots"
    return Finding("governor", "cost", shown, do)


def isolated_cores(host: Host) -> Finding:
    """A spinning lane wants a core on which the scheduler puts nothing else."""
    found = host.text("sys/devices/system/cpu/isolated")
    if found is None:
        return Finding("isolated_cores", "unknown", "the kernel does not say")
    if found:
        return Finding("isolated_cores", "ok", f"cores {found}")
    do = "boot with isolcpus=, nohz_full= and rcu_nocbs= for the trading cores; pin lanes by `core`"
    return Finding("isolated_cores", "cost", "none", do)


def enough_cores(host: Host) -> Finding:
    """With two cores or fewer no lane may spin."""
    cores = host.measures.cores()
    if cores >= 4:
        return Finding("enough_cores", "ok", f"{cores} usable")
    do = "four or more, so that a trading lane can spin and the rest has room; lanes sleep here"
    return Finding("enough_cores", "cost", f"{cores} usable", do)


def sibling_threads(host: Host) -> Finding:
    """Two hardware threads of a core take turns with its units."""
    found = host.text("sys/devices/system/cpu/smt/active")
    if found is None:
        return Finding("sibling_threads", "unknown", "the kernel does not say")
    if found != "1":
        return Finding("sibling_threads", "ok", "off")
    do = "leave the sibling of each trading core idle (isolate both), or switch SMT off"
    return Finding("sibling_threads", "cost", "on", do)


def huge_pages(host: Host) -> Finding:
    """`always` compacts memory in the middle of a session."""
    found = host.text("sys/kernel/mm/transparent_hugepage/enabled")
    if found is None:
        return Finding("huge_pages", "unknown", "the kernel does not say")
    chosen = found.partition("[")[2].partition("]")[0]
    if chosen != "always":
        return Finding("huge_pages", "ok", chosen)
    do = "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled (at boot)"
    return Finding("huge_pages", "cost", "always: compaction may stall any process", do)


def clock_source(host: Host) -> Finding:
    """Reading the time must not leave the processor."""
    found = host.text("sys/devices/system/clocksource/clocksource0/current_clocksource")
    if found is None:
        return Finding("clock_source", "unknown", "the kernel does not say")
    if found in GOOD_CLOCKS:
        return Finding("clock_source", "ok", found)
    do = "find out why the kernel gave up the tsc (dmesg), or ask the host's operator"
    return Finding("clock_source", "cost", f"{found}: every stamp is a slow read", do)


def clock_offset(host: Host) -> Finding:
    """Venues refuse requests whose time is off, and ages of market data are measured by it."""
    clock = host.measures.clock()
    error_ms = clock.largest_error_us / 1000
    do = "run chrony (or ntpd) against near servers and wait until it has settled"
    if not clock.is_synchronized:
        return Finding("clock_offset", "unsafe", "nothing disciplines the wall clock", do)
    shown = f"at most {error_ms:.1f} ms off"
    if error_ms > 500:
        return Finding("clock_offset", "unsafe", shown, do)
    return Finding("clock_offset", "cost" if error_ms > 50 else "ok", shown, do * (error_ms > 50))


def swap(host: Host) -> Finding:
    """A page that was swapped out costs milliseconds when it is needed."""
    table = host.text("proc/swaps")
    if table is None:
        return Finding("swap", "unknown", "the kernel does not say")
    lines = table.splitlines()[1:]
    if not lines:
        return Finding("swap", "ok", "none")
    do = "swapoff -a, or MemorySwapMax=0 in the unit"
    return Finding("swap", "cost", ", ".join(line.split()[0] for line in lines), do)


def open_files(host: Host) -> Finding:
    """Connections, outboxes and files of a large application."""
    found = host.measures.limit(resource.RLIMIT_NOFILE)
    if found >= 4096:
        return Finding("open_files", "ok", str(found))
    state: State = "unsafe" if found < 512 else "cost"
    return Finding("open_files", state, f"{found} a process", "LimitNOFILE=65536 in the unit")


def locked_memory(host: Host) -> Finding:
    """Outboxes are locked in memory; what cannot be may be paged out."""
    found = host.measures.limit(resource.RLIMIT_MEMLOCK)
    if host.measures.user() == 0 or found >= 256 * MIB:
        return Finding("locked_memory", "ok", "enough")
    return Finding(
        "locked_memory", "cost", f"{found // 1024} KiB", "LimitMEMLOCK=infinity in the unit"
    )


def shared_memory(host: Host) -> Finding:
    """Where outboxes lie; without room the engine refuses to start."""
    found = host.measures.shared()
    shown = f"{found.free_bytes // MIB} MiB free in {found.place}"
    if found.fallback:
        do = "mount a tmpfs on /dev/shm: records would be written to a disk"
        return Finding("shared_memory", "cost", found.fallback, do)
    if found.free_bytes < 64 * MIB:
        do = "free some, or mount -o remount,size=1G /dev/shm"
        return Finding("shared_memory", "unsafe", shown, do)
    if found.free_bytes < 512 * MIB:
        return Finding("shared_memory", "cost", shown, "mount -o remount,size=1G /dev/shm")
    return Finding("shared_memory", "ok", shown)


def sqlite_build(host: Host) -> Finding:
    """The journal's library."""
    version = host.measures.sqlite()
    shown = ".".join(map(str, version))
    if version >= SOUND_SQLITE:
        return Finding("sqlite_build", "ok", shown)
    do = "install the locked packages anew: they bring a build without the WAL-reset defect"
    return Finding("sqlite_build", "unsafe", f"{shown} can corrupt a journal", do)


def permissions(host: Host) -> Finding:
    """Who may read keys and orders, and who may write them."""
    if not host.state.is_dir():
        return Finding("permissions", "unknown", f"{host.state} does not exist yet")
    owner = host.measures.owner(host.state)
    if owner != host.measures.user():
        do = f"run as user {owner}, or name another directory with --state"
        return Finding("permissions", "unsafe", f"{host.state} belongs to user {owner}", do)
    wrong = [*open_to_others(host.state)]
    if not wrong:
        return Finding("permissions", "ok", f"{host.state} is its owner's alone")
    return Finding("permissions", "unsafe", "; ".join(wrong[:5]), f"chmod -R go= {host.state}")


def open_to_others(state: Path) -> Iterator[str]:
    """What others than the owner may write, and what holds secrets and they may read."""
    if not state.is_dir():
        return
    mode = stat.S_IMODE(state.stat().st_mode)
    if mode & 0o022:
        yield f"{state} has mode {mode:04o}"
    for path in sorted(state.rglob("*")):
        try:
            info = path.lstat()
        except OSError:
            continue  # a living engine takes files away
        if not stat.S_ISREG(info.st_mode) and not stat.S_ISDIR(info.st_mode):
            continue
        mode = stat.S_IMODE(info.st_mode)
        is_secret = path.name.endswith((".key.json", ".pem")) or path.name.startswith(".env")
        if mode & 0o022 or (is_secret and mode & 0o077):
            yield f"{path} has mode {mode:04o}"


def free_disk(host: Host) -> Finding:
    """A full disk makes the engine cancel and close its gates."""
    found = host.measures.disk(host.state)
    shown = f"{found.free_bytes / GIB:.1f} GiB free where {host.state} lies"
    do = "free some, or move the state directory (--state)"
    if found.free_bytes < GIB:
        return Finding("free_disk", "unsafe", shown, do)
    return Finding("free_disk", "cost" if found.free_bytes < 5 * GIB else "ok", shown, do)


def filesystem(host: Host) -> Finding:
    """The journal's locks and its write-ahead log need a local filesystem that keeps its word."""
    kind = host.measures.disk(host.state).kind
    if kind in NETWORKED:
        do = "put the state directory on a local disk"
        return Finding("filesystem", "unsafe", f"{kind}: a network filesystem", do)
    if kind in ("tmpfs", "ramfs"):
        do = "put the state directory on a disk: this one is gone when the host is"
        return Finding("filesystem", "unsafe", f"{kind}: it does not survive the host", do)
    return Finding("filesystem", "ok", kind or "not told")


def neighbours(host: Host) -> Finding:
    """Other processes that use our cores now."""
    before, steal = _ticks(host), _stolen(host)
    host.measures.wait(SAMPLE_S)
    after = _ticks(host)
    whole = SAMPLE_S * TICKS
    busy = sorted(
        ((after[k] - before.get(k, after[k])) / whole, k[1]) for k in after if k in before
    )[::-1]
    loud = [f"{name} {share:.0%}" for share, name in busy if share > BUSY_SHARE]
    stolen = (_stolen(host) - steal) / (whole * max(1, host.measures.cores()))
    if stolen > 0.01:
        loud.append(f"other guests of this machine {stolen:.0%} (steal)")
    if not before:
        return Finding("neighbours", "unknown", "the kernel does not say who runs")
    if not loud:
        return Finding("neighbours", "ok", "nobody uses more than 5 % of a core")
    do = "move them to other cores (AllowedCPUs= of their slices) or to another machine"
    return Finding("neighbours", "cost", ", ".join(loud[:6]), do)


def _ticks(host: Host) -> dict[tuple[str, str], int]:
    """{(pid, name): user and system ticks} of every process but this one."""
    found = {}
    own = (host.text("proc/self/stat") or "").partition(" ")[0]
    for path, text in host.texts("proc/[0-9]*/stat").items():
        pid = path.split("/")[1]
        head, _, rest = text.rpartition(")")
        fields = rest.split()
        if pid != own and len(fields) > 12:
            found[pid, head.partition("(")[2]] = int(fields[11]) + int(fields[12])
    return found


def _stolen(host: Host) -> int:
    """Ticks in which the hypervisor ran somebody else."""
    fields = (host.text("proc/stat") or "").split("\n")[0].split()
    return int(fields[8]) if len(fields) > 8 else 0


def wake_up(host: Host) -> Finding:
    """What a sleeping lane pays for each frame."""
    found = host.measures.wake()
    shown = f"p50 {found.p50_ns / 1000:.1f} us, p99 {found.p99_ns / 1000:.1f} us"
    if found.p50_ns <= 30_000:
        return Finding("wake_up", "ok", shown)
    do = "let the trading lane spin (poll: spin) on a core of its own; keep idle states shallow"
    return Finding("wake_up", "cost", shown, do)


def system_call(host: Host) -> Finding:
    """Each send is one; a sandbox or a tracer makes it dear."""
    found = host.measures.syscall_ns()
    if found <= 500:
        return Finding("system_call", "ok", f"{found} ns")
    do = "run outside a sandbox that intercepts system calls (gVisor, ptrace), check mitigations"
    return Finding("system_call", "cost", f"{found} ns", do)


def timer_slack(host: Host) -> Finding:
    """How late a timer of a sleeping lane fires."""
    found = host.measures.timer()
    shown = f"slack {found.slack_ns / 1000:.0f} us, sleeps end {found.late_ns / 1000:.0f} us late"
    if found.late_ns <= 200_000:
        return Finding("timer_slack", "ok", shown)
    return Finding("timer_slack", "cost", shown, "TimerSlackNSec=1 in the unit; fewer idle states")


def jitter(host: Host) -> Finding:
    """A core that only spins should lose nothing."""
    found = host.measures.spin()
    longest = found.longest_ns / 1000
    shown = f"longest pause {longest:.0f} us, {found.lost_ppm / 10_000:.2f} % of a second lost"
    if found.longest_ns <= 100_000 and found.lost_ppm <= 1000:
        return Finding("jitter", "ok", shown)
    do = "isolate the trading cores, move interrupts away from them, ask for dedicated cores"
    return Finding("jitter", "cost", shown, do)


CHECKS: tuple[Callable[[Host], Finding], ...] = (
    governor,
    isolated_cores,
    enough_cores,
    sibling_threads,
    huge_pages,
    clock_source,
    clock_offset,
    swap,
    open_files,
    locked_memory,
    shared_memory,
    sqlite_build,
    permissions,
    free_disk,
    filesystem,
    neighbours,
    wake_up,
    system_call,
    timer_slack,
    jitter,
)


def examine(host: Host) -> list[Finding]:
    """Every check, in order; what is sound needs nothing done."""
    found = []
    for check in CHECKS:
        try:
            found.append(check(host))
        except OSError as error:  # the host refuses to say: that is no finding
            said = f"could not be measured: {in_words(error)}"
            found.append(Finding(check.__name__, "unknown", said))
    return [msgspec.structs.replace(f, do="") if f.state == "ok" else f for f in found]
