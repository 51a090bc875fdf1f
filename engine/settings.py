"""Settings, declared once: a frozen struct whose fields carry type, unit, bounds and sentence.

    class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        margin_ppm: Annotated[int, setting("ppm of the price", 50, "Gain demanded.", ge=0)] = 50

Validation, `config show`, the JSON schema, the settings page, the guide and the tool schema are all
made from the declaration; `describe` is how they read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from engine.secret import Secret

DECIMAL = r"^(0|[1-9][0-9]{0,19})(\.[0-9]{1,18})?$"
"""A plain decimal number as text: money, prices and quantities are never floats."""


def setting(unit: str, sentence: str, recommended: object = None, **bounds: Any) -> msgspec.Meta:
    """Meta of one field; `bounds` are msgspec's (ge, le, gt, lt, pattern, min_length, ...).

    `unit` is spelled out ("ms", "bps of the price", "" for none); `recommended` is what the guide
    advises where that differs from the default, None where the default is the advice.
    """
    return msgspec.Meta(
        description=sentence,
        extra={"unit": unit, "recommended": recommended},
        extra_json_schema={"unit": unit} if unit else None,
        **bounds,
    )


class Described(msgspec.Struct, frozen=True):
    """One setting as people and pages see it."""

    name: str
    type: str
    unit: str
    sentence: str
    required: bool
    default: Any = None
    recommended: Any = None
    bounds: dict[str, Any] = {}


BOUNDS = ("gt", "ge", "lt", "le", "multiple_of", "pattern", "min_length", "max_length")


def fields(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """Field name (as spelled in a document) to its full annotation."""
    hints = get_type_hints(struct, include_extras=True)
    return {f.encode_name: hints[f.name] for f in msgspec.structs.fields(struct)}


def meta(annotation: Any) -> list[msgspec.Meta]:
    """Every Meta of an annotation, outermost last."""
    if get_origin(annotation) is Annotated:
        inner, *extras = get_args(annotation)
        return meta(inner) + [m for m in extras if isinstance(m, msgspec.Meta)]
    if get_origin(annotation) in (Union, UnionType):
        return [m for a in get_args(annotation) for m in meta(a)]
    return []


def bare(annotation: Any) -> Any:
    """The annotation without Annotated and without `| None`."""
    if get_origin(annotation) is Annotated:
        return bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        rest = [a for a in get_args(annotation) if a is not NoneType]
        if len(rest) == 1:
            return bare(rest[0])
    return annotation


def type_name(annotation: Any) -> str:
    """A type as people say it."""
    plain = bare(annotation)
    origin, args = get_origin(plain), get_args(plain)
    if plain is Secret:
        return "secret"
    if origin is list:
        return f"list of {type_name(args[0])}"
    if origin is dict:
        return f"map of name to {type_name(args[1])}"
    if origin is not None and all(isinstance(a, str) for a in args):
        return " | ".join(args)
    if origin in (Union, UnionType):
        return " | ".join(type_name(a) for a in args)
    names = {str: "text", int: "integer", float: "number", bool: "true | false"}
    return names.get(plain, getattr(plain, "__name__", str(plain)).lower())


def describe(struct: type[msgspec.Struct]) -> list[Described]:
    """Every field of a settings struct, in order. Fields without a sentence raise TypeError."""
    found = []
    for field, annotation in zip(
        msgspec.structs.fields(struct), fields(struct).values(), strict=True
    ):
        metas = meta(annotation)
        sentence = next((m.description for m in metas if m.description), None)
        if sentence is None:
            raise TypeError(f"{struct.__name__}.{field.name} has no sentence")
        extra: dict[str, Any] = {}
        bounds: dict[str, Any] = {}
        for m in metas:
            extra |= m.extra or {}
            bounds |= {b: getattr(m, b) for b in BOUNDS if getattr(m, b) is not None}
        default = field.default
        if default is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        required = default is msgspec.NODEFAULT
        recommended = extra.get("recommended")
        found.append(
            Described(
                name=field.encode_name,
                type=type_name(annotation),
                unit=extra.get("unit", ""),
                sentence=sentence,
                required=required,
                default=None if required else default,
                recommended=default if recommended is None and not required else recommended,
                bounds=bounds,
            )
        )
    return found


def structs_of(annotation: Any) -> Iterator[type[msgspec.Struct]]:
    """Every struct type an annotation can hold, directly."""
    plain = bare(annotation)
    if isinstance(plain, type) and issubclass(plain, msgspec.Struct):
        yield plain
    for a in get_args(plain):
        yield from structs_of(a)


def is_decimal(text: str) -> bool:
    """Is this text a plain, unsigned decimal number?"""
    return re.match(DECIMAL, text) is not None
