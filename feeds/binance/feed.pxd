"""The Binance feed: one connection, combined streams; see feed.pyx."""

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from feeds.binance.codec cimport Codec, binance_message
from feeds.binance.join cimport Join
from hotpath.feed cimport Feed
from hotpath.market cimport Market

cdef extern from "feeds/binance/silence.h" nogil:
    enum:
        SILENCE_KNOWN
    ctypedef struct channel_watch:
        int64_t heard
        uint64_t count
    void watch_hear(channel_watch* w, int64_t now)
    int64_t watch_limit(const channel_watch* w, int64_t least, int64_t most)


cdef struct market_state:
    channel_watch depth
    channel_watch ticker
    uint32_t asked                     # number of the last snapshot request
    bint waiting                       # for its answer
    bint wanted                        # another one, when the last was asked a moment ago
    int64_t asked_at
    int tries                          # requests in a row that brought no lasting book
    int64_t joined_at                  # of the last join, 0 = its book's end was reckoned with
    uint64_t last_trade
    int64_t late                       # of the last update with a time: in hand less that, ns
    bint met                           # the next connection has caught up with the book
    int resubscribed                   # so often since its book was joined last
    int64_t resubscribed_at


cdef class BinanceFeed(Feed):
    cdef readonly Codec codec
    cdef readonly list joins           # of Join, by market index
    cdef market_state* states
    cdef int state_count
    cdef readonly object config        # feeds.binance.settings.Settings
    cdef int64_t stale_least_ns, stale_most_ns
    cdef readonly str address
    cdef readonly int active           # channel read, -1 = none
    cdef readonly int coming           # channel that will replace it, -1 = none
    cdef readonly bint connecting      # an open was asked for and not answered
    cdef readonly int failures         # connections lost, refused or short-lived, in a row
    cdef readonly list connects        # engine times of those asked for in the last five minutes
    cdef int64_t connect_due           # when to connect; 0: nothing is planned
    cdef int64_t heard_at              # a frame of the active connection, of any kind
    cdef bint coming_heard             # market data of the coming one
    cdef readonly list ahead           # its frames that are ahead of what the active one has told
    cdef readonly int64_t opened_at
    cdef readonly int64_t coming_at
    cdef readonly list to_send         # (channel, control message) that wait for their turn
    cdef int64_t sent_at               # the last of them
    cdef bint control_armed
    cdef int message_id
    cdef int next_channel              # for the next connection: a late word of an old one of the
                                       # same number must not be taken for it
    cdef bint crossing                 # a book was crossed by a frame of this read
    cdef bint stopping
    cdef int silent_slot               # until when the venue wants no request, -1 = not told
    cdef bint backing_off              # a failed connection is tried again by the timer alone
    cdef readonly bint held            # a connection waits for the end of a ban, or for its turn
    cdef readonly int64_t silent_until # engine time: what our own handshake was told of the same
    cdef readonly int silenced_by      # the HTTP status that said so
    cdef readonly object trouble       # the ban in force (engine/trouble.py), or None
    cdef readonly uint64_t gaps, reconnects, rollovers, resubscribes, duplicates, refused
    cdef readonly uint64_t trades_taken, snapshots_asked, stale_seen

    cdef int depth(self, int channel, binance_message* m) except -1
    cdef int ticker(self, binance_message* m) except -1
    cdef int trade(self, int channel, binance_message* m) except -1
    cdef int odd(self, int channel, int kind, binance_message* m) except -1
    cdef int quarantine(self, const char* p, size_t n) except -1
    cdef int lapped(self) except -1
    cdef int uncross(self) except -1
    cdef int64_t silent_for(self) except -1
    cdef int plan(self, int64_t wait) except -1
    cdef int arm_control(self) except -1
    cdef int refused_with(self, int64_t code) except -1
    cdef bint is_stale(self, market_state* s, int64_t now)
    cdef void hear(self, channel_watch* w) noexcept
    cdef int64_t limit(self, channel_watch* w) noexcept
