from collections.abc import Iterable

PAYLOAD_BYTES: int

class ForeignBoard(Exception):
    """The shared memory is not a board of this layout; the text says what was found."""

def file_bytes(count: int) -> int:
    """Size of the file of a board of `count` slots."""

class Board:
    """Fixed slots of latest values in shared memory, one writer a slot."""

    count: int
    names: tuple[str, ...]
    @staticmethod
    def create(fd: int, names: Iterable[str]) -> Board:
        """Format a file of `file_bytes(len(names))` bytes; a name is unique, up to 63 bytes."""

    @staticmethod
    def attach(fd: int) -> Board: ...
    @staticmethod
    def private(names: Iterable[str]) -> Board:
        """A board in anonymous memory: simulation, replay, tests."""

    def slot(self, name: str) -> int:
        """Index of the slot `name`; KeyError when there is none."""

    def write(self, index: int, data: bytes | bytearray | memoryview) -> None:
        """Put up to 112 bytes into a slot."""

    def read(self, index: int, n: int = 112) -> tuple[int, bytes]:
        """(version, bytes) of a slot; version 0: nothing to trust there."""

    def tear(self, index: int) -> None: ...
