"""Comparing everything with the venue: at the start, after each reconnect, and periodically."""

from libc.stdint cimport int64_t, uint32_t

from hotpath.records cimport tc_order_id
from venues.binance.absence cimport Absence
from venues.binance.codec cimport bn_item


cdef int number_of(str key)


cdef class Reconciliation(Absence):
    cdef readonly set outstanding          # what the comparison waits for
    cdef readonly dict queue               # of that, what is not asked: when it may be
    cdef readonly set gone                 # instruments that the venue does not know
    cdef dict named                        # question about metadata -> the symbols it named
    cdef dict starts                       # instrument -> when the orders began whose trades a life
                                           # before may have left untold
    cdef dict read_at                      # instrument -> its trades are read up to this time
    cdef dict to_read                      # instruments whose trades are due: when they may be asked
    cdef bint is_narrow                    # the open orders of all symbols are too long a list
    cdef bint is_spoiled                   # something that could not be read came meanwhile
    cdef int64_t began, since, look_again
    cdef int64_t orders_due, fills_due, balances_due, full_due, second_due

    cdef find_starts(self)
    cdef want(self, str key)
    cdef narrow(self)
    cdef int put_questions(self) except -1
    cdef bint ask_named(self, str key) except *
    cdef bint ask_missing(self, str key, tc_order_id of, int instrument) except *
    cdef bint read_trades(self, int number) except *
    cdef ask_again(self)
    cdef retry_at(self, str id)
    cdef int failed(self, str id, bint waited) except -1
    cdef bint is_answer(self, str what) except *
    cdef compare_open(self, str id, int64_t asked)
    cdef look_up(self, str key)
    cdef finish(self)
    cdef int take_trade(self, str id, const bn_item* i) except -1
    cdef take_trades(self, str id, int64_t asked, bint waited, bint latest)
    cdef uint32_t listed_at(self, const bn_item* i) except *
    cdef read_anew(self, str id)
    cdef take_listed(self, str id, int64_t asked, bint latest)
    cdef remember_orphan(self, const bn_item* i)
    cdef bint ask_whose(self, str key) except *
    cdef place_orphans(self, str id)
    cdef list names_of(self, str key)
    cdef bint ask_metadata(self, str key) except *
    cdef int unlist(self, str key, bint waited) except -1
    cdef bint is_listed(self, int number) noexcept
    cdef int leave_out(self, int number) except -1
    cdef bint is_about(self, str key, int number) except *
    cdef show_gone(self)
    cdef bint read_metadata(self) except *
    cdef plan(self)
    cdef compare(self)
    cdef read_on(self)
