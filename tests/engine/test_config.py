"""Configurations are refused with code, file and line, or are exactly what was written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from engine import application, checks, config, document, settings
from engine.errors import TiercelError
from engine.secret import Secret

ROOT = Path(__file__).resolve().parent.parent.parent

STRATEGY = """
from typing import Annotated
import msgspec
from engine.settings import setting
from hotpath.lane import Actor

class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    width_ppm: Annotated[int, setting("ppm", "How wide.", ge=1)] = 5

class Mine(Actor):
    pass
"""


def small() -> dict[str, Any]:
    """A configuration with two venues and one strategy, all of kinds in files beside it."""
    listing = {"base": "BTC", "quote": "USDT", "tick": "0.01", "lot": "0.001"}
    limits = {
        "max_order_quantity": "1",
        "max_order_notional": "1000",
        "max_long": "1",
        "max_short": "1",
    }
    lease = {"strategy": "mine", "gross_notional": "50", "open_notional": "5", "open_orders": 1}
    return {
        "application": "small",
        "instruments": {"alpha.X": dict(listing), "beta.X": dict(listing)},
        "venues": {"alpha": {"kind": "venues/binance"}, "beta": {"kind": "venues/binance"}},
        "lanes": [
            {
                "name": "trade",
                "runtime": "uvloop",
                "actors": [
                    {
                        "name": "mine",
                        "kind": "./mine.py",
                        "instruments": ["alpha.X", "beta.X"],
                        "settings": {"width_ppm": 7},
                    }
                ],
            }
        ],
        "risk": {
            "total": {"max_gross_notional": "100", "max_open_notional": "10"},
            "venues": {"alpha": {}, "beta": {}},
            "instruments": {"alpha.X": dict(limits), "beta.X": dict(limits)},
            "leases": [{**lease, "venue": "alpha"}, {**lease, "venue": "beta"}],
        },
    }


def write(folder: Path, tree: dict[str, Any], name: str = "app.yaml") -> Path:
    (folder / "mine.py").write_text(STRATEGY)
    path = folder / name
    path.write_text(yaml.safe_dump(tree, sort_keys=False))
    return path


def refused(folder: Path, tree: dict[str, Any]) -> TiercelError:
    with pytest.raises(TiercelError) as caught:
        config.read(write(folder, tree), {})
    return caught.value


def put(tree: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Set `a/0/b` in a tree."""
    at: Any = tree
    *steps, last = path.split("/")
    for step in steps:
        at = at[int(step)] if step.isdigit() else at[step]
    at[last] = value
    return tree


def test_a_right_one_is_read_as_written(tmp_path: Path) -> None:
    found = config.read(write(tmp_path, small()), {})
    lane = found.application.lanes[0]
    assert (lane.name, lane.runtime, lane.actors[0].settings) == (
        "trade",
        "uvloop",
        {"width_ppm": 7},
    )
    assert found.state == Path("var/small")


@pytest.mark.parametrize(
    ("text", "has"),
    [
        (STRATEGY.partition("class Mine")[0], "none"),
        ("", "none"),
        (STRATEGY + "class Other(Actor):\n    pass\n", "Mine, Other"),
        ("from hotpath.strategy import Strategy\n", "none"),
    ],
)
def test_a_strategy_file_without_its_class_is_refused(tmp_path: Path, text: str, has: str) -> None:
    path = write(tmp_path, put(small(), "lanes/0/actors/0/settings", {}))
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(TiercelError) as caught:
        config.read(path, {})
    said = caught.value.sentences()
    assert said["code"] == "TCL-1031" and "./mine.py" in said["what"], said
    assert "subclass of Strategy" in said["why"] and said["why"].endswith(f"it has {has}"), said


