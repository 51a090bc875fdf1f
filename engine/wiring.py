"""The only place that loads what lies above the engine: commands, feeds, venues, strategies.

Everything is found by folder (what ships here), by entry point (what others publish) or by path
(what a user keeps beside a configuration), and imported by name when it is needed. A kind is

    feeds/binance                    the actor that folder's `plugin` declares
    feeds/binance/rest               its actor for HTTP
    actors/strategies/cross_venue    a file: its `Settings` and its one subclass of Actor
    engine/journal                   the same, for what the engine brings itself
    strategies/their_name            entry point `their_name` of the group tiercel.strategies
    ./mine.py                        a file beside the configuration
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from importlib import import_module, util
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

from engine.errors import TiercelError, WrongUsage
from engine.plugin import Plugin

if TYPE_CHECKING:
    import click
    import msgspec

SHIPPED = ("actors", "engine", "feeds", "venues")
GROUPS = ("feeds", "venues", "strategies")


class KindNotFound(TiercelError):
    """An actor's kind that no folder, entry point or file provides."""

    code: ClassVar[str] = "TCL-1030"
    what = "{where}: there is no kind {kind}"
    why = "{detail}"
    do = "Use one of: {known}; or a file beside the configuration as ./name.py"


class KindBroken(TiercelError):
    """A kind whose code cannot be used."""

    code: ClassVar[str] = "TCL-1031"
    what = "{where}: the kind {kind} cannot be used"
    why = "{detail}"
    do = "Mend that file; docs/strategies.md says what it must hold"


class NoSuchFeed(TiercelError):
    """A venue named on the command line for which no feed ships or reads frames."""

    code: ClassVar[str] = "TCL-4007"
    what = "There is no feed for the venue {venue}"
    why = "The venues with a feed are: {known}"
    do = "Name one of these"


def load_command(name: str) -> click.Command:
    """The click command of engine/commands/<name>.py (a trailing underscore is dropped)."""
    import click

    from engine.main import command_file

    module = import_module(f"engine.commands.{command_file(name).stem}")
    command = module.command
    if not isinstance(command, click.Command):
        raise TypeError(f"{module.__name__}.command is not a click command")
    return command


def load_feed(venue: str) -> Plugin:
    """The declaration of feeds/<venue>, whose frames `tiercel book` and `codec` can read."""
    known = sorted(k.partition("/")[2] for k in kinds() if k.startswith("feeds/"))
    if venue in known:
        found = resolve(f"feeds/{venue}", Path(), "the command line")
        if isinstance(found, Plugin) and found.replay and found.decode:
            return found
    raise NoSuchFeed(venue=venue, known=", ".join(known) or "none")


def load_member(name: str) -> Any:
    """What a declaration's `package.file:Name` stands for, imported now."""
    return _named(name, name, "the command line")


def load_bench(what: str) -> Callable[[bool, bool], int]:
    """`main(quick, as_json)` of a part of bench/: measures, prints, and returns the exit code."""
    parts = import_module("bench.parts")
    main: Callable[[bool, bool], int] | None = parts.main_of(what)
    if main is None:
        known = ", ".join(parts.NAMES)
        raise WrongUsage(
            detail=f"there is no benchmark `{what}` ({known})", command="tiercel bench"
        )
    return main


def load_venue(name: str) -> ModuleType:
    """venues/<name>/face.py: `sign`, `request` and `decode`, for `tiercel codec`."""
    found = f"venues.{name}.face"
    if not name.isidentifier() or not _exists(found):
        raise WrongUsage(detail=f"there is no venue `{name}`", command="tiercel codec")
    return import_module(found)


def load_feed_decode(name: str) -> Callable[[str], list[dict[str, Any]]] | None:
    """`decode` of feeds/<name>/codec, None where the feed has none."""
    found = f"feeds.{name}.codec"
    if not name.isidentifier() or not _exists(found):
        return None
    decode: Callable[[str], list[dict[str, Any]]] | None = getattr(
        import_module(found), "decode", None
    )
    return decode


def kinds() -> list[str]:
    """Every kind that ships or is published, for messages and pages."""
    root = Path(__file__).resolve().parent.parent
    found = []
    for group in ("feeds", "venues"):
        folders = sorted((root / group).glob("*/__init__.py"))
        found += [f"{group}/{f.parent.name}" for f in folders if _declares(f)]
    strategies = root / "actors" / "strategies"
    names = {f.stem for f in strategies.glob("*.py*") if f.suffix in (".py", ".pyx")}
    found += [f"actors/strategies/{n}" for n in sorted(names) if not n.startswith("_")]
    from importlib.metadata import entry_points  # only when asked for: 20 ms of a lane's start

    for group in GROUPS:
        found += [f"{group}/{e.name}" for e in entry_points(group=f"tiercel.{group}")]
    return found


def _declares(init: Path) -> bool:
    return "plugin = Plugin(" in init.read_text(encoding="utf-8")


