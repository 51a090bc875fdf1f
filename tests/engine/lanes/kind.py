"""The kind of a fake lane's actors: its settings only."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from engine.settings import setting


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    fail_start: Annotated[bool, setting("", "End before having started.")] = False
    slow_ms: Annotated[int, setting("ms", "Before it has started.")] = 0
    exit_code: Annotated[int, setting("", "How to end after after_ms.")] = 1
    after_ms: Annotated[int | None, setting("ms", "End by itself then.")] = None
    words: Annotated[str, setting("", "Said when it ends by itself.")] = ""
    deaf: Annotated[bool, setting("", "Do not obey a stop.")] = False
    mute: Annotated[bool, setting("", "No heartbeat.")] = False
    unclean: Annotated[bool, setting("", "Reconciliation is not clean.")] = False
    write: Annotated[int, setting("records", "Each round.")] = 0


class Fake:
    """Never made: fake lanes have no actors."""

    def take_batch(self, source: int, records: list[Any]) -> None:
        raise NotImplementedError
