"""The recorder: writes every lane's inputs, and what its actors wrote, to one file of the run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.recording import Writing

if TYPE_CHECKING:
    from engine.setup import Setup


class Recorder:
    """A sink for a trio lane: one block a commit; cursors move when the kernel has the bytes."""

    def __init__(self, setup: Setup) -> None:
        spec = setup.lane
        path = Path(spec.state) / "recordings" / f"{spec.run}.tcr"
        header = {
            "application": spec.application,
            "run": spec.run,
            "mode": spec.mode,
            "instance": spec.instance,
            "build_hash": spec.build_hash,
            "config_hash": spec.config_hash,
            "sources": spec.sources,
        }
        self.batch: list[bytes] = []
        self.writing: Writing | None = None
        if any(setup.actor.name in f.actors for f in spec.follows):  # else it was retired
            self.writing = Writing(path, header)

    def take_batch(self, source: int, records: list[bytes]) -> None:
        """Records of one outbox, in order."""
        self.batch += records

    def commit(self) -> None:
        """Write what was taken; the readers' cursors may move after it."""
        if self.batch and self.writing is not None:
            self.writing.write(self.batch)
        self.batch.clear()

    def give_up(self) -> None:
        """It was retired: the file stays without an end, which marks it incomplete."""
        self.batch.clear()
        if self.writing is not None:
            self.writing.file.close()
            self.writing = None

    def close(self) -> None:
        """The session ended in order."""
        self.commit()
        if self.writing is not None:
            self.writing.close()
