"""What every feed folder must keep, by its name alone: found by discovery, nothing to register.

A new folder under feeds/ is held to this as soon as it declares itself (docs/adding-a-feed.md).
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from engine import wiring
from engine.plugin import Plugin
from hotpath.feed import Feed
from hotpath.lane import Actor
from tests.conformance.frames import messages, mutations, texts

FEEDS = {k.removeprefix("feeds/"): p for k, p in wiring.declarations() if k.startswith("feeds/")}
MUTATIONS = 3000


@pytest.fixture(params=sorted(FEEDS))
def feed(request: pytest.FixtureRequest) -> tuple[str, Plugin]:
    name = str(request.param)
    return name, FEEDS[name]


def test_it_declares_what_it_has(feed: tuple[str, Plugin]) -> None:
    """Its actor is a feed, its settings are a struct whose fields have sentences and units."""
    name, plugin = feed
    assert plugin.sentence.endswith(".") and plugin.actor
    assert issubclass(wiring.actor_class(f"feeds/{name}", Path()), Feed)
    if plugin.rest is not None:
        assert issubclass(wiring.actor_class(f"feeds/{name}/rest", Path()), Actor)
    if plugin.settings is not None:
        struct = wiring.load_member(plugin.settings)
        assert issubclass(struct, msgspec.Struct)
        struct()  # every setting has a default: an empty block in the configuration is enough


def test_its_codec_never_raises(feed: tuple[str, Plugin], shared: Path) -> None:
    """A frame that cannot be read is an answer too; an exception would end the lane."""
    name, plugin = feed
    if plugin.decode is None:
        pytest.skip(f"feeds/{name} has no decode")
    decode = wiring.load_member(plugin.decode)
    frames = messages(shared, name)
    assert frames, f"there are no messages of {name} to decode"
    for frame in [*frames, "", "{}", "[]", "null", "0", *mutations(frames, MUTATIONS, 5)]:
        found = decode(frame)
        assert isinstance(found, list) and all("type" in row for row in found), frame


def test_what_it_decodes_is_the_same_each_time_and_exact(
    feed: tuple[str, Plugin], shared: Path
) -> None:
    """No float: a price that went through one would print differently or not at all."""
    name, plugin = feed
    if plugin.decode is None:
        pytest.skip(f"feeds/{name} has no decode")
    decode = wiring.load_member(plugin.decode)
    for frame in messages(shared, name):
        found = decode(frame)
        assert texts(found) == texts(decode(frame))
        assert not floats(found), f"a float in {found}"


def floats(value: object) -> list[float]:
    if isinstance(value, float):
        return [value]
    if isinstance(value, dict):
        return [f for v in value.values() for f in floats(v)]
    if isinstance(value, (list, tuple)):
        return [f for v in value for f in floats(v)]
    return []
