"""The only place that loads what lies above the engine: commands, feeds, venues, strategies.

Everything is found by folder (what ships here), by entry point (what others publish) or by path
(what a user keeps beside a configuration), and imported by name when it is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

import click

from engine.errors import WrongUsage


def load_command(name: str) -> click.Command:
    """The click command of engine/commands/<name>.py (a trailing underscore is dropped)."""
    from engine.main import command_file

    module = import_module(f"engine.commands.{command_file(name).stem}")
    command = module.command
    if not isinstance(command, click.Command):
        raise TypeError(f"{module.__name__}.command is not a click command")
    return command


def load_bench(what: str) -> Callable[[bool, bool], int]:
    """`main(quick, as_json)` of bench/<what>.py: measures, prints, and returns the exit code."""
    name = f"bench.{what}"
    if not what.isidentifier() or find_spec(name) is None:
        raise WrongUsage(detail=f"there is no benchmark `{what}`", command="tiercel bench")
    main: Callable[[bool, bool], int] | None = getattr(import_module(name), "main", None)
    if main is None:
        raise WrongUsage(detail=f"bench/{what}.py is no benchmark", command="tiercel bench")
    return main
