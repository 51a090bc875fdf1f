"""The one interface of all pools: exact quotes, the moves of state, and why a quote is refused.

Quoting is plain C from the method down: the caller gives a `Quote` to fill, nothing is allocated and
a market condition is a status, never an exception. The doors for Python below wrap the same methods
(one small object a quote, integers made when they are read), so what Python tests is what runs.
A subclass overrides the cdef methods and `state`, `from_state` and `apply`; what it leaves out is
refused. A divergence from the chain stops loudly: `apply` raises `Diverged`, and nothing heals it but
a new state.
"""

from enum import IntEnum

from hotpath.u256 cimport from_int, to_int, u256


class Status(IntEnum):
    """Why a quote is not the whole answer; the lower-case names are the codes of the batch command."""

    OK = STATUS_OK
    PARTIAL = STATUS_PARTIAL
    REFUSED = STATUS_REFUSED
    OVERFLOW = STATUS_OVERFLOW
    NO_LIQUIDITY = STATUS_NO_LIQUIDITY
    TOO_MANY_STEPS = STATUS_TOO_MANY_STEPS
    BAD_FIELD = STATUS_BAD_FIELD


STATUS_OF = tuple(Status)


class Refusal(Exception):
    """The answer is no: `code` is one of the batch command's codes, `why` a sentence."""

    def __init__(self, code, why):
        super().__init__(code, why)
        self.code = code
        self.why = why

    def __str__(self):
        return f"{self.code}: {self.why}"


class Diverged(Exception):
    """What the chain did is not what this state would have done: the pool is not to be trusted."""


cdef class Quoted:
    """One quote; amounts are Python integers in the coins' smallest units."""

    @property
    def amount_in(self):
        return to_int(self.q.amount_in)

    @property
    def amount_out(self):
        return to_int(self.q.amount_out)

    @property
    def fee(self):
        return to_int(self.q.fee)

    @property
    def price_after(self):
        return to_int(self.q.price_after)

    @property
    def cost(self):
        return self.q.cost

    @property
    def crossed(self):
        return self.q.crossed

    @property
    def tick_after(self):
        return self.q.tick_after

    @property
    def status(self):
        return STATUS_OF[self.q.status]

    def __repr__(self):
        return (
            f"Quoted({self.status.name}, in={self.amount_in}, out={self.amount_out}, fee={self.fee}, "
            f"price_after={self.price_after}, crossed={self.crossed})"
        )


cdef class Swap:
    """A swap to execute: `amount` is paid in, or with `exact_out` taken out; `limit` is the price to stop at."""

    def __init__(self, int direction, amount, bint exact_out=False, limit=None):
        self.direction = direction
        self.amount = amount
        self.exact_out = exact_out
        self.limit = limit


cdef class Pool:
    """A pool of two coins. See the .pxd for what each method promises."""

    cdef void quote_in_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        quote_clear(out)
        out.status = STATUS_REFUSED

    cdef void quote_out_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        quote_clear(out)
        out.status = STATUS_REFUSED

    cdef void execute_in_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        quote_clear(out)
        out.status = STATUS_REFUSED

    cdef void execute_out_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        quote_clear(out)
        out.status = STATUS_REFUSED

    cdef int apply_raw(self, const uint8_t* topics, int n_topics, const uint8_t* data, size_t n) noexcept nogil:
        return STATUS_BAD_FIELD

    cdef double spot(self, int direction) noexcept nogil:
        return 0.0

    cdef double rank(self, int direction) noexcept nogil:
        return 0.0

    cdef void curve(self, int direction, curve_row* row) noexcept nogil:
        row.n = 0

    def quote_in(self, int direction, amount, limit=None):
        """What `amount` paid in on side `direction` (0 or 1) would give; pure. Returns a Quoted."""
        cdef Quoted answer = Quoted.__new__(Quoted)
        cdef u256 a = from_int(amount), to
        if limit is None:
            self.quote_in_to(direction != 0, &a, NULL, &answer.q)
        else:
            to = from_int(limit)
            self.quote_in_to(direction != 0, &a, &to, &answer.q)
        return answer

    def quote_out(self, int direction, amount, limit=None):
        """What must be paid in on side `direction` for `amount` of the other coin; pure. Returns a Quoted."""
        cdef Quoted answer = Quoted.__new__(Quoted)
        cdef u256 a = from_int(amount), to
        if limit is None:
            self.quote_out_to(direction != 0, &a, NULL, &answer.q)
        else:
            to = from_int(limit)
            self.quote_out_to(direction != 0, &a, &to, &answer.q)
        return answer

    def execute(self, Swap swap):
        """Move the state as the chain would; the Quoted says what happened (nothing, if refused)."""
        cdef Quoted answer = Quoted.__new__(Quoted)
        cdef u256 a = from_int(swap.amount), to
        cdef const u256* limit = NULL
        if swap.limit is not None:
            to = from_int(swap.limit)
            limit = &to
        if swap.exact_out:
            self.execute_out_to(swap.direction != 0, &a, limit, &answer.q)
        else:
            self.execute_in_to(swap.direction != 0, &a, limit, &answer.q)
        return answer

    def apply(self, event):
        """Move the state by what the chain said happened. Raises Diverged where it cannot be."""
        raise Refusal("bad_field", f"{type(self).__name__} does not follow events")

    def depth(self, int direction, price_limit):
        """What can be paid in on side `direction` until the price is at `price_limit`; pure. A Quoted."""
        raise Refusal("bad_field", f"{type(self).__name__} has no depth")

    def spot_float(self, int direction):
        """Coins of the other side for one of `direction`, no fee; never for sizing."""
        return self.spot(direction != 0)

    def rank_float(self, int direction):
        """spot_float after the fee: orders pools, never sizes a trade."""
        return self.rank(direction != 0)

    def state(self):
        """The state as the batch command writes it: integers as decimal strings; `from_state` reads it back."""
        raise Refusal("bad_field", f"{type(self).__name__} has no state")

    @classmethod
    def from_state(cls, state):
        """A pool with the state that a batch line carries; Refusal("bad_field") where it is malformed."""
        raise Refusal("bad_field", f"{cls.__name__} cannot be made from a state")
