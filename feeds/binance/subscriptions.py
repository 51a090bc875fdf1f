"""Which streams a connection is asked for in its address, and which by messages behind it."""

from __future__ import annotations

from typing import Any

URL_BYTES = 2048
"""Of stream names in an address, their commas included; the others are subscribed by message."""
STREAMS_A_MESSAGE = 100


def shared_out(names: list[str]) -> tuple[str, list[dict[str, Any]]]:
    """The names in the address, joined, and the control messages for the others, without ids."""
    size = first = 0
    while first < len(names) and size + len(names[first]) + 1 <= URL_BYTES:
        size += len(names[first]) + 1
        first += 1
    return "/".join(names[:first]), [
        {"method": "SUBSCRIBE", "params": names[i : i + STREAMS_A_MESSAGE]}
        for i in range(first, len(names), STREAMS_A_MESSAGE)
    ]
