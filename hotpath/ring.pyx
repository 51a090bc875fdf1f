"""Outbox and Reader over a descriptor of shared memory; the protocol is ring.h's.

Everything on the cold side is here: creating a file, checking it on attach, taking over as the
writer, doors for Python. What can go wrong raises a `RingError` that says what was found.
"""

import os

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdlib cimport free, malloc
from libc.string cimport memchr, memcpy, memset, strncpy

from hotpath.records cimport TC_KINDS, tc_header

from hotpath.records import SCHEMA_HASH, Header, kinds_table

cdef extern from "<sys/mman.h>" nogil:
    void* mmap(void*, size_t, int, int, int, long)
    int munmap(void*, size_t)
    int mlock(const void*, size_t)
    int PROT_NONE, PROT_READ, PROT_WRITE
    int MAP_SHARED, MAP_PRIVATE, MAP_ANONYMOUS, MAP_FIXED, MAP_POPULATE, MAP_NORESERVE
    void* MAP_FAILED

cdef extern from "<sys/eventfd.h>" nogil:
    int eventfd_write(int, uint64_t)

cdef extern from "hotpath/ring.h" nogil:
    enum:
        TC_RING_MAGIC
        TC_RING_LAYOUT
        TC_RING_HEADER
        TC_RING_READERS
        TC_RING_KINDS
        TC_READER_FREE
        TC_READER_GATING
        TC_READER_LOSSY
        TC_READER_RETIRED
    ctypedef struct tc_ring_kind:
        uint16_t kind, flags
        uint32_t bytes
        uint64_t hash
    ctypedef struct tc_ring_slot:
        uint64_t cursor, position
        uint32_t reader_class, epoch
        char name[32]
    # the same struct as in ring.pxd, with the fields that only this file touches
    ctypedef struct tc_ring_file "tc_ring":
        uint64_t magic
        uint32_t layout, header_bytes
        uint64_t capacity, first_position, build_hash, schema_hash
        uint32_t source, kinds
        uint64_t reserve
        tc_ring_kind table[192]
        uint64_t head
        uint32_t epoch
        uint64_t announced, sleepers
        tc_ring_slot slots[16]
    int tc_writer_attach(tc_writer*)
    uint64_t tc_ring_limit(const tc_ring*)
    uint64_t TC_LOAD(uint64_t*)
    void TC_STORE(uint64_t*, uint64_t)

HEADER_BYTES = TC_RING_HEADER
LAYOUT = TC_RING_LAYOUT
MAX_READERS = TC_RING_READERS
CLASSES = {TC_READER_GATING: "gating", TC_READER_LOSSY: "lossy", TC_READER_RETIRED: "retired"}
FAULTS = ("sound", "length", "kind", "source", "position")


class RingError(Exception):
    """The shared memory of an outbox is not what was asked for; the text says what was found."""


class ForeignRing(RingError):
    """Not an outbox, another layout, or kinds of records that this build does not know."""


class OtherBuild(RingError):
    """An outbox of another build: running lanes refuse it, the drain at start may read it."""


class OldEpoch(RingError):
    """A later writer or reader of this role has started: this one may do nothing more."""


class CorruptRing(RingError):
    """The bytes at a cursor are not a record of this outbox."""


class NoSuchReader(RingError):
    """The outbox was created without a reader of that name and class."""


def file_bytes(uint64_t capacity):
    """Size of the file of an outbox of `capacity` data bytes (a power of two, >= 4096)."""
    if capacity < 4096 or capacity & (capacity - 1):
        raise ValueError(f"capacity {capacity}: not a power of two of at least 4096")
    return TC_RING_HEADER + capacity


@cython.final
cdef class Mapping:
    def __cinit__(self):
        self.shared = NULL

    def __dealloc__(self):
        if self.shared != NULL:
            munmap(self.shared, self.bytes)


