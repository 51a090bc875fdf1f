"""The exchange without sockets: money is conserved, the ledger is the state, runs repeat."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpath import matching as m
from venues.simulated import amounts, ledger
from venues.simulated.accounts import Order
from venues.simulated.core import Exchange
from venues.simulated.faults import Fault
from venues.simulated.flow import ONE, Flow, Price, noise
from venues.simulated.spec import AccountSpec, ExchangeSpec, FlowSpec, MarketSpec, SpecRefused
from venues.simulated.spec import read_spec as read
from venues.simulated.wire import Wire

START = 1_700_000_000_000_000_000
SECOND = 1_000_000_000


def make_spec(**changes: Any) -> ExchangeSpec:
    fields: dict[str, Any] = {
        "name": "alpha",
        "ledger": "unused",
        "markets": [
            MarketSpec("BTCUSDT", "BTC", "USDT", maker_fee_bps="1.5", taker_fee_bps="3"),
            MarketSpec("ETHBTC", "ETH", "BTC", price="0.05", tick="0.00001", lot="0.001",
                       min_notional="0.0001", min_quantity="0.001"),
        ],
        "accounts": [
            AccountSpec("one", "K1", hmac_secret="s",
                        balances={"BTC": "5", "USDT": "200000", "ETH": "50"}),
            AccountSpec("two", "K2", hmac_secret="s",
                        balances={"BTC": "5", "USDT": "200000", "ETH": "50"}),
        ],
        "flow": None,
    }  # fmt: skip
    return ExchangeSpec(**(fields | changes))


def trade_at_random(exchange: Exchange, seed: int, steps: int) -> None:
    """Two customers and the flow do everything that can be done."""
    draw = Random(seed)
    markets = list(exchange.markets.values())
    for n in range(steps):
        exchange.advance(exchange.now + draw.randrange(50_000_000))
        account = exchange.accounts[draw.choice(["one", "two"])]
        market = draw.choice(markets)
        tick, lot = market.terms.tick, market.terms.lot
        mine = list(account.open.values())
        action = draw.random()
        if action < 0.7 or not mine:
            price = (market.last_price + draw.randrange(-60, 61)) * tick
            exchange.place(
                account,
                market,
                f"c{n}",
                draw.choice((m.BUY, m.SELL)),
                draw.choices((m.LIMIT, m.MARKET, m.POST_ONLY), (8, 1, 2))[0],
                draw.choices((m.GTC, m.IOC, m.FOK), (8, 1, 1))[0],
                price,
                draw.randrange(1, 400) * lot * 10,
                draw.randrange(4),
            )
        elif action < 0.9:
            exchange.cancel(draw.choice(mine), f"x{n}")
        else:
            order = draw.choice(mine)
            exchange.amend(order, draw.randrange(1, order.quantity + 1) * lot_of(order), f"a{n}")


def lot_of(order: Order) -> int:
    return order.market.lot


def state(exchange: Exchange) -> dict[str, Any]:
    """Everything a customer could ask for."""
    return {
        "balances": {
            a.name: {k: (a.free.get(k, 0), a.locked.get(k, 0)) for k in sorted(a.free)}
            for a in exchange.accounts.values()
        },
        "open": {o.order_id: described(o) for o in exchange.orders.values()},
        "closed": {o.order_id: described(o) for o in exchange.closed.values()},
        "fees": {k: v for k, v in exchange.fees.items() if v},
        "books": [
            [row for row in k.book.queue(side) if row[1]]
            for k in exchange.markets.values()
            for side in (m.BUY, m.SELL)
        ],
    }


def described(o: Order) -> tuple[Any, ...]:
    trades = [(t.trade_id, t.price, t.quantity, t.fee, t.fee_asset, t.maker) for t in o.trades]
    return (o.client_id, o.account.name, o.market.symbol, o.side, o.price, o.quantity,
            o.executed, o.quote, o.status, o.created, o.updated, trades)  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("flow", [None, FlowSpec(levels=8)])
def test_money_is_conserved_and_the_ledger_is_the_state(seed: int, flow: FlowSpec | None) -> None:
    spec = make_spec(seed=seed, flow=flow)
    exchange = Exchange(spec, START)
    if flow is not None:
        Flow(exchange, flow)
    trade_at_random(exchange, seed, 250)
    assert any(exchange.trades.values()), "nothing traded: the test would show nothing"

    for asset, deposited in (("BTC", 10), ("USDT", 400_000), ("ETH", 100)):
        held = sum(a.total(asset) for a in exchange.accounts.values())
        held += exchange.house.total(asset) + exchange.fees.get(asset, 0)
        assert held == deposited * amounts.UNIT, asset
    for account in exchange.accounts.values():
        assert all(v >= 0 for v in (*account.free.values(), *account.locked.values()))
        locked: Counter[str] = Counter()
        for order in account.open.values():
            asset, amount = order.locks()
            locked[asset] += amount
        assert {k: v for k, v in account.locked.items() if v} == {
            k: v for k, v in locked.items() if v
        }

    lines = [orjson.loads(line) for line in exchange.take_lines().splitlines()]
    again = Exchange(spec, START, lines)
    assert state(again) == state(exchange)
    shown = {t.trade_id for trades in exchange.trades.values() for t in trades}
    assert again.number("trade") > max(shown)
    derive_balances(lines, exchange)


def derive_balances(lines: list[dict[str, Any]], exchange: Exchange) -> None:
    """Balances follow from the ledger's text alone, as its documentation says."""
    totals: dict[tuple[str, str], int] = {}
    for line in lines:
        if line["t"] == "account":
            for asset, amount in line["balances"].items():
                totals[(line["account"], asset)] = amounts.units(amount)
        if line["t"] == "fill":
            terms = exchange.markets[line["symbol"]].terms
            sign = 1 if line["side"] == "BUY" else -1
            for asset, change in (
                (terms.spec.base, sign * amounts.units(line["quantity"])),
                (terms.spec.quote, -sign * amounts.units(line["quote"])),
                (line["fee_asset"], -amounts.units(line["fee"])),
            ):
                totals[(line["account"], asset)] += change
    for (name, asset), total in totals.items():
        assert exchange.accounts[name].total(asset) == total


