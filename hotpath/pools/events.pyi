from typing import Any

class Event:
    topic0: bytes
    indexed: tuple[str, ...]
    data: tuple[str, ...]
    def __init__(self, topic0: str, indexed: str, data: str) -> None: ...

def raw(event: dict[str, Any], layouts: tuple[tuple[str, Event], ...]) -> tuple[bytes, bytes]: ...
