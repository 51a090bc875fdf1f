"""Numbers as text."""

from __future__ import annotations

from decimal import Decimal


def whole(text: str | None) -> int | None:
    """A number of at most 18 digits; None for all else, digits of other scripts too."""
    is_one = text is not None and text.isascii() and text.isdigit() and len(text) <= 18
    return int(text) if is_one and text is not None else None


def plain(value: Decimal) -> str:
    """A decimal without an exponent and without zeros that say nothing."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text
