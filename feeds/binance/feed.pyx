"""The Binance feed: one connection, combined streams, books that are joined or in doubt.

Path of a frame: scanned (codec), applied (join, book), published at the last frame of a read. What
is not that path is written for clarity: snapshots, staleness, reconnects and rollover happen seconds
apart, on timers.

A book is asked a snapshot for when its stream has spoken (the first update is kept), never before:
a silent stream whose REST side answers must not look alive. The request is a record for this feed's
rest actor; its answer carries the request's number, and an older one is dropped. Every doubt ends
the join, so that only a new snapshot makes the book valid again. The wait before the next request of
a market doubles while none brings a book that lasts: snapshots are heavy, and all markets of an
address, and its venue's questions about orders, live on one budget.

Connections: at the age of `lifetime_s`, or when the server says that it will close, a second one is
opened on the other channel. Both are read; updates that came already change nothing, one that would be
a gap on the new connection is kept, as the old one has what lies between, and the old one is closed
when the new has met every book (or `overlap_s` is over): what was kept follows. Control messages leave
one at a time, 250 ms apart: the venue takes five a second, pongs included. While the venue wants no
request of this address (a ban that any actor of the engine was told of, on the board, or our own
handshake was answered with) no connection is asked for; those there are go on.

Staleness is by channel: silence longer than three times the 99.9th percentile of the gaps seen, in
the bounds of the settings. A stale market is in doubt and subscribed anew, ever later; the connection
is replaced when it has not said a word since, beside it when all are silent, never for one of several.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from feeds.binance.codec cimport (
    BINANCE_DEPTH,
    BINANCE_ERROR,
    BINANCE_REJECTED,
    BINANCE_REPLY,
    BINANCE_SHUTDOWN,
    BINANCE_TICKER,
    BINANCE_TRADE,
)
from feeds.binance.join cimport (
    JOIN_APPLIED,
    JOIN_GAP,
    JOIN_JOINED,
    JOIN_KEPT,
    JOIN_OLD,
    JOIN_REFUSED,
    JOIN_TOO_OLD,
)
from hotpath.lane cimport TC_LAP_DECODE
from hotpath.records cimport (
    TC_ASK_SNAPSHOT,
    TC_DOCUMENT,
    TC_DOUBT_CROSSED,
    TC_DOUBT_GAP,
    TC_DOUBT_LATE_TURN,
    TC_DOUBT_OVERFLOW,
    TC_DOUBT_RECONNECT,
    TC_DOUBT_REJECTED_FRAME,
    TC_DOUBT_STALE,
    TC_GAP,
    TC_LINK_CLOSED,
    TC_LINK_LATE,
    TC_LINK_OPEN,
    TC_REQUEST,
    TC_SNAPSHOT,
    TC_VALID,
    tc_gap,
    tc_header,
    tc_level,
    tc_request,
    tc_snapshot,
)

import orjson

from engine import slots
from engine.budget import silence_of
from feeds.binance.settings import Settings, endpoints_of
from feeds.binance.subscriptions import shared_out

CHECK, CONNECT, CONTROL = 1, 2, 3      # timer tokens
CHECK_NS = 250_000_000
CONTROL_NS = 250_000_000
OPEN_TIMEOUT_NS = 10_000_000_000
CONNECTS_NS = 300_000_000_000          # what the venue counts connections over
STEADY_NS = 60_000_000_000             # one that lasted this long has not failed
cdef int64_t ASK_GAP_NS = 500_000_000  # before a second snapshot request of one market; doubled
cdef int64_t ASK_MOST_NS = 60_000_000_000   # while answers do not join
cdef int BRIEF_TRIES = 4               # 4 s at most while they join, to books that do not last
cdef int64_t LASTING_NS = 10_000_000_000    # a book that stood so long: the next doubt is a first
CHANNELS = 8
MOST_STREAMS = 1024
AHEAD = 10_000                         # so many frames of the next connection are kept
QUARANTINED = 100                      # frames that could not be read are kept as documents
QUARANTINED_BYTES = 2000


cdef inline int64_t ask_gap_ns(const market_state* s) noexcept nogil:
    """From a market's last snapshot request to its next."""
    return min(ASK_MOST_NS, ASK_GAP_NS << min(max(s.tries, 1), 30) - 1)


