"""Log files: per lane main, trades and errors, as JSON lines, rotated, without secrets.

A line is made and queued where it happens (no file is touched), and written by `flush`, which a
lane calls when no frame is pending. What a hot lane cannot keep is counted, not waited for.
Secrets are taken out twice: by the name of the key they stand under, and by their value wherever
it turns up.
"""

from __future__ import annotations

import os
import re
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from engine.application import Logs
from engine.secret import Secret, hide_hook
from engine.whole import append_whole

MB = 1_000_000
QUEUE = 10_000
LEVELS = ("debug", "info", "warning", "error")
HIDDEN = "<secret>"
KEYS = re.compile(
    r"secret|api[-_]?key|passphrase|password|private|signature|token|authorization|cookie|^pem$",
    re.IGNORECASE,
)
SHORTEST = 6
"""Values shorter than this are not looked for in texts: they would hide ordinary words."""


class Redaction:
    """Takes secrets out of what is about to be written."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._values: tuple[str, ...] = ()
        self.learn(secrets)

    def learn(self, secrets: Iterable[Secret]) -> None:
        """Further values to hide; a PEM's lines are hidden one by one too."""
        values = set(self._values)
        for secret in secrets:
            text = secret.reveal()
            values |= {v for v in (text, *text.split("\n")) if len(v) >= SHORTEST}
        self._values = tuple(sorted(values, key=len, reverse=True))

    def text(self, text: str) -> str:
        for value in self._values:
            if value in text:
                text = text.replace(value, HIDDEN)
        return text

    def tree(self, value: Any) -> Any:
        """A copy of plain values, hidden where a key or a value says so."""
        if isinstance(value, dict):
            return {
                self.text(str(k)): HIDDEN if KEYS.search(str(k)) else self.tree(v)
                for k, v in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self.tree(v) for v in value]
        if isinstance(value, Secret):
            return HIDDEN
        if isinstance(value, bytes):
            return self.text(value.decode("utf-8", "replace"))
        if value is None or isinstance(value, (bool, int, float)):
            return value
        return self.text(str(value))


class File:
    """One file that rotates: name, name.1 ... name.<backups>. It is made with its first line, or
    at once when `now`."""

    def __init__(self, path: Path, size: int, backups: int, *, now: bool = True) -> None:
        self.path, self.size, self.backups = path, size, backups
        self._fd = -1
        if now:
            self._open()

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._fd = os.open(self.path, flags, 0o600)
        self._written = os.fstat(self._fd).st_size

    def write(self, lines: bytes) -> None:
        """Append whole lines, all or none (OSError); rotates before the size would be exceeded."""
        if self._fd < 0:  # its first line, or there was no room for a fresh one when it rotated
            self._open()
        if self._written and self._written + len(lines) > self.size:
            self._rotate()
        append_whole(self._fd, lines)
        self._written += len(lines)

    def _rotate(self) -> None:
        self.close()
        for n in range(self.backups - 1, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{n}")
            if older.exists():
                os.replace(older, self.path.with_name(f"{self.path.name}.{n + 1}"))
        os.replace(self.path, self.path.with_name(f"{self.path.name}.1"))
        self._open()

    def close(self) -> None:
        fd, self._fd = self._fd, -1  # the number may be another file's at once
        if fd >= 0:
            os.close(fd)


class Log:
    """The three logs of one lane. Trades do not appear in main; errors appear in both."""

    def __init__(self, files: dict[str, File], lane: str, level: str, redaction: Redaction) -> None:
        self.files, self.lane, self.redaction = files, lane, redaction
        self.least = LEVELS.index(level)
        self.lost = self._lost_told = 0
        self._queue: deque[tuple[str, bytes]] = deque()

    def _add(self, names: tuple[str, ...], level: str, event: str, values: dict[str, Any]) -> None:
        if LEVELS.index(level) < self.least:
            return
        if len(self._queue) >= QUEUE:
            self.lost += 1
            return
        line = {"time": time.time_ns(), "lane": self.lane, "level": level, "event": event}
        line |= self.redaction.tree(values)
        encoded = msgspec.json.encode(line, enc_hook=hide_hook) + b"\n"
        self._queue.extend((name, encoded) for name in names)

    def main(self, level: str, event: str, **values: Any) -> None:
        """Something happened."""
        self._add(("main",), level, event, values)

    def trade(self, event: str, **values: Any) -> None:
        """Something traded; not repeated in main."""
        self._add(("trades",), "info", event, values)

    def problem(self, event: str, **values: Any) -> None:
        """Something went wrong and was dealt with."""
        self.say("warning", event, **values)

    def error(self, event: str, **values: Any) -> None:
        """Something went wrong that a person should see."""
        self.say("error", event, **values)

    def say(self, level: str, event: str, **values: Any) -> None:
        """By its level: `info` in main; `warning` and `error` in main and errors."""
        names = ("main", "errors") if LEVELS.index(level) >= LEVELS.index("warning") else ("main",)
        self._add(names, level, event, values)

    def flush(self) -> int:
        """Write what is queued; returns lines. A disk that is full loses lines; how many, it says
        once there is room again.
        """
        if not self._queue:
            return 0
        before = self.lost
        chunks: dict[str, list[bytes]] = {}
        count = len(self._queue)
        while self._queue:
            name, line = self._queue.popleft()
            chunks.setdefault(name, []).append(line)
        for name, lines in chunks.items():
            try:
                self.files[name].write(b"".join(lines))
            except OSError:
                self.lost += len(lines)
        if before == self.lost != self._lost_told:
            lines_lost, self._lost_told = self.lost - self._lost_told, self.lost
            self.problem("log lines lost", lines=lines_lost)
        return count

    def close(self) -> None:
        self.flush()
        for file in self.files.values():
            file.close()


def open_logs(folder: Path, lane: str, settings: Logs, redaction: Redaction | None = None) -> Log:
    """DIR/log/<lane>.{main,trades,errors}.jsonl, sizes as S1.5 asks: errors half of the others.

    Most lanes never trade: the trades' file is made when there is one.
    """
    sizes = {"main": settings.size_mb * MB, "trades": settings.size_mb * MB}
    sizes["errors"] = max(1, settings.size_mb // 2) * MB
    files = {
        name: File(folder / f"{lane}.{name}.jsonl", size, settings.backups, now=name != "trades")
        for name, size in sizes.items()
    }
    return Log(files, lane, settings.level, redaction or Redaction())
