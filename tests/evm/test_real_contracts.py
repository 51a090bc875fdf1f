"""Real Uniswap V2 and V3 and PancakeSwap V3 contracts, traded at random.

After every block the pools, fed with nothing but its logs, hold the contracts' own numbers, fee
growth and protocol fees included. Before it the first swap at each pool is quoted; its log says the
same amounts.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from eth_abi import encode

from hotpath.pools import v3_math
from hotpath.pools.pool import Quoted, Status
from hotpath.pools.uniswap_v2 import UniswapV2
from hotpath.pools.uniswap_v3 import UniswapV3
from tests.evm import assembly
from tests.evm.chain import GAS, Node, calldata, running

Json = dict[str, Any]
RICHES = 10**39  # the trader's, of each coin
LOW, HIGH = 4295128739, 1461446703485210103287273052203988822378723970342


@dataclass
class World:
    node: Node
    draw: random.Random
    tokens: list[str]
    trader: str
    pair: str
    v3: dict[str, str]  # address to kind
    pools: dict[str, UniswapV2 | UniswapV3] = field(default_factory=dict)
    positions: dict[str, list[tuple[int, int, int]]] = field(default_factory=dict)
    expected: dict[str, tuple[str, bool, Quoted]] = field(default_factory=dict)  # by pool
    undo: list[tuple[int, str, bytes]] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)  # pools with a transaction in the coming block
    checked: int = 0
    seen: set[str] = field(default_factory=set)  # topics that were followed

    def through_trader(self, target: str, data: bytes) -> str:
        self.touched.add(target)
        return self.node.send(self.trader, bytes(12) + bytes.fromhex(target[2:]) + data)

    def paying(self, extra0: int = 0, extra1: int = 0) -> bytes:
        words = ["address", "address", "uint256", "uint256"]
        return bytes(encode(words, [*self.tokens, extra0, extra1]))


def make_world(node: Node, seed: int) -> World:
    v2, v3 = "@uniswap/v2-core/build/", "@uniswap/v3-core/artifacts/contracts/"
    supply = bytes(encode(["uint256"], [10**40]))
    erc20 = node.artifact("@uniswap/v2-periphery/build/ERC20.json") + supply
    tokens = sorted((node.deploy(erc20) for _ in range(2)), key=lambda a: int(a, 16))
    trader = node.deploy(assembly.TRADER)
    for token in tokens:
        node.done(token, calldata("transfer(address,uint256)", trader, RICHES))
    me = bytes(encode(["address"], [node.me]))
    factory = node.deploy(node.artifact(v2 + "UniswapV2Factory.json") + me)
    node.done(factory, calldata("createPair(address,address)", *tokens))
    [pair] = node.read(factory, "getPair(address,address)", "address", *tokens)
    world = World(node, random.Random(seed), tokens, trader, pair.lower(), {})
    world.pools[world.pair] = UniswapV2.from_state(
        {"reserveIn": "0", "reserveOut": "0", "fee_bps": "30"}
    )
    factory3 = node.deploy(node.artifact(v3 + "UniswapV3Factory.sol/UniswapV3Factory.json"))
    node.done(factory3, calldata("enableFeeAmount(uint24,int24)", 100, 1))
    for fee in (100, 3000):
        node.done(factory3, calldata("createPool(address,address,uint24)", *tokens, fee))
        [pool] = node.read(factory3, "getPool(address,address,uint24)", "address", *tokens, fee)
        world.v3[pool.lower()] = "uniswap"
    deployer = node.deploy(assembly.DEPLOYER)
    code = node.artifact(
        "@pancakeswap/v3-core/artifacts/contracts/PancakeV3Pool.sol/PancakeV3Pool.json"
    )
    kinds = ["address", "address", "address", "uint24", "int24"]
    words = bytes(encode(kinds, [node.me, *tokens, 2500, 50]))
    cake = next_address(node, deployer)
    node.done(deployer, words + code)
    world.v3[cake] = "pancake"
    for address, kind in world.v3.items():
        [fee] = node.read(address, "fee()", "uint24")
        [spacing] = node.read(address, "tickSpacing()", "int24")
        state = {"fee": str(fee), "tickSpacing": str(spacing), "sqrtPriceX96": "0", "tick": "0"}
        state |= {"liquidity": "0", "feeProtocol": "0", "feeGrowthGlobal0X128": "0"}
        more = {"feeProtocolDenominator": "10000"} if kind == "pancake" else {}
        empty: Json = state | more | {"ticks": []}
        world.pools[address] = UniswapV3.from_state(empty)
        world.positions[address] = []
        tick = world.draw.randrange(-3000, 3000)
        node.send(address, calldata("initialize(uint160)", v3_math.price_at_tick(tick) + 7))
    return world


def next_address(node: Node, creator: str) -> str:
    """The address of the first contract that `creator` creates (its nonce is 1)."""
    from eth_utils import keccak

    return "0x" + keccak(b"\xd6\x94" + bytes.fromhex(creator[2:]) + b"\x01")[12:].hex()


def spacing_of(world: World, address: str) -> int:
    return int(world.pools[address].state()["tickSpacing"])


def mint(world: World, address: str) -> None:
    draw, spacing = world.draw, spacing_of(world, address)
    top = v3_math.tick_at_price(HIGH - 1) // spacing
    if draw.random() < 0.2:
        lower, upper = -top, top
    else:
        middle = int(world.pools[address].state()["tick"]) // spacing
        width = draw.choice((1, 5, 40, 300))
        lower, upper = sorted(draw.sample(range(middle - width, middle + width + 2), 2))
    amount = draw.getrandbits(draw.choice((20, 50, 70))) + 1
    position = (lower * spacing, upper * spacing, amount)
    data = calldata(
        "mint(address,int24,int24,uint128,bytes)", world.trader, *position, world.paying()
    )
    world.through_trader(address, data)
    world.positions[address].append(position)


def burn(world: World, address: str) -> None:
    held = world.positions[address]
    if not held:
        return
    lower, upper, amount = held.pop(world.draw.randrange(len(held)))
    part = amount if world.draw.random() < 0.6 else world.draw.randrange(amount + 1)
    world.through_trader(address, calldata("burn(int24,int24,uint128)", lower, upper, part))
    if part < amount:
        held.append((lower, upper, amount - part))


def swap(world: World, address: str) -> None:
    draw, pool = world.draw, world.pools[address]
    assert isinstance(pool, UniswapV3)
    down = draw.random() < 0.5
    amount = draw.getrandbits(draw.choice((1, 20, 50, 70, 90))) + 1
    exact_in = draw.random() < 0.6
    tick = int(pool.state()["tick"])
    away = draw.choice((3, 200, 5000))
    limit = LOW + 1 if down else HIGH - 1
    if draw.random() < 0.97:
        to = tick - away if down else tick + 1 + away
        to = min(887271, max(-887271, to))
        limit = v3_math.price_at_tick(to) + draw.choice((0, 0, 1, 12345))
    quote = None
    if address not in world.touched:
        quote = (pool.quote_in if exact_in else pool.quote_out)(0 if down else 1, amount, limit)
    signature = "swap(address,bool,int256,uint160,bytes)"
    signed = amount if exact_in else -amount
    data = calldata(signature, world.trader, down, signed, limit, world.paying())
    sent = world.through_trader(address, data)
    if quote and quote.status in (Status.OK, Status.PARTIAL, Status.NO_LIQUIDITY):
        world.expected[address] = (sent, down, quote)


def flash(world: World, address: str) -> None:
    pool = world.pools[address].state()
    if int(pool["liquidity"]) == 0:
        return
    amounts = [world.draw.getrandbits(8), world.draw.getrandbits(8)]
    gift = world.draw.getrandbits(30)  # more than the fee is kept as fee
    paying = world.paying(amounts[0] + gift, amounts[1])
    data = calldata("flash(address,uint256,uint256,bytes)", world.trader, *amounts, paying)
    world.through_trader(address, data)


def govern(world: World, address: str) -> None:
    draw, node = world.draw, world.node
    world.touched.add(address)
    if draw.random() < 0.5:
        if world.v3[address] == "pancake":
            shares = [draw.choice((0, 1000, 4000)) for _ in range(2)]
            node.send(address, calldata("setFeeProtocol(uint32,uint32)", *shares))
        else:
            shares = [draw.choice((0, 4, 7, 10)) for _ in range(2)]
            node.send(address, calldata("setFeeProtocol(uint8,uint8)", *shares))
        return
    most = [draw.getrandbits(draw.choice((3, 100))) for _ in range(2)]
    node.send(address, calldata("collectProtocol(address,uint128,uint128)", node.me, *most))


def pair_trade(world: World) -> None:
    draw, node, pair = world.draw, world.node, world.pair
    pool = world.pools[pair]
    reserves = [int(pool.state()[k]) for k in ("reserveIn", "reserveOut")]
    if pair in world.expected:
        return  # one swap a block: the next one's amounts hang on it
    choice = draw.random()
    if reserves[0] == 0 or choice < 0.15:
        for i, token in enumerate(world.tokens):
            amount = reserves[i] // 5 if reserves[i] else draw.getrandbits(60) + 10**6
            node.send(token, calldata("transfer(address,uint256)", pair, amount))
        node.send(pair, calldata("mint(address)", node.me))
    elif choice < 0.25:
        node.send(world.tokens[0], calldata("transfer(address,uint256)", pair, 12345))
        node.send(pair, calldata("sync()"))
    else:
        direction = draw.randrange(2)
        size = draw.randrange(1, max(2, reserves[direction] // draw.choice((3, 100, 10**6))))
        quote = pool.quote_in(direction, size)
        if quote.status != Status.OK:
            return
        node.send(world.tokens[direction], calldata("transfer(address,uint256)", pair, size))
        out = [quote.amount_out, 0] if direction else [0, quote.amount_out]
        data = calldata("swap(uint256,uint256,address,bytes)", *out, node.me, b"")
        world.expected[pair] = (node.send(pair, data), direction == 0, quote)


def signed(word: str) -> int:
    value = int(word, 16)
    return value - (1 << 256) if value >> 255 else value


def check_quote(world: World, log: Json) -> None:
    """The first Swap of the block at this pool is the quoted one."""
    address = log["address"].lower()
    words = [signed(log["data"][2 + 64 * i : 66 + 64 * i]) for i in range(4)]
    _, down, quote = world.expected.pop(address)
    if address == world.pair:  # amount0In, amount1In, amount0Out, amount1Out
        paid, given = (words[0], words[3]) if down else (words[1], words[2])
    else:
        paid, given = (words[0], -words[1]) if down else (words[1], -words[0])
        assert words[2] == quote.price_after
    assert (paid, given) == (quote.amount_in, quote.amount_out)
    world.checked += 1


SWAPS = (
    "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67",
    "0x19b47279256b2a23a1665c810c8d55a1758940ee09377d4f8d26497a3577dc83",
    "0xd78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822",
)


TOPICS = (
    *SWAPS,
    "0x1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1",  # Sync
    "0x7a53080ba414158be7ec69b987b5fb7d07dee101fe85488f0853ae16239d0bde",  # Mint
    "0x0c396cd989a39f4459b5fa1aed6a9a8dcdbc45908acfd67e028cd568da98982c",  # Burn
    "0xbdbdb71d7860376ba52b25a5028beea23581364a40522f6bcfb86bb1f2dca633",  # Flash
    "0x596b573906218d3411850b26a6b437d6c4522fdb43d2d2386263f86d50b8b151",  # CollectProtocol
    "0x973d8d92bb299f4af6ce49b52a8adb85ae46b9f214c4c4fc06ac77401237b133",  # SetFeeProtocol
    "0xb3159fed3ddfba67bae294599eafe2d0ec98c08bb38e0e5fb87d33154b6e05aa",  # PancakeSwap's
)


def follow(world: World, number: int) -> None:
    """Feed a block's logs to the pools that they name."""
    for log in world.node.logs(number):
        address = log["address"].lower()
        if address in world.pools:
            world.seen.add(log["topics"][0])
            quoted = world.expected.get(address)
            if log["topics"][0] in SWAPS and quoted and quoted[0] == log["transactionHash"]:
                check_quote(world, log)
            world.undo.append((number, address, world.pools[address].apply_keeping(log)))
    for sent, _, quote in world.expected.values():
        # no log: it ran out of the gas it was given, or the trader out of coins
        assert world.node.receipt(sent)["status"] == "0x0"
        assert quote.cost > GAS * 3 // 4 or quote.amount_in > RICHES // 100
    world.expected.clear()
    world.touched.clear()


