"""Find and size an arbitrage between two pools and an order book, exactly.

A Uniswap V2 pair, a Uniswap V3 pool and a book trade the same two coins: coin 0 is WETH (18
decimals), coin 1 is USDC (6 decimals). Which two should be traded against each other, which way,
and how much, when gas and a tip have to be paid?

Run it with `python docs/examples/arbitrage.py`.
"""

from __future__ import annotations

from hotpath.pools.cycles import Graph
from hotpath.pools.ladder import Ladder
from hotpath.pools.pool import Status, Swap
from hotpath.pools.route import split
from hotpath.pools.size import best_size
from hotpath.pools.uniswap_v2 import UniswapV2
from hotpath.pools.uniswap_v3 import UniswapV3

WETH, USDC = 10**18, 10**6


def venues() -> tuple[UniswapV2, UniswapV3, Ladder]:
    """Three states as they would come from logs and from a book's snapshot."""
    pair = UniswapV2.from_state(
        {"reserveIn": str(4_000 * WETH), "reserveOut": str(10_120_000 * USDC), "fee_bps": "30"}
    )
    pool = UniswapV3.from_state(
        {
            "fee": "500",
            "tickSpacing": "10",
            "sqrtPriceX96": "3961408125713216879677197",  # 2500 USDC for one WETH
            "tick": "-198080",
            "liquidity": "60000000000000000",
            "feeProtocol": "0",
            "ticks": [
                ["-198200", "20000000000000000", "20000000000000000"],
                ["-198100", "40000000000000000", "40000000000000000"],
                ["-198040", "-40000000000000000", "40000000000000000"],
                ["-197900", "-20000000000000000", "20000000000000000"],
            ],
        }
    )
    # a price is in smallest units of coin 1 for one of coin 0: 2504.5 USDC is 2504.5e-12
    book = Ladder.from_state(
        {
            "bids": [["0.0000000025045", str(8 * WETH)], ["0.000000002504", str(30 * WETH)]],
            "asks": [["0.0000000025055", str(6 * WETH)], ["0.000000002506", str(40 * WETH)]],
            "fee_bps": 1,
        }
    )
    return pair, pool, book


def main() -> None:
    pair, pool, book = venues()
    names = ["pair", "pool", "book"]

    # 1. The graph knows every cycle; the pool has just changed, so only its own are looked at.
    graph = Graph()
    for venue in (pair, pool, book):
        graph.add(venue, "WETH", "USDC")
    graph.build(max_hops=2, starts=["WETH"])
    gas_price_e9 = 20 * 10**9 * 10**9  # 20 gwei a gas, in wei for a billion of gas
    found = graph.changed(1, 100 * WETH, gas_price_e9=gas_price_e9, tip_bps=5000)
    for cycle, sized in found:
        path = " -> ".join(names[p] for p, _ in graph.cycle(cycle)[1])
        print(f"{path}: pay {sized.amount_in / WETH:.6f} WETH, net {sized.net / WETH:.6f} WETH")

    # 2. The best, at its exact size: what comes out is what the contracts give, to the wei.
    cycle, best = found[0]
    (first, out_way), (second, back_way) = graph.cycle(cycle)[1]
    all_venues = (pair, pool, book)
    sized = best_size(
        [(all_venues[first], out_way), (all_venues[second], back_way)],
        100 * WETH,
        gas_price_e9=gas_price_e9,
        tip_bps=5000,
    )
    assert (sized.amount_in, sized.net) == (best.amount_in, best.net)
    print(f"amounts {sized.amounts}")
    print(f"gross {sized.gross}, gas and tip {sized.cost} + {sized.tip}, net {sized.net}")

    # 3. Spread measured at one unit says something else: that is why nothing is sized from a price.
    rate = all_venues[first].rank_float(out_way) * all_venues[second].rank_float(back_way)
    gained = sized.gross / sized.amount_in
    print(f"a spot price promises {(rate - 1) * 100:.3f} %, this size gains {gained * 100:.3f} %")

    # 4. Once done, the gain is gone: the same question finds less, or nothing.
    amount = sized.amount_in
    for number, direction in graph.cycle(cycle)[1]:
        done = all_venues[number].quote_in(direction, amount)
        assert done.status == Status.OK
        if number != 2:  # the book is not ours to move
            all_venues[number].execute(Swap(direction, amount))
        amount = done.amount_out
    after = dict(graph.changed(1, 100 * WETH, gas_price_e9=gas_price_e9, tip_bps=5000))
    print(f"afterwards this cycle nets {after[cycle].net / WETH if cycle in after else 0:.6f} WETH")

    # 5. An order that only wants to sell 50 WETH: split over all three.
    parts = split([pair, pool, book], 0, 50 * WETH)
    for name, (paid, got) in zip(names, parts, strict=True):
        print(f"sell {paid / WETH:9.6f} WETH to the {name}: {got / USDC:.6f} USDC")
    print(f"in all {sum(got for _, got in parts) / USDC:.6f} USDC")


if __name__ == "__main__":
    main()
