"""Price-time priority matching. See matching.pxd for the interface.

Layout: orders stand in one pool (48 bytes each, a free list through it), chained first to last
within their level; a level is 32 bytes in a sorted array per side, best last, so that the usual
change near the top moves nothing or a few levels; an open-addressing table finds an order by its
number. One writer, the caller; no locks. Room grows by doubling, before an operation starts, so
that an operation that began cannot fail half way. A ladder by tick was not taken: levels come and
go at any distance and a walk from the best touches neighbours in the sorted array only.
"""

from typing import NamedTuple

cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memmove

from hotpath.records cimport (TC_BUY, TC_FOK, TC_GTC, TC_IOC, TC_LIMIT, TC_MARKET, TC_POST_ONLY,
                              TC_SELL)

STP_NONE, STP_MAKER, STP_TAKER, STP_BOTH = TC_STP_NONE, TC_STP_MAKER, TC_STP_TAKER, TC_STP_BOTH
TRADE, RESTED, EXPIRED = TC_MATCH_TRADE, TC_MATCH_RESTED, TC_MATCH_EXPIRED
CANCELED, PREVENTED, REDUCED = TC_MATCH_CANCELED, TC_MATCH_PREVENTED, TC_MATCH_REDUCED
PLACED, DUPLICATE, WOULD_TAKE = TC_PLACED, TC_DUPLICATE, TC_WOULD_TAKE
INVALID, NOT_FOUND, NO_MEMORY = TC_INVALID, TC_NOT_FOUND, TC_NO_MEMORY
BUY, SELL = TC_BUY, TC_SELL
LIMIT, MARKET, POST_ONLY = TC_LIMIT, TC_MARKET, TC_POST_ONLY
GTC, IOC, FOK = TC_GTC, TC_IOC, TC_FOK


class Match(NamedTuple):
    """One thing that happened; fields as in `tc_match`."""

    kind: int
    order: int
    owner: int
    side: int
    price: int
    quantity: int
    leaves: int
    maker: int
    maker_owner: int
    maker_leaves: int


cdef inline uint64_t mix(uint64_t x) noexcept nogil:
    x ^= x >> 32
    x *= <uint64_t>0x9E3779B97F4A7C15u
    return x ^ (x >> 29)


