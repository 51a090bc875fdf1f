from typing import Any

from typing_extensions import Buffer

from hotpath.instrument import Instrument

KINDS: tuple[str, ...]

class Codec:
    rounded: int
    def __init__(
        self,
        instruments: list[Instrument],
        *,
        any_symbol: bool = False,
        room: int = 32768,
        quick: bool = True,
        rounds: bool = False,
    ) -> None: ...
    @property
    def counts(self) -> dict[str, int]: ...
    def read(self, frame: Buffer, any_asked: bool = False) -> dict[str, Any]: ...
    def read_snapshot(
        self, body: Buffer
    ) -> tuple[list[tuple[int, int]], list[tuple[int, int]], int] | None: ...

def timestamp(ns: int) -> str | None: ...
def decode(frame: str | bytes) -> list[dict[str, Any]]: ...
