"""What systemd is told where it asked to be: ready, alive (its watchdog), stopping.

The socket is named by NOTIFY_SOCKET and is the root's alone: lanes are started without it.
"""

from __future__ import annotations

import contextlib
import os
import socket

BEATS_A_LIMIT = 4
"""The watchdog is told so many times within its limit."""


class Notice:
    """A datagram a message; without NOTIFY_SOCKET nothing is sent."""

    def __init__(self) -> None:
        self.address = os.environ.pop("NOTIFY_SOCKET", "")
        limit_us = int(os.environ.pop("WATCHDOG_USEC", "0") or 0)
        pid = os.environ.pop("WATCHDOG_PID", "")
        is_meant = not pid or pid in (str(os.getpid()), str(os.getppid()))
        self.every_ns = limit_us * 1000 // BEATS_A_LIMIT if is_meant else 0
        self._due = 0

    def tell(self, text: str) -> None:
        """Send now; a systemd that does not listen costs nothing."""
        if not self.address:
            return
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.setblocking(False)
            s.sendto(text.encode(), address)

    def alive(self, now: int) -> None:
        """Called over and over by the root's loop (monotonic ns): WATCHDOG=1 when it is due."""
        if self.every_ns and now >= self._due:
            self._due = now + self.every_ns
            self.tell("WATCHDOG=1")