@pytest.mark.parametrize(
    ("path", "value", "code", "says"),
    [
        ("lanez", [], "TCL-1011", "Did you mean `lanes`"),
        ("lanes/0/polll", "spin", "TCL-1011", "Did you mean `poll`"),
        ("lanes/0/actors/0/settings/width_pmm", 3, "TCL-1011", "Did you mean `width_ppm`"),
        ("lanes/0/actors/0/settings/width_ppm", 0, "TCL-1012", ">= 1"),
        ("lanes/0/core", -1, "TCL-1012", ">= 0"),
        ("lanes/0/runtime", "asyncio", "TCL-1012", "asyncio"),
        ("instruments/alpha.X/tick", 0.01, "TCL-1012", "Expected `str`, got `float`"),
        ("instruments/alpha.X/tick", "-1", "TCL-1012", "regex"),
        ("risk/leases/0/gross_notional", "50.01", "TCL-1016", "100.01"),
        ("risk/leases/1/open_notional", "5.01", "TCL-1016", "10.01"),
        ("risk/leases/1/open_orders", 200, "TCL-1016", "201"),
        ("risk/leases/0/strategy", "yours", "TCL-1022", "mine"),
        ("instruments/beta.X/quote", "EUR", "TCL-1029", "USDT and EUR"),
        ("mode", "live", "TCL-1021", "arming"),
        ("venues/alpha/mode", "live", "TCL-1021", "arming"),
        ("venues/alpha/mode", "testnet", "TCL-1026", "no venue may go beyond"),
        ("venues/alpha/mode", "replay", "TCL-1026", "whole application"),
        ("mode", "replay", "TCL-1026", "whole application"),
        ("supervision", {"max_restarts": 4}, "TCL-1018", "at most 3 times in 300 s"),
        ("supervision", {"max_seconds": 100}, "TCL-1018", "at most 3 times in 300 s"),
        ("lanes/0/supervision", {"max_restarts": 34}, "TCL-1018", "3 x 34"),
        ("lanes/0/supervision", {"backoff": {"cap_ms": 100}}, "TCL-1018", "drills only"),
        ("lanes/0/outbox_kib", 1000, "TCL-1027", "1024"),
        ("lanes/0/actors/0/follows", ["root", "mime"], "TCL-1022", "Did you mean mine"),
        ("lanes/0/actors/0/instruments", ["alpha.Y"], "TCL-1022", "alpha.X"),
        ("lanes/0/actors/0/name", "root", "TCL-1023", "root"),
        ("lanes/0/actors/0/kind", "./yours.py", "TCL-1030", "There is no file"),
        ("lanes/0/actors/0/kind", "actors/strategies/nowhere", "TCL-1030", "nowhere"),
        ("lanes/0/actors/0/kind", "feeds/binance", "TCL-1025", "needs `venue`"),
        ("lanes/0/actors", [], "TCL-1012", "At least 1"),
    ],
)
def test_refusals_say_what_and_where(
    tmp_path: Path, path: str, value: Any, code: str, says: str
) -> None:
    error = refused(tmp_path, put(small(), path, value))
    assert error.code == code, str(error)
    assert says in str(error)
    assert str(tmp_path / "app.yaml") + ":" in str(error)


def test_quote_assets_called_the_same_are_added_up(tmp_path: Path) -> None:
    tree = put(small(), "instruments/beta.X/quote", "USDC")
    put(tree, "risk/same_quotes", ["USDT"])
    assert refused(tmp_path, tree).code == "TCL-1029"
    put(tree, "risk/same_quotes", ["USDC", "USDT"])
    config.read(write(tmp_path, tree), {})


def test_the_line_is_that_of_the_mistake(tmp_path: Path) -> None:
    path = write(tmp_path, put(small(), "lanes/0/pool", "spin"))
    line = path.read_text().splitlines().index("  pool: spin") + 1
    with pytest.raises(document.UnknownKey) as caught:
        config.read(path, {})
    assert f"{path}:{line}: there is no setting `pool` in lanes[0]" in str(caught.value)


def test_drill_is_for_simulation_and_widens_limits(tmp_path: Path) -> None:
    wide = put(small(), "supervision", {"max_restarts": 300, "backoff": {"cap_ms": 100}})
    put(wide, "lanes/0/supervision", {"max_restarts": 30, "backoff": {"cap_ms": 100}})
    assert refused(tmp_path, wide).code == "TCL-1018"
    assert config.read(write(tmp_path, put(wide, "drill", True)), {}).application.drill
    assert refused(tmp_path, put(wide, "lanes/0/supervision/max_restarts", 31)).code == "TCL-1018"
    real = put(put(small(), "drill", True), "mode", "testnet")
    assert refused(tmp_path, real).code == "TCL-1017"