cdef Mapping map_ring(int fd, bint writable):
    """Map and check the file: magic, layout, sizes. Kinds and builds are checked by the caller."""
    cdef Mapping m = Mapping.__new__(Mapping)
    cdef uint64_t size = os.fstat(fd).st_size
    if size < TC_RING_HEADER + 4096:
        raise ForeignRing(f"{size} bytes are too few for an outbox")
    cdef uint64_t capacity = size - TC_RING_HEADER
    if capacity & (capacity - 1):
        raise ForeignRing(f"{size} bytes are not a header and a power of two")
    cdef size_t total = TC_RING_HEADER + 2 * capacity
    cdef int rw = PROT_READ | PROT_WRITE if writable else PROT_READ
    cdef int how = MAP_SHARED | MAP_FIXED | MAP_POPULATE
    cdef char* base = <char*>mmap(NULL, total, PROT_NONE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    if base == <char*>MAP_FAILED:
        raise MemoryError(f"no address space for an outbox of {capacity} bytes")
    m.shared = <tc_ring*>base
    m.bytes = total
    m.data = <unsigned char*>base + TC_RING_HEADER
    m.writable = writable
    if (mmap(base, TC_RING_HEADER + capacity, rw, how, fd, 0) == MAP_FAILED
            or mmap(base + TC_RING_HEADER + capacity, capacity, rw, how, fd,
                    TC_RING_HEADER) == MAP_FAILED):
        raise OSError("the memory of an outbox cannot be mapped")
    m.locked = mlock(base, TC_RING_HEADER + capacity) == 0
    return m


cdef tc_ring_file* head_of(Mapping m) except NULL:
    """The header, after the checks that do not depend on the build."""
    cdef tc_ring_file* f = <tc_ring_file*>m.shared
    if f.magic != TC_RING_MAGIC:
        raise ForeignRing(f"magic {f.magic:#x} is not an outbox's")
    if f.layout != TC_RING_LAYOUT or f.header_bytes != TC_RING_HEADER:
        raise ForeignRing(f"layout {f.layout}, this build reads {TC_RING_LAYOUT}")
    if f.capacity != m.bytes // 2 - TC_RING_HEADER // 2:
        raise ForeignRing(f"capacity {f.capacity} does not fit the file")
    if f.kinds == 0 or f.kinds > TC_RING_KINDS:
        raise ForeignRing(f"{f.kinds} kinds of records")
    if TC_LOAD(&f.head) & 7:
        raise ForeignRing(f"its last record at byte {f.head}")
    cdef int i
    for i in range(TC_RING_READERS):
        if f.slots[i].reader_class == TC_READER_FREE:
            continue
        if f.slots[i].reader_class > TC_READER_RETIRED or TC_LOAD(&f.slots[i].cursor) & 7:
            raise ForeignRing(f"reader {i}: class {f.slots[i].reader_class}, "
                              f"at byte {f.slots[i].cursor}")
        if memchr(f.slots[i].name, 0, 32) == NULL:       # or reading it would not end here
            raise ForeignRing(f"reader {i} has a name without an end")
        try:
            (<bytes>f.slots[i].name).decode()
        except UnicodeDecodeError:
            raise ForeignRing(f"reader {i} has a name that is no text") from None
    return f


cdef int check_kinds(tc_ring_file* f) except -1:
    """Kinds are append-only: what the file declares must be what this build declares of them."""
    cdef int i
    own = kinds_table()
    if f.kinds > len(own):
        raise ForeignRing(f"written by a later build: {f.kinds} kinds of records, "
                          f"this one knows {len(own)}")
    for i in range(f.kinds):
        number, size, digest, name = own[i]
        if f.table[i].kind != number or f.table[i].bytes != size or f.table[i].hash != digest:
            raise ForeignRing(f"kind {number} ({name}) is another struct there")
    return 0


cdef int same_build(tc_ring_file* f, uint64_t build_hash) except -1:
    if f.schema_hash != SCHEMA_HASH:
        raise OtherBuild(f"schema {f.schema_hash:016x}, this build's is {SCHEMA_HASH:016x}")
    if f.build_hash != build_hash:
        raise OtherBuild(f"build {f.build_hash:016x}, this one is {build_hash:016x}")
    return 0


cdef int format_file(Mapping m, uint64_t capacity, uint16_t source, uint32_t epoch,
                     uint64_t first_position, gating, lossy, uint64_t reserve,
                     uint64_t build_hash) except -1:
    cdef tc_ring_file* f = <tc_ring_file*>m.shared
    cdef int i
    names = [*gating, *lossy]
    if len(names) > TC_RING_READERS or len(set(names)) != len(names):
        raise ValueError(f"{len(names)} readers: at most {TC_RING_READERS}, each once")
    if reserve > capacity // 2:
        raise ValueError(f"reserve {reserve}: more than half of {capacity}")
    if source == 0:
        raise ValueError("source 0 is nobody")
    memset(f, 0, TC_RING_HEADER)
    f.layout, f.header_bytes, f.capacity = TC_RING_LAYOUT, TC_RING_HEADER, capacity
    f.first_position, f.source, f.reserve, f.epoch = first_position, source, reserve, epoch
    f.build_hash, f.schema_hash = build_hash, SCHEMA_HASH
    table = kinds_table()
    f.kinds = len(table)
    for i, (number, size, digest, _) in enumerate(table):
        f.table[i].kind, f.table[i].bytes, f.table[i].hash = number, size, digest
    for i, name in enumerate(names):
        raw = name.encode()
        if not 0 < len(raw) < 32:
            raise ValueError(f"reader's name {name!r}: 1 to 31 bytes")
        strncpy(f.slots[i].name, raw, 31)
        f.slots[i].reader_class = TC_READER_GATING if i < len(gating) else TC_READER_LOSSY
        f.slots[i].position = first_position
    (<uint64_t*>m.data)[0] = 0
    TC_STORE(&f.magic, TC_RING_MAGIC)      # last: a half-made file is nobody's
    return 0


cdef int find_slot(tc_ring_file* f, str name):
    cdef int i
    raw = name.encode()
    for i in range(TC_RING_READERS):
        if f.slots[i].reader_class != TC_READER_FREE and <bytes>f.slots[i].name == raw:
            return i
    return -1


@cython.final
cdef class Outbox:
    def __cinit__(self):
        cdef int i
        for i in range(16):
            self.bells[i] = -1

    def __init__(self):
        raise TypeError("use Outbox.create, Outbox.attach or Outbox.private")

    @staticmethod
    def create(int fd, uint64_t capacity, uint16_t source, uint32_t epoch=1, *,
               uint64_t first_position=1, gating=(), lossy=(), uint64_t reserve=0,
               uint64_t build_hash=0):
        if os.fstat(fd).st_size != file_bytes(capacity):
            raise ForeignRing(f"the file is not {file_bytes(capacity)} bytes long")
        cdef Mapping m = map_ring(fd, True)
        format_file(m, capacity, source, epoch, first_position, tuple(gating), tuple(lossy),
                    reserve, build_hash)
        return Outbox._take(m, epoch)

    @staticmethod
    def attach(int fd, uint32_t epoch, *, uint64_t build_hash=0):
        cdef Mapping m = map_ring(fd, True)
        cdef tc_ring_file* f = head_of(m)
        check_kinds(f)
        same_build(f, build_hash)
        if epoch < f.epoch:
            raise OldEpoch(f"epoch {epoch} of source {f.source}: epoch {f.epoch} has started")
        f.epoch = epoch
        return Outbox._take(m, epoch)

    @staticmethod
    def private(uint64_t capacity, uint16_t source, *, uint32_t epoch=1,
                uint64_t first_position=1, gating=(), lossy=(), uint64_t reserve=0):
        fd = os.memfd_create("outbox", os.MFD_CLOEXEC)
        try:
            os.ftruncate(fd, file_bytes(capacity))
            return Outbox.create(fd, capacity, source, epoch, first_position=first_position,
                                 gating=gating, lossy=lossy, reserve=reserve)
        finally:
            os.close(fd)

    @staticmethod
    def _take(Mapping m, uint32_t epoch):
        cdef Outbox o = Outbox.__new__(Outbox)
        cdef tc_ring_file* f = <tc_ring_file*>m.shared
        cdef tc_writer* w = &o.writer
        o.mapping = m
        w.shared, w.data, w.mask = m.shared, m.data, f.capacity - 1
        w.source, w.epoch, w.reserve = <uint16_t>f.source, epoch, f.reserve
        w.step, w.largest = f.capacity // 16, f.capacity // 4
        fault = tc_writer_attach(w)
        if fault:
            raise CorruptRing(f"source {f.source}: wrong {FAULTS[fault]} behind the last record")
        return o

    cdef void* claim(self, uint32_t payload_bytes, bint reserve) noexcept nogil:
        return tc_claim(&self.writer, payload_bytes, reserve)

    cdef uint64_t commit(self, uint16_t kind, uint32_t instrument, int64_t time, uint64_t cause,
                         uint32_t flags) noexcept nogil:
        return tc_commit(&self.writer, kind, instrument, time, cause, flags)

    cdef uint64_t write(self, uint16_t kind, uint32_t instrument, int64_t time, uint64_t cause,
                        uint32_t flags, const void* payload, uint32_t n,
                        bint reserve) noexcept nogil:
        return tc_write(&self.writer, kind, instrument, time, cause, flags, payload, n, reserve)

    cdef const tc_header* last_record(self) noexcept nogil:
        cdef tc_header* h = <tc_header*>(self.writer.data + (self.writer.last & self.writer.mask))
        return h if h.length else NULL

    cdef uint64_t must_ring(self) noexcept nogil:
        return tc_must_ring(&self.writer)

    cdef void wake(self, uint64_t sleepers) noexcept nogil:
        cdef int i
        for i in range(16):
            if sleepers >> i & 1 and self.bells[i] >= 0:
                eventfd_write(self.bells[i], 1)

    # ---- doors for Python

    def append(self, uint16_t kind, const unsigned char[::1] payload=b"", *, uint32_t instrument=0,
               int64_t time=0, uint64_t cause=0, uint32_t flags=0, bint reserve=False):
        cdef Py_ssize_t n = payload.shape[0]
        if n > <Py_ssize_t>(self.writer.largest - sizeof(tc_header)):
            raise ValueError(f"{n} bytes: a record of this outbox holds at most "
                             f"{self.writer.largest - sizeof(tc_header)}")
        if kind == 0 or kind >= TC_KINDS:
            raise ValueError(f"kind {kind} is not declared")
        return tc_write(&self.writer, kind, instrument, time, cause, flags,
                        &payload[0] if n else NULL, <uint32_t>n, reserve)

    def tear(self, const unsigned char[::1] payload):
        """Write a payload and no commit word, as a writer killed in between leaves it (tests)."""
        cdef void* to = tc_claim(&self.writer, <uint32_t>payload.shape[0], False)
        if to != NULL:
            memcpy(to, &payload[0], payload.shape[0])
        return to != NULL

    def ring(self):
        """Ring the readers that sleep; the mask of those that did."""
        mask = tc_must_ring(&self.writer)
        self.wake(mask)
        return mask

    def set_bell(self, str name, int fd):
        """Ring the reader `name` through this eventfd."""
        cdef int i = find_slot(<tc_ring_file*>self.writer.shared, name)
        if i < 0:
            raise NoSuchReader(f"source {self.writer.source} has no reader {name!r}")
        self.bells[i] = fd

    def retire(self, str name):
        """No longer wait for the gating reader `name` (a strict recorder; never the journal)."""
        retire(self.mapping, name)

    @property
    def position(self):
        return self.writer.position

    @property
    def source(self):
        return self.writer.source

    @property
    def epoch(self):
        return self.writer.epoch

    @property
    def refused(self):
        return self.writer.refused

    @property
    def statistics(self):
        return statistics(self.mapping) | {"position": self.writer.position,
                                           "refused": self.writer.refused}


def retire(Mapping m, str name):
    """Class the gating reader `name` as retired: the writer stops waiting for it."""
    cdef tc_ring_file* f = <tc_ring_file*>m.shared
    cdef int i = find_slot(f, name)
    if i < 0 or f.slots[i].reader_class not in (TC_READER_GATING, TC_READER_RETIRED):
        raise NoSuchReader(f"source {f.source} has no gating reader {name!r}")
    f.slots[i].reader_class = TC_READER_RETIRED


def statistics(Mapping m):
    """What the file says of itself: sizes, epoch, bytes each reader is behind."""
    cdef tc_ring_file* f = <tc_ring_file*>m.shared
    cdef int i
    cdef uint64_t head = TC_LOAD(&f.head)
    cdef uint32_t length = <uint32_t>TC_LOAD(<uint64_t*>(m.data + (head & (f.capacity - 1))))
    cdef uint64_t end = head + ((length + 7) & ~7)     # of the record committed last
    readers = {}
    for i in range(TC_RING_READERS):
        if f.slots[i].reader_class != TC_READER_FREE:
            cursor = TC_LOAD(&f.slots[i].cursor)
            readers[(<bytes>f.slots[i].name).decode()] = {
                "class": CLASSES[f.slots[i].reader_class], "cursor": cursor,
                "behind_bytes": max(0, int(end) - int(cursor)), "epoch": f.slots[i].epoch}
    return {"source": f.source, "capacity": f.capacity, "reserve": f.reserve, "epoch": f.epoch,
            "kinds": f.kinds, "build_hash": f.build_hash, "schema_hash": f.schema_hash,
            "first_position": f.first_position, "head": head, "readers": readers,
            "locked": m.locked}


def inspect(int fd):
    """`statistics` of an outbox's file, whatever build wrote it (its kinds must be known)."""
    cdef Mapping m = map_ring(fd, False)
    check_kinds(head_of(m))
    return statistics(m)


@cython.final
cdef class Reader:
    def __cinit__(self):
        self.reader.copy = NULL

    def __init__(self):
        raise TypeError("use Reader.attach or Reader.of")

    def __dealloc__(self):
        free(self.reader.copy)

    @staticmethod
    def attach(int fd, str name, bint lossy=False, *, uint32_t epoch=0, build_hash=0):
        """`build_hash=None`: the drain at start, which reads an outbox of an older build too."""
        cdef Mapping m = map_ring(fd, True)
        cdef tc_ring_file* f = head_of(m)
        check_kinds(f)
        if build_hash is not None:
            same_build(f, build_hash)
        return Reader._over(m, name, lossy, epoch)

    @staticmethod
    def of(Outbox outbox, bint lossy=False, str name=""):
        """A reader in the same process; a new name gets a slot (only here: nobody else looks)."""
        cdef tc_ring_file* f = <tc_ring_file*>outbox.writer.shared
        cdef int i
        if name and find_slot(f, name) < 0 or not lossy and not name:
            for i in range(TC_RING_READERS):
                if f.slots[i].reader_class == TC_READER_FREE:
                    break
            else:
                raise NoSuchReader(f"source {f.source} has {TC_RING_READERS} readers already")
            name = name or f"reader {i}"
            raw = name.encode()
            strncpy(f.slots[i].name, raw, 31)
            if outbox.writer.at > f.capacity - f.capacity // 4:   # the first records are gone
                f.slots[i].cursor = outbox.writer.at
                f.slots[i].position = outbox.writer.position + 1
            f.slots[i].reader_class = TC_READER_LOSSY if lossy else TC_READER_GATING
            outbox.writer.soft = 0         # look at the cursors again
        return Reader._over(outbox.mapping, name, lossy, 0)

    @staticmethod
    def _over(Mapping m, str name, bint lossy, uint32_t epoch):
        cdef Reader o = Reader.__new__(Reader)
        cdef tc_reader* r = &o.reader
        cdef tc_ring_file* f = <tc_ring_file*>m.shared
        cdef int i = find_slot(f, name) if name else -1
        cdef int k
        wanted = TC_READER_LOSSY if lossy else TC_READER_GATING
        if i >= 0 and f.slots[i].reader_class != wanted:
            raise NoSuchReader(f"reader {name!r} of source {f.source} is "
                               f"{CLASSES[f.slots[i].reader_class]}")
        if i < 0 and not lossy:
            raise NoSuchReader(f"source {f.source} has no gating reader {name!r}")
        o.mapping, o.name = m, name
        r.shared, r.data, r.mask = m.shared, m.data, f.capacity - 1
        r.largest, r.source, r.index = f.capacity // 4, <uint16_t>f.source, i
        r.lossy, r.kinds = lossy, f.kinds
        r.resumed = f.first_position
        for k in range(f.kinds):
            r.least[k] = sizeof(tc_header) + f.table[k].bytes
        if lossy:
            r.copy = <unsigned char*>malloc(r.largest + 8)
            if r.copy == NULL:
                raise MemoryError()
        if i >= 0:
            epoch = epoch or f.slots[i].epoch + 1
            if epoch < f.slots[i].epoch:
                raise OldEpoch(f"reader {name!r} of source {f.source}: epoch {epoch}, "
                               f"epoch {f.slots[i].epoch} has started")
            f.slots[i].epoch = r.epoch = epoch
            r.at = TC_LOAD(&f.slots[i].cursor)
            r.resumed = f.slots[i].position
            tc_rouse(r)
        else:
            o.skip_to_last()
        return o

    cdef const tc_header* peek(self) noexcept nogil:
        return tc_peek(&self.reader)

    cdef void done(self) noexcept nogil:
        tc_done(&self.reader)

    cdef void publish(self) noexcept nogil:
        tc_publish(&self.reader)

    cdef bint doze(self) noexcept nogil:
        return tc_doze(&self.reader)

    cdef void rouse(self) noexcept nogil:
        tc_rouse(&self.reader)

    # ---- doors for Python

    cdef const tc_header* sound(self) except? NULL:
        cdef const tc_header* h = tc_peek(&self.reader)
        if h == NULL and self.reader.fault:
            raise CorruptRing(f"source {self.reader.source}: wrong {FAULTS[self.reader.fault]} "
                              f"at byte {self.reader.at}")
        return h

    def skip_to_last(self):
        """Go to the record committed last (a lossy reader that only wants what is fresh)."""
        self.reader.at = TC_LOAD(&(<tc_ring_file*>self.reader.shared).head)
        self.reader.expected, self.reader.in_gap = 0, 0

    def read(self, int limit=256):
        """Up to `limit` records as (Header, payload), stepped over but not yet published."""
        cdef const tc_header* h
        out = []
        while len(out) < limit:
            h = self.sound()
            if h == NULL:
                break
            out.append((
                Header(h.length, h.kind, h.source, h.position, h.time, h.cause, h.instrument,
                       h.flags),
                PyBytes_FromStringAndSize(<const char*>(h + 1), h.length - sizeof(tc_header)),
            ))
            tc_done(&self.reader)
        return out

    def take(self, int limit=256, uint64_t kinds=0xFFFFFFFFFFFFFFFF, int steps=1 << 30):
        """Up to `limit` records as bytes, header and payload, stepped over but not published.

        `kinds`: bit k takes kind k, the others are stepped over; at most `steps` in all.
        """
        cdef const tc_header* h
        out = []
        while len(out) < limit and steps > 0 and not self.is_retired:
            h = self.sound()
            if h == NULL:
                break
            if h.kind > 63 or kinds >> h.kind & 1:
                out.append(PyBytes_FromStringAndSize(<const char*>h, h.length))
            steps -= 1
            tc_done(&self.reader)
        return out

    @property
    def is_retired(self):
        """The writer waits for it no more: what it would read may be overwritten meanwhile."""
        cdef tc_ring_file* f = <tc_ring_file*>self.mapping.shared
        return self.reader.index >= 0 and (
            f.slots[self.reader.index].reader_class == TC_READER_RETIRED)

    def store(self):
        """Store the cursor (`publish`): the effects of all records read are safe."""
        tc_publish(&self.reader)

    def sleep(self):
        """True: nothing to read, the writer will ring. False: read on, do not sleep."""
        return tc_doze(&self.reader) != 0

    def awake(self):
        """Awake again: the writer need not ring."""
        tc_rouse(&self.reader)

    @property
    def lost_from(self):
        return self.reader.lost_from

    @property
    def lost_to(self):
        return self.reader.lost_to

    @property
    def lost(self):
        return self.reader.lost

    @property
    def fault(self):
        return self.reader.fault

    @property
    def source(self):
        return self.reader.source

    @property
    def lossy(self):
        return self.reader.lossy != 0
