"""The frame of the Solana kinds whose amounts are u64: a kind gives `step`, this gives the rest.

None of these programs takes a price limit, so a limit is STATUS_BAD_FIELD; an amount past u64 is
STATUS_OVERFLOW. `price_after` is the kind's price (coin 1 for one of coin 0; each kind says its scale);
paying in coin 0 lowers it, coin 1 raises it, and `depth` finds the most that keeps it at the limit.
"""

from libc.stdint cimport uint64_t

from hotpath.pools.fields cimport has, number
from hotpath.pools.pool cimport *
from hotpath.u256 cimport *

from hotpath.pools.pool import Refusal, Status


cdef class SolanaPool(Pool):
    """A pool of two coins in 64-bit amounts; see the .pxd for what a kind overrides."""

    cdef void step(self, int direction, bint exact_in, uint64_t amount, bint move, Quote* out) noexcept nogil:
        out.status = STATUS_REFUSED

    cdef void swap(self, int direction, bint exact_in, const u256* amount, const u256* limit, bint move, Quote* out) noexcept nogil:
        quote_clear(out)
        if limit != NULL:
            out.status = STATUS_BAD_FIELD
        elif not u256_fits_u64(amount[0]):
            out.status = STATUS_OVERFLOW
        else:
            self.step(direction, exact_in, amount.w[0], move, out)

    cdef void quote_in_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        self.swap(direction, True, amount, limit, False, out)

    cdef void quote_out_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        self.swap(direction, False, amount, limit, False, out)

    cdef void execute_in_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        self.swap(direction, True, amount, limit, True, out)

    cdef void execute_out_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        self.swap(direction, False, amount, limit, True, out)

    def depth(self, int direction, price_limit):
        """The most that can be paid in on side `direction` with the price not past `price_limit`.

        The limit is in the scale of `price_after`. A Quoted; pure; at most 64 quotes.
        """
        cdef Quoted answer = Quoted.__new__(Quoted)
        cdef Quote q
        cdef u256 limit = from_int(price_limit)
        cdef uint64_t low = 0, high = 0xffffffffffffffff, middle
        cdef int order
        direction = direction != 0
        with nogil:
            while low < high:
                middle = low + (high - low) // 2 + 1
                quote_clear(&q)
                self.step(direction, True, middle, False, &q)
                order = u256_cmp(q.price_after, limit)
                # too little to give anything moves no price: what is refused for that is not past the limit
                if (q.status == STATUS_OK and (order >= 0 if direction == 0 else order <= 0)) or (
                    q.status == STATUS_REFUSED
                ):
                    low = middle
                else:
                    high = middle - 1
            quote_clear(&answer.q)
            self.step(direction, True, low, False, &answer.q)
        return answer


cdef uint64_t whole(dict source, str name) except? 0xffffffffffffffff:
    """The member `name` as u64."""
    return number(source, name, 64).w[0]


cdef uint64_t whole_or(dict source, str name, uint64_t absent) except? 0xffffffffffffffff:
    return number(source, name, 64).w[0] if has(source, name) else absent


cdef uint64_t below(dict source, str name, uint64_t bound) except? 0xffffffffffffffff:
    """The member `name`, less than `bound`."""
    cdef uint64_t value = number(source, name, 64).w[0]
    if value >= bound:
        raise Refusal("bad_field", f"{name} is below {bound}")
    return value


cdef bint truth(dict source, str name, object absent) except -1:
    """The member `name` as true or false; `absent` where it may be missing, None where it may not."""
    value = source.get(name, absent)
    if value is not True and value is not False:
        raise Refusal("bad_field", f"{name} is true or false")
    return value


cdef dict part(object source, str name):
    """The member `name` as an object."""
    value = source.get(name) if type(source) is dict else None
    if type(value) is not dict:
        raise Refusal("bad_field", f"{name} is an object")
    return value


cdef dict members_of(dict event):
    """What a decoded event says: its `args`, or `decoded` as the shared vectors call them."""
    return part(event, "args" if "args" in event else "decoded")


cdef object refuse(int status, dict why):
    """Raises the Refusal of a status, with the kind's sentence for it."""
    raise Refusal(Status(status).name.lower(), why.get(status, "the program refuses this swap"))
