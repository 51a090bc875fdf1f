"""A configuration as a tree that remembers where each value stands, and how it becomes structs.

YAML is read with the safe loader's constructors only, node by node, so that every value keeps its
file and line; a key written twice is refused. `${NAME}` stays as it is written in the tree; only
`expand` puts the environment's value in, into a copy that is never printed.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, get_args, get_origin

import msgspec
import yaml

from engine.errors import FileNotReadable, TiercelError
from engine.secret import Secret, decode_hook
from engine.settings import bare, fields, meta

REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
INCLUDES_DEEP = 8
LARGEST = 4 << 20
MOST_FILES = 256
MOST_VALUES = 100_000
"""Of one file: aliases of aliases spell millions of values in a few lines."""

At = tuple[str | int, ...]


class ConfigurationUnreadable(TiercelError):
    """The file is not YAML of the kind we take."""

    code: ClassVar[str] = "TCL-1010"
    what = "{where} cannot be understood"
    why = "{detail}"
    do = "Correct that line; `tiercel config schema` prints what a configuration may hold"


class UnknownKey(TiercelError):
    """A key that no setting has."""

    code: ClassVar[str] = "TCL-1011"
    what = "{where}: there is no setting `{key}` in {place}"
    why = "{detail}"
    do = "Correct the name or remove it"


class WrongValue(TiercelError):
    """A value of the wrong type, out of its bounds, or missing."""

    code: ClassVar[str] = "TCL-1012"
    what = "{where}: {place} is not valid"
    why = "{detail}"
    do = "Give it a value that fits; `tiercel config schema` prints type, unit and bounds"


class MissingReference(TiercelError):
    """A ${NAME} whose environment variable is not set."""

    code: ClassVar[str] = "TCL-1013"
    what = "{where}: the environment variable {name} is not set"
    why = "{place} refers to it as ${{{name}}}"
    do = "Set {name} in the environment of the engine"


class IncludeRefused(TiercelError):
    """An include that is missing its file, goes in circles or too deep."""

    code: ClassVar[str] = "TCL-1014"
    what = "{where}: the include {name} is refused"
    why = "{detail}"
    do = "Name files beside this one, each once, without circles"


class Document:
    """A tree of plain values and where each stands: path of keys to (file, line)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tree: dict[str, Any] = {}
        self.places: dict[At, tuple[Path, int]] = {}
        self.files: list[Path] = []

    def where(self, path: At) -> str:
        """`file:line` of a path, or of the nearest place above it."""
        while path and path not in self.places:
            path = path[:-1]
        file, line = self.places.get(path, (self.path, 1))
        return f"{file}:{line}"


