"""What the EVM pools cost: timed in C through the same methods that strategies call.

The V2 floor is bench/floor/amm_floor.c on the same numbers (its digest is compared); the yardstick of
V3 is exact Python integers with prices computed from ticks, on the same pool (its answer is compared).
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

from hotpath.pools.cycles cimport Graph
from hotpath.pools.pool cimport Pool, Quote
from hotpath.pools.size cimport Costs, Trial, best_trial
from hotpath.pools.uniswap_v2 cimport UniswapV2
from hotpath.pools.uniswap_v3 cimport UniswapV3
from hotpath.pools.v3_math cimport v3_price_at_tick, v3_tick_at_price
from hotpath.u256 cimport *

import random
import statistics

import orjson

from bench.floors import run
from bench.yardstick import call_ns, price_at_tick, tick_at_price, v2_amount_out, v3_exact_in
from hotpath.pools.uniswap_v2 import UniswapV2 as V2
from hotpath.pools.uniswap_v3 import UniswapV3 as V3
from hotpath.pools.cycles import Graph as Cycles
from hotpath.pools.pool import Swap
from hotpath.pools.events import raw
from hotpath.pools.uniswap_v3 import LAYOUTS

cdef inline int64_t now() noexcept nogil:
    cdef timespec t
    clock_gettime(CLOCK_MONOTONIC, &t)
    return t.tv_sec * 1000000000 + t.tv_nsec


cdef uint64_t mix(uint64_t* seed) noexcept nogil:
    """splitmix64, as the floor programs draw."""
    seed[0] += <uint64_t>0x9e3779b97f4a7c15
    cdef uint64_t z = seed[0]
    z = (z ^ (z >> 30)) * <uint64_t>0xbf58476d1ce4e5b9
    z = (z ^ (z >> 27)) * <uint64_t>0x94d049bb133111eb
    return z ^ (z >> 31)


def v2_row(int repetitions):
    cdef uint64_t seed = 1, digest = 0, z
    cdef list pairs = []
    cdef u256 amounts[1024]
    cdef void* pools[1024]
    cdef Quote quote
    cdef u256 x
    cdef int i, j
    cdef int64_t start
    floor = orjson.loads(run("amm_floor", str(repetitions)))
    for i in range(1024):
        amounts[i] = u256_from_u64((mix(&seed) >> 2) + 1)
        reserve_in = ((<object>(mix(&seed) >> 2)) << 14) + 1
        reserve_out = ((<object>(mix(&seed) >> 2)) << 6) + 1
        pairs.append(V2.from_state({"reserveIn": reserve_in, "reserveOut": reserve_out, "fee_bps": 30}))
        pools[i] = <void*>pairs[i]
    for i in range(1024):
        (<Pool>pools[i]).quote_in_to(0, &amounts[i], NULL, &quote)
        digest = digest * 31 + quote.amount_out.w[0]
    if str(digest) != floor["digest"]:
        raise ArithmeticError("the floor and the pool differ")
    times = []
    for _ in range(repetitions):
        z = 0
        start = now()
        for j in range(10):
            for i in range(1024):
                x = amounts[i]
                x.w[0] += z & 1
                (<Pool>pools[i]).quote_in_to(0, &x, NULL, &quote)
                z += quote.amount_out.w[0]
        times.append((now() - start) / (10 * 1024.0))
    a, r_in, r_out = 3_123456789012345678, 48213_123456789012345678, 161_234_567_890123
    return {"ns": statistics.median(times), "floor_ns": floor["ns"],
            "python_ns": call_ns(lambda: v2_amount_out(a, r_in, r_out))}


def ladder(int crossings):
    """A pool with a tick at every spacing, and an amount that crosses `crossings` and ends between two."""
    base, start = 12345678901234567890, 194970
    price = price_at_tick(start) + 12345678901234567
    steps = [(194940 - 60 * i, -(base // 20) if i % 2 else base // 20) for i in range(crossings + 8)]
    ticks = [[str(t), str(n), str(abs(n))] for t, n in reversed(steps)]
    state = {"fee": "3000", "tickSpacing": "60", "feeProtocol": "0", "liquidity": str(base), "tick": str(start),
             "sqrtPriceX96": str(price), "ticks": ticks}
    first = least_that_crosses(crossings, price, base, steps) if crossings else 0
    amount = (first + least_that_crosses(crossings + 1, price, base, steps)) // 2
    return V3.from_state(state), amount, (price, base, steps)


def least_that_crosses(crossings, price, base, steps):
    """The smallest amount in that crosses so many ticks."""
    low, high = 1, 10**24
    while low < high:
        middle = (low + high) // 2
        if v3_exact_in(middle, price, base, steps, 3000)[2] >= crossings:
            high = middle
        else:
            low = middle + 1
    return low


def v3_row(int crossings, int repetitions):
    cdef Pool pool
    cdef Quote quote
    cdef u256 amount, x
    cdef uint64_t z = 0
    cdef int i, n = 1_000 // (1 + crossings)
    cdef int64_t start
    pool, whole, (price, base, steps) = ladder(crossings)
    amount = from_int(whole)
    pool.quote_in_to(0, &amount, NULL, &quote)
    slow = v3_exact_in(whole, price, base, steps, 3000)
    if (to_int(quote.amount_out), to_int(quote.price_after), quote.crossed) != slow or slow[2] != crossings:
        raise ArithmeticError(f"the yardstick and the pool differ: {slow}, {to_int(quote.amount_out)}, {quote.crossed}")
    times = []
    for _ in range(repetitions):
        start = now()
        for i in range(n):
            x = amount
            x.w[0] += z & 1
            pool.quote_in_to(0, &x, NULL, &quote)
            z += quote.amount_out.w[0]
        times.append((now() - start) / <double>n)
    return {"ns": statistics.median(times),
            "python_ns": call_ns(lambda: v3_exact_in(whole, price, base, steps, 3000))}


def tick_rows(int repetitions):
    cdef uint64_t z = 0, seed = 7
    cdef int i, n = 4096
    cdef int64_t start
    cdef u256 price, prices[4096]
    to_price, to_tick = [], []
    for i in range(n):
        prices[i] = v3_price_at_tick(<int32_t>(mix(&seed) % 1774544) - 887272)
        prices[i].w[0] += mix(&seed) % 1000
    for _ in range(repetitions):
        start = now()
        for i in range(n):
            price = v3_price_at_tick(<int32_t>((i * 7919 + (z & 1)) % 1774544) - 887272)
            z += price.w[0]
        to_price.append((now() - start) / <double>n)
        start = now()
        for i in range(n):
            price = prices[i]
            price.w[0] += z & 1
            z += v3_tick_at_price(price)
        to_tick.append((now() - start) / <double>n)
    some = price_at_tick(194937) + 5
    return {
        "tick_to_price": {"ns": statistics.median(to_price), "python_ns": call_ns(lambda: price_at_tick(194937))},
        "price_to_tick": {"ns": statistics.median(to_tick), "python_ns": call_ns(lambda: tick_at_price(some))},
    }


def call_row(int repetitions):
    """What the door for Python adds to a quote: call, arguments, the object, one integer read."""
    pool, amount, _ = ladder(0)
    within = v3_row(0, repetitions)["ns"]
    ask = pool.quote_in
    through = call_ns(lambda: ask(0, amount).amount_out)
    return {"ns": through - within, "through_ns": through}


cdef double raw_ns(Pool pool, list logs, int n) except -1:
    """ns a log, the logs applied in a circle."""
    cdef int i, k, count = len(logs)
    cdef const uint8_t* topics[4]
    cdef const uint8_t* data[4]
    cdef int n_topics[4]
    cdef size_t sizes[4]
    cdef int64_t start
    kept = [raw(log, LAYOUTS) for log in logs]
    for k in range(count):
        topics[k] = <const uint8_t*><char*>(<bytes>kept[k][0])
        data[k] = <const uint8_t*><char*>(<bytes>kept[k][1])
        n_topics[k] = len(kept[k][0]) // 32
        sizes[k] = len(kept[k][1])
    start = now()
    for i in range(n):
        for k in range(count):
            if pool.apply_raw(topics[k], n_topics[k], data[k], sizes[k]):
                raise ArithmeticError("a log was refused")
    return (now() - start) / <double>(n * count)


def wide_pool(spacing=60):
    """A pool of 2,000 ticks around its price, 60 apart."""
    ticks = [[str(60 * i), str(10**15 if i < 0 else -(10**15)), str(10**15)] for i in range(-1000, 1000)]
    return V3.from_state({"fee": "3000", "tickSpacing": str(spacing), "feeProtocol": "0", "liquidity": str(10**18),
                          "tick": "30", "sqrtPriceX96": str(price_at_tick(30) + 10**20), "ticks": ticks})


def log_row(int repetitions):
    """The dearest of a Swap log, a Mint on known ticks, and Mints and Burns that make and remove ticks: amid
    the 2,000 there are, where most have to move, a third up and down among them, and beyond all."""
    def position(event, lower, upper):
        args = {"owner": 1, "tickLower": lower, "tickUpper": upper, "sender": 1, "amount": 10**12, "amount0": 0, "amount1": 0}
        return {"event": event, "args": args}

    def swaps(pool):
        found = []
        other = V3.from_state(pool.state())
        for direction in (0, 1):
            back = int(pool.state()["sqrtPriceX96"]) if direction else None
            done = other.execute(Swap(direction, 10**14 if not direction else 10**40, False, back))
            after = other.state()
            paid, given = done.amount_in, -done.amount_out
            args = {"sender": 1, "recipient": 1, "amount0": given if direction else paid, "amount1": paid if direction else given}
            found.append({"event": "Swap", "args": args | {k: after[k] for k in ("sqrtPriceX96", "liquidity", "tick")}})
        return found

    figures = {}
    def made(low, high):
        return lambda pool: [position("Mint", low, high), position("Burn", low, high)]

    for name, make in (
        ("swap", swaps),
        ("mint_known", lambda pool: [position("Mint", -600, 600)]),
        ("mint_near", made(-30, 30)),
        ("mint_thirds", made(-20010, 20010)),
        ("mint_far", made(-180000, 180000)),
    ):
        times = []
        for _ in range(repetitions):
            pool = wide_pool(60 if name == "swap" else 30)
            times.append(raw_ns(pool, make(pool), 400))
        figures[name] = statistics.median(times)
    return {"ns": max(figures.values()), "each": figures}


def stepped_pool(tick, fee=500):
    """A V3 pool with a tick every 60 on both sides of its price."""
    base, below = 12345678901234567890, 60 * (tick // 60)
    steps = []
    for i in range(-20, 21):
        net = base // 20 if i % 2 else -(base // 20)
        steps.append([str(below + 60 * i + 60), str(net), str(abs(net))])
    return V3.from_state({"fee": str(fee), "tickSpacing": "60", "feeProtocol": "0", "liquidity": str(base), "tick": str(tick),
                          "sqrtPriceX96": str(price_at_tick(tick) + 12345), "ticks": steps})


cdef double sized_ns(list hops, int repetitions, int n, list crossed) except -1:
    """Median ns of finding the best size through the hops, and the ticks crossed at it."""
    cdef void* pools[4]
    cdef int directions[4]
    cdef int i, count = len(hops)
    cdef Costs costs
    cdef Trial best
    cdef Quote quote
    cdef u256 most = u256_shl(U256_ONE, 110), amount
    cdef int64_t start
    costs.fixed = U256_ZERO
    costs.gas_price_e9 = U256_ZERO
    costs.tip_bps = 0
    for i in range(count):
        pools[i] = <void*>hops[i][0]
        directions[i] = hops[i][1]
    times = []
    for _ in range(repetitions):
        start = now()
        for i in range(n):
            best_trial(pools, directions, count, most, &costs, &best)
        times.append((now() - start) / <double>n)
    if not best.valid:
        raise ArithmeticError("nothing to gain where there is")
    amount = best.paid
    for i in range(count):
        (<Pool>pools[i]).quote_in_to(directions[i], &amount, NULL, &quote)
        crossed.append(quote.crossed)
        amount = quote.amount_out
    return statistics.median(times)


def size_rows(int repetitions):
    first = V2.from_state({"reserveIn": 10**24, "reserveOut": 21 * 10**11, "fee_bps": 30})
    second = V2.from_state({"reserveIn": 3 * 10**24, "reserveOut": 6 * 10**12, "fee_bps": 25})
    crossed = []
    found = {"size_v2_v2": {"ns": sized_ns([(first, 0), (second, 1)], repetitions, 400, [])}}
    near, far = stepped_pool(195010), stepped_pool(195010 - 650)
    found["size_v3_v3"] = {"ns": sized_ns([(near, 0), (far, 1)], repetitions, 20, crossed), "crossed": crossed}
    return found


def wide_graph():
    """2,010 pools and 10,072 cycles of two and three hops; pool 0 lies in 1,000 of them, each sixth pool is V3."""
    draw = random.Random(5)
    graph = Cycles()

    def a_pool(i):
        if i % 6 == 5:
            return stepped_pool(draw.randrange(-60, 60), 100)
        reserve = draw.randrange(10**22, 10**24)
        return V2.from_state({"reserveIn": reserve, "reserveOut": reserve * draw.randrange(990, 1011) // 1000, "fee_bps": 5})

    graph.add(a_pool(0), "A", "B")
    for i in range(500):
        graph.add(a_pool(2 * i), "B", f"T{i}")
        graph.add(a_pool(2 * i + 1), f"T{i}", "A")
    for i in range(9):
        graph.add(a_pool(0), "C", "D")
    for i in range(500):
        graph.add(a_pool(2 * i), "D", f"U{i}")
        graph.add(a_pool(2 * i + 1), f"U{i}", "C")
    graph.build(max_hops=3)
    return graph


def cycles_row(int repetitions):
    """One pool has changed: its 1,000 cycles ranked, the best ten sized by exact quotes."""
    cdef Graph graph = wide_graph()
    cdef Costs costs
    cdef Trial best
    cdef u256 most = u256_shl(U256_ONE, 110)
    cdef int i, held = 0, gained = 0
    cdef int64_t start
    costs.fixed = U256_ZERO
    costs.gas_price_e9 = U256_ZERO
    costs.tip_bps = 0
    through = len(graph.cycles_through(0))
    times = []
    for _ in range(repetitions):
        start = now()
        graph.refresh(0)
        held = graph.rank_through(0, 10)
        gained = 0
        for i in range(held):
            graph.size(graph.ranked[i].cycle, most, &costs, &best)
            gained += best.valid
        times.append(<double>(now() - start))
    return {"ns": statistics.median(times), "cycles": len(graph), "through": through, "verified": held, "gained": gained}


def rows(quick):
    """The rows of this part; see bench/pools.py."""
    repetitions = 31 if quick else 101
    found = {"v2_in": v2_row(repetitions)}
    for crossings in (0, 5, 50):
        found[f"v3_in_{crossings}"] = v3_row(crossings, repetitions)
    found |= tick_rows(repetitions)
    found["python_call"] = call_row(repetitions)
    found["apply_log"] = log_row(repetitions)
    found |= size_rows(repetitions)
    found["cycles"] = cycles_row(repetitions)
    found["pool_memory"] = {"ns": float(wide_pool().__sizeof__()), "unit": "bytes"}
    return found
