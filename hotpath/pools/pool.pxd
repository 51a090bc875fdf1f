"""The one interface of all pools. A kind overrides the four quoting methods and what moves its state.

A quote is a plain struct and costs no allocation; `limit` is NULL where the price is not limited.
Direction 0 pays in the pool's first coin (token 0, coin, x, base), direction 1 the other.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t

from hotpath.u256 cimport u256

cdef extern from "hotpath/pools/curve.h" nogil:
    const int CURVE_HOPS
    const int CURVE_PIECES
    ctypedef struct curve_piece:
        double a
        double b
        double cap
        double gas
    ctypedef struct curve_row:
        int n
        curve_piece* pieces
    double curve_best(const curve_row** rows, int n, double most, double gas_price, double* gain) noexcept
    double curve_until(const curve_row* row, double rate) noexcept
    u256 curve_integer(double v) noexcept

# Why a quote is not the whole answer. Names in lower case are the codes of `tiercel quote --batch`.
cdef enum QuoteStatus:
    STATUS_OK = 0
    STATUS_PARTIAL = 1           # the limit or the end of liquidity came first: amounts are what was filled
    STATUS_REFUSED = 2           # the chain would revert
    STATUS_OVERFLOW = 3          # a result does not fit the chain's integer
    STATUS_NO_LIQUIDITY = 4
    STATUS_TOO_MANY_STEPS = 5    # more ticks or bins than tiercel walks
    STATUS_BAD_FIELD = 6         # the arguments or the state are none that the chain could hold

cdef struct Quote:
    u256 amount_in       # what the pool takes, fee included, smallest units of the coin paid in
    u256 amount_out      # what the pool gives
    u256 fee             # the part of amount_in (or amount_out, where the kind charges that) kept as fee
    u256 price_after     # the kind's own integer price; 0 where it has none
    int64_t cost         # estimate: gas (EVM) or compute units (Solana); 0 where unknown
    int32_t crossed      # initialised ticks or bins crossed
    int32_t tick_after   # the tick or the active bin afterwards; 0 where the kind has none
    int32_t status       # QuoteStatus

cdef inline void quote_clear(Quote* q) noexcept nogil:
    q[0] = Quote(u256([0, 0, 0, 0]), u256([0, 0, 0, 0]), u256([0, 0, 0, 0]), u256([0, 0, 0, 0]), 0, 0, 0, 0)

cdef class Quoted:
    """A quote for Python: each attribute is converted when it is read."""
    cdef Quote q

cdef class Swap:
    """What `execute` does: an exact amount in or out, with or without a price limit."""
    cdef public int direction
    cdef public object amount, limit
    cdef public bint exact_out

cdef class Pool:
    # pure: the state does not change (a kind may memoise what it derives from the state)
    cdef void quote_in_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil
    cdef void quote_out_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil
    # the same, and the state moves as the chain would when the status is OK or PARTIAL
    cdef void execute_in_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil
    cdef void execute_out_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil
    # one raw log (EVM: topics of 32 bytes each and the data) or one account's bytes (Solana: topics 0)
    cdef int apply_raw(self, const uint8_t* topics, int n_topics, const uint8_t* data, size_t n) noexcept nogil
    # coins of the other side for one of `direction` at the present price, before and after the fee
    cdef double spot(self, int direction) noexcept nogil
    cdef double rank(self, int direction) noexcept nogil
    # the curve in doubles from the present state, see curve.h; n = 0 where the kind draws none
    cdef void curve(self, int direction, curve_row* row) noexcept nogil