def spelled(path: At) -> str:
    """`lanes[0].actors[1].settings` from a path; the whole document has a name too."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "the configuration"


def load(path: Path) -> Document:
    """Read a file and what it includes. Later values win: the including file over the included."""
    document = Document(path)
    document.tree = _read(document, path, ())
    return document


def _read(document: Document, path: Path, inside: tuple[Path, ...]) -> dict[str, Any]:
    try:
        with path.open(encoding="utf-8") as f:
            text = f.read(LARGEST + 1)
        if len(text) > LARGEST:
            raise OSError(errno.EFBIG, f"A configuration has at most {LARGEST} characters")
    except (OSError, UnicodeDecodeError) as e:
        raise FileNotReadable(path=path, detail=_reason(e)) from None
    document.files.append(path)
    loader: yaml.SafeLoader | None = None
    try:
        loader = yaml.SafeLoader(text)  # looks at the first characters: may refuse them
        loader.name = str(path)
        node = loader.get_single_node()
        places: dict[At, tuple[Path, int]] = {}
        tree = {} if node is None else _value(loader, node, path, (), places)
    except yaml.MarkedYAMLError as e:
        line = e.problem_mark.line + 1 if e.problem_mark else 1
        detail = (e.problem or "it is not YAML").replace("{", "(").replace("}", ")")
        raise ConfigurationUnreadable(where=f"{path}:{line}", detail=detail) from None
    except (yaml.YAMLError, RecursionError, ValueError) as e:  # ValueError: a date of no calendar
        raise ConfigurationUnreadable(where=path, detail=f"{type(e).__name__}") from None
    finally:
        if loader is not None:
            loader.dispose()
    if not isinstance(tree, dict):
        raise ConfigurationUnreadable(where=f"{path}:1", detail="A map of settings is expected")
    merged: dict[str, Any] = {}
    for name in _includes(tree, path, places):
        place = f"{path}:{places[('include',)][1]}"
        try:
            target = (path.parent / name).resolve()
            is_there = target.is_file()
        except (OSError, ValueError):  # too long for a name, or with a zero in it
            detail = "No file is called so"
            raise IncludeRefused(where=place, name=spelled_short(name), detail=detail) from None
        if target in inside or target == path.resolve() or len(inside) >= INCLUDES_DEEP:
            raise IncludeRefused(where=place, name=name, detail="It includes itself in the end")
        if len(document.files) >= MOST_FILES:
            detail = f"A configuration has no more than {MOST_FILES} files"
            raise IncludeRefused(where=place, name=name, detail=detail)
        if not is_there:
            raise IncludeRefused(where=place, name=name, detail=f"There is no file {target}")
        merged = _merge(merged, _read(document, target, (*inside, path.resolve())))
    document.places |= places
    return _merge(merged, tree)


def spelled_short(name: str) -> str:
    """A name that is no file's, on one line."""
    return repr(name if len(name) <= 60 else name[:60] + "...").replace("{", "(").replace("}", ")")


def _includes(tree: dict[str, Any], path: Path, places: dict[At, tuple[Path, int]]) -> list[str]:
    found = tree.pop("include", [])
    if not isinstance(found, list) or not all(isinstance(i, str) for i in found):
        raise WrongValue(
            where=f"{path}:{places[('include',)][1]}",
            place="include",
            detail="A list of file names is expected",
        )
    return found


def _value(
    loader: yaml.SafeLoader,
    node: yaml.Node,
    file: Path,
    at: At,
    places: dict[At, tuple[Path, int]],
) -> Any:
    """Plain values of a node; only maps, lists and scalars exist."""
    places.setdefault(at, (file, node.start_mark.line + 1))
    if len(places) > MOST_VALUES:
        problem = f"it spells more than {MOST_VALUES:,} values"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
    plain = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
    if isinstance(node, yaml.CollectionNode) and node.tag not in plain:
        raise yaml.MarkedYAMLError(
            problem=f"the tag {node.tag} is not taken", problem_mark=node.start_mark
        )
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = loader.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                key = str(key)
            if key in found:
                raise yaml.MarkedYAMLError(
                    problem=f"`{key}` stands here a second time", problem_mark=key_node.start_mark
                )
            places[(*at, key)] = (file, key_node.start_mark.line + 1)
            found[key] = _value(loader, value_node, file, (*at, key), places)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_value(loader, n, file, (*at, i), places) for i, n in enumerate(node.value)]
    value = loader.construct_object(node, deep=True)
    return value if isinstance(value, (str, int, float, bool, type(None))) else node.value