def compare(world: World, ticks: bool) -> None:
    """Every number that the contracts answer; `ticks`: every initialised tick too."""
    node = world.node
    reserves = node.read(world.pair, "getReserves()", "uint112,uint112,uint32")
    state = world.pools[world.pair].state()
    assert [state["reserveIn"], state["reserveOut"]] == [str(r) for r in reserves[:2]]
    for address, kind in world.v3.items():
        state = world.pools[address].state()
        protocol = "uint32" if kind == "pancake" else "uint8"
        slot0 = node.read(address, "slot0()", f"uint160,int24,uint16,uint16,uint16,{protocol},bool")
        owed = node.read(address, "protocolFees()", "uint128,uint128")
        want = {
            "sqrtPriceX96": slot0[0],
            "tick": slot0[1],
            "feeProtocol": slot0[5],
            "liquidity": node.read(address, "liquidity()", "uint128")[0],
            "feeGrowthGlobal0X128": node.read(address, "feeGrowthGlobal0X128()", "uint256")[0],
            "feeGrowthGlobal1X128": node.read(address, "feeGrowthGlobal1X128()", "uint256")[0],
            "protocolFees0": owed[0],
            "protocolFees1": owed[1],
        }
        assert {k: state[k] for k in want} == {k: str(v) for k, v in want.items()}
        for tick, net, gross in state["ticks"] if ticks else ():
            words = node.read(address, "ticks(int24)", "uint128,int128", int(tick))
            assert [gross, net] == [str(w) for w in words]


