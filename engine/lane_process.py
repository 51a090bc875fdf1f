"""One lane's process as the root holds it: spawned, heard, watched by pidfd, killed and reaped."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec
import trio

from engine import lane_spec
from engine.lane_spec import LaneSpec

LINE_LIMIT = 1 << 20
DESCRIPTORS_A_MESSAGE = 200
"""The kernel takes 253 (SCM_MAX_FD)."""


class LaneProcess:
    """A started process. Identified by pid, start time and epoch; never by pid alone."""

    spec: LaneSpec

    def __init__(self, process: subprocess.Popen[bytes], channel: socket.socket) -> None:
        self.process, self.channel = process, channel
        self.pid = process.pid
        self.pidfd = os.pidfd_open(process.pid)
        self.is_silent = False  # it has closed its end, and everything it said was heard
        self._stream = trio.SocketStream(trio.socket.from_stdlib_socket(channel))
        self._turn = trio.StrictFIFOLock()  # a stop may come while the specification is being sent

    @classmethod
    def spawn(
        cls, argv: list[str], output: Path, hidden: frozenset[str] = frozenset()
    ) -> LaneProcess:
        """Start one that waits to be told what it is; it does not get the `hidden` of our
        environment: keys come to those that need them, with the specification.

        From the main thread only: the death signal follows the spawning thread.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("lanes are spawned from the main thread")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        environment = {k: v for k, v in os.environ.items() if k not in hidden}
        environment["PYTHONHASHSEED"] = "0"
        try:
            log = open_output(output)
            try:
                process = subprocess.Popen(
                    [*argv, str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[theirs.fileno()],
                    env=environment,
                    process_group=0,  # a terminal's Ctrl-C reaches the root alone
                )
            finally:
                os.close(log)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        return cls(process, ours)

    def prepare(self, kinds: list[str]) -> None:
        """Ask it to import what these kinds of actors need, while it waits."""
        with contextlib.suppress(OSError):  # it has ended: its pidfd says so
            self.channel.send(msgspec.json.encode({"prepare": kinds}) + b"\n")

    def become(self, spec: LaneSpec, output: Path) -> None:
        """Give it what it is and the descriptors of that; `tell_spec` sends the rest."""
        log = open_output(output)
        try:
            self.spec = msgspec.structs.replace(spec, output=log)
            given = lane_spec.descriptors(self.spec)
            with contextlib.suppress(OSError):  # it has ended
                for k in range(0, len(given), DESCRIPTORS_A_MESSAGE):
                    some = given[k : k + DESCRIPTORS_A_MESSAGE]
                    socket.send_fds(self.channel, [b" "], some)
        finally:
            os.close(log)

    async def tell_spec(self) -> None:
        """Send the specification, the only message that holds secrets."""
        await self._send(lane_spec.encode(self.spec))

    async def tell(self, **command: Any) -> None:
        """Send a command; a lane that has ended does not hear it, and its pidfd says so."""
        await self._send(msgspec.json.encode(command))

    async def _send(self, document: bytes) -> None:
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async with self._turn:
                await self._stream.send_all(document + b"\n")

    async def events(self, take: Any) -> None:
        """Hand every line the lane says to `take` until it ends."""
        rest = b""
        try:
            while True:
                data = await self._stream.receive_some(65536)
                if not data:
                    return
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    take(msgspec.json.decode(line))
                if len(rest) > LINE_LIMIT:
                    return
        except (trio.BrokenResourceError, trio.ClosedResourceError, msgspec.MsgspecError):
            return
        finally:
            self.is_silent = True

    async def ended(self) -> int:
        """Wait for the end, by pidfd, and reap: the exit code as Popen gives it."""
        await trio.lowlevel.wait_readable(self.pidfd)
        return self.process.wait()

    def kill(self) -> None:
        """SIGKILL; the pidfd makes sure that it is this process, not a later one of its number."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def close(self) -> None:
        """After the reaping: give back the descriptors."""
        os.close(self.pidfd)
        self.channel.close()


def open_output(path: Path) -> int:
    """Where a process's own words go, to be appended to."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.open(path, flags, 0o600)


def python() -> list[str]:
    """How a lane is started."""
    return [sys.executable, "-m", "engine.lane"]
