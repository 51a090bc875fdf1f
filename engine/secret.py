"""Secrets: values that cannot be printed, formatted or pickled by accident."""

from __future__ import annotations

from typing import Any, NoReturn


class Secret:
    """A secret text; `reveal()` is the only way to it, and is called where it is used."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself: for signing and for the redaction filter, for nothing else."""
        return self._text

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "<secret>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        import hmac

        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self


def decode_hook(kind: type, value: Any) -> Any:
    """msgspec's dec_hook: texts become secrets where a field says so."""
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError(f"no way to read a {kind.__name__}")


def reveal_hook(value: Any) -> Any:
    """msgspec's enc_hook for the one place where secrets travel: the socketpair to a lane."""
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(f"no way to write a {type(value).__name__}")


def hide_hook(value: Any) -> Any:
    """msgspec's enc_hook for everything a person or a file may see."""
    if isinstance(value, Secret):
        return "<secret>"
    raise NotImplementedError(f"no way to write a {type(value).__name__}")
