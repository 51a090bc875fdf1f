from typing import Any

from hotpath.records import Header

HEADER_BYTES: int
LAYOUT: int
MAX_READERS: int

class RingError(Exception): ...
class ForeignRing(RingError): ...
class OtherBuild(RingError): ...
class OldEpoch(RingError): ...
class CorruptRing(RingError): ...
class NoSuchReader(RingError): ...

class Mapping:
    locked: bool
    writable: bool

def file_bytes(capacity: int) -> int:
    """Size of the file of an outbox of `capacity` data bytes (a power of two, >= 4096)."""

def retire(m: Mapping, name: str) -> None: ...
def statistics(m: Mapping) -> dict[str, Any]: ...
def inspect(fd: int) -> dict[str, Any]:
    """`statistics` of an outbox's file, whatever build wrote it (its kinds must be known)."""

class Outbox:
    """The one writer of a ring of records in shared memory."""

    @staticmethod
    def create(
        fd: int,
        capacity: int,
        source: int,
        epoch: int = 1,
        *,
        first_position: int = 1,
        gating: tuple[str, ...] | list[str] = (),
        lossy: tuple[str, ...] | list[str] = (),
        reserve: int = 0,
        build_hash: int = 0,
    ) -> Outbox:
        """Format a file of `file_bytes(capacity)` bytes and be its writer."""

    @staticmethod
    def attach(fd: int, epoch: int, *, build_hash: int = 0) -> Outbox:
        """Take over as the writer. OldEpoch, OtherBuild, ForeignRing, CorruptRing."""

    @staticmethod
    def private(
        capacity: int,
        source: int,
        *,
        epoch: int = 1,
        first_position: int = 1,
        gating: tuple[str, ...] | list[str] = (),
        lossy: tuple[str, ...] | list[str] = (),
        reserve: int = 0,
    ) -> Outbox:
        """An outbox in anonymous memory: simulation, replay, tests."""
    mapping: Mapping
    @property
    def position(self) -> int: ...
    @property
    def source(self) -> int: ...
    @property
    def epoch(self) -> int: ...
    @property
    def refused(self) -> int: ...
    @property
    def statistics(self) -> dict[str, Any]: ...
    def append(
        self,
        kind: int,
        payload: bytes | bytearray | memoryview = b"",
        *,
        instrument: int = 0,
        time: int = 0,
        cause: int = 0,
        flags: int = 0,
        reserve: bool = False,
    ) -> int:
        """Write one record; its position, or 0: full, or a later epoch has taken over."""

    def tear(self, payload: bytes) -> bool: ...
    def ring(self) -> int: ...
    def set_bell(self, name: str, fd: int) -> None: ...
    def retire(self, name: str) -> None: ...

class Reader:
    """One reader; gating readers hold the writer back, lossy ones are told what they missed."""

    mapping: Mapping
    name: str
    @staticmethod
    def attach(
        fd: int, name: str, lossy: bool = False, *, epoch: int = 0, build_hash: int | None = 0
    ) -> Reader:
        """`build_hash=None`: the drain at start, which reads an outbox of an older build too.

        A lossy reader without a slot of that name has no cursor in shared memory: it starts at the
        last record, is never rung, and must poll."""

    @staticmethod
    def of(outbox: Outbox, lossy: bool = False, name: str = "") -> Reader:
        """A reader in the same process, from the first record while that is still there."""

    def skip_to_last(self) -> None: ...
    def read(self, limit: int = 256) -> list[tuple[Header, bytes]]:
        """Up to `limit` records as (Header, payload), stepped over but not yet published."""

    def take(self, limit: int = 256, kinds: int = ..., steps: int = ...) -> list[bytes]:
        """Up to `limit` records as bytes, header and payload, stepped over but not published."""

    @property
    def is_retired(self) -> bool:
        """The writer waits for it no more: what it would read may be overwritten meanwhile."""

    def store(self) -> None:
        """Store the cursor: the effects of all records read are safe."""

    def sleep(self) -> bool:
        """True: nothing to read, the writer will ring. False: read on, do not sleep."""

    def awake(self) -> None: ...
    @property
    def lost_from(self) -> int: ...
    @property
    def lost_to(self) -> int: ...
    @property
    def lost(self) -> int: ...
    @property
    def fault(self) -> int: ...
    @property
    def source(self) -> int: ...
    @property
    def lossy(self) -> bool: ...
