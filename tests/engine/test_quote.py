"""`tiercel quote`: the batch and the single quote, their codes and their order."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from engine.commands import quote
from engine.main import main

Json = dict[str, Any]
PAIR = b'"kind": "uniswap_v2", "state": {"reserveIn": "1000", "reserveOut": "1000"}, "swap": '


def lines_of(shared: Path) -> tuple[list[bytes], list[Json | None]]:
    """The V3 vectors as a batch, and what each has to answer (None: an error)."""
    vectors = json.loads((shared / "vectors/evm/uniswap_v3.json").read_bytes())
    asked, expected = [], []
    for state in vectors["states"]:
        for swap in state["swaps"]:
            request = {
                "id": len(asked),
                "kind": "uniswap_v3",
                "state": {k: v for k, v in state.items() if k != "swaps"},
                "swap": {
                    k: swap[k] for k in ("zeroForOne", "amountSpecified", "sqrtPriceLimitX96")
                },
            }
            asked.append(json.dumps(request).encode() + b"\n")
            members = ("amount0", "amount1", "ticksCrossed", "after")
            expected.append(None if "revert" in swap else {k: swap[k] for k in members})
    return asked, expected


def test_the_vectors_as_a_batch(shared: Path) -> None:
    asked, expected = lines_of(shared)
    answers = [json.loads(a) for a in quote.answer_lines([*asked, *asked])]
    assert len(answers) == 2 * len(asked)
    for i, answer in enumerate(answers):
        want = expected[i % len(asked)]
        assert answer["id"] == i % len(asked)
        if want is None:
            assert answer["error"]["code"] == "refused"
        else:
            answer["result"].pop("gas", None)
            assert answer["result"] == want


def test_a_swap_beyond_the_gas_cap_is_quoted_with_its_estimate(shared: Path) -> None:
    vectors = json.loads((shared / "vectors/evm/uniswap_v3.json").read_bytes())
    gas = [
        int(w["gasPoolSwap"]) for s in vectors["states"] for w in s["swaps"] if "revert" not in w
    ]
    heavy = [g > 2 * 10**7 for g in gas]
    assert any(heavy)
    asked, expected = lines_of(shared)
    answered = [a for a, e in zip(asked, expected, strict=True) if e]
    for line, over in zip(answered, heavy, strict=True):
        [answer] = quote.answer_lines([line])
        if over:
            assert int(json.loads(answer)["result"]["gas"]) > 1 << 24


@pytest.mark.parametrize(
    ("line", "id_", "code"),
    [
        (b"{", None, "bad_line"),
        (b"[1]", None, "bad_line"),
        (b'"x"', None, "bad_line"),
        (b"\xff", None, "bad_line"),
        (b'{"id": {"a": [1]}, "kind": "nothing", "state": {}}', {"a": [1]}, "bad_kind"),
        (b'{"id": 7, "kind": "../uniswap_v3", "state": {}}', 7, "bad_kind"),
        (b'{"id": 7, "kind": "pool", "state": {}}', 7, "bad_kind"),
        (b'{"id": 7, "state": {}}', 7, "bad_kind"),
        (b'{"kind": ["uniswap_v3"], "state": {}}', None, "bad_kind"),
        (b'{"id": "a", "kind": "uniswap_v3"}', "a", "bad_field"),
        (b'{"id": "a", "kind": "uniswap_v3", "state": []}', "a", "bad_field"),
        (b'{"id": "a", "kind": "uniswap_v3", "state": {}, "swap": 1}', "a", "bad_field"),
        (b'{"id": 1, "kind": "uniswap_v3", "state": {}, "swap": {}}', 1, "bad_field"),
        (
            b'{"id": 1, "kind": "uniswap_v2", "state": {"reserveIn": "1"}, "swap": {}}',
            1,
            "bad_field",
        ),
    ],
)
def test_a_line_that_is_wrong_has_its_code_and_stops_nothing(
    line: bytes, id_: object, code: str
) -> None:
    good = b'{"id": null, ' + PAIR + b'{"amountIn": "10"}}'
    answers = [json.loads(a) for a in quote.answer_lines([good, line, b"\n", good])]
    assert answers[0] == answers[2] == {"id": None, "result": {"amountOut": "9"}}
    assert answers[1]["id"] == id_
    assert answers[1]["error"]["code"] == code
    assert answers[1]["error"]["why"]


def test_the_same_question_keeps_its_own_id() -> None:
    """What is remembered is the answer, never whose it was; ids are read as JSON reads them."""
    rest = PAIR + b'{"amountIn": "10"}'
    ids = (b"1", b'"one"', b"null", b"1", b'"\\u0031"', b"1.5", b"[1]")
    lines = [b'{"id": %s, %s}' % (i, rest) for i in ids]
    lines += [b'{"id": 6, %s, "id": 6}' % rest, b'{"id": 5, %s, "id": 6}' % rest] * 2
    lines += [b'{"id": 7, %s, "\\u0069d": 7}' % rest, b'{"id": 5, %s, "\\u0069d": 7}' % rest] * 2
    lines += [b"{%s}" % rest, b'{"id": 01, %s}' % rest, b'{"id": 123456789012345678, %s}' % rest]
    answers = [json.loads(a) for a in quote.answer_lines(lines)]
    want = [1, "one", None, 1, "1", 1.5, [1], 6, 6, 6, 6, 7, 7, 7, 7, None, None]
    assert [a["id"] for a in answers] == [*want, 123456789012345678]
    assert [a for a in answers if "error" in a] == [answers[16]]


def test_what_is_remembered_is_bounded() -> None:
    total = 2 * quote.REMEMBERED + 10
    lines = (b'{"id": 1, ' + PAIR + b'{"amountIn": "%d"}}' % (i + 10) for i in range(total))
    for i, answer in enumerate(quote.answer_lines(lines)):
        counted = (i + 10) * 997
        want = str(counted * 10**3 // (10**6 + counted))
        assert json.loads(answer)["result"]["amountOut"] == want


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(["quote", *arguments])
    return int(ended.value.code or 0), capsys.readouterr().out


def pool_file(folder: Path, shared: Path) -> tuple[Path, Json]:
    vectors = json.loads((shared / "vectors/evm/uniswap_v3.json").read_bytes())
    state, swap = next(
        (s, w)
        for s in vectors["states"]
        for w in s["swaps"]
        if "revert" not in w and int(w["ticksCrossed"]) and int(w["amountSpecified"]) > 0
    )
    path = folder / "pool.json"
    state = {k: v for k, v in state.items() if k != "swaps"}
    path.write_text(json.dumps({"kind": "uniswap_v3", "state": state}))
    return path, swap


def test_one_quote(tmp_path: Path, shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, swap = pool_file(tmp_path, shared)
    coin = str(int(not swap["zeroForOne"]))
    ask = ["--pool", str(path), "--in", coin, "--exact-in", swap["amountSpecified"]]
    ask += ["--limit", swap["sqrtPriceLimitX96"]]
    code, out = run(capsys, *ask, "--json")
    answer = json.loads(out)
    assert code == 0
    paid, given = (swap["amount0"], swap["amount1"])[:: 1 if swap["zeroForOne"] else -1]
    assert (answer["amount_in"], "-" + answer["amount_out"]) == (paid, given)
    assert answer["price_after"] == swap["after"]["sqrtPriceX96"]
    assert str(answer["crossed"]) == swap["ticksCrossed"]
    code, out = run(capsys, *ask)
    assert code == 0
    assert answer["amount_out"] in out


def test_one_quote_that_is_refused(
    tmp_path: Path, shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, _ = pool_file(tmp_path, shared)
    code, out = run(capsys, "--pool", str(path), "--in", "0", "--exact-in", "0", "--json")
    assert code == 1
    assert json.loads(out)["error"]["code"] == "TCL-6001"
    code, out = run(capsys, "--pool", str(path), "--in", "0", "--json")
    assert code == 2
    path.write_text('{"kind": "uniswap_v3", "state": {}}')
    code, out = run(capsys, "--pool", str(path), "--in", "0", "--exact-in", "5", "--json")
    assert code == 2
    assert json.loads(out)["error"]["code"] == "TCL-6002"


def test_the_batch_reads_standard_input(shared: Path) -> None:
    asked, _ = lines_of(shared)
    command = [sys.executable, "-m", "engine.main", "quote", "--batch", "-"]
    done = subprocess.run(
        command, input=b"".join(asked), capture_output=True, check=True, timeout=60
    )
    assert done.stdout == b"".join(quote.answer_lines(io.BytesIO(b"".join(asked))))


def test_a_route_over_pools_and_a_book(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "route.json"
    reserves = {"reserveIn": str(10**21), "reserveOut": str(2 * 10**21)}
    pools: list[Json] = [
        {"kind": "uniswap_v2", "state": reserves | {"fee_bps": "30"}},
        {"kind": "uniswap_v2", "state": reserves | {"fee_bps": "5"}},
    ]
    books = [{"bids": [["1.99", str(10**18)], ["1.9", str(10**18)]], "asks": []}]
    document = {"pools": pools, "books": books, "in": 0, "amount": str(10**19)}
    path.write_text(json.dumps(document))
    code, out = run(capsys, "--route", str(path), "--json")
    answer = json.loads(out)
    assert code == 0
    parts = answer["parts"]
    assert [p.get("pool", p.get("book")) for p in parts] == [0, 1, 0]
    assert sum(int(p["amount_in"]) for p in parts) == 10**19 == int(answer["amount_in"])
    assert sum(int(p["amount_out"]) for p in parts) == int(answer["amount_out"])
    for pool, part in zip(pools, parts, strict=False):
        state = pool["state"]
        swap = {"amountIn": part["amount_in"]}
        line = json.dumps({"id": 0, "kind": "uniswap_v2", "state": state, "swap": swap}).encode()
        [quoted] = quote.answer_lines([line])
        assert json.loads(quoted)["result"]["amountOut"] == part["amount_out"]
    for alone in range(2):
        path.write_text(json.dumps(document | {"pools": [pools[alone]], "books": []}))
        code, out = run(capsys, "--route", str(path), "--json")
        assert int(json.loads(out)["amount_out"]) < int(answer["amount_out"])
    code, out = run(capsys, "--route", str(path))
    assert code == 0
    assert str(10**19) in out


def test_a_route_leaves_out_what_does_not_pay_its_cost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "route.json"
    state = {"reserveIn": str(10**21), "reserveOut": str(2 * 10**21), "fee_bps": "30"}
    pool: Json = {"kind": "uniswap_v2", "state": state}
    book: Json = {"bids": [["1.99", str(10**18)]], "asks": []}
    document = {"pools": [pool, pool], "books": [book], "in": 0, "amount": str(10**19)}

    def routed(*costs: object) -> Json:
        lines = [pool | {"cost": cost} for cost in costs[:2]]
        books = [book | {"cost": costs[2]}] if len(costs) > 2 else [book]
        path.write_text(json.dumps(document | {"pools": lines, "books": books}))
        code, out = run(capsys, "--route", str(path), "--json")
        assert code == 0
        found: Json = json.loads(out)
        return found

    free = routed("0", "0")
    assert "cost" not in free
    dear = routed("1000", str(10**18))
    assert [p["amount_in"] == "0" for p in dear["parts"]] == [False, True, False]
    assert (dear["cost"], [p["cost"] for p in dear["parts"]]) == ("1000", ["1000", "0", "0"])
    assert int(dear["net"]) == int(dear["amount_out"]) - 1000
    cheap = routed(1000, 1001, "7")
    assert [p["amount_in"] for p in cheap["parts"]] == [p["amount_in"] for p in free["parts"]]
    assert cheap["cost"] == "2008"
    assert run(capsys, "--route", str(path))[1].rstrip().endswith(f"so {cheap['net']} net")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"books": [{"bids": [["1", "10"]], "cost": "-1"}]}, "TCL-6002"),
        ({"books": [{"bids": [["1", "10"]], "cost": 1.5}]}, "TCL-6002"),
        ({"books": [{"bids": [["1", "10"]], "cost": True}]}, "TCL-6002"),
        ({"in": 2}, "TCL-6002"),
        ({"in": True}, "TCL-6002"),
        ({"amount": "-5"}, "TCL-6002"),
        ({"pools": {}}, "TCL-6002"),
        ({"pools": [7]}, "TCL-6002"),
        ({"books": [{"bids": [["0", "1"]]}]}, "TCL-6002"),
        ({"books": [{"bids": [["1", "10"]]}], "pools": []}, "TCL-6001"),
        ({"books": [], "pools": []}, "TCL-6001"),
        ({"amount": "0"}, "TCL-6001"),
    ],
)
def test_a_route_that_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: Json, code: str
) -> None:
    path = tmp_path / "route.json"
    state = {"reserveIn": "1000000", "reserveOut": "1000000"}
    good: Json = {"pools": [{"kind": "uniswap_v2", "state": state}], "in": 1, "amount": "500"}
    path.write_text(json.dumps(good))
    assert run(capsys, "--route", str(path), "--json")[0] == 0
    path.write_text(json.dumps(good | wrong))
    status, out = run(capsys, "--route", str(path), "--json")
    assert status in (1, 2)
    assert json.loads(out)["error"]["code"] == code


@pytest.mark.bench
def test_twenty_thousand_answers_a_second(shared: Path) -> None:
    asked, _ = lines_of(shared)
    start = time.perf_counter()
    answered = sum(1 for _ in quote.answer_lines(asked * 100))
    assert answered / (time.perf_counter() - start) >= 20_000