def test_legs_in_different_modes_need_the_flag(tmp_path: Path) -> None:
    tree = put(small(), "mode", "testnet")
    ends = {"streams": "wss://x", "orders": "wss://x", "rest": "https://x"}
    key = {"label": "test", "api_key": "${A}", "secret": "${B}"}
    put(tree, "venues/alpha", {"kind": "x", "mode": "testnet", "endpoints": ends, "key": key})
    with pytest.raises(checks.MixedModes):
        config.read(write(tmp_path, tree), {"A": "a", "B": "b"})
    put(tree, "allow_mixed_legs", True)
    assert config.read(write(tmp_path, tree), {"A": "a", "B": "b"}).application.allow_mixed_legs


@pytest.mark.parametrize("place", ["streams", "orders", "rest"])
def test_beyond_simulation_no_other_host_is_reached_in_plain_text(
    tmp_path: Path, place: str
) -> None:
    tree = put(put(small(), "mode", "testnet"), "allow_mixed_legs", True)
    ends = {"streams": "wss://x", "orders": "wss://x", "rest": "https://x"}
    key = {"label": "test", "api_key": "${A}", "secret": "${B}"}
    put(tree, "venues/alpha", {"kind": "x", "mode": "testnet", "endpoints": ends, "key": key})
    ends[place] = ends[place].replace("s://", "://")
    with pytest.raises(checks.EndpointNotSecure, match="TCL-1028"):
        config.read(write(tmp_path, tree), {"A": "a", "B": "b"})
    ends[place] = ends[place].replace("://x", "://localhost:9")
    config.read(write(tmp_path, tree), {"A": "a", "B": "b"})


def test_venues_of_a_group_stand_in_one_lane(tmp_path: Path) -> None:
    tree = small()
    lanes = tree["lanes"]
    venue = {"kind": "venues/binance", "instruments": []}
    journal = {"name": "journal", "kind": "engine/journal"}
    lanes.insert(0, {"name": "journal", "runtime": "trio", "actors": [journal]})
    far = {"name": "far", "venue": "beta", **venue}
    lanes.append({"name": "away", "runtime": "uvloop", "actors": [far]})
    error = refused(tmp_path, tree)
    assert error.code == "TCL-1019" and "into lane trade" in str(error)
    lanes.insert(0, lanes.pop())
    assert refused(tmp_path, tree).code == "TCL-1025"  # a venue before the journal


def test_references_never_show(tmp_path: Path) -> None:
    tree = small()
    put(tree, "venues/alpha/key", {"label": "a", "api_key": "${KEY}", "secret": "pasted-in"})
    put(tree, "lanes/0/core", "${CORE}")
    path = write(tmp_path, tree)
    found = config.read(path, {"KEY": "canary-1", "CORE": "3"})
    key = found.application.venues["alpha"].key
    assert key is not None and key.api_key.reveal() == "canary-1"
    assert found.application.lanes[0].core == 3
    told = yaml.safe_dump(config.shown(found)) + repr(found.application) + str(found.hash)
    assert "canary-1" not in told and "pasted-in" not in told and "${KEY}" in told
    assert found.hash == config.read(path, {"KEY": "other", "CORE": "3"}).hash
    with pytest.raises(document.MissingReference) as caught:
        config.read(path, {"CORE": "3"})
    assert "KEY" in str(caught.value)
    with pytest.raises(document.WrongValue) as wrong:
        config.read(path, {"KEY": "k", "CORE": "canary-2"})
    assert "canary-2" not in str(wrong.value)


def test_includes_lie_under_the_file_that_names_them(tmp_path: Path) -> None:
    write(tmp_path, small(), "under.yaml")
    over = tmp_path / "over.yaml"
    over.write_text("include: [under.yaml]\nseed: 9\nvenues: {alpha: {taker_fee_ppm: 3}}\n")
    app = config.read(over, {}).application
    assert (app.seed, app.venues["alpha"].taker_fee_ppm, sorted(app.venues)) == (
        9,
        3,
        ["alpha", "beta"],
    )
    (tmp_path / "under.yaml").write_text("include: [over.yaml]\n")
    with pytest.raises(document.IncludeRefused):
        config.read(over, {})
    over.write_text("include: [gone.yaml]\n")
    with pytest.raises(document.IncludeRefused) as caught:
        config.read(over, {})
    assert f"{over}:1" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["a: [", "- 1\n- 2\n", "a: 1\na: 2\n", "a: !!python/object/apply:os.system [x]\n", "\t"]
)
def test_what_is_not_a_configuration_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(document.ConfigurationUnreadable) as caught:
        config.read(path, {})
    assert f"{path}:" in str(caught.value)


