"""The exchange's own ledger: what it owes an answer for, one JSON object a line, append-only.

Every line has `n` (1, 2, 3, ... without a hole), `time` (UTC ns) and `t`, the type:

* `open`     exchange, format: the first line of a file
* `account`  account, balances {asset: amount}: a customer and what it deposited
* `order`    account, symbol, order_id, client_id, side, type, time_in_force, price, quantity,
             prevention: accepted; price "0" for a market order
* `fill`     account, symbol, order_id, client_id, trade_id, side, price, quantity, quote, fee,
             fee_asset, maker: one line for each customer's side of a trade
* `reduced`  order_id, client_id, quantity: amended to this total quantity, priority kept
* `done`     order_id, client_id, status, executed: ended otherwise than by its last fill
* `rejected` account, symbol, client_id, reason: refused, never in the book
* `ids`      order, trade, update, execution: numbers from here up to these may have been shown
             to someone; a restart goes on above them

Amounts are decimal text. Balances follow: deposits, minus what open orders lock, plus and minus
fills and fees. Lines are written (to the kernel) before anything they tell of leaves on a socket,
so kill -9 loses nothing; `fsync` says what a power cut may lose: nothing (`each`), the last 50 ms
(`batch`), or what the kernel had not written (`never`).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from engine.errors import TiercelError

FORMAT = 1
BATCH_S = 0.05
BEGINNING = b'{"n":'  # of every line


class LedgerBroken(TiercelError):
    code = "TCL-5202"
    what = "The ledger {path} cannot be gone on from"
    why = "{detail}"
    do = "Move it away to start a new one, or restore it; nothing was changed"


class LedgerBusy(TiercelError):
    code = "TCL-5203"
    what = "The ledger {path} is in use"
    why = "Another simulated exchange appends to it"
    do = "Stop that one first, or give this one another ledger"


class LedgerFailed(TiercelError):
    code = "TCL-5214"
    what = "The ledger {path} takes nothing more: the exchange stopped"
    why = "{detail}"
    do = "Make room and start it again: what the ledger had not kept, it told nobody"
    exit_code = 1


def read(path: str | Path) -> Iterator[dict[str, Any]]:
    """The lines in order; a torn last line (no newline) is left out; LedgerBroken on a hole."""
    expected = 1
    with Path(path).open("rb") as file:
        for raw in file:
            if not raw.endswith(b"\n"):
                return
            try:
                line = orjson.loads(raw)
            except orjson.JSONDecodeError as wrong:
                raise LedgerBroken(path=path, detail=f"line {expected}: {wrong}") from None
            if not isinstance(line, dict):
                raise LedgerBroken(path=path, detail=f"line {expected} is no object")
            if line.get("n") != expected:
                raise LedgerBroken(path=path, detail=f"line {expected} has n={line.get('n')!r}")
            expected += 1
            yield line


class Ledger:
    """Appends to the file and keeps it as durable as `fsync` says."""

    def __init__(self, path: str | Path, fsync: str = "batch") -> None:
        self.path = Path(path)
        self.fsync = fsync
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self.fd)
            raise LedgerBusy(path=path) from None
        try:
            self.drop_torn_line()
        except LedgerBroken:
            os.close(self.fd)
            raise
        self.dirty = False

    def drop_torn_line(self) -> None:
        """Cut what follows the last newline: it told nobody anything. LedgerBroken when that is
        not how a line begins: the file is another's."""
        size = os.fstat(self.fd).st_size
        at = size
        while at > 0:
            start = max(at - 65536, 0)
            found = os.pread(self.fd, at - start, start).rfind(b"\n")
            if found >= 0:
                at = start + found + 1
                break
            at = start
        if at == size:
            return
        if not BEGINNING.startswith(os.pread(self.fd, len(BEGINNING), at)):
            raise LedgerBroken(path=self.path, detail="what follows its last line is none of ours")
        os.ftruncate(self.fd, at)

    def append(self, lines: bytes) -> None:
        """Write whole lines; raises OSError (disk full): the exchange must then stop."""
        view = memoryview(lines)
        while view:
            view = view[os.write(self.fd, view) :]
        self.dirty = True
        if self.fsync == "each":
            self.sync()

    def sync(self) -> None:
        """Make what was appended durable; for `batch` the server calls this every BATCH_S."""
        if self.dirty and self.fsync != "never":
            self.dirty = False
            os.fdatasync(self.fd)

    def close(self) -> None:
        try:
            self.sync()
        finally:
            os.close(self.fd)