def test_a_trade_of_a_hundred_billion_coins_is_whole() -> None:
    """Its fee did not fit 64 bits: the buyer had paid, the seller was not, and the order rested."""
    market = MarketSpec("PEPEUSDT", "PEPE", "USDT", price="0.00001", tick="0.00000001", lot="1",
                        min_quantity="1", max_quantity="900000000000000")  # fmt: skip
    held = {"PEPE": "900000000000", "USDT": "20000000"}
    accounts = [AccountSpec(n, n, hmac_secret="s", balances=held) for n in ("one", "two")]
    exchange = Exchange(make_spec(markets=[market], accounts=accounts), START)
    lots = 100_000_000_000
    for name, side in (("one", m.SELL), ("two", m.BUY)):
        exchange.place(
            exchange.accounts[name], exchange.markets["PEPEUSDT"], "a", side, m.LIMIT, m.GTC,
            1000, lots * amounts.UNIT,
        )  # fmt: skip
    one, two = exchange.accounts["one"], exchange.accounts["two"]
    assert not exchange.orders
    assert one.free == {"PEPE": 800_000_000_000 * 10**8, "USDT": 20_999_000 * 10**8}
    assert two.free == {"PEPE": 999_900_000_000 * 10**8, "USDT": 19_000_000 * 10**8}


def test_a_ledger_with_a_missing_line_is_refused(tmp_path: Path) -> None:
    exchange = Exchange(make_spec(), START)
    trade_at_random(exchange, 3, 40)
    lines = exchange.take_lines().splitlines(keepends=True)
    path = tmp_path / "l.jsonl"
    path.write_bytes(b"".join(lines[:10] + lines[11:]))
    with pytest.raises(ledger.LedgerBroken, match="line 11 has n=12"):
        list(ledger.read(path))
    path.write_bytes(b"".join(lines) + b'{"n":')
    assert len(list(ledger.read(path))) == len(lines)


def run_wire(seed: int, faults: list[Fault]) -> tuple[str, Counter[str]]:
    """A whole exchange on virtual time: digest of its outputs and how many of each kind."""
    spec = make_spec(
        seed=seed,
        flow=FlowSpec(levels=6),
        latency=msgspec.convert({"request_us": 200, "jitter_us": 300}, type(make_spec().latency)),
    )
    wire = Wire(spec, START)
    digest, kinds = hashlib.sha256(), Counter[str]()
    now = START
    names = "btcusdt@depth@100ms/btcusdt@bookTicker/btcusdt@trade"
    assert wire.open(1, f"/stream?streams={names}", now)
    assert wire.open(2, "/ws-api/v3", now)
    for fault in faults:
        wire.order_fault(msgspec.structs.replace(fault), now)
    draw = Random(seed)
    end = START + 3 * SECOND
    while True:
        due = wire.next_due()
        assert due is not None
        now = max(now, due)
        if now >= end:
            break
        wire.advance(now)
        if draw.random() < 0.2:
            wire.text(2, b'{"id":1,"method":"ticker.book","params":{"symbol":"BTCUSDT"}}', now)
        digest.update(wire.take_lines())
        for kind, number, payload, extra in wire.take():
            kinds[f"{kind}{number}"] += 1
            digest.update(repr((kind, number, payload, extra)).encode())
    return digest.hexdigest(), kinds


@pytest.mark.parametrize("seed", range(3))
def test_one_seed_gives_one_run_byte_for_byte(seed: int) -> None:
    faults = [
        Fault("drop", "streams", count=0, probability=0.05),
        Fault("reorder", "streams", count=0, probability=0.05),
        Fault("delay", "replies", count=0, probability=0.1, delay_ms=30),
        Fault("duplicate", "streams", count=0, probability=0.05),
    ]
    first = run_wire(seed, faults)
    assert first == run_wire(seed, faults)
    assert first[0] != run_wire(seed + 100, faults)[0]
    assert first[1]["send1"] > 50
    assert first[1]["send2"] > 50