def started(node: Node, seed: int) -> World:
    """Contracts deployed, prices set, the first positions and the pair's first mint followed."""
    made = make_world(node, seed)
    follow(made, node.mine())
    for address in made.v3:
        mint(made, address)
        pair_trade(made)
    follow(made, node.mine())
    compare(made, ticks=True)
    return made


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with running() as node:
        yield started(node, 20)


def trade(world: World) -> None:
    """A block of random doings at random pools."""
    acts = (mint, burn, swap, swap, swap, swap, swap, flash, govern)
    for address in world.draw.choices(list(world.v3), k=6):
        world.draw.choice(acts)(world, address)
    pair_trade(world)
    follow(world, world.node.mine())


def test_pools_follow_the_real_contracts_through_their_logs(world: World) -> None:
    for block in range(120):
        trade(world)
        compare(world, ticks=block % 10 == 9)
    assert world.checked >= 120
    assert world.seen >= set(TOPICS)


def test_a_reorganisation_is_taken_back_and_trading_goes_on(world: World) -> None:
    node = world.node
    compare(world, ticks=False)
    held = {address: list(positions) for address, positions in world.positions.items()}
    settled = int(node.rpc("eth_blockNumber"), 16)
    for _ in range(3):
        trade(world)
    depth = int(node.rpc("eth_blockNumber"), 16) - settled
    node.rpc("anvil_reorg", depth, [])
    assert int(node.rpc("eth_blockNumber"), 16) == settled + depth
    while world.undo and world.undo[-1][0] > settled:
        _, address, kept = world.undo.pop()
        world.pools[address].take_back(kept)
    for number in range(settled + 1, settled + depth + 1):
        follow(world, number)
    compare(world, ticks=True)
    world.positions = held
    for _ in range(5):
        trade(world)
        compare(world, ticks=True)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_other_contracts_other_trades(seed: int) -> None:
    with running() as node:
        world = started(node, seed)
        for block in range(250):
            trade(world)
            compare(world, ticks=block % 25 == 24)
        assert world.checked >= 200
