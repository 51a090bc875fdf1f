"""Balances of any size are told whole (tc_balance has 128 bits), or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from hotpath.records import Kind
from tests.venues.binance.stage import MS, Stage


def told(stage: Stage, free: Any, locked: Any = "0") -> list[tuple[int, int]]:
    stage.say({"subscriptionId": 0, "event": {
        "e": "outboundAccountPosition", "E": stage.now // MS + 5, "u": stage.now // MS + 5,
        "B": [{"a": "BTC", "f": free, "l": locked}],
    }})  # fmt: skip
    return [
        ((b.free_hi << 64) + b.free_lo, (b.locked_hi << 64) + b.locked_lo)
        for _, b in stage.records(Kind.BALANCE)
    ]


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("92233720368.54775807", 2**63 - 1),
        ("92233720368.54775808", 2**63),
        ("250000000000", 250_000_000_000 * 10**8),
        ("250000000000.000000010", 250_000_000_000 * 10**8 + 1),
        ("184467440737.09551616", 2**64),
        ("000000000000000000000000184467440737.1", 18446744073710000000),
        ("792281625142643375935.43950335", 2**96 - 1),
        ("-5", -5 * 10**8),
    ],
)
def test_a_balance_is_told_whole(text: str, units: int) -> None:
    stage = Stage()
    stage.start()
    assert told(stage, text, "1") == [(units, 10**8)]
    assert told(stage, "1", text) == [(10**8, units)]
    assert stage.venue.rejected == 0


@pytest.mark.parametrize(
    "text",
    ["792281625142643375935.43950336", "1" * 60, "250000000000.000000001", "250000000000.", ".5",
     "2500000000000x", "25000000000.0.0", "-250000000000", "", "1" * 127, None, True],
)  # fmt: skip
def test_what_is_no_balance_or_cannot_be_held_is_counted_and_not_told(text: Any) -> None:
    stage = Stage()
    stage.start()
    assert told(stage, text) == []
    assert stage.venue.rejected == 1


def test_an_account_with_very_much_may_sell() -> None:
    stage = Stage()
    right = stage.answer

    def answer(id: str, method: str, params: dict[str, Any]) -> None:
        if method == "account.status":
            rows = [{"asset": "BTC", "free": "250000000000", "locked": "0"},
                    {"asset": "USDT", "free": "1", "locked": "0"}]  # fmt: skip
            stage.reply(id, {"balances": rows, "updateTime": stage.now // MS})
        else:
            right(id, method, params)

    stage.answer = answer  # type: ignore[method-assign]
    stage.start()
    stage.place(side=2, price=5_010_000)
    assert stage.methods() == ["order.place"] and not stage.records(Kind.REFUSED)