def settings_of(
    kind: str, beside: Path, where: str = "the configuration"
) -> type[msgspec.Struct] | None:
    """The struct a kind's settings are of, None when it has none."""
    found = resolve(kind, beside, where)
    if isinstance(found, Plugin):
        if kind.endswith("/rest") and found.rest is None:
            raise KindBroken(where=where, kind=kind, detail="The folder declares no rest actor")
        name = found.rest_settings if kind.endswith("/rest") else found.settings
        return None if name is None else _named(name, kind, where)
    return getattr(found, "Settings", None)


def actor_class(kind: str, beside: Path, where: str = "the configuration") -> type[Any]:
    """The class of a kind; its module is imported."""
    found = resolve(kind, beside, where)
    if isinstance(found, Plugin):
        name = found.rest if kind.endswith("/rest") else found.actor
        if name is None:
            raise KindBroken(where=where, kind=kind, detail="The folder declares no rest actor")
        cls: type[Any] = _named(name, kind, where)
        return cls
    return _only_actor(found, kind, where)


def check_class(kind: str, beside: Path, where: str) -> None:
    """KindBroken where a kind of one file lacks its class; a folder's code is not imported here."""
    found = resolve(kind, beside, where)
    if not isinstance(found, Plugin):
        _only_actor(found, kind, where)


def resolve(kind: str, beside: Path, where: str) -> Plugin | ModuleType:
    """The declaration or the module behind a kind; raises KindNotFound or KindBroken."""
    if kind.endswith(".py"):
        return _by_path(kind, beside, where)
    parts = kind.split("/")
    if not all(p.isidentifier() for p in parts):
        raise _not_found(kind, where, "A kind is a path of names, or a file as ./name.py")
    if parts[0] in SHIPPED:
        folder = parts[:-1] if parts[-1] == "rest" else parts
        name = ".".join(folder)
        if _exists(name):
            module = _import(name, kind, where)
            declared = getattr(module, "plugin", None)
            if isinstance(declared, Plugin):
                return declared
            if folder == parts and not hasattr(module, "__path__"):
                return module
            raise KindBroken(where=where, kind=kind, detail=f"{name} declares no `plugin`")
    from importlib.metadata import entry_points

    group, last = parts[0], parts[1] if len(parts) > 1 else ""
    for entry in entry_points(group=f"tiercel.{group}"):
        if entry.name == last:
            loaded = _load_entry(entry, kind, where)
            if isinstance(loaded, (Plugin, ModuleType)):
                return loaded
            raise KindBroken(where=where, kind=kind, detail="It is neither a plugin nor a module")
    raise _not_found(kind, where, f"Neither a folder nor an entry point has the name {last}")


def _not_found(kind: str, where: str, detail: str) -> KindNotFound:
    return KindNotFound(where=where, kind=kind, detail=detail, known=", ".join(kinds()))


def _exists(name: str) -> bool:
    try:
        return util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _import(name: str, kind: str, where: str) -> ModuleType:
    try:
        return import_module(name)
    except Exception as e:
        raise KindBroken(where=where, kind=kind, detail=_said(e)) from e


def _load_entry(entry: Any, kind: str, where: str) -> Any:
    try:
        return entry.load()
    except Exception as e:
        raise KindBroken(where=where, kind=kind, detail=_said(e)) from e


def _said(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}"
    return text.replace("{", "(").replace("}", ")")


def _named(name: str, kind: str, where: str) -> Any:
    module, _, attribute = name.partition(":")
    found = getattr(_import(module, kind, where), attribute, None)
    if found is None:
        raise KindBroken(where=where, kind=kind, detail=f"{module} has no {attribute}")
    return found


def _by_path(kind: str, beside: Path, where: str) -> ModuleType:
    """A user's file. Its module is named after its path, so that two files never share one."""
    path = (beside / kind).resolve()
    if not path.is_file():
        raise _not_found(kind, where, f"There is no file {path}")
    name = f"tiercel_user_{path.stem}_{sha256(str(path).encode()).hexdigest()[:12]}"
    known = sys.modules.get(name)
    if known is not None:
        return known
    spec = util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as e:
        del sys.modules[name]
        raise KindBroken(where=where, kind=kind, detail=_said(e)) from e
    return module


def _only_actor(module: ModuleType, kind: str, where: str) -> type[Any]:
    from hotpath.lane import Actor

    own = [
        c
        for c in vars(module).values()
        if isinstance(c, type)
        and c.__module__ == module.__name__
        and (issubclass(c, Actor) or hasattr(c, "take_batch"))
    ]
    if len(own) != 1:
        names = ", ".join(c.__name__ for c in own) or "none"
        raise KindBroken(
            where=where,
            kind=kind,
            detail="One class of its own is expected, a subclass of Strategy (of hotpath.strategy) "
            f"or another Actor; it has {names}",
        )
    return own[0]


def declarations() -> Iterator[tuple[str, Plugin]]:
    """Every declared feed and venue that ships, as (kind, plugin)."""
    for kind in kinds():
        if kind.split("/")[0] in ("feeds", "venues"):
            found = resolve(kind, Path(), "discovery")
            if isinstance(found, Plugin):
                yield kind, found