def _merge(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Maps merge key by key; everything else is replaced by the later."""
    merged = dict(under)
    for key, value in over.items():
        old = merged.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = _merge(old, value) if both else value  # type: ignore[arg-type]
    return merged


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text.replace("{", "(").replace("}", ")")


def expand(document: Document, environment: Mapping[str, str]) -> dict[str, Any]:
    """A copy of the tree with every ${NAME} replaced by the environment's value."""

    def replace(value: Any, at: At) -> Any:
        if isinstance(value, dict):
            return {k: replace(v, (*at, k)) for k, v in value.items()}
        if isinstance(value, list):
            return [replace(v, (*at, i)) for i, v in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        for name in REFERENCE.findall(value):
            if name not in environment:
                raise MissingReference(where=document.where(at), name=name, place=spelled(at))
        return REFERENCE.sub(lambda m: environment[m[1]], value)

    found: dict[str, Any] = replace(document.tree, ())
    return found


def references(tree: Any) -> Iterator[str]:
    """Names of the environment variables a tree refers to."""
    if isinstance(tree, dict):
        for value in tree.values():
            yield from references(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from references(value)
    elif isinstance(tree, str):
        yield from REFERENCE.findall(tree)


def convert(document: Document, value: Any, annotation: Any, at: At = ()) -> Any:
    """`value` (expanded) as `annotation`, or UnknownKey / WrongValue with file and line.

    Structs, maps and lists are walked so that the place of a mistake is known; msgspec checks the
    leaves. A message never quotes what came out of the environment.
    """
    plain = bare(annotation)
    if value is None and _may_be_none(annotation):
        return None
    if isinstance(plain, type) and issubclass(plain, msgspec.Struct):
        return _struct(document, value, plain, at)
    origin, args = get_origin(plain), get_args(plain)
    if origin is dict and isinstance(value, dict):
        found: Any = {
            _leaf(document, k, args[0], (*at, k)): convert(document, v, args[1], (*at, k))
            for k, v in value.items()
        }
        return found
    if origin is list and isinstance(value, list):
        found = [convert(document, v, args[0], (*at, i)) for i, v in enumerate(value)]
        for m in meta(annotation):
            if m.min_length is not None and len(found) < m.min_length:
                raise WrongValue(
                    where=document.where(at),
                    place=spelled(at),
                    detail=f"At least {m.min_length} entries are expected",
                )
        return found
    return _leaf(document, value, annotation, at)


def _may_be_none(annotation: Any) -> bool:
    try:
        msgspec.convert(None, annotation, dec_hook=decode_hook)
    except (msgspec.ValidationError, NotImplementedError):
        return False
    return True


def _leaf(document: Document, value: Any, annotation: Any, at: At) -> Any:
    try:
        # text from the environment may spell a number: texts are read where numbers are wanted
        lax = isinstance(value, str) and bare(annotation) in (int, float, bool)
        return msgspec.convert(value, annotation, strict=not lax, dec_hook=decode_hook)
    except msgspec.ValidationError as e:
        detail = str(e).split(" - at `")[0]
        if bare(annotation) is Secret or _is_reference(document, at):
            detail = "The value the reference stands for does not fit"
        detail = detail.replace("{", "(").replace("}", ")")
        raise WrongValue(where=document.where(at), place=spelled(at), detail=detail) from None


def _is_reference(document: Document, at: At) -> bool:
    value: Any = document.tree
    try:
        for step in at:
            value = value[step]
    except (KeyError, IndexError, TypeError):
        return False
    return isinstance(value, str) and "${" in value


def _struct(document: Document, value: Any, struct: type[msgspec.Struct], at: At) -> Any:
    if not isinstance(value, dict):
        raise WrongValue(
            where=document.where(at), place=spelled(at), detail="A map of settings is expected"
        )
    known = fields(struct)
    for key in value:
        if key in known:
            continue
        near = get_close_matches(key, known, 1, 0.5)
        detail = f"Did you mean `{near[0]}`" if near else f"It knows {', '.join(known)}"
        raise UnknownKey(
            where=document.where((*at, key)), key=key, place=spelled(at), detail=detail
        )
    given = {}
    for field in msgspec.structs.fields(struct):
        name = field.encode_name
        if name in value:
            given[field.name] = convert(document, value[name], known[name], (*at, name))
        elif field.required:
            raise WrongValue(
                where=document.where(at), place=spelled(at), detail=f"`{name}` is missing"
            )
    try:
        return struct(**given)
    except (ValueError, TypeError) as e:  # a struct's own __post_init__ refuses
        detail = str(e).replace("{", "(").replace("}", ")")
        raise WrongValue(where=document.where(at), place=spelled(at), detail=detail) from None


def environment() -> Mapping[str, str]:
    """The environment references are taken from."""
    return os.environ
