"""Going on from a ledger: the same state at every line, and nothing guessed that does not fit."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import orjson
import pytest

from hotpath import matching as m
from tests.venues.simulated.test_core import START, make_spec, state, trade_at_random
from venues.simulated import amounts, ledger
from venues.simulated.accounts import Order
from venues.simulated.core import Exchange
from venues.simulated.spec import MarketSpec

DEPOSITED = {"BTC": 10, "USDT": 400_000, "ETH": 100}
Lines = list[dict[str, Any]]


def whole_state(exchange: Exchange) -> dict[str, Any]:
    """What a customer could ask for, and when it last changed."""
    orders = exchange.orders | dict(exchange.closed)
    return state(exchange) | {
        "updated": {a.name: a.updated for a in exchange.accounts.values()},
        "prevented": {number: o.prevented for number, o in orders.items()},
        "named": {name: o.order_id for name, o in exchange.named.items()},
        "house": {asset: held for asset, held in exchange.house.free.items() if held},
    }


def lines_of(exchange: Exchange) -> Lines:
    return [orjson.loads(line) for line in exchange.take_lines().splitlines()]


def session(seed: int) -> tuple[Lines, dict[int, dict[str, Any]]]:
    """The ledger of a random session, and the state after the lines at which a turn ended."""
    exchange = Exchange(make_spec(seed=seed), START)
    lines = lines_of(exchange)
    ends = {len(lines): whole_state(exchange)}

    def noted(call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def turn(*args: Any) -> Any:
            found = call(*args)
            lines.extend(lines_of(exchange))
            ends[len(lines)] = whole_state(exchange)
            return found

        return turn

    for name in ("place", "cancel", "amend"):
        setattr(exchange, name, noted(getattr(exchange, name)))
    trade_at_random(exchange, seed, 80)
    return lines, ends


@pytest.mark.parametrize("seed", range(4))
def test_a_restart_at_any_line_goes_on_with_that_state(seed: int) -> None:
    """After a whole turn the state of then; within one (a power cut) a sound one, that a further
    restart finds again."""
    lines, ends = session(seed)
    assert any(line["t"] == "fill" for line in lines)
    for count in range(1, len(lines) + 1):
        again = Exchange(make_spec(seed=seed), START, lines[:count])
        found = whole_state(again)
        if count in ends:
            assert found == ends[count], f"after line {count}"
        for asset, deposited in DEPOSITED.items():
            held = sum(a.total(asset) for a in again.accounts.values())
            held += again.house.total(asset) + again.fees.get(asset, 0)
            assert held == deposited * amounts.UNIT, f"{asset} after line {count}"
        for account in again.accounts.values():
            assert all(v >= 0 for v in (*account.free.values(), *account.locked.values()))
        third = Exchange(make_spec(seed=seed), START, lines[:count] + lines_of(again))
        assert whole_state(third) == found, f"twice after line {count}"


def one_order() -> tuple[Lines, list[MarketSpec]]:
    """The ledger of an exchange in which one order trades and one rests, and its markets."""
    spec = make_spec()
    exchange = Exchange(spec, START)
    one, two, market = (
        exchange.accounts["one"], exchange.accounts["two"], exchange.markets["BTCUSDT"],
    )  # fmt: skip
    for account, side in ((one, m.BUY), (two, m.SELL), (one, m.BUY)):
        order = exchange.place(
            account, market, "a", side, m.LIMIT, m.GTC, 4_999_901_000_000, 123_000
        )
        assert isinstance(order, Order)
    return lines_of(exchange), spec.markets


@pytest.mark.parametrize(
    "change",
    [
        {"tick": "1"},
        {"lot": "0.001", "min_quantity": "0.001"},
        {"base": "ETH"},
        {"quote": "ETH"},
    ],
)
def test_a_market_that_no_longer_fits_its_ledger_is_refused(change: dict[str, str]) -> None:
    """Prices and quantities were cut to the new tick and lot, balances booked to other assets."""
    lines, markets = one_order()
    document = {"symbol": "BTCUSDT", "base": "BTC", "quote": "USDT"} | change
    with pytest.raises(ledger.LedgerBroken, match="BTCUSDT"):
        Exchange(make_spec(markets=[MarketSpec(**document), markets[1]]), START, lines)


@pytest.mark.parametrize(
    "change", [{"side": "HOLD"}, {"price": 5}, {"quantity": None}, {"time": "now"}, {"t": "ordre"}]
)
def test_a_line_that_says_nothing_is_a_coded_error(change: dict[str, Any]) -> None:
    lines, _ = one_order()
    with pytest.raises(ledger.LedgerBroken, match=f"line {lines[-1]['n']}"):
        Exchange(make_spec(), START, [*lines[:-1], lines[-1] | change])


@pytest.mark.parametrize("text", [b"my only copy", b'{"key": "secret"}', b"[1]\n", b"5\n"])
def test_a_file_that_is_no_ledger_is_left_as_it_is(tmp_path: Path, text: bytes) -> None:
    """Whatever had no newline was taken for a torn first line and emptied."""
    path = tmp_path / "other"
    path.write_bytes(text)
    with pytest.raises(ledger.LedgerBroken):
        list(ledger.read(ledger.Ledger(path).path))
    assert path.read_bytes() == text


def test_a_torn_first_line_of_a_ledger_was_told_to_nobody(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    path.write_bytes(b'{"n"')
    ledger.Ledger(path).close()
    assert path.read_bytes() == b""
