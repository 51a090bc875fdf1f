"""Random Uniswap V3 pools and swaps: the compiled walk equals the twin, whole states."""

from __future__ import annotations

import random
from typing import Any

import pytest

from hotpath.pools import v3_math
from hotpath.pools.pool import Diverged, Status, Swap
from hotpath.pools.uniswap_v3 import UniswapV3
from tests.reference.pools import uniswap_v3 as twin


def random_state(draw: random.Random) -> dict[str, Any]:
    """A pool that the contract could hold: liquidity is the sum of what lies below the tick."""
    spacing = draw.choice((1, 1, 10, 60, 200, 2500, 16383))
    centre = draw.choice((0, draw.randrange(-880000, 880000), draw.randrange(-9000, 9000)))
    twin_pool = twin.Pool(fee=0, spacing=spacing, price=1, tick=centre, liquidity=0)
    top = twin.MAX_TICK // spacing
    width = draw.choice((3, 30, 600))
    middle = min(top, max(-top, centre // spacing))
    for _ in range(draw.choice((0, 1, 2, 5, 20))):
        ends = [middle + draw.randrange(-width, width + 1) for _ in range(2)]
        lower, upper = sorted(min(top, max(-top, e)) * spacing for e in ends)
        if lower < upper:
            twin_pool.modify(lower, upper, draw.getrandbits(draw.choice((3, 30, 64, 90, 110))) + 1)
    if draw.random() < 0.3:
        twin_pool.modify(-top * spacing, top * spacing, draw.getrandbits(70) + 1)
    ticks = sorted(twin_pool.net)
    tick = draw.choice([*ticks, middle * spacing, centre])
    tick = min(twin.MAX_TICK - 1, max(twin.MIN_TICK, tick))
    low, high = twin.price_at_tick(tick), twin.price_at_tick(tick + 1)
    price = draw.choice((low, low + 1, draw.randrange(low, high), high - 1))
    price = min(max(price, low), high - 1)
    if price == low and draw.random() < 0.5 and tick > twin.MIN_TICK:
        tick -= 1  # as after a swap down that stopped exactly on the tick
    liquidity = sum(n for t, n in twin_pool.net.items() if t <= tick)
    pancake = draw.random() < 0.3
    halves = draw.randrange(0, 4001) | draw.randrange(0, 4001) << 16
    return {
        "fee": str(draw.choice((0, 1, 100, 500, 3000, 10000, 123456, 999999))),
        "tickSpacing": str(spacing),
        "sqrtPriceX96": str(price),
        "tick": str(tick),
        "liquidity": str(liquidity),
        "feeProtocol": str(halves if pancake else draw.choice((0, 0x44, 0xA6, 0x09, 0x90))),
        "feeGrowthGlobal0X128": str(draw.getrandbits(draw.choice((1, 128, 256)))),
        "feeGrowthGlobal1X128": str((1 << 256) - 1 - draw.getrandbits(draw.choice((1, 128, 256)))),
        "protocolFees0": str(draw.getrandbits(draw.choice((1, 64)))),
        "protocolFees1": str((1 << 128) - 1 - draw.getrandbits(10)),
        "ticks": [[str(t), str(twin_pool.net[t]), str(twin_pool.gross[t])] for t in ticks],
    } | ({"feeProtocolDenominator": "10000"} if pancake else {})


def random_limit(draw: random.Random, price: int, tick: int, down: bool) -> int | None:
    """Near, far, on a tick, on the wrong side, or none; near enough for the slow twin."""
    if draw.random() < 0.15 and abs(tick) > 800_000:
        return None
    away = draw.choice((1, 7, 300, 5_000))
    to = min(twin.MAX_TICK, max(twin.MIN_TICK, tick + (-away if down else away)))
    limit = twin.price_at_tick(to)
    if draw.random() < 0.3:
        limit += draw.choice((-1, 1)) * draw.getrandbits(20)
    if draw.random() < 0.03:
        limit = draw.choice((0, twin.MIN_PRICE, twin.MAX_PRICE, price, (1 << 160) - 1))
    return limit


def compare(seed: int) -> None:
    draw = random.Random(seed)
    state = random_state(draw)
    pool, slow = UniswapV3.from_state(state), twin.Pool.from_state(state)
    for _ in range(4):
        down = draw.random() < 0.5
        size = draw.getrandbits(draw.choice((1, 8, 40, 80, 120, 200, 255)))
        amount = size if draw.random() < 0.6 else -size
        limit = random_limit(draw, slow.price, slow.tick, down)
        exact = Swap(0 if down else 1, abs(amount), amount < 0, limit)
        before = slow.copy()
        try:
            amount0, amount1, crossed = slow.swap(down, amount, limit)
        except twin.Reverts:
            slow = before
            assert pool.execute(exact).status in (Status.REFUSED, Status.OVERFLOW)
            assert pool.state() == slow.state()
            continue
        ask = pool.quote_in if amount > 0 else pool.quote_out
        quote = ask(exact.direction, abs(amount), limit)
        follower = UniswapV3.from_state(before.state())
        done = pool.execute(exact)
        assert repr(quote) == repr(done)
        paid, given = (amount0, amount1) if down else (amount1, amount0)
        assert (done.amount_in, done.amount_out, done.crossed) == (paid, -given, crossed)
        assert pool.state() == slow.state()
        args = {"sender": 1, "recipient": 1, "amount0": amount0, "amount1": amount1}
        after = slow.after()
        log = {k: after[k] for k in ("sqrtPriceX96", "liquidity", "tick")}
        if slow.denominator:
            log |= {
                f"protocolFeesToken{t}": str((slow.owed[t] - before.owed[t]) & twin.U128)
                for t in (0, 1)
            }
        if slow.price != before.price or amount0 or amount1:
            follower.apply({"event": "Swap", "args": args | log})
            assert follower.state() == slow.state()


@pytest.mark.parametrize("block", range(8))
def test_random_pools_and_swaps(block: int) -> None:
    for seed in range(block * 250, block * 250 + 250):
        compare(seed)


@pytest.mark.long
@pytest.mark.parametrize("block", range(20))
def test_many_random_pools_and_swaps(block: int) -> None:
    for seed in range(10**6 + block * 2500, 10**6 + block * 2500 + 2500):
        compare(seed)


def test_random_positions_come_and_go() -> None:
    """Ticks appear, add up and vanish; a burn of what is not there is a divergence."""
    for seed in range(300):
        draw = random.Random(seed)
        state = random_state(draw)
        pool, slow = UniswapV3.from_state(state), twin.Pool.from_state(state)
        held: list[tuple[int, int, int]] = []
        undo: list[tuple[bytes, dict[str, Any]]] = []
        top = twin.MAX_TICK // slow.spacing
        for _ in range(30):
            if held and draw.random() < 0.45:
                lower, upper, amount = held.pop(draw.randrange(len(held)))
                event, sign = "Burn", -1
            else:
                ends = draw.sample(range(-top, top + 1), 2)
                lower, upper = sorted(e * slow.spacing for e in ends)
                amount = draw.getrandbits(draw.choice((1, 60, 100))) + 1
                held.append((lower, upper, amount))
                event, sign = "Mint", 1
            args = {"owner": 1, "tickLower": lower, "tickUpper": upper, "sender": 1}
            args |= {"amount": amount, "amount0": 0, "amount1": 0}
            before = slow.state()
            slow.modify(lower, upper, sign * amount)
            undo.append((pool.apply_keeping({"event": event, "args": args}), before))
            assert pool.state() == slow.state()
        for kept, before in reversed(undo):
            pool.take_back(kept)
            assert pool.state() == before
        ghost = {"owner": 1, "tickLower": -top * slow.spacing, "tickUpper": top * slow.spacing}
        with pytest.raises(Diverged):
            pool.apply(
                {"event": "Burn", "args": ghost | {"amount": 1 << 120, "amount0": 0, "amount1": 0}}
            )


def test_every_tick_border_of_the_price() -> None:
    """The logarithm never lands on the wrong side: one below, on, and one above a tick."""
    draw = random.Random(1)
    ticks = [*range(twin.MIN_TICK, twin.MIN_TICK + 400), *range(twin.MAX_TICK - 400, twin.MAX_TICK)]
    ticks += [draw.randrange(twin.MIN_TICK, twin.MAX_TICK) for _ in range(20_000)]
    for tick in ticks:
        price = twin.price_at_tick(tick)
        assert v3_math.price_at_tick(tick) == price
        assert v3_math.tick_at_price(price) == tick
        assert v3_math.tick_at_price(price + 1) == tick or price + 1 == twin.price_at_tick(tick + 1)
        if tick > twin.MIN_TICK:
            assert v3_math.tick_at_price(price - 1) == tick - 1


@pytest.mark.long
def test_every_tick_border_there_is() -> None:
    for tick in range(twin.MIN_TICK + 1, twin.MAX_TICK):
        price = v3_math.price_at_tick(tick)
        assert v3_math.tick_at_price(price) == tick
        assert v3_math.tick_at_price(price - 1) == tick - 1


def test_division_of_negative_ticks_is_floored() -> None:
    """cdivision rounds towards zero; the bitmap's words are floors."""
    state = {
        "fee": "500",
        "tickSpacing": "10",
        "feeProtocol": "0",
        "liquidity": "1000",
        "tick": "-1",
    }
    state |= {"sqrtPriceX96": str(twin.price_at_tick(-1) + 5)}
    full: dict[str, Any] = state | {"ticks": [["-887270", "1000", "1000"], ["-10", "0", "2"]]}
    pool = UniswapV3.from_state(full)
    done = pool.quote_in(0, 10**30, twin.price_at_tick(-15))
    assert (done.crossed, done.tick_after) == (1, -15)


def random_step(draw: random.Random) -> tuple[int, int, int, int, int]:
    bits = draw.choice((33, 60, 96, 130, 159))
    price = draw.getrandbits(bits) + (1 << bits - 1)
    step = draw.choice((0, 1, draw.getrandbits(10), draw.getrandbits(bits - 2)))
    target = max(1, price + draw.choice((-1, 1)) * step)
    amount = draw.getrandbits(draw.choice((1, 10, 60, 90, 130, 200, 255)))
    liquidity = draw.getrandbits(draw.choice((1, 20, 64, 96, 97, 110, 127)))
    return (
        price,
        target,
        liquidity,
        draw.choice((-1, 1)) * amount,
        draw.choice((0, 100, 3000, 999999)),
    )


def compare_steps(seed: int, count: int) -> None:
    draw = random.Random(seed)
    for _ in range(count):
        step = random_step(draw)
        try:
            want: tuple[int, int, int, int] | None = twin.swap_step(*step)
        except twin.Reverts:
            want = None
        try:
            got: tuple[int, int, int, int] | None = v3_math.swap_step(*step)
        except v3_math.Reverts:
            got = None
        assert got == want, step


def test_random_steps() -> None:
    compare_steps(5, 40_000)


@pytest.mark.long
def test_many_random_steps() -> None:
    compare_steps(6, 600_000)


def invariants(seeds: range) -> int:
    """Monotone in size; what is asked for comes out; a split never beats the whole."""
    seen = 0
    for seed in seeds:
        draw = random.Random(seed)
        state = random_state(draw)
        pool = UniswapV3.from_state(state)
        direction = draw.randrange(2)
        tick = int(state["tick"])
        to = min(
            twin.MAX_TICK - 1, max(twin.MIN_TICK + 1, tick + (-900 if direction == 0 else 900))
        )
        limit = twin.price_at_tick(to)
        size = draw.getrandbits(draw.choice((6, 40, 80, 110))) + 1
        whole = pool.quote_in(direction, size, limit)
        if whole.status != Status.OK:
            continue
        seen += 1
        more = pool.quote_in(direction, size + 1 + draw.getrandbits(20), limit)
        assert more.amount_out >= whole.amount_out
        if whole.amount_out:
            asked = pool.quote_out(direction, whole.amount_out, limit)
            if asked.status == Status.OK:
                assert asked.amount_in <= size
                again = pool.quote_in(direction, asked.amount_in, limit)
                assert again.amount_out >= whole.amount_out
        part = draw.randrange(size + 1)
        got = 0
        for piece in (part, size - part):
            if piece:
                got += pool.execute(Swap(direction, piece, False, limit)).amount_out
        assert got <= whole.amount_out
    return seen


def test_invariants() -> None:
    assert invariants(range(4_000)) > 1_000
