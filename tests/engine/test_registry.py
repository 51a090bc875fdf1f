"""A number, once given out, means one thing for ever."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine import registry
from engine.registry import FILE, Registry, RegistryDamaged, RegistryFull


def test_numbers_stay_across_runs(tmp_path: Path) -> None:
    first = Registry(tmp_path)
    numbers = [first.number("source", n) for n in ("a", "b", "a")]
    asset = first.number("asset", "BTC")
    instance = first.instance
    first.close()
    assert (numbers, asset) == ([2, 3, 2], 1)  # 1 is the root's
    again = Registry(tmp_path)
    assert again.number("source", "b") == 3 and again.number("source", "c") == 4
    assert again.instance == instance and 0 < instance < 2**40
    again.close()
    assert registry.read(tmp_path) == (
        instance,
        {"source": {"root": 1, "a": 2, "b": 3, "c": 4}, "asset": {"BTC": 1}},
    )
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_every_truncation_loses_only_what_was_never_used(tmp_path: Path) -> None:
    whole = Registry(tmp_path)
    for n in ("a", "b"):
        whole.number("source", n)
    whole.close()
    content = (tmp_path / FILE).read_bytes()
    for cut in range(1, len(content)):
        folder = tmp_path / str(cut)
        folder.mkdir()
        (folder / FILE).write_bytes(content[:cut])
        again = Registry(folder)
        kept = content[:cut].count(b"\n")
        expected = {"root": 1, "a": 2, "b": 3}
        assert again.names("source") == dict(list(expected.items())[: max(1, kept)])
        assert again.number("source", "b") == (3 if kept == 3 else max(1, kept) + 1)
        again.close()
        assert (folder / FILE).read_bytes().endswith(b"\n")


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b.replace(b'"number":2', b'"number":7'),
        lambda b: b.replace(b'"a"', b'"root"'),
        lambda b: b"rubbish\n" + b,
        lambda b: b + b'{"kind":"source","name":"x","number":3,"instance":9}\n',
        lambda b: b[b.index(b"\n") + 1 :],
        lambda b: b.replace(b'"kind"', b'\x00kind"'),
    ],
)
def test_damage_is_refused_by_line(tmp_path: Path, damage: object) -> None:
    whole = Registry(tmp_path)
    whole.number("source", "a")
    whole.close()
    path = tmp_path / FILE
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(RegistryDamaged):
        Registry(tmp_path)


def test_instances_differ(tmp_path: Path) -> None:
    found = set()
    for n in range(20):
        folder = tmp_path / str(n)
        folder.mkdir()
        r = Registry(folder)
        found.add(r.instance)
        r.close()
    assert len(found) == 20


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("")
    os.symlink(tmp_path / "elsewhere", tmp_path / FILE)
    with pytest.raises(OSError):
        Registry(tmp_path)


def test_no_number_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.LARGEST, "source", 2)
    r = Registry(tmp_path)
    r.number("source", "a")
    with pytest.raises(RegistryFull):
        r.number("source", "b")
    r.close()
