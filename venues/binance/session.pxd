"""The connection to Binance spot's order socket, and what may be asked on it when."""

from libc.stdint cimport int64_t, uint64_t

from hotpath.venue cimport Venue
from venues.binance.codec cimport Codec, bn_item


cdef class Session(Venue):
    cdef readonly Codec codec
    cdef readonly str state                # closed, opening, logon, subscribing, reconciling, ready
    cdef readonly bint logged_on
    cdef readonly uint64_t banned
    cdef readonly int64_t silent_until     # engine time; a ban or a limit
    cdef readonly int silenced_by          # the status that said so
    cdef public int silent_slot            # where the same stands of all lanes; -1: nowhere
    cdef readonly int64_t clock_difference # venue minus engine time at the logon, ns
    cdef readonly object trouble           # what keeps it from trading (engine/trouble.py), or None
    cdef object settings, signer, api_key, url
    cdef public object profile             # the venue's rules (profile.py)
    cdef dict asked_at                     # request id -> engine time, until it is answered
    cdef readonly dict latest              # what is asked -> id of the last such question
    cdef int64_t opened_at, next_open, backoff_ns
    cdef int64_t minute
    cdef int weight
    cdef uint64_t asks
    cdef bint unsubscribed
    cdef const char* raw                   # the frame in hand
    cdef size_t raw_bytes

    cdef greet(self)
    cdef int lost(self, int reason) except -1
    cdef int take_session(self, const bn_item* i) except -1
    cdef take_error(self)
    cdef int take_ban(self) except -1
    cdef int refused_with(self, int64_t code) except -1
    cdef int be_silent(self, int64_t until, int status) except -1
    cdef int hear_silence(self) except -1
    cdef object content(self)
    cdef bint may_trade(self) except -1
    cdef int64_t share_of(self, str id) except -1
    cdef connected_well(self)
    cdef int tend(self) except -1
