"""`tiercel decode`: a batch in order, wrong lines answered and not fatal."""

from __future__ import annotations

import base64

import orjson
from click.testing import CliRunner

from engine.commands.decode import command


def run(lines: list[bytes]) -> list[dict[str, object]]:
    result = CliRunner().invoke(command, ["--batch", "-"], input=b"\n".join(lines))
    assert result.exit_code == 0, result.output
    return [orjson.loads(line) for line in result.stdout_bytes.splitlines()]


def line(id_: object, layout: object, data: bytes) -> bytes:
    text = base64.b64encode(data).decode()
    return orjson.dumps({"id": id_, "layout": layout, "data_base64": text})


def test_answers_come_in_order_and_wrong_lines_stop_nothing() -> None:
    mint = bytes(36) + (5).to_bytes(8, "little") + b"\6\1" + bytes(36)
    answers = run(
        [
            line("a", "Mint", mint),
            b"{",
            b"",
            b"[1]",
            line(2, "no such layout", mint),
            line(None, 7, mint),
            b'{"id": 3, "layout": "Mint", "data_base64": "@@"}',
            b'{"id": {"x": 1}, "layout": "Mint"}',
            line("b", "Mint", mint[:-1]),
            line("c", "Mint", mint),
        ]
    )
    assert [a["id"] for a in answers] == ["a", None, None, 2, None, 3, {"x": 1}, "b", "c"]
    told = answers[0]["result"]
    assert isinstance(told, dict) and told["supply"] == "5" and told["decimals"] == "6"
    assert answers[-1]["result"] == told
    codes = [a["error"]["code"] for a in answers[1:-1]]  # type: ignore[index]
    assert codes == ["bad_line"] * 2 + ["bad_field"] * 5


def test_layouts_are_listed() -> None:
    result = CliRunner().invoke(command, ["--layouts", "--json"])
    assert "pump_amm.Pool" in orjson.loads(result.output)["layouts"]
