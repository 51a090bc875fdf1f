"""What every venue folder must keep, by its name alone: found by discovery, nothing to register.

A new folder under venues/ is held to this as soon as it declares itself (docs/adding-a-venue.md).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine import wiring
from engine.commands.codec import answer_lines
from engine.plugin import Plugin
from hotpath.lane import Actor
from hotpath.venue import Venue
from tests.conformance.frames import messages, mutations, texts

VENUES = {k.removeprefix("venues/"): p for k, p in wiring.declarations() if k.startswith("venues/")}
MUTATIONS = 3000
SECRETS = ("secret", "secret_der_base64", "password")


@pytest.fixture(params=sorted(n for n, p in VENUES.items() if p.actor))
def venue(request: pytest.FixtureRequest) -> tuple[str, Plugin]:
    name = str(request.param)
    return name, VENUES[name]


def requests(shared: Path, name: str) -> list[dict[str, Any]]:
    found = []
    for path in sorted((shared / "vectors" / "cex" / name).glob("*requests.json")):
        found += json.loads(path.read_text())
    return found


def test_it_declares_what_it_has(venue: tuple[str, Plugin]) -> None:
    """An actor with the gate in it, a dialect for the simulated exchange, default settings."""
    name, plugin = venue
    assert plugin.sentence.endswith(".")
    cls = wiring.actor_class(f"venues/{name}", Path())
    assert issubclass(cls, Venue), "only a Venue has the gate between an intent and the wire"
    for inherited in ("reserve", "execute", "release", "deny", "report"):
        assert inherited not in vars(cls), f"venues/{name} must not replace {inherited}"
    assert plugin.dialect is not None, "the simulated exchange is its judge"
    wiring.load_member(plugin.dialect)
    if plugin.rest is not None:
        assert issubclass(wiring.actor_class(f"venues/{name}/rest", Path()), Actor)
    for settings in (plugin.settings, plugin.rest_settings):
        if settings is not None:
            struct = wiring.load_member(settings)
            assert issubclass(struct, msgspec.Struct)
            struct()


def test_its_codec_never_raises(venue: tuple[str, Plugin], shared: Path) -> None:
    """What cannot be read is a typed answer, never an exception and never an invented report."""
    name, _ = venue
    decode = wiring.load_venue(name).decode
    frames = messages(shared, name)
    assert frames, f"there are no messages of {name} to decode"
    for frame in [*frames, "", "{}", "[]", "null", "0", *mutations(frames, MUTATIONS, 6)]:
        found = decode(frame)
        assert isinstance(found, list) and all("type" in row for row in found), frame


def test_a_request_holds_no_secret(venue: tuple[str, Plugin], shared: Path) -> None:
    """Neither a request nor the error of a broken one says a secret or a part of it."""
    name, _ = venue
    keys = json.loads((shared / "vectors" / "cex" / "credentials.json").read_text())
    rows = [r for r in requests(shared, name) if r.get("credentials") in keys]
    assert rows, f"there are no requests of {name}"
    for row in rows:
        credentials = keys[row["credentials"]]
        base = {"venue": name, "op": "request", "credentials": credentials}
        good = {"id": 1, "intent": row["intent"], "time_ms": row["time_ms"], **base}
        bad = {"id": 2, "intent": {"call": "no such call"}, "time_ms": "x", **base}
        lines = [json.dumps(one).encode() for one in (good, bad)]
        said = texts([json.loads(line) for line in answer_lines(lines)])
        for field in SECRETS:
            secret = credentials.get(field)
            assert not secret or secret[:16] not in said, f"{field} of {row['id']}"


def test_the_same_intent_gives_the_same_request(venue: tuple[str, Plugin], shared: Path) -> None:
    """The time is given, so nothing else may differ: a replay must send the same bytes."""
    name, _ = venue
    keys = json.loads((shared / "vectors" / "cex" / "credentials.json").read_text())
    for row in requests(shared, name):
        if row.get("credentials") not in keys:
            continue
        line = json.dumps({
            "id": 1, "venue": name, "op": "request", "intent": row["intent"],
            "credentials": keys[row["credentials"]], "time_ms": row["time_ms"],
        }).encode()  # fmt: skip
        once, again = list(answer_lines([line])), list(answer_lines([line]))
        assert once == again, row["id"]
