"""Whose market data a file is: by venue, by listing, for the rest; what is unclear is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.capture_map import CapturesUnclear, assigned

LISTINGS = ("one.BTCUSDT", "two.BTCUSDT", "two.ETHUSDT")


def names(*arguments: str) -> list[list[str]]:
    found = assigned(arguments, LISTINGS)
    assert list(found) == list(LISTINGS)
    return [[str(p) for p in paths] for paths in found.values()]


def test_files_are_given_by_venue_by_listing_and_for_the_rest() -> None:
    assert names("a") == [["a"], ["a"], ["a"]]
    assert names("a", "b") == [["a", "b"]] * 3
    assert names("one=a", "two=b", "two=c") == [["a"], ["b", "c"], ["b", "c"]]
    assert names("a", "two=b") == [["a"], ["b"], ["b"]]
    assert names("one=a", "two.BTCUSDT=b", "two.ETHUSDT=c") == [["a"], ["b"], ["c"]]
    assert names("./x/y=z.gz") == [["x/y=z.gz"]] * 3


def test_a_file_whose_name_has_an_equals_sign_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one=a").write_text("")
    monkeypatch.chdir(tmp_path)
    assert names("one=a") == [["one=a"]] * 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("one=a",),  # nothing for two
        ("one=a", "two=b", "three=c"),  # no such venue
        ("a", "two.DOGEUSDT=b"),  # no such listing
        ("one=a", "two=b", "two.BTCUSDT=c"),  # said twice
        ("one=a", "two=b", "c"),  # the last is for nobody
    ],
)
def test_what_is_unclear_is_refused(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CapturesUnclear, match="TCL-7016"):
        assigned(arguments, LISTINGS)