def fee(amount: int, rate_e8: int) -> int:
    """The fee on `amount` >= 0 (smallest units, of any size) at `rate_e8` (1e-8; 10 bps = 100_000),
    rounded up, a rebate's too: never in favour of who pays it."""
    return -((-amount * rate_e8) // 100_000_000)


@cython.final
cdef class Matching:
    """The resting orders of one instrument and what matching them did."""

    def __cinit__(self, int32_t room=1024):
        cdef int s
        if room < 16 or room > 1 << 28:
            raise ValueError("room is 16 to 2^28 orders")
        self.room = 0
        self.free = -1
        self.live = 0
        self.match_room = 64
        self.changed_room = 64
        self.matches = <tc_match*>malloc(self.match_room * sizeof(tc_match))
        self.changed = <tc_touched*>malloc(self.changed_room * sizeof(tc_touched))
        for s in range(2):
            self.queue_room[s] = 64
            self.queue_count[s] = 0
            self.queues[s] = <tc_queue*>malloc(64 * sizeof(tc_queue))
        if (self.matches == NULL or self.changed == NULL or self.queues[0] == NULL
                or self.queues[1] == NULL):
            raise MemoryError
        while self.room < room:
            if self.grow() != 0:
                raise MemoryError

    def __dealloc__(self):
        free(self.matches)
        free(self.changed)
        free(self.queues[0])
        free(self.queues[1])
        free(self.pool)
        free(self.table)

    # ---- the table of orders ------------------------------------------------------------

    cdef int32_t find(self, uint64_t order) noexcept nogil:
        cdef uint32_t i = <uint32_t>mix(order) & self.mask
        cdef int32_t at
        while True:
            at = self.table[i]
            if at == 0:
                return -1
            if self.pool[at - 1].order == order:
                return at - 1
            i = (i + 1) & self.mask

    cdef int enter(self, uint64_t order, int32_t at) noexcept nogil:
        cdef uint32_t i = <uint32_t>mix(order) & self.mask
        while self.table[i] != 0:
            i = (i + 1) & self.mask
        self.table[i] = at + 1
        return 0

    cdef void leave(self, uint64_t order) noexcept nogil:
        cdef uint32_t i = <uint32_t>mix(order) & self.mask
        cdef uint32_t j, home
        while self.pool[self.table[i] - 1].order != order:
            i = (i + 1) & self.mask
        j = i
        while True:                       # close the hole: no tombstones
            self.table[i] = 0
            while True:
                j = (j + 1) & self.mask
                if self.table[j] == 0:
                    return
                home = <uint32_t>mix(self.pool[self.table[j] - 1].order) & self.mask
                if ((j - home) & self.mask) >= ((j - i) & self.mask):
                    break
            self.table[i] = self.table[j]
            i = j

    cdef int grow(self) noexcept nogil:
        cdef int32_t room = self.room * 2 if self.room else 16
        cdef int32_t i
        cdef tc_resting* pool = <tc_resting*>realloc(self.pool, room * sizeof(tc_resting))
        cdef int32_t* table
        if pool == NULL:
            return TC_NO_MEMORY
        self.pool = pool
        table = <int32_t*>calloc(room * 2, sizeof(int32_t))
        if table == NULL:
            return TC_NO_MEMORY
        for i in range(room - 1, self.room - 1, -1):
            pool[i].order = 0
            pool[i].leaves = 0
            pool[i].after = self.free
            self.free = i
        free(self.table)
        self.table = table
        self.mask = <uint32_t>(room * 2 - 1)
        for i in range(self.room):
            if pool[i].leaves > 0:
                self.enter(pool[i].order, i)
        self.room = room
        return 0

    cdef bint reserve(self) noexcept nogil:
        # room for everything one operation can note: each live order once, and its own few
        cdef int need = self.live + 8
        cdef void* p
        cdef int s
        if self.match_count + need > self.match_room:
            p = realloc(self.matches, <size_t>(self.match_count + need) * 2 * sizeof(tc_match))
            if p == NULL:
                return False
            self.matches = <tc_match*>p
            self.match_room = (self.match_count + need) * 2
        if self.changed_count + need > self.changed_room:
            p = realloc(self.changed,
                        <size_t>(self.changed_count + need) * 2 * sizeof(tc_touched))
            if p == NULL:
                return False
            self.changed = <tc_touched*>p
            self.changed_room = (self.changed_count + need) * 2
        for s in range(2):
            if self.queue_count[s] == self.queue_room[s]:
                p = realloc(self.queues[s], <size_t>self.queue_room[s] * 2 * sizeof(tc_queue))
                if p == NULL:
                    return False
                self.queues[s] = <tc_queue*>p
                self.queue_room[s] *= 2
        return self.free >= 0 or self.grow() == 0

    # ---- levels -------------------------------------------------------------------------

    cdef int locate(self, int s, int64_t key) noexcept nogil:
        """Index of the first level whose key is >= `key` (its place, when absent)."""
        cdef tc_queue* q = self.queues[s]
        cdef int high = self.queue_count[s]
        cdef int low, mid, steps = 0
        while high > 0 and steps < 8:     # most orders come near the best
            if q[high - 1].key < key:
                return high
            high -= 1
            steps += 1
        low = 0
        while low < high:
            mid = (low + high) >> 1
            if q[mid].key < key:
                low = mid + 1
            else:
                high = mid
        return low

    cdef int rest(self, uint64_t order, uint32_t owner, int side, int64_t price,
                  int64_t leaves) noexcept nogil:
        cdef int s = side - 1
        cdef int64_t key = price if side == TC_BUY else -price
        cdef int i = self.locate(s, key)
        cdef tc_queue* q = self.queues[s]
        cdef int32_t at = self.free
        cdef tc_resting* r = &self.pool[at]
        self.free = r.after
        if i == self.queue_count[s] or q[i].key != key:
            memmove(&q[i + 1], &q[i], (self.queue_count[s] - i) * sizeof(tc_queue))
            q[i].key = key
            q[i].total = 0
            q[i].first = q[i].last = -1
            q[i].count = 0
            self.queue_count[s] += 1
        r.order = order
        r.owner = owner
        r.side = <uint8_t>side
        r.price = price
        r.leaves = leaves
        r.after = -1
        r.before = q[i].last
        if q[i].last >= 0:
            self.pool[q[i].last].after = at
        else:
            q[i].first = at
        q[i].last = at
        q[i].total += leaves
        q[i].count += 1
        self.live += 1
        self.enter(order, at)
        self.touch(side, price)
        return 0

    cdef void remove(self, int32_t at) noexcept nogil:
        cdef tc_resting* r = &self.pool[at]
        cdef int s = r.side - 1
        cdef int64_t key = r.price if r.side == TC_BUY else -r.price
        cdef int i = self.locate(s, key)
        cdef tc_queue* q = &self.queues[s][i]
        self.touch(r.side, r.price)
        self.leave(r.order)
        q.total -= r.leaves
        q.count -= 1
        if r.before >= 0:
            self.pool[r.before].after = r.after
        else:
            q.first = r.after
        if r.after >= 0:
            self.pool[r.after].before = r.before
        else:
            q.last = r.before
        if q.count == 0:
            memmove(q, q + 1, (self.queue_count[s] - i - 1) * sizeof(tc_queue))
            self.queue_count[s] -= 1
        r.leaves = 0
        r.after = self.free
        self.free = at
        self.live -= 1

    cdef void touch(self, int side, int64_t price) noexcept nogil:
        cdef int n = self.changed_count
        if n and self.changed[n - 1].price == price and self.changed[n - 1].side == side:
            return
        self.changed[n].price = price
        self.changed[n].side = side
        self.changed_count = n + 1

    cdef tc_match* note(self, int kind, uint64_t order, uint32_t owner, int side, int64_t price,
                        int64_t quantity, int64_t leaves) noexcept nogil:
        cdef tc_match* m = &self.matches[self.match_count]
        self.match_count += 1
        m.kind = <uint8_t>kind
        m.order = order
        m.owner = owner
        m.side = <uint8_t>side
        m.price = price
        m.quantity = quantity
        m.leaves = leaves
        m.maker = 0
        m.maker_owner = 0
        m.maker_leaves = 0
        m.pad0 = 0
        m.pad = 0
        return m

    # ---- the operations -----------------------------------------------------------------

    cdef int64_t fillable(self, uint32_t owner, int side, int64_t price, int64_t quantity,
                          int prevention) noexcept nogil:
        """How much of `quantity` would trade now (price 0: at any price)."""
        cdef int s = 2 - side
        cdef tc_queue* q = self.queues[s]
        cdef int i = self.queue_count[s] - 1
        cdef int64_t got = 0
        cdef int64_t limit = 0
        cdef int32_t at
        if price:
            limit = -price if side == TC_BUY else price
        while i >= 0 and got < quantity and (price == 0 or q[i].key >= limit):
            if prevention == TC_STP_NONE:
                got += q[i].total
            else:
                at = q[i].first
                while at >= 0 and got < quantity:
                    if self.pool[at].owner != owner:
                        got += self.pool[at].leaves
                    elif prevention != TC_STP_MAKER:
                        return got
                    at = self.pool[at].after
            i -= 1
        return got if got < quantity else quantity

    cdef int place(self, uint64_t order, uint32_t owner, int side, int type, int time_in_force,
                   int64_t price, int64_t quantity, int prevention) noexcept nogil:
        """Match an order and rest what is left of it. Room is made first: TC_NO_MEMORY did nothing."""
        cdef int s
        cdef tc_queue* q
        cdef tc_resting* r
        cdef tc_match* m
        cdef int64_t limit = 0
        cdef int64_t leaves = quantity
        cdef int64_t take
        cdef int32_t at
        if (quantity <= 0 or (type != TC_MARKET and price <= 0)
                or (side != TC_BUY and side != TC_SELL)
                or type < TC_LIMIT or type > TC_POST_ONLY
                or time_in_force < TC_GTC or time_in_force > TC_FOK
                or prevention < TC_STP_NONE or prevention > TC_STP_BOTH):
            return TC_INVALID
        if self.find(order) >= 0:
            return TC_DUPLICATE
        if not self.reserve():
            return TC_NO_MEMORY
        if type == TC_MARKET:
            price = 0
        else:
            limit = -price if side == TC_BUY else price
        s = 2 - side                      # the other side
        if type == TC_POST_ONLY:
            if self.queue_count[s] and self.queues[s][self.queue_count[s] - 1].key >= limit:
                return TC_WOULD_TAKE
        elif (time_in_force == TC_FOK
                and self.fillable(owner, side, price, quantity, prevention) < quantity):
            self.note(TC_MATCH_EXPIRED, order, owner, side, price, quantity, 0)
            return TC_PLACED
        while leaves > 0 and self.queue_count[s] > 0:
            q = &self.queues[s][self.queue_count[s] - 1]
            if type != TC_MARKET and q.key < limit:
                break
            at = q.first
            r = &self.pool[at]
            if prevention != TC_STP_NONE and r.owner == owner:
                if prevention != TC_STP_TAKER:
                    m = self.note(TC_MATCH_PREVENTED, r.order, owner, r.side, r.price, r.leaves, 0)
                    m.maker = r.order
                    m.maker_owner = owner
                    self.remove(at)
                if prevention != TC_STP_MAKER:
                    self.note(TC_MATCH_PREVENTED, order, owner, side, price, leaves, 0)
                    return TC_PLACED
                continue
            take = r.leaves if r.leaves < leaves else leaves
            leaves -= take
            m = self.note(TC_MATCH_TRADE, order, owner, side, r.price, take, leaves)
            m.maker = r.order
            m.maker_owner = r.owner
            m.maker_leaves = r.leaves - take
            if take == r.leaves:
                self.remove(at)
            else:
                r.leaves -= take
                q.total -= take
                self.touch(r.side, r.price)
        if leaves > 0:
            if type == TC_MARKET or time_in_force != TC_GTC:
                self.note(TC_MATCH_EXPIRED, order, owner, side, price, leaves, 0)
            else:
                self.rest(order, owner, side, price, leaves)
                self.note(TC_MATCH_RESTED, order, owner, side, price, leaves, leaves)
        return TC_PLACED

    cdef int cancel(self, uint64_t order) noexcept nogil:
        cdef int32_t at = self.find(order)
        cdef tc_resting* r
        if at < 0:
            return TC_NOT_FOUND
        if not self.reserve():
            return TC_NO_MEMORY
        r = &self.pool[at]
        self.note(TC_MATCH_CANCELED, order, r.owner, r.side, r.price, r.leaves, 0)
        self.remove(at)
        return TC_PLACED

    cdef int reduce(self, uint64_t order, int64_t leaves) noexcept nogil:
        """Less of the same order at the same price: its place in the queue is kept."""
        cdef int32_t at = self.find(order)
        cdef tc_resting* r
        cdef int i
        if at < 0:
            return TC_NOT_FOUND
        r = &self.pool[at]
        if leaves <= 0 or leaves > r.leaves:
            return TC_INVALID
        if not self.reserve():
            return TC_NO_MEMORY
        r = &self.pool[at]                # the pool may have moved
        i = self.locate(r.side - 1, r.price if r.side == TC_BUY else -r.price)
        self.queues[r.side - 1][i].total -= r.leaves - leaves
        r.leaves = leaves
        self.touch(r.side, r.price)
        self.note(TC_MATCH_REDUCED, order, r.owner, r.side, r.price, leaves, leaves)
        return TC_PLACED

    cdef int replace(self, uint64_t order, int type, int64_t price, int64_t quantity,
                     int prevention) noexcept nogil:
        """Another price or open quantity. The same price with no more of it keeps priority;
        anything else goes to the end of its new queue and may trade at once. A post-only
        replacement that would trade changes nothing (TC_WOULD_TAKE)."""
        cdef int32_t at = self.find(order)
        cdef uint32_t owner
        cdef int side, s
        if at < 0:
            return TC_NOT_FOUND
        if (price <= 0 or quantity <= 0 or (type != TC_LIMIT and type != TC_POST_ONLY)
                or prevention < TC_STP_NONE or prevention > TC_STP_BOTH):
            return TC_INVALID
        if self.pool[at].price == price and quantity <= self.pool[at].leaves:
            return self.reduce(order, quantity)
        if not self.reserve():
            return TC_NO_MEMORY
        owner = self.pool[at].owner
        side = self.pool[at].side
        s = 2 - side
        if (type == TC_POST_ONLY and self.queue_count[s]
                and self.queues[s][self.queue_count[s] - 1].key
                >= (-price if side == TC_BUY else price)):
            return TC_WOULD_TAKE
        self.remove(at)
        return self.place(order, owner, side, type, TC_GTC, price, quantity, prevention)

    cdef void forget(self) noexcept nogil:
        self.match_count = 0
        self.changed_count = 0

    cdef bint best(self, int side, int64_t* price, int64_t* quantity) noexcept nogil:
        cdef int s = side - 1
        cdef tc_queue* q
        if self.queue_count[s] == 0:
            return False
        q = &self.queues[s][self.queue_count[s] - 1]
        price[0] = q.key if side == TC_BUY else -q.key
        quantity[0] = q.total
        return True

    cdef int64_t total(self, int side, int64_t price) noexcept nogil:
        cdef int s = side - 1
        cdef int64_t key = price if side == TC_BUY else -price
        cdef int i = self.locate(s, key)
        if i < self.queue_count[s] and self.queues[s][i].key == key:
            return self.queues[s][i].total
        return 0

    # ---- for Python ---------------------------------------------------------------------

    def submit(self, uint64_t order, uint32_t owner, int side, int64_t price, int64_t quantity,
               int type=TC_LIMIT, int time_in_force=TC_GTC, int prevention=TC_STP_NONE) -> int:
        """Place an order (price ignored for MARKET); returns PLACED or why not."""
        return self.place(order, owner, side, type, time_in_force, price, quantity, prevention)

    def withdraw(self, uint64_t order) -> int:
        """Cancel an order; PLACED when it was in the book, else NOT_FOUND."""
        return self.cancel(order)

    def shrink(self, uint64_t order, int64_t leaves) -> int:
        """Reduce an order to `leaves`, priority kept."""
        return self.reduce(order, leaves)

    def amend(self, uint64_t order, int64_t price, int64_t quantity, int type=TC_LIMIT,
              int prevention=TC_STP_NONE) -> int:
        """Replace price and open quantity; see `replace`."""
        return self.replace(order, type, price, quantity, prevention)

    def take_matches(self) -> list:
        """What happened since the last call, in order; empties it."""
        cdef int i
        cdef tc_match* m
        found = []
        for i in range(self.match_count):
            m = &self.matches[i]
            found.append(Match(m.kind, m.order, m.owner, m.side, m.price, m.quantity, m.leaves,
                               m.maker, m.maker_owner, m.maker_leaves))
        self.match_count = 0
        return found

    def take_changes(self) -> list:
        """(side, price, total) of each level changed since the last call, in first-touch order."""
        cdef int i
        seen = {}
        for i in range(self.changed_count):
            seen[(<int>self.changed[i].side, self.changed[i].price)] = None
        self.changed_count = 0
        return [(side, price, self.total(side, price)) for side, price in seen]

    def top(self, int side):
        """(price, quantity) of the best level, or None."""
        cdef int64_t price = 0, quantity = 0
        if not self.best(side, &price, &quantity):
            return None
        return price, quantity

    def levels(self, int side, int limit=0) -> list:
        """[(price, total)], best first; `limit` 0 means all."""
        cdef int s = side - 1
        cdef int n = self.queue_count[s]
        cdef int i
        cdef tc_queue* q
        found = []
        for i in range(n - 1, -1, -1):
            if limit and len(found) == limit:
                break
            q = &self.queues[s][i]
            found.append((q.key if side == TC_BUY else -q.key, q.total))
        return found

    def quantity_at(self, int side, int64_t price) -> int:
        """Total of the level, 0 when there is none."""
        return self.total(side, price)

    def would_fill(self, uint32_t owner, int side, int64_t price, int64_t quantity,
                   int prevention=TC_STP_NONE) -> int:
        """How much of `quantity` would trade at once (price 0: at any price)."""
        return self.fillable(owner, side, price, quantity, prevention)

    def queue(self, int side) -> list:
        """[(order, owner, price, leaves)] of a side by priority: best price first, oldest first."""
        cdef int s = side - 1
        cdef int i
        cdef int32_t at
        found = []
        for i in range(self.queue_count[s] - 1, -1, -1):
            at = self.queues[s][i].first
            while at >= 0:
                found.append((self.pool[at].order, self.pool[at].owner, self.pool[at].price,
                              self.pool[at].leaves))
                at = self.pool[at].after
        return found

    def order(self, uint64_t order):
        """(owner, side, price, leaves) of an order in the book, or None."""
        cdef int32_t at = self.find(order)
        if at < 0:
            return None
        return (self.pool[at].owner, self.pool[at].side, self.pool[at].price,
                self.pool[at].leaves)

    def __len__(self) -> int:
        return self.live

    def _spin(self, int count) -> int:
        """Place, trade against and cancel `count` orders: for the benchmark."""
        cdef uint64_t n = <uint64_t>1 << 40
        cdef int i
        cdef int done = 0
        with nogil:
            for i in range(count):
                n += 1
                done += self.place(n, 1, TC_BUY, TC_LIMIT, TC_GTC, 10000 - (i * 7) % 40, 5, 0) == 0
                if i % 4 == 3:
                    self.place(n + (<uint64_t>1 << 41), 2, TC_SELL, TC_LIMIT, TC_IOC, 9900, 7, 0)
                if i > 64:
                    self.cancel(n - 60)
                self.forget()
        return done
