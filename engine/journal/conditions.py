"""What can be wrong with a journal, each with its code."""

from __future__ import annotations

from engine.errors import EXIT_NO, TiercelError


class JournalSqliteTooOld(TiercelError):
    code = "TCL-3020"
    what = "SQLite {found} is too old for the journal"
    why = "Before {wanted} a reset of the write-ahead log could lose a commit"
    do = "Install the pinned apsw, which bundles a current SQLite"


class JournalWriteFailed(TiercelError):
    code = "TCL-3021"
    what = "The journal {path} could not be written"
    why = "{detail}"
    do = "Free space or mend the disk; the journal restarts and goes on where its cursors say"


class JournalBusy(TiercelError):
    code = "TCL-3022"
    what = "The journal {path} has another writer"
    why = "Another process holds its lock"
    do = "Stop the engine that runs on this state directory, or look at it without writing"


class JournalForeignLog(TiercelError):
    code = "TCL-3023"
    what = "{path} lies beside a write-ahead log of another database"
    why = "{detail}"
    do = "Move the -wal and -shm files away if you restored the database, then start again"


class JournalDamaged(TiercelError):
    code = "TCL-3024"
    what = "The journal {path} is damaged"
    why = "{detail}"
    do = "Run `tiercel journal check`, restore a copy, and reconcile with the venues"
    exit_code = EXIT_NO


class JournalGap(TiercelError):
    code = "TCL-3025"
    what = "Events of source {source} are missing"
    why = "Position {expected} was due and {got} came"
    do = (
        "After restoring an older copy: restore as docs/deployment.md says. Else keep the outbox's "
        "file, run `tiercel journal check`, and reconcile with the venues"
    )


class JournalRecordRefused(TiercelError):
    code = "TCL-3026"
    what = "A record of source {source} at position {position} cannot be journaled"
    why = "{detail}"
    do = "Keep the outbox's file and report it: a writer wrote what its kind does not allow"


class NoJournal(TiercelError):
    code = "TCL-3027"
    what = "There is no journal at {path}"
    why = "{detail}"
    do = "Give the state directory of an engine that ran with --state"


class JournalSchemaUnknown(TiercelError):
    code = "TCL-3028"
    what = "The journal {path} was written by a later build"
    why = "Its schema is {found}, this build knows {known}"
    do = "Use the build that wrote it, or a later one"
