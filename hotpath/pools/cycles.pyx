"""Cycles of 2 to 4 hops through a graph of tokens and pools; when a pool changes, only its own are looked at.

Every cycle is listed once at `build`, with the direction of each hop, and so is, for each pool, the list
of cycles through it. A pool that changes has its two rates taken anew (doubles, after fees); each cycle
through it is ranked by the sum of its hops' logarithms; the best few are sized with exact quotes
(hotpath/pools/size.pyx). A rank never sizes anything. Laid out flat: ranking 1,000 cycles reads 24 bytes
and four doubles each.
"""

from libc.math cimport exp, log
from libc.stdlib cimport calloc, free

from hotpath.pools.pool cimport Pool
from hotpath.pools.size cimport Costs, Sized, Trial, best_trial
from hotpath.u256 cimport *

from hotpath.pools.pool import Refusal

cdef enum:
    MOST_TOP = 64


cdef class Graph:
    """Add pools, `build`, then `changed(pool)` after each change of a pool's state."""

    def __cinit__(self):
        self.pools = []
        self.ends = []
        self.number = {}

    def __dealloc__(self):
        self.release()

    cdef void release(self) noexcept:
        free(self.raw)
        free(self.ranks)
        free(self.cycles)
        free(self.through)
        free(self.begins)
        free(self.ranked)
        self.raw = NULL
        self.ranks = NULL
        self.cycles = NULL
        self.through = self.begins = NULL
        self.ranked = NULL
        self.count = 0

    def add(self, Pool pool not None, token0, token1):
        """A pool between two tokens (any hashable names); returns its number. `build` comes after the last."""
        if token0 == token1:
            raise Refusal("bad_field", "a pool has two tokens")
        self.release()  # the lists of cycles are of the graph as it was
        self.pools.append(pool)
        self.ends.append((token0, token1))
        return len(self.pools) - 1

    def build(self, int max_hops=4, starts=None, Py_ssize_t most=200_000):
        """List the cycles of 2 to `max_hops` hops; returns how many.

        Each begins at the first of `starts` (default: every token, in order of appearance) that it
        contains, passes no token and no pool twice, and is listed once in each orientation. More
        than `most` is refused.
        """
        if not 2 <= max_hops <= 4:
            raise Refusal("bad_field", "cycles have 2 to 4 hops")
        self.release()
        edges = {}
        for i, (a, b) in enumerate(self.ends):
            edges.setdefault(a, []).append((i, 0, b))
            edges.setdefault(b, []).append((i, 1, a))
        order = list(edges) if starts is None else [t for t in starts if t in edges]
        self.number = {token: i for i, token in enumerate(edges)}
        found = []
        done = set()
        for start in order:
            walk(edges, start, done, max_hops, found, most)
            done.add(start)
        self.keep(found)
        return self.count

    cdef int keep(self, list found) except -1:
        cdef Py_ssize_t i, k, n = len(found), pools = len(self.pools)
        cdef int32_t widest = 1, p
        self.raw = <void**>calloc(pools or 1, sizeof(void*))
        self.ranks = <double*>calloc(2 * pools or 1, sizeof(double))
        self.cycles = <Cycle*>calloc(n or 1, sizeof(Cycle))
        self.through = <int32_t*>calloc(4 * n or 1, sizeof(int32_t))
        self.begins = <int32_t*>calloc(pools + 2, sizeof(int32_t))
        if not self.raw or not self.ranks or not self.cycles or not self.through or not self.begins:
            raise MemoryError
        self.count = n
        for i in range(n):
            start, hops = found[i]
            self.cycles[i].start = self.number[start]
            self.cycles[i].hops = len(hops)
            for k in range(len(hops)):
                self.cycles[i].pools[k] = hops[k][0]
                self.cycles[i].directions[k] = hops[k][1]
                self.begins[<int32_t>hops[k][0] + 2] += 1
        for i in range(pools):
            self.raw[i] = <void*>self.pools[i]
            widest = max(widest, self.begins[i + 2])
            self.begins[i + 2] += self.begins[i + 1]
            self.refresh(i)
        for i in range(n):
            for k in range(self.cycles[i].hops):
                p = self.cycles[i].pools[k]
                self.through[self.begins[p + 1]] = i
                self.begins[p + 1] += 1
        self.ranked = <Ranked*>calloc(widest, sizeof(Ranked))
        if not self.ranked:
            raise MemoryError
        return 0

    cdef void refresh(self, int32_t pool) noexcept nogil:
        """Take a pool's two rates anew."""
        cdef int direction
        cdef double rate
        for direction in range(2):
            rate = (<Pool>self.raw[pool]).rank(direction)
            self.ranks[2 * pool + direction] = log(rate) if rate > 0.0 else -1e300

    cdef int32_t rank_through(self, int32_t pool, int32_t top) noexcept nogil:
        """Rank the cycles through a pool; the best `top` that promise a gain lead `ranked`, best first."""
        cdef int32_t i, k, n = 0, at, held = 0
        cdef double rate, bar = 0.0
        cdef Cycle* c
        for i in range(self.begins[pool], self.begins[pool + 1]):
            c = &self.cycles[self.through[i]]
            rate = self.ranks[2 * c.pools[0] + c.directions[0]] + self.ranks[2 * c.pools[1] + c.directions[1]]
            if c.hops > 2:
                rate += self.ranks[2 * c.pools[2] + c.directions[2]]
                if c.hops > 3:
                    rate += self.ranks[2 * c.pools[3] + c.directions[3]]
            if rate <= bar:
                continue
            at = held if held < top else top - 1  # insertion into the few that are held
            while at > 0 and self.ranked[at - 1].rate < rate:
                self.ranked[at] = self.ranked[at - 1]
                at -= 1
            self.ranked[at].rate = rate
            self.ranked[at].cycle = self.through[i]
            if held < top:
                held += 1
            if held == top:
                bar = self.ranked[top - 1].rate
        return held

    cdef void size(self, int32_t cycle, u256 most, const Costs* costs, Trial* best) noexcept nogil:
        """The best size of a cycle, by exact quotes."""
        cdef void* pools[4]
        cdef int directions[4]
        cdef int i
        cdef Cycle* c = &self.cycles[cycle]
        for i in range(c.hops):
            pools[i] = self.raw[c.pools[i]]
            directions[i] = c.directions[i]
        best_trial(pools, directions, c.hops, most, costs, best)

    cdef int look_up(self, int32_t pool) except -1:
        if self.raw == NULL or not 0 <= pool < len(self.pools):
            raise Refusal("bad_field", "no such pool, or build was not called after the last add")
        return 0

    def changed(self, int32_t pool, max_in, int32_t top=10, fixed=0, gas_price_e9=0, tip_bps=0):
        """A pool has changed: its cycles ranked, the best `top` sized. A list of (cycle, Sized), best net
        first; only what gains. Costs as in `best_size`, in each cycle's own first coin."""
        cdef Costs costs
        cdef Sized sized
        cdef u256 most = from_int(max_in)
        cdef int32_t i, n
        self.look_up(pool)
        if not 0 <= tip_bps <= 10000 or fixed >> 200 or gas_price_e9 >> 160:
            raise Refusal("bad_field", "tip_bps is a share; costs are below 2^200, a gas price below 2^160")
        if not 0 < top <= MOST_TOP:
            raise Refusal("bad_field", f"top is from 1 to {MOST_TOP}")
        costs.fixed = from_int(fixed)
        costs.gas_price_e9 = from_int(gas_price_e9)
        costs.tip_bps = tip_bps
        self.refresh(pool)
        n = self.rank_through(pool, min(top, max(1, self.begins[pool + 1] - self.begins[pool])))
        found = []
        for i in range(n):
            sized = Sized.__new__(Sized)
            sized.costs = costs
            self.size(self.ranked[i].cycle, most, &costs, &sized.trial)
            if sized.trial.valid:
                sized.amounts = (to_int(sized.trial.paid), to_int(sized.trial.out))
                found.append((self.ranked[i].cycle, sized))
        found.sort(key=lambda item: -item[1].net)
        return found

    def cycle(self, int32_t number):
        """(start token, [(pool number, direction), ...]) of a cycle."""
        if not 0 <= number < self.count:
            raise IndexError(number)
        cdef Cycle* c = &self.cycles[number]
        start = next(t for t, i in self.number.items() if i == c.start)
        return start, [(c.pools[i], c.directions[i]) for i in range(c.hops)]

    def cycles_through(self, int32_t pool):
        """Numbers of the cycles that a pool lies in."""
        self.look_up(pool)
        return [self.through[i] for i in range(self.begins[pool], self.begins[pool + 1])]

    def ranking(self, int32_t pool, int32_t top):
        """(cycle, rate) of the best `top` cycles through a pool by doubles; a rate above 1 promises a gain."""
        self.look_up(pool)
        if not 0 < top <= MOST_TOP:
            raise Refusal("bad_field", f"top is from 1 to {MOST_TOP}")
        self.refresh(pool)
        n = self.rank_through(pool, min(top, max(1, self.begins[pool + 1] - self.begins[pool])))
        return [(self.ranked[i].cycle, exp(self.ranked[i].rate)) for i in range(n)]

    def __len__(self):
        return self.count


cdef int walk(dict edges, start, set done, int max_hops, list found, Py_ssize_t most) except -1:
    """Every cycle from `start` that avoids the tokens in `done`, by depth first."""
    stack = [(start, [])]
    while stack:
        token, hops = stack.pop()
        for pool, direction, other in edges[token]:
            if any(pool == p for p, _, _ in hops):
                continue
            if other == start:
                if hops:
                    found.append((start, [(p, d) for p, d, _ in hops] + [(pool, direction)]))
                    if len(found) > most:
                        raise Refusal("too_many_steps", f"more than {most} cycles")
            elif len(hops) + 1 < max_hops and other not in done and all(other != t for _, _, t in hops):
                stack.append((other, [*hops, (pool, direction, other)]))
    return 0