@cython.final
cdef class BinanceFeed(Feed):
    """Market data of Binance spot for the markets it was given."""

    def __init__(self, lane, name, outbox):
        super().__init__(lane, name, outbox)
        self.active = self.coming = self.silent_slot = -1
        self.wants = 1 << TC_SNAPSHOT | 1 << TC_GAP
        self.connects, self.to_send, self.ahead = [], [], []

    def __dealloc__(self):
        free(self.states)

    def set_up(self, setup):
        """From the configuration: the venue's address and this feed's settings."""
        silent = setup.slots.get(slots.silent(setup.venue.name), -1) if setup.venue else -1
        self.configure(endpoints_of(setup).streams, setup.settings, silent)

    def configure(self, str address, config=None, int silent_slot=-1):
        """`address`: ws://host:port, with or without a path; call it when all markets are added.
        `silent_slot`: where the time stands until which the venue wants no request."""
        cdef Market market
        self.silent_slot = silent_slot
        self.address = address.rstrip("/").removesuffix("/stream").removesuffix("/ws")
        self.config = Settings() if config is None else config
        self.stale_least_ns = self.config.stale_least_ms * 1000000
        self.stale_most_ns = self.config.stale_most_ms * 1000000
        self.codec = Codec([market.spec for market in self.markets], rounds=True)
        self.joins = [Join(market.book) for market in self.markets]
        free(self.states)
        self.state_count = <int>len(self.markets)
        self.states = <market_state*>calloc(max(1, self.state_count), sizeof(market_state))
        if self.states == NULL:
            raise MemoryError
        if len(self.streams()) > MOST_STREAMS:
            raise ValueError(f"{self.name}: {len(self.streams())} streams, the venue takes 1024")

    # ---- connections

    def streams(self, market=None):
        """Stream names of one market, or of all."""
        names = []
        depth = f"@depth@{self.config.depth_interval_ms}ms"
        if self.config.depth_interval_ms == 1000:
            depth = "@depth"
        for m in self.markets if market is None else [market]:
            symbol = m.spec.symbol.lower()
            names += [f"{symbol}{depth}", f"{symbol}@bookTicker"]
            if self.config.trades:
                names.append(f"{symbol}@trade")
        return names

    def on_start(self):
        self.stopping = False
        self.connect()
        self.arm(self.lane.now + CHECK_NS, CHECK)

    def on_stop(self):
        self.stopping = True
        for channel in (self.active, self.coming):
            if channel >= 0:
                self.close(channel)

    cdef int64_t silent_for(self) except -1:
        """Nanoseconds for which the venue wants nothing of this address; 0 = it may be asked."""
        cdef uint64_t told[2]
        cdef int64_t until = self.silent_until
        if self.silent_slot >= 0 and self.lane.read_slot(self.silent_slot, told, sizeof(told)):
            until = max(until, <int64_t>told[0])
        return max(0, until - self.lane.now)

    cdef int refused_with(self, int64_t code) except -1:
        """A handshake was answered; with a ban, it holds for every actor of this address."""
        told = silence_of(code)
        if told is None:
            return 0
        until = self.lane.now + told[1]
        if until > self.silent_until:
            self.silent_until, self.silenced_by = until, told[0]
            self.trouble = {"kind": "ban", "number": told[0], "until": until}
        return 0

    def connect(self):
        """Ask for a connection on the channel that is free; when a ban is over, and no more often
        than the venue allows an address."""
        cdef int64_t wait = max(self.silent_for(), self.connects_wait())
        if wait:
            self.held = True
            self.plan(wait)
            return
        self.held = False
        self.connects.append(self.lane.now)
        first, messages = shared_out(self.streams())
        self.coming = self.next_channel
        self.to_send = [(c, m) for c, m in self.to_send if c == self.active] + [
            (self.coming, m) for m in messages]
        self.next_channel = (self.next_channel + 1) % CHANNELS
        self.coming_at = self.lane.now
        self.connecting = True
        self.coming_heard, self.ahead = False, []
        for i in range(self.state_count):
            self.states[i].met = False
        self.open(self.coming, {"url": f"{self.address}/stream?streams={first}"})

    def connects_wait(self):
        """Nanoseconds until one more connection of this address may be asked for."""
        self.connects = [t for t in self.connects if self.lane.now - t < CONNECTS_NS]
        if len(self.connects) < self.config.connects_per_5m:
            return 0
        return self.connects[0] + CONNECTS_NS - self.lane.now

    cdef int plan(self, int64_t wait) except -1:
        """One connection, then; a timer of an earlier plan finds nothing to do."""
        self.connect_due = self.lane.now + wait
        self.arm(self.connect_due, CONNECT)
        return 0

    def later(self):
        """Connect again after a wait that grows with every failure, half of it by chance."""
        bound = min(
            self.config.backoff_cap_ms, self.config.backoff_initial_ms << min(self.failures, 20)
        )
        self.failures += 1
        wait = bound * (0.5 + 0.5 * self.uniform())
        self.plan(int(wait * 1e6))
        self.backing_off = True

    def opened(self, int channel):
        if channel != self.coming or self.stopping:
            self.close(channel)
            return
        self.connecting = False
        if self.active < 0:
            self.promote()
        else:
            self.coming_at = self.lane.now
        self.sent_at = self.lane.now   # the first message is not the connection's first word
        self.arm_control()

    def promote(self):
        """The new connection is the one that counts; the old one is closed. What the new one said
        ahead of it follows now: what is missing is a gap, as ever."""
        cdef bytes frame
        old, frames = self.active, self.ahead
        self.active, self.coming, self.ahead = self.coming, -1, []
        self.opened_at = self.heard_at = self.lane.now
        for i in range(self.state_count):
            self.states[i].resubscribed = 0
        for frame in frames:
            self.take_bytes(self.active, PyBytes_AS_STRING(frame), len(frame), frame is frames[-1])
        if old >= 0:
            self.rollovers += 1
            self.forget(old)
            self.close(old)

    def forget(self, int channel):
        """A connection that is over is told nothing any more."""
        self.to_send = [(c, m) for c, m in self.to_send if c != channel]

    def closed(self, int channel):
        if self.stopping:
            return
        self.forget(channel)
        if channel == self.coming:
            self.coming, self.connecting = -1, False
            self.later()
        elif channel == self.active:
            self.reconnects += 1
            self.active = -1
            if self.coming >= 0 and not self.connecting:
                self.promote()         # it has been reading all along: continuity is checked
                return
            self.doubt_all(TC_DOUBT_RECONNECT)
            for i in range(self.state_count):
                self.states[i].last_trade = 0      # no other connection brings it a second time
            if self.coming < 0:
                self.later()

    def doubt_all(self, uint32_t reason):
        for market in self.markets:
            self.doubt(market, reason)

    cdef int take_link(self, uint16_t channel, uint32_t event, int64_t code) except -1:
        if event == TC_LINK_OPEN:
            self.opened(channel)
        elif event == TC_LINK_CLOSED:
            self.refused_with(code)
            self.closed(channel)
        elif event == TC_LINK_LATE:
            self.doubt_all(TC_DOUBT_LATE_TURN)
        return 0

    # ---- frames

    cdef int take_bytes(self, uint16_t channel, const char* p, size_t n, bint last) except -1:
        cdef int kind, early
        if channel == self.active or channel == self.coming:
            kind = self.codec.scan(p, n, NULL)
            if channel == self.active:
                self.heard_at = self.lane.now
            elif kind == BINANCE_TICKER or kind == BINANCE_DEPTH or kind == BINANCE_TRADE:
                self.coming_heard = True
            if self.lane.sampled:
                self.lane.lap(TC_LAP_DECODE)
            if kind == BINANCE_TICKER:
                self.ticker(&self.codec.message)
            elif kind == BINANCE_DEPTH or kind == BINANCE_TRADE:
                if kind == BINANCE_DEPTH:
                    early = self.depth(channel, &self.codec.message)
                else:
                    early = self.trade(channel, &self.codec.message)
                if early:
                    self.ahead.append(p[:n])
                    if len(self.ahead) == AHEAD:
                        self.promote()
            else:
                self.odd(channel, kind, &self.codec.message)
                if kind == BINANCE_REJECTED and self.rejected <= QUARANTINED:
                    self.quarantine(p, n)
        if last:
            if self.crossing:
                self.uncross()
            self.settle()
        return 0

    cdef int uncross(self) except -1:
        """The read is over: what is crossed now is in doubt (the levels, not only the top)."""
        cdef Market market
        self.crossing = False
        for market in self.markets:
            if market.touched and market.book.top.reason == TC_VALID and market.book.crossed():
                self.doubt(market, TC_DOUBT_CROSSED)
        return 0

    cdef int depth(self, int channel, binance_message* m) except -1:
        """An update of a book; 1: it is ahead of it, and is kept for later."""
        cdef uint32_t i = m.symbol.index
        cdef Market market = <Market>self.markets[i]
        cdef Join join = <Join>self.joins[i]
        cdef market_state* s = &self.states[i]
        cdef tc_gap gap
        cdef uint64_t at = join.stream_id
        cdef int did
        if channel == self.coming and self.active >= 0:
            if join.stream_started and m.last_id > at and not join.follows(m):
                return 1               # not yet met: the old connection has what lies between
            s.met = True
        did = join.update(m, self.codec.levels)
        if did == JOIN_APPLIED:
            self.hear(&s.depth)
            if m.venue_time:
                s.late = max(<int64_t>1, self.lane.now - m.venue_time)
            if market.book.crossed():
                self.crossing = True
            if market.told:
                self.tell_levels(market, self.codec.levels, m.bids, m.asks, m.first_id, m.last_id,
                                 m.venue_time)
            self.touch(market)
        elif did == JOIN_OLD:
            self.duplicates += 1
        elif did == JOIN_KEPT:
            self.hear(&s.depth)
            if not s.waiting and not s.wanted:
                self.ask(i)
        elif did == JOIN_GAP:
            self.hear(&s.depth)
            self.gaps += 1
            memset(&gap, 0, sizeof(gap))
            gap.from_, gap.to, gap.reason = at + 1, m.first_id - 1, TC_DOUBT_GAP
            self.emit(TC_GAP, market.instrument, 0, &gap, sizeof(gap))
            Feed.doubt(self, market, TC_DOUBT_GAP)
            self.ask(i)                # this update is kept: the snapshot joins to it
        else:
            Feed.doubt(self, market, TC_DOUBT_OVERFLOW)
            s.waiting = False
        return 0

    cdef int ticker(self, binance_message* m) except -1:
        cdef Market market = <Market>self.markets[m.symbol.index]
        cdef market_state* s = &self.states[m.symbol.index]
        self.hear(&s.ticker)
        if market.book.top.reason != TC_VALID or m.top.update_id <= market.book.last_id or \
                m.top.update_id <= market.book.lead_id:
            return 0                   # known already: no word of how things are now
        if not m.top.venue_time and s.late:
            m.top.venue_time = self.lane.now - s.late      # it has no time: as late as the levels
        market.book.lead(&m.top)
        return self.touch(market)

    cdef int trade(self, int channel, binance_message* m) except -1:
        """A trade; 1: trades before it are still to come, and it is kept for later."""
        cdef market_state* s = &self.states[m.symbol.index]
        cdef Market market
        if m.trade.trade_id <= s.last_trade:
            self.duplicates += 1
            return 0
        if channel != self.active and s.last_trade and m.trade.trade_id > s.last_trade + 1:
            return 1                   # the old connection has what lies between
        market = <Market>self.markets[m.symbol.index]
        s.last_trade = m.trade.trade_id
        self.trades_taken += 1
        return self.printed(market, &m.trade)

    cdef int odd(self, int channel, int kind, binance_message* m) except -1:
        """What is no market data of ours."""
        if kind == BINANCE_REJECTED:
            self.rejected += 1
            if m.symbol != NULL:
                self.doubt(<Market>self.markets[m.symbol.index], TC_DOUBT_REJECTED_FRAME)
            else:
                self.doubt_all(TC_DOUBT_REJECTED_FRAME)
        elif kind == BINANCE_SHUTDOWN:
            self.leaving(channel)
        elif kind == BINANCE_ERROR:
            self.refused += 1          # a subscription: the connection is of no use without it
            self.close(channel)
        elif kind != BINANCE_REPLY:
            self.not_mine += 1
        return 0

    def leaving(self, int channel):
        """The venue is about to end this connection: another one before it does. One that is young
        is no better than the one before it: the next has to wait."""
        if channel == self.coming:
            self.closed(channel)
            self.close(channel)
        elif channel == self.active and self.coming < 0 and not self.backing_off:
            if self.lane.now - self.opened_at < STEADY_NS:
                self.later()
            else:
                self.connect()

    cdef int quarantine(self, const char* p, size_t n) except -1:
        """The first frames that could not be read, as documents, for whoever looks for the cause."""
        text = p[: min(n, QUARANTINED_BYTES)].decode(errors="replace")
        document = orjson.dumps({"rejected_frame": text, "bytes": n, "number": self.rejected})
        self.emit(TC_DOCUMENT, 0, 0, <const char*>document, <uint32_t>len(document))
        return 0

    # ---- doubt and snapshots

    cdef int doubt(self, Market market, uint32_t reason) except -1:
        """Every doubt ends the join. One that stands already is not told again."""
        cdef bint news = market.book.top.reason == TC_VALID
        (<Join>self.joins[market.index]).restart(reason)
        self.states[market.index].waiting = self.states[market.index].wanted = False
        if news:
            Feed.doubt(self, market, reason)
        return 0

    def ask(self, int index):
        """Ask the rest actor for a snapshot, now or when its time has come; the answer to an older
        request is dropped, one that comes while the next waits is used."""
        cdef tc_request request
        cdef market_state* s = &self.states[index]
        cdef Market market = self.markets[index]
        if s.joined_at:
            s.tries = (0 if self.lane.now - s.joined_at >= LASTING_NS
                       else min(s.tries, BRIEF_TRIES))
            s.joined_at = 0
        s.wanted = s.asked != 0 and self.lane.now - s.asked_at < ask_gap_ns(s)
        if s.wanted:
            return
        s.tries += 1
        s.asked += 1
        s.asked_at = self.lane.now
        s.waiting = True
        self.snapshots_asked += 1
        memset(&request, 0, sizeof(request))
        request.type, request.epoch = TC_ASK_SNAPSHOT, s.asked
        self.emit(TC_REQUEST, market.instrument, 0, &request, sizeof(request))

    cdef int take_record(self, const tc_header* r) except -1:
        cdef const tc_snapshot* answer
        cdef const tc_level* levels
        cdef binance_message m
        cdef Market market
        cdef market_state* s
        cdef int did
        if r.kind == TC_GAP:
            return self.lapped()
        if r.kind != TC_SNAPSHOT:
            return 0
        answer = <const tc_snapshot*>(<const char*>r + sizeof(tc_header))
        for market in self.markets:
            if market.instrument == r.instrument:
                break
        else:
            return 0
        s = &self.states[market.index]
        if not s.waiting or answer.epoch != s.asked:
            return 0
        s.waiting = False
        levels = <const tc_level*>(<const char*>answer + sizeof(tc_snapshot))
        memset(&m, 0, sizeof(m))
        m.last_id, m.venue_time = answer.last_id, answer.venue_time
        m.bids, m.asks = <int>answer.bids, <int>answer.asks
        did = (<Join>self.joins[market.index]).snapshot(&m, levels)
        if did == JOIN_JOINED:
            s.wanted, s.resubscribed = False, 0
            s.joined_at = self.lane.now
            if market.told:
                self.tell_book(market)
            self.touch(market)
            self.uncross()
            self.settle()
        elif did == JOIN_TOO_OLD:
            self.ask(market.index)
        elif did == JOIN_REFUSED:
            Feed.doubt(self, market, TC_DOUBT_OVERFLOW)
        return 0

    cdef int lapped(self) except -1:
        """The rest actor's records went by unread: an answer may have been among them."""
        cdef int i
        for i in range(self.state_count):
            if self.states[i].waiting:
                self.ask(i)
        return 0

    # ---- silence

    cdef void hear(self, channel_watch* w) noexcept:
        watch_hear(w, self.lane.now)

    cdef int64_t limit(self, channel_watch* w) noexcept:
        """Silence that is too long for the channel, ns."""
        return watch_limit(w, self.stale_least_ns, self.stale_most_ns)

    def stale_after_ns(self, int index, bint ticker=False):
        """The limit of a market's depth (or bookTicker) channel now, ns."""
        return self.limit(&self.states[index].ticker if ticker else &self.states[index].depth)

    def check(self):
        """Four times a second: stale channels, late snapshots, age of the connection."""
        cdef Market market
        cdef market_state* s
        cdef int64_t now = self.lane.now, timeout = self.config.snapshot_timeout_ms * 1000000
        if self.trouble is not None and now >= self.silent_until:
            self.trouble = None
        for market in self.markets:
            s = &self.states[market.index]
            if self.active >= 0 and self.is_stale(s, now):
                self.went_stale(market)
            elif (s.waiting and now - s.asked_at > timeout) or (
                    s.wanted and now - s.asked_at >= ask_gap_ns(s)):
                self.ask(market.index)
        if self.connecting and now - self.coming_at > OPEN_TIMEOUT_NS + CHECK_NS:
            self.close(self.coming)
            self.closed(self.coming)
        if (self.active >= 0 and self.coming < 0 and not self.backing_off
                and now - self.opened_at > STEADY_NS):
            self.failures = 0
        if self.active >= 0 and self.coming >= 0 and not self.connecting:
            if all([self.states[i].met for i in range(self.state_count)]):
                self.promote()
            elif now - self.coming_at > self.config.overlap_s * 1000000000:
                if self.coming_heard:
                    self.promote()
                else:                  # it never said a word: the old one does
                    self.drop(self.coming)
        elif (self.active >= 0 and self.coming < 0 and not self.backing_off
                and now - self.opened_at > self.config.lifetime_s * 1000000000):
            self.connect()

    cdef bint is_stale(self, market_state* s, int64_t now):
        """The depth channel decides while the book is joined or should be; the ticker's silence
        counts once it has a rhythm."""
        cdef int64_t since = s.depth.heard if s.depth.heard > self.opened_at else self.opened_at
        if now - since > min(self.stale_most_ns, self.limit(&s.depth) << min(s.resubscribed, 6)):
            return True
        return (s.ticker.count >= SILENCE_KNOWN and s.ticker.heard > self.opened_at
                and now - s.ticker.heard > self.limit(&s.ticker)
                and s.depth.heard > s.ticker.heard + self.limit(&s.ticker))

    def went_stale(self, Market market):
        """Doubt, then subscribe anew. The second time in a row the connection is replaced when it
        has not said a word since; when it has and every market is silent, another one is tried
        beside it. One quiet market costs the others nothing."""
        cdef market_state* s = &self.states[market.index]
        self.stale_seen += 1
        self.doubt(market, TC_DOUBT_STALE)
        s.depth.heard = s.ticker.heard = self.lane.now     # the next look is a whole limit away
        if s.resubscribed and self.coming < 0:
            if self.heard_at <= s.resubscribed_at:
                if not self.silent_for():      # during a ban there would be none instead
                    self.drop(self.active)
                    return
            elif not self.backing_off and all(
                    [self.states[i].resubscribed for i in range(self.state_count)]):
                self.later()
        s.resubscribed += 1
        s.resubscribed_at = self.lane.now
        names = self.streams(market)
        if (self.active, {"method": "SUBSCRIBE", "params": names}) in self.to_send:
            return                             # its turn has not come yet
        self.resubscribes += 1
        for method in ("UNSUBSCRIBE", "SUBSCRIBE"):
            self.to_send.append((self.active, {"method": method, "params": names}))
        self.arm_control()

    def drop(self, int channel):
        """End the connection as lost; the transport's own word comes too late when it is half
        open, and then finds that it is no longer ours."""
        self.closed(channel)
        self.close(channel)

    cdef int take_timer(self, uint64_t token, int64_t due) except -1:
        if self.stopping:
            return 0
        if token == CHECK:
            self.check()
            self.tell_books()
            self.arm(self.lane.now + CHECK_NS, CHECK)
        elif token == CONNECT and self.connect_due and self.lane.now >= self.connect_due:
            self.connect_due = 0
            self.backing_off = False
            self.held = False              # a ban may have become longer: it is read again
            if self.coming < 0:
                self.connect()
        elif token == CONTROL:
            self.control_armed = False
            self.control()
        return 0

    cdef int arm_control(self) except -1:
        """One timer, for the next message; two of them lie 250 ms apart."""
        if self.to_send and not self.control_armed:
            self.control_armed = True
            self.arm(max(self.lane.now, self.sent_at + CONTROL_NS), CONTROL)
        return 0

    def control(self):
        """Send one control message on the connection that it is for: first what makes a new one
        whole. What is for one that is not open yet waits for that."""
        first = self.coming if not self.connecting else -1
        due = [m for m in self.to_send if m[0] == first] or [
            m for m in self.to_send if m[0] == self.active]
        if not due:
            return
        channel, message = due[0]
        self.to_send.remove(due[0])
        self.message_id += 1
        self.sent_at = self.lane.now
        self.send_text(channel, orjson.dumps(message | {"id": self.message_id}))
        self.arm_control()
