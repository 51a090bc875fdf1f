"""The command line: finds the commands in engine/commands and imports only the one called.

A command is a file there: its docstring's first line is its help in the list, and it defines a
click command named `command`. Errors end here: as one line on stderr, with `--json` as one object
on stdout too, and never as a traceback unless `--debug` was given.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from engine.entry import code_of
from engine.errors import (
    EXIT_DONE,
    SystemRefused,
    TiercelError,
    UnexpectedFailure,
    WrongUsage,
    tell,
)

VERSION = "0.1.0"
COMMANDS = Path(__file__).parent / "commands"


class Commands(click.Group):
    """A group whose members are the files of engine/commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        files = (f.stem for f in COMMANDS.glob("*.py"))
        return sorted(s.removesuffix("_") for s in files if not s.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        from engine.arguments import looked_at
        from engine.wiring import load_command

        return looked_at(load_command(cmd_name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, first_line(name)) for name in self.list_commands(ctx)]
        if not rows:
            return
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and name not in (known := self.list_commands(ctx)):
            from difflib import get_close_matches

            near = get_close_matches(name, known, 1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            raise click.UsageError(f"there is no command `{name}`{hint}", ctx)
        return super().resolve_command(ctx, args)


def command_file(name: str) -> Path:
    plain = COMMANDS / f"{name}.py"
    return plain if plain.exists() else COMMANDS / f"{name}_.py"


def first_line(name: str) -> str:
    """The help of a command in the list, read without importing it."""
    with command_file(name).open(encoding="utf-8") as f:
        return f.readline().strip().strip('"').rstrip(".")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, "--version", message="tiercel %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback when something fails.")
@click.pass_context
def tiercel(ctx: click.Context, debug: bool) -> None:
    """A trading engine for one colocated host."""
    ctx.obj = {"debug": debug}


def report(error: TiercelError, as_json: bool) -> int:
    """Tell it; returns the exit code."""
    tell(error, as_json)
    return error.exit_code


def give_up_output() -> None:
    """Standard output takes nothing more: what is still buffered for it goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def open_what_is_closed() -> None:
    """Started without standard streams (`>&-`): else the next file opened would be one of them."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def detail_of(error: click.ClickException) -> str:
    """What was wrong with the words typed, in one sentence."""
    ctx = getattr(error, "ctx", None)
    is_bare = isinstance(error, click.exceptions.NoArgsIsHelpError)
    if is_bare and ctx is not None and isinstance(ctx.command, click.Group):
        return f"One of these must follow: {', '.join(ctx.command.list_commands(ctx))}"
    return error.format_message().rstrip(".")


def words_of(error: Exception) -> str:
    """What an error that no condition names has to say."""
    text = f"{type(error).__name__}: {error}"
    return text.replace("{", "(").replace("}", ")")


def main(argv: list[str] | None = None) -> None:
    """Entry point of `tiercel`; exits with the codes of the contract."""
    open_what_is_closed()
    args = sys.argv[1:] if argv is None else argv
    as_json = "--json" in args
    debug = "--debug" in args
    if debug:
        args = ["--debug", *(a for a in args if a != "--debug")]
    try:
        code = tiercel.main(args, prog_name="tiercel", standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else EXIT_DONE)
    except click.exceptions.Exit as e:
        sys.exit(e.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(code_of(args))
    except click.ClickException as e:
        ctx = getattr(e, "ctx", None)
        where = ctx.command_path if ctx else "tiercel"
        sys.exit(report(WrongUsage(detail=detail_of(e), command=where), as_json))
    except BrokenPipeError:
        give_up_output()
        sys.exit(EXIT_DONE)
    except TiercelError as e:
        if debug:
            raise
        sys.exit(report(e, as_json))
    except OSError as e:
        if debug:
            raise
        try:
            sys.stdout.flush()
        except OSError:  # it was standard output that took no more
            give_up_output()
        name = "tiercel " + next((a for a in args if not a.startswith("-")), "")
        sys.exit(report(SystemRefused(command=name.strip(), detail=words_of(e)), as_json))
    except Exception as e:
        if debug:
            raise
        sys.exit(report(UnexpectedFailure(detail=words_of(e)), as_json))


if __name__ == "__main__":
    main()
