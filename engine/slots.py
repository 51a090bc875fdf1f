"""The board's slots: how they are named, what lies in them, who writes them.

| slot | bytes | writer |
| --- | --- | --- |
| clock | i64 offset, i64 uncertainty (ns) | root |
| kill, kill:<scope> | u64 word, 0: open | root |
| cancel_only | u64 word, 0: orders may leave (bits: engine/cancel_only.py) | root |
| silent:<venue> | u64 engine time until which the venue wants no request, u64 HTTP status that \
said so | root |
| configuration | u64 hash of the configuration this memory was made for | root |
| heartbeat:root | u64 beats, i64 monotonic ns, u32 epoch, u32 pid | root |
| heartbeat:<lane> | the same | that lane; zeroed by the root when it is reaped |
| top:<feed>:<listing> | tc_top and when it was received | the feed's lane |
| venue:<actor> | what the venue shows of itself | the venue's lane |
| position:<listing> | the position as the venue's actor holds it | the venue's lane |
| gauge:<actor> | eight i64 of the actor's choice | the actor's lane |
"""

from __future__ import annotations

import struct
from typing import NamedTuple

CLOCK = "clock"
KILL = "kill"
CANCEL_ONLY = "cancel_only"
CONFIGURATION = "configuration"
ROOT_HEARTBEAT = "heartbeat:root"
OF_ROOT = (CLOCK, ROOT_HEARTBEAT, CANCEL_ONLY, CONFIGURATION)
BEAT = struct.Struct("<QqII")
WORD = struct.Struct("<Q")
CLOCK_WORDS = struct.Struct("<qq")
SILENCE = struct.Struct("<QQ")


class Beat(NamedTuple):
    """A heartbeat: how many, when (monotonic ns), of which epoch and process."""

    beats: int
    time: int
    epoch: int
    pid: int


def heartbeat(lane: str) -> str:
    return f"heartbeat:{lane}"


def top(feed: str, listing: str) -> str:
    return f"top:{feed}:{listing}"


def venue(actor: str) -> str:
    return f"venue:{actor}"


def silent(venue: str) -> str:
    return f"silent:{venue}"


def position(listing: str) -> str:
    return f"position:{listing}"


def gauge(actor: str) -> str:
    return f"gauge:{actor}"


def kill(scope: str) -> str:
    """The slot of a kill scope: `all`, or the name of a venue, strategy or listing."""
    return KILL if scope == "all" else f"kill:{scope}"