def test_two_exchanges_of_one_seed_share_a_price_and_cross_each_other() -> None:
    """What the demo lives on: at one moment the two books differ by more than the fees."""
    books = []
    for name in ("alpha", "beta"):
        spec = make_spec(name=name, flow=FlowSpec(), markets=[MarketSpec("BTCUSDT", "BTC", "USDT")])
        exchange = Exchange(spec, START)
        assert spec.flow is not None
        Flow(exchange, spec.flow)
        books.append((exchange, exchange.markets["BTCUSDT"].book))
    crossed = 0
    for step in range(1, 241):
        tops = []
        for exchange, book in books:
            exchange.advance(START + step * SECOND // 20)
            bid, ask = book.top(m.BUY), book.top(m.SELL)
            assert bid is not None
            assert ask is not None
            assert bid[0] < ask[0]
            tops.append((bid[0], ask[0]))
        edge = max(tops[0][0] - tops[1][1], tops[1][0] - tops[0][1])
        crossed += edge * 10_000 > 5_000_000 * 2  # 2 bps
        assert abs(tops[0][0] - tops[1][0]) < 5_000_000 // 100, "the same price within 1 %"
    assert crossed > 24, "a tenth of the time at least"


@given(st.integers(0, 2**60), st.integers(1, 10**12))
def test_noise_is_bounded_and_smooth(now: int, period: int) -> None:
    here = noise(7, now, period)
    assert -ONE <= here <= ONE
    grain = 2 * ONE // 65536  # of the 16-bit position within a period
    assert abs(noise(7, now + 1, period) - here) <= 4 * ONE // period + 2 * grain + 4


def test_the_price_needs_no_history() -> None:
    flow = FlowSpec()
    prices = [Price(flow, 1, "alpha", "BTCUSDT", 5_000_000) for _ in range(2)]
    late = [prices[0].at(START + n * SECOND) for n in range(50)]
    assert late == [prices[1].at(START + n * SECOND) for n in range(50)]
    assert len(set(late)) > 40


@given(st.integers(-(10**20), 10**20))
def test_amounts_survive_text(value: int) -> None:
    assert amounts.units(amounts.text(value)) == value
    assert amounts.units(amounts.short(value)) == value


@pytest.mark.parametrize("text", ["", ".", "1e5", "1.123456789", "--1", "+1", " 1", "١", "0x1"])
def test_a_text_that_is_no_exact_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"text|precision"):
        amounts.units(text)


MANY_LOTS = {"symbol": "A1", "base": "A", "quote": "B", "tick": "1", "lot": "0.00000001",
             "max_quantity": "90000000000000"}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"markets": []}, "markets"),
        ({"host": "0.0.0.0"}, "loopback"),
        ({"colour": 1}, "colour"),
        ({"markets": [{"symbol": "A1", "base": "A", "quote": "B", "tick": "0.00001"}]}, "tick"),
        ({"markets": [MANY_LOTS]}, "max_quantity"),
        ({"dialect": "../x"}, "no venue"),
    ],
)
def test_a_wrong_spec_is_refused_by_name(change: dict[str, Any], where: str) -> None:
    document = {
        "name": "a",
        "ledger": "l",
        "markets": [{"symbol": "BTCUSDT", "base": "BTC", "quote": "USDT"}],
    } | change
    with pytest.raises(SpecRefused, match=where):
        Wire(read(json.dumps(document).encode()), START)


def test_an_exchange_that_was_stopped_does_not_trade_what_it_missed() -> None:
    exchange = Exchange(make_spec(flow=FlowSpec(levels=5)), START)
    Flow(exchange, FlowSpec(levels=5))
    exchange.advance(START + SECOND)
    in_a_second = exchange.next["order"]
    exchange.advance(START + 3600 * SECOND)
    assert exchange.next["order"] - in_a_second < 4 * in_a_second


def test_an_order_whose_turn_a_power_cut_shortened_never_rests() -> None:
    exchange = Exchange(make_spec(), START)
    account, market = exchange.accounts["one"], exchange.markets["BTCUSDT"]
    price = 40_000 * amounts.UNIT
    exchange.place(account, market, "i", m.BUY, m.LIMIT, m.IOC, price, amounts.UNIT)
    lines = [orjson.loads(line) for line in exchange.take_lines().splitlines()]
    cut = lines[: 1 + next(n for n, line in enumerate(lines) if line["t"] == "order")]
    again = Exchange(make_spec(), START, cut)
    assert again.orders == {}
    assert market.book.top(m.BUY) is None
    assert again.accounts["one"].locked["USDT"] == 0
    assert orjson.loads(again.take_lines().splitlines()[-1])["status"] == "EXPIRED"
