"""The only place that loads what lies above the engine: commands, feeds, venues, strategies.

Everything is found by folder (what ships here), by entry point (what others publish) or by path
(what a user keeps beside a configuration), and imported by name when it is needed.
"""

from __future__ import annotations

from importlib import import_module

import click


def load_command(name: str) -> click.Command:
    """The click command of engine/commands/<name>.py (a trailing underscore is dropped)."""
    from engine.main import command_file

    module = import_module(f"engine.commands.{command_file(name).stem}")
    command = module.command
    if not isinstance(command, click.Command):
        raise TypeError(f"{module.__name__}.command is not a click command")
    return command
