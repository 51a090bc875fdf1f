"""The seam between actors and the world: a lane gives time, randomness, timers and transport.

Actors are sans-I/O. What comes in: `on_open/on_closed`, `on_bytes`, `on_record`, `on_timer`,
`on_response`. What goes out, through the lane only: `emit` (a record into the actor's outbox),
`send` on a connection, `arm` (a timer), `open`/`close` (a connection), `request` (HTTP, control
lanes only), `uniform` (seeded randomness). The same objects run live (engine/lane_uvloop,
engine/lane_trio), in seeded simulation and in replay; only the lane's transport differs.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from hotpath.board cimport Board
from hotpath.histogram cimport Stages
from hotpath.records cimport tc_header
from hotpath.ring cimport Outbox


cdef enum:                             # stages of a sampled turn, in the order of a tick
    TC_LAP_RECORD                      # its input written to the recording
    TC_LAP_DECODE                      # text to integers
    TC_LAP_APPLY                       # the book or the order changed, its top told
    TC_LAP_DECIDE                      # the strategy's decision
    TC_LAP_RISK                        # intents and `approved` written, the gate asked twice
    TC_LAP_ENCODE                      # the order's text
    TC_LAP_SEND                        # the send call
    TC_LAPS


cdef class Connection:
    """One open connection of an actor, as the transport made it.

    `send` takes a text frame whose buffer has 64 writable bytes in front (the transport writes
    the frame header there and may mask in place: never send the same bytes twice). It returns n
    when the kernel took the whole frame, else what it took, or -1 when closed; it never buffers.
    """

    cdef readonly uint16_t channel
    cdef readonly bint is_open
    cdef readonly uint64_t sends       # asked so far, taken or not
    cdef int64_t send(self, char* p, size_t n) noexcept
    cpdef close(self)


cdef class ScriptedConnection(Connection):
    """A connection without a socket: tests, simulation and replay.

    Takes every frame whole, except the sends named in `failures` (ordinal -> bytes taken); keeps
    what was sent in `sent` when that is a list.
    """

    cdef public dict failures
    cdef public list sent
    cdef public object on_send         # called with the text, or None


cdef class Actor:
    """The unit of supervised state: takes one input at a time, to completion.

    `wants` is the bit mask of record kinds (1 << kind) it takes from those it follows.
    """

    cdef readonly Lane lane
    cdef readonly Outbox outbox
    cdef readonly uint16_t source
    cdef readonly str name
    cdef readonly int index            # in the lane
    cdef public uint64_t wants
    cdef public uint64_t cause         # of what it emits now: set by the lane for each input
    cdef list listeners                # actors of this lane that follow this one
    cdef list connections              # by channel
    cdef public bint reserved          # may use the outbox's reserve (reports, cancels)

    # inputs; compiled actors override these, Python actors the `def` methods they call
    cdef int take_bytes(self, uint16_t channel, const char* p, size_t n, bint last) except -1
    cdef int take_record(self, const tc_header* r) except -1
    cdef int take_timer(self, uint64_t token, int64_t due) except -1
    cdef int take_link(self, uint16_t channel, uint32_t event, int64_t code) except -1

    # outputs
    cdef uint64_t emit(self, uint16_t kind, uint32_t instrument, uint64_t cause,
                       const void* payload, uint32_t n) except? 0
    cdef const tc_header* last_emitted(self) noexcept
    cdef int64_t send(self, uint16_t channel, char* p, size_t n) noexcept
    cdef tell(self, uint16_t kind)
    cdef void warm(self) noexcept          # the lane slept: ask for the memory of the next order


cdef struct timer:
    int64_t due
    uint64_t order                     # of arming: equal due times fire in this order
    uint64_t token
    int actor


cdef struct deferred:
    int actor
    uint32_t bytes                     # of the record behind it, padded to 8


cdef class Lane:
    """One dispatch loop's state. A turn: one input taken, everything it causes done."""

    cdef readonly int64_t now          # engine time of this turn, UTC ns; constant within it
    cdef readonly int64_t offset       # engine time minus the monotonic clock
    cdef readonly int64_t stamp        # engine time at which this turn's input was in hand
    cdef readonly bint is_virtual      # time is given by inputs, never read from a clock
    cdef readonly uint64_t turns
    cdef readonly uint64_t frames
    cdef readonly uint64_t recording_lost   # inputs that found no room in the recording
    cdef uint64_t recording_told       # of them said so in the recording
    cdef readonly str name
    cdef public Board board
    cdef public object transport       # open(actor, channel, target), close(...), request(...)
    cdef public Outbox inputs          # this lane's recording, None when not recorded
    cdef readonly Stages stages        # the lane's histograms, None when nothing is measured
    cdef readonly list actors
    cdef public int max_restarts           # of Python actors, in the window; more end the lane
    cdef public int64_t restart_window_ns
    cdef public object on_restart          # told (actor, error); None: nobody is
    cdef readonly list restarts
    cdef dict by_source
    cdef uint64_t random_state
    cdef bint in_turn
    cdef public bint by_ticks          # the tick counter is the machine's clock: stamps may use it
    cdef double tick_ns                # length of a tick, 0: not measured yet
    cdef uint64_t turn_ticks, first_ticks
    cdef int64_t first_ns

    # stages, of one turn in each 64: read it, and call `lap` at the end of each stage when it is set
    cdef bint sampled
    cdef uint64_t next_sample          # the turn, 0: none
    cdef int64_t lap_at                # end of the last stage
    cdef int64_t lap_ns[TC_LAPS]       # what each stage took in this turn, all its parts
    cdef uint32_t lapped               # stages met in this turn, a bit each
    cdef int lap_stage[TC_LAPS]        # their histograms, -1: none
    cdef int turn_stage
    cdef void lap(self, int stage) noexcept nogil
    cdef void begin_laps(self) noexcept
    cdef void end_input(self) noexcept
    cdef void end_laps(self) noexcept

    cdef timer* heap
    cdef int timers, timer_room
    cdef uint64_t armed

    cdef uint8_t* queue                # records to deliver after the turn
    cdef size_t queue_room, queue_head, queue_tail
    cdef uint8_t* retired[32]          # outgrown queues, freed at the turn's end
    cdef int retired_count
    cdef int grow_queue(self, size_t need) except -1

    cdef public dict slot_feed         # replay: slot -> recorded values still to be read
    cdef uint64_t* slot_versions       # last version of each board slot told to `inputs`
    cdef uint8_t* slot_owned           # 1: written by an actor of this lane
    cdef size_t slot_count

    # the clock
    cdef int64_t clock(self) noexcept nogil
    cdef int64_t mark(self) noexcept nogil   # the same for a stamp within a turn: 10 ns, not 30
    cdef void measure_ticks(self) noexcept
    cdef void open_turn(self, int64_t now) noexcept
    cdef void warm(self) noexcept
    cdef int close_turn(self) except -1

    # one turn each; called by the runtime, the simulation or the replay
    cdef int frame(self, Actor actor, uint16_t channel, const char* p, size_t n,
                   uint32_t opcode, bint last, int64_t now) except -1
    cdef int record(self, Actor actor, const tc_header* r, int64_t now) except -1
    cdef int link(self, Actor actor, uint16_t channel, uint32_t event, int64_t code,
                  int64_t now) except -1
    cdef int fire(self, int64_t now) except -1

    cdef int fire_one(self, Actor actor, uint64_t token, int64_t due, int64_t now) except -1
    cdef int deliver(self, Actor actor, const tc_header* r) except -1
    cdef respond(self, Actor actor, const char* p, size_t n)
    cdef bint earlier(self, timer* a, timer* b) noexcept nogil
    cdef timer pop_timer(self) noexcept
    cdef void remove_timer(self, int at) noexcept
    cdef void tell_lost(self, uint32_t n) noexcept
    cdef void note_failed_send(self, Actor actor, uint16_t channel, uint64_t ordinal,
                               int64_t took) noexcept
    cdef feed_slot(self, int slot)
    cdef note_turn(self, bytes document, int64_t now)
    cdef bint has_room(self, Outbox outbox, uint32_t n) noexcept

    # for actors
    cdef void arm(self, Actor actor, int64_t due, uint64_t token) noexcept
    cdef int64_t next_due(self) noexcept nogil
    cdef uint64_t draw(self) noexcept
    cdef Actor find(self, uint16_t source)
    cdef int defer(self, Actor actor, const tc_header* r) except -1
    cdef uint64_t read_slot(self, int slot, void* to, uint32_t n) noexcept
    cdef void write_slot(self, int slot, const void* data, uint32_t n) noexcept
    cdef void record_input(self, uint16_t kind, const void* head, uint32_t head_bytes,
                           const void* tail, uint32_t tail_bytes) noexcept
