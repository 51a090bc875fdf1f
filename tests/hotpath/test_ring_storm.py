"""kill -9 of the writer and of readers in full flight: nothing torn, nothing lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from hotpath.ring import Outbox, file_bytes, inspect
from tests.hotpath.ring_storm import TALLY

CAPACITY = 1 << 16


class Storm:
    """A writer, a gating and a lossy reader, each restarted when it is killed.

    Processes are forked from one that has imported everything already, so that a kill costs
    milliseconds; each attaches by descriptor like a lane does.
    """

    def __init__(self) -> None:
        self.fd = os.memfd_create("storm")
        os.ftruncate(self.fd, file_bytes(CAPACITY))
        Outbox.create(self.fd, CAPACITY, 7, 0, gating=("journal",), lossy=("screen",))
        self.bells = {name: os.eventfd(0) for name in ("journal", "screen")}
        self.tallies = {name: os.memfd_create(name) for name in self.bells}
        for tally in self.tallies.values():
            os.pwrite(tally, bytes(TALLY.size), 0)
        self.epoch = 0
        self.running: dict[str, int] = {}

    def start(self, role: str) -> None:
        if role == "write":
            self.epoch += 1
        pid = os.fork()
        if pid:
            self.running[role] = pid
            return
        try:
            from tests.hotpath import ring_storm

            if role == "write":
                ring_storm.write(self.fd, self.epoch, self.bells["journal"])
            else:
                ring_storm.read(self.fd, role, self.tallies[role], self.bells[role])
        finally:
            os._exit(9)  # reached only when the role failed by itself

    def kill(self, role: str) -> None:
        pid = self.running.pop(role)
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        assert os.WIFSIGNALED(status), f"{role} ended by itself"

    def tally(self, role: str) -> tuple[int, ...]:
        return TALLY.unpack(os.pread(self.tallies[role], TALLY.size, 0))

    def wait_until_read(self, position: int) -> None:
        deadline = time.monotonic() + 20
        while self.tally("journal")[0] < position:
            assert time.monotonic() < deadline, f"journal stuck at {self.tally('journal')}"
            time.sleep(0.01)


def storm(kills: int, seconds: float, seed: int) -> tuple[Storm, int]:
    draw, s, done = random.Random(seed), Storm(), 0
    roles = ("write", "journal", "screen")
    deadline = time.monotonic() + seconds
    try:
        for role in roles:
            s.start(role)
        while done < kills and time.monotonic() < deadline:
            time.sleep(draw.uniform(0.002, 0.03))
            role = draw.choice(roles)
            s.kill(role)
            s.start(role)
            done += 1
        s.kill("write")
        last = Outbox.attach(s.fd, s.epoch + 1)  # walks to the first clear word
        os.eventfd_write(s.bells["journal"], 1)
        s.wait_until_read(last.position)
        assert s.tally("journal")[0] == last.position, "a record nobody committed was read"
    finally:
        for role in list(s.running):
            s.kill(role)
    return s, done


def check(s: Storm, done: int) -> str:
    last, torn, lost, twice, _ = s.tally("journal")
    _, torn_lossy, lost_lossy, _, gaps = s.tally("screen")
    assert last > 100 * done, "too few records for a storm"
    said = (
        f"{done} kills, {last} records: torn 0, lost 0 (95 % bound {3 / done:.3f} a kill), "
        f"seen twice {twice}; lossy: told of {gaps} lost"
    )
    assert (torn, lost) == (0, 0), said
    assert (torn_lossy, lost_lossy) == (0, 0), "a lossy reader saw torn bytes or an untold gap"
    assert inspect(s.fd)["readers"]["journal"]["behind_bytes"] == 0
    return said


def test_hundreds_of_kills_tear_and_lose_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    s, done = storm(kills=400, seconds=15, seed=11)
    assert done >= 100
    with capsys.disabled():
        print(f"\nring storm: {check(s, done)}")


@pytest.mark.long
def test_thousands_of_kills_tear_and_lose_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    s, done = storm(kills=2000, seconds=120, seed=12)
    assert done >= 1000
    with capsys.disabled():
        print(f"\nring storm: {check(s, done)}")


def test_a_spawned_process_reads_by_descriptor() -> None:
    """Lanes are spawned, not forked: a descriptor and its number are all they get."""
    fd = os.memfd_create("spawned")
    os.ftruncate(fd, file_bytes(4096))
    outbox = Outbox.create(fd, 4096, 7, gating=("journal",))
    outbox.append(21, b'{"said":"hello"}')
    program = (
        "import sys; from hotpath.ring import Reader\n"
        "r = Reader.attach(int(sys.argv[1]), 'journal')\n"
        "print(r.read()[0][1].decode()); r.store()"
    )
    args = [sys.executable, "-c", program, str(fd)]
    got = subprocess.run(args, pass_fds=[fd], capture_output=True, text=True, check=True)
    assert got.stdout.strip() == '{"said":"hello"}'
    assert outbox.statistics["readers"]["journal"]["cursor"] == 56
    os.close(fd)
