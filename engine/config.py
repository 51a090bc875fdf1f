"""Configuration: YAML files to a checked `Application`, and what can be shown of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from engine import checks, document, wiring
from engine.application import ActorSettings, Application, LaneSettings, Recording
from engine.secret import Secret
from engine.settings import fields

RECORDER_KIND = "actors/recorder"


class Configuration:
    """A checked application, the documents it came from, and its hash.

    The hash covers what was written, references unexpanded: it names no secret.
    """

    def __init__(self, source: document.Document, application: Application) -> None:
        self.source, self.application = source, application
        self.hash = configuration_hash(source.tree)

    @property
    def path(self) -> Path:
        return self.source.path

    @property
    def secret_names(self) -> frozenset[str]:
        """The environment variables that keys refer to."""
        venues: dict[str, Any] = self.source.tree.get("venues") or {}
        return frozenset(n for v in venues.values() for n in document.references(v.get("key")))

    @property
    def state(self) -> Path:
        """The state directory the configuration names, or ./var/<application>."""
        app = self.application
        return Path(app.state) if app.state else Path("var") / app.application


def read(path: Path, environment: Mapping[str, str] | None = None) -> Configuration:
    """Read, convert and check a configuration; raises a coded error with file and line."""
    source = document.load(path)
    tree = document.expand(source, document.environment() if environment is None else environment)
    application: Application = document.convert(source, tree, Application)
    checks.check(application, source)
    _check_settings(application, source)
    return Configuration(source, application)


def recorded(configuration: Configuration) -> Configuration:
    """The same application with strict recording on, and a recorder lane when it has none."""
    app = configuration.application
    lanes = list(app.lanes)
    if not any(a.kind == RECORDER_KIND for lane in lanes for a in lane.actors):
        recorder = ActorSettings(name="recorder", kind=RECORDER_KIND)
        lanes.insert(1, LaneSettings(name="recorder", runtime="trio", actors=[recorder]))
    changed = msgspec.structs.replace(
        app, lanes=lanes, recording=Recording(enabled=True, strict=True)
    )
    return Configuration(configuration.source, changed)


def _check_settings(app: Application, source: document.Document) -> None:
    """Every actor's kind exists, has its class, and its settings fit what that kind declares."""
    for i, lane in enumerate(app.lanes):
        for j, actor in enumerate(lane.actors):
            at: document.At = ("lanes", i, "actors", j)
            struct = wiring.settings_of(actor.kind, source.path.parent, source.where(at))
            wiring.check_class(actor.kind, source.path.parent, source.where(at))
            if struct is None:
                struct = NoSettings
            settings = document.convert(source, actor.settings, struct, (*at, "settings"))
            checks.record_fits(lane, actor.name, settings, source.where(at))


class NoSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An actor that has no settings."""


def configuration_hash(tree: Mapping[str, Any]) -> int:
    """64 bits that name a configuration: every process of an engine must have the same."""
    text = msgspec.json.encode(tree, order="sorted")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")


def shown(configuration: Configuration) -> dict[str, Any]:
    """The configuration as written, includes merged, defaults filled in, references unexpanded."""
    tree = configuration.source.tree
    shown = _with_defaults(tree, Application)
    assert isinstance(shown, dict)
    return shown


def _with_defaults(value: Any, annotation: Any) -> Any:
    from typing import get_args, get_origin

    from engine.settings import bare

    plain = bare(annotation)
    if plain is Secret and isinstance(value, str) and not document.REFERENCE.fullmatch(value):
        return "<secret>"
    if isinstance(plain, type) and issubclass(plain, msgspec.Struct) and isinstance(value, dict):
        known = fields(plain)
        filled = {}
        for field in msgspec.structs.fields(plain):
            name = field.encode_name
            if name in value:
                filled[name] = _with_defaults(value[name], known[name])
            elif field.default is not msgspec.NODEFAULT:
                filled[name] = msgspec.to_builtins(field.default)
            elif field.default_factory is not msgspec.NODEFAULT:
                filled[name] = msgspec.to_builtins(field.default_factory())
        return filled
    origin, args = get_origin(plain), get_args(plain)
    if origin is dict and isinstance(value, dict):
        return {k: _with_defaults(v, args[1]) for k, v in value.items()}
    if origin is list and isinstance(value, list):
        return [_with_defaults(v, args[0]) for v in value]
    return value


def schema() -> dict[str, Any]:
    """JSON schema of a configuration file; `include` is understood besides."""

    def secret(kind: type) -> dict[str, Any]:
        return {"type": "string", "writeOnly": True}

    found = msgspec.json.schema(Application, schema_hook=secret)
    include = {
        "type": "array",
        "items": {"type": "string"},
        "description": "Files whose settings lie under those of this file.",
    }
    found["$defs"]["Application"]["properties"]["include"] = include
    return found
