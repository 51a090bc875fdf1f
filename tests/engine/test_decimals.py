"""Numbers as others write them."""

from __future__ import annotations

import pytest

from engine.decimals import whole


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0), ("007", 7), ("9" * 18, 10**18 - 1), ("9" * 19, None), ("9" * 400, None),
        ("", None), (None, None), ("-1", None), ("+1", None), ("1.0", None), (" 1", None),
        ("²", None), ("١٢", None), ("1_0", None), ("inf", None), ("nan", None),
    ],
)  # fmt: skip
def test_a_whole_number_is_digits_and_nothing_else(text: str | None, number: int | None) -> None:
    assert whole(text) == number
