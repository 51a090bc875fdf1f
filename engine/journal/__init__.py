"""The journal: the append-only event store and the views that follow from it."""

from engine.plugin import Plugin

plugin = Plugin(
    sentence="The event store: everything that happened, once, in a chain of hashes.",
    actor="engine.journal.actor:Journal",
)
