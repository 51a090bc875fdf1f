"""Cycles: all of them, once; only those of the changed pool; ranked by rates; sized exactly."""

from __future__ import annotations

import random

import pytest

from hotpath.pools.cycles import Graph
from hotpath.pools.pool import Pool, Refusal
from hotpath.pools.size import best_size
from tests.pools.test_size import pair
from tests.reference.pools import sizing


def random_graph(
    draw: random.Random, tokens: int, pools: int
) -> tuple[list[Pool], list[tuple[int, int]]]:
    """Pairs between random tokens whose worth is given, each priced a little off."""
    worth = [draw.randrange(100, 10_000) for _ in range(tokens)]
    made: list[Pool] = []
    ends = []
    for _ in range(pools):
        a, b = draw.sample(range(tokens), 2)
        size = draw.getrandbits(60) + (1 << 58)
        off = draw.randrange(980, 1021)
        made.append(
            pair(size // worth[a], size // worth[b] * off // 1000, fee_bps=draw.choice((1, 5, 30)))
        )
        ends.append((a, b))
    return made, ends


def graph_of(pools: list[Pool], ends: list[tuple[int, int]]) -> Graph:
    graph = Graph()
    for i, (pool, (a, b)) in enumerate(zip(pools, ends, strict=True)):
        assert graph.add(pool, a, b) == i
    return graph


def rotated(path: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    first = path.index(min(path))
    return tuple(path[first:] + path[:first])


@pytest.mark.parametrize("hops", [2, 3, 4])
def test_every_cycle_once(hops: int) -> None:
    for seed in range(12):
        draw = random.Random(seed)
        pools, ends = random_graph(draw, 5, 9)
        graph = graph_of(pools, ends)
        count = graph.build(max_hops=hops)
        cycles = [graph.cycle(i) for i in range(count)]
        listed = [rotated(path) for _, path in cycles]
        assert len(set(listed)) == len(listed)
        assert set(listed) == sizing.all_cycles(ends, hops)
        for start, path in cycles:
            assert ends[path[0][0]][path[0][1]] == start
        for p in range(len(pools)):
            through = {i for i, (_, path) in enumerate(cycles) if any(p == q for q, _ in path)}
            assert set(graph.cycles_through(p)) == through


def test_cycles_begin_where_they_are_asked_to() -> None:
    pools, ends = random_graph(random.Random(1), 6, 14)
    graph = graph_of(pools, ends)
    everything = graph.build()
    some = graph.build(starts=[3, 0])
    assert 0 < some < everything
    for i in range(some):
        start, path = graph.cycle(i)
        tokens = {ends[p][d] for p, d in path}
        assert start == (3 if 3 in tokens else 0)


def test_a_change_finds_the_gain_and_only_in_its_own_cycles() -> None:
    found_any = 0
    for seed in range(40):
        draw = random.Random(seed)
        pools, ends = random_graph(draw, 6, 16)
        graph = graph_of(pools, ends)
        graph.build()
        for p in range(len(pools)):
            found = graph.changed(p, 1 << 100, top=64)
            through = set(graph.cycles_through(p))
            assert {c for c, _ in found} <= through
            nets = [s.net for _, s in found]
            assert nets == sorted(nets, reverse=True)
            for cycle, sized in found:
                path = graph.cycle(cycle)[1]
                again = best_size([(pools[q], d) for q, d in path], 1 << 100)
                assert (sized.amount_in, sized.net) == (again.amount_in, again.net)
                assert sized.net > 0
            if len(through) <= 64:  # then nothing that gains was left out
                for cycle in through - {c for c, _ in found}:
                    path = graph.cycle(cycle)[1]
                    assert best_size([(pools[q], d) for q, d in path], 1 << 100).net == 0
            found_any += len(found)
    assert found_any > 100


def test_the_ranking_is_the_product_of_the_rates() -> None:
    pools, ends = random_graph(random.Random(7), 5, 14)
    graph = graph_of(pools, ends)
    graph.build()
    for p in range(len(pools)):
        rates = {}
        for cycle in graph.cycles_through(p):
            rate = 1.0
            for q, d in graph.cycle(cycle)[1]:
                rate *= pools[q].rank_float(d)
            if rate > 1:
                rates[cycle] = rate
        best = sorted(rates.values(), reverse=True)[:10]
        ranking = graph.ranking(p, 10)
        assert [r for _, r in ranking] == pytest.approx(best)
        assert all(rates[c] == pytest.approx(r) for c, r in ranking)


def test_a_pool_that_moves_is_ranked_by_its_new_state() -> None:
    from hotpath.pools.pool import Swap

    pools: list[Pool] = [pair(10**21, 10**21), pair(10**21, 10**21)]
    graph = graph_of(pools, [(0, 1), (0, 1)])
    graph.build()
    assert graph.changed(0, 10**30) == []
    pools[0].execute(Swap(0, 10**20))
    [(cycle, sized)] = graph.changed(0, 10**30)
    assert sized.net > 0
    assert graph.cycle(cycle)[1] in ([(1, 0), (0, 1)], [(0, 1), (1, 0)])
    assert graph.changed(0, 10**30, fixed=sized.net) == []


def test_bounds() -> None:
    pools, ends = random_graph(random.Random(2), 3, 12)
    graph = graph_of(pools, ends)
    with pytest.raises(Refusal):
        graph.changed(0, 1)
    with pytest.raises(Refusal) as refused:
        graph.build(most=10)
    assert refused.value.code == "too_many_steps"
    for hops in (1, 5):
        with pytest.raises(Refusal):
            graph.build(max_hops=hops)
    graph.build()
    for pool, top in ((-1, 5), (99, 5), (0, 0), (0, 65)):
        with pytest.raises(Refusal):
            graph.changed(pool, 1, top=top)
    with pytest.raises(Refusal):
        graph.add(pools[0], 1, 1)
    graph.add(pools[0], 0, 7)
    for look in (
        graph.cycles_through,
        lambda p: graph.ranking(p, 5),
        lambda p: graph.changed(p, 9),
    ):
        with pytest.raises(Refusal):
            look(0)
    assert len(graph) == 0
    empty = Graph()
    assert empty.build() == 0
