"""Texts typed on the command line, looked at before any command sees them.

An empty value is refused: it is a variable that was not set, not the wish for a default or for the
current directory (a name given as an argument is the command's own to refuse). A value that begins
with `--` is an option whose neighbour lacks its value.
"""

from __future__ import annotations

from typing import Any

import click


class Typed(click.ParamType[Any]):
    """Another type of click's, for texts as a person means them."""

    def __init__(self, of: click.ParamType[Any]) -> None:
        self.of = of
        self.name = of.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """What `of` makes of it; click.BadParameter for an empty text or a swallowed option."""
        is_option = isinstance(param, click.Option)
        if value == "" and (is_option or isinstance(self.of, click.Path)):
            self.fail("it is empty", param, ctx)
        if is_option and str(value).startswith("--"):
            self.fail(f"{value} is an option; a file of that name is written ./{value}", param, ctx)
        if is_option and not is_text(value):
            self.fail("its bytes are no text in UTF-8", param, ctx)
        return self.of.convert(value, param, ctx)


def is_text(value: object) -> bool:
    """Can it be written down? An argument's bytes that are no UTF-8 reach us as half characters."""
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return False
    return True


def looked_at(command: click.Command) -> click.Command:
    """The same command, and those under it, with every text and path looked at."""
    for param in command.params:
        if isinstance(param.type, click.Path | type(click.STRING)):
            param.type = Typed(param.type)
    if isinstance(command, click.Group):
        for member in command.commands.values():
            looked_at(member)
    return command