def test_a_few_lines_that_spell_millions_of_values_are_refused_at_once(tmp_path: Path) -> None:
    """Aliases of aliases multiply: the check would run for hours and take all memory."""
    path = tmp_path / "app.yaml"
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 9)]
    path.write_text("l0: &l0 [x, x, x, x, x, x, x, x, x]\n" + "".join(levels))
    with pytest.raises(document.ConfigurationUnreadable, match=r"app.yaml:\d+.*100,000 values"):
        document.load(path)


def test_includes_that_multiply_are_refused(tmp_path: Path) -> None:
    for n in range(5):
        (tmp_path / f"{n}.yaml").write_text(f"include: [{', '.join([f'{n + 1}.yaml'] * 9)}]\n")
    (tmp_path / "5.yaml").write_text("seed: 1\n")
    with pytest.raises(document.IncludeRefused, match="no more than 256 files"):
        document.load(tmp_path / "0.yaml")


@pytest.mark.parametrize("name", ['"a\\0b"', "x" * 5000])
def test_a_name_that_no_file_can_have_is_refused_as_an_include(tmp_path: Path, name: str) -> None:
    path = tmp_path / "app.yaml"
    path.write_text(f"include: [{name}]\n")
    with pytest.raises(document.IncludeRefused, match=r"app.yaml:1.*No file is called so"):
        document.load(path)


def test_secrets_do_not_leak_from_their_type() -> None:
    import copy
    import pickle

    s = Secret("canary-3")
    assert "canary" not in f"{s} {s!r} {s!s} {[s]} {s:>20}"
    with pytest.raises(TypeError):
        pickle.dumps(s)
    assert copy.deepcopy(s) == s and s != Secret("other")


def test_every_setting_has_a_sentence_and_what_has_a_dimension_a_unit() -> None:
    structs = [application.Application]
    for struct in structs:
        structs += [
            s
            for a in settings.fields(struct).values()
            for s in settings.structs_of(a)
            if s not in structs
        ]
        for one in settings.describe(struct):
            assert one.sentence.endswith("."), (struct, one.name)
            suffix = one.name.rsplit("_", 1)[-1]
            units = {"ms": "ms", "s": "s", "ppm": "ppm", "bps": "bps", "kib": "KiB", "mb": "MB"}
            if suffix in units:
                assert units[suffix].split()[0] in one.unit, (struct, one.name)
    assert len(structs) >= 15


def test_the_schema_names_every_setting() -> None:
    schema = config.schema()
    assert schema["$defs"]["Lease"]["properties"]["open_orders"]["minimum"] == 1
    assert "include" in schema["$defs"]["Application"]["properties"]
    json.dumps(schema)


def test_the_schema_tells_the_unit_of_every_number() -> None:
    """But of what has none: a factor, a seed."""
    without = {
        (struct, name)
        for struct, found in config.schema()["$defs"].items()
        for name, field in found["properties"].items()
        if '"integer"' in json.dumps(field) and not field.get("unit")
    }
    assert without == {("Application", "seed"), ("Backoff", "factor")}
    amount = config.schema()["$defs"]["TotalLimits"]["properties"]["max_gross_notional"]
    assert amount["unit"] and amount["description"]


def test_what_the_settings_declare_is_what_is_described() -> None:
    one = {d.name: d for d in settings.describe(application.VenueLimits)}["request_window_ms"]
    assert (one.unit, one.default, one.bounds, one.type) == ("ms", 5000, {"ge": 1}, "integer")
    assert msgspec.to_builtins(one)["required"] is False


def test_the_command_answers_in_json(tmp_path: Path) -> None:
    path = write(tmp_path, small())

    def call(*args: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "engine.main", "config", *args, "--json"]
        return subprocess.run(argv, capture_output=True, text=True, timeout=30, cwd=ROOT)

    assert json.loads(call("check", str(path)).stdout)["ok"] is True
    assert json.loads(call("show", str(path)).stdout)["lanes"][0]["poll"] == "auto"
    path.write_text("application: small\n")
    wrong = call("check", str(path))
    assert wrong.returncode == 2
    assert json.loads(wrong.stdout)["error"]["code"] == "TCL-1012"
