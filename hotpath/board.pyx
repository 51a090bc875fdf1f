"""Board over a descriptor of shared memory: a header with the slots' names, then the slots."""

import os

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.string cimport memcpy, memset

cdef extern from "<sys/mman.h>" nogil:
    void* mmap(void*, size_t, int, int, int, long)
    int munmap(void*, size_t)
    int mlock(const void*, size_t)
    int PROT_READ, PROT_WRITE, MAP_SHARED, MAP_POPULATE
    void* MAP_FAILED

cdef extern from "hotpath/board.h" nogil:
    enum:
        TC_BOARD_MAGIC
        TC_BOARD_LAYOUT
        TC_BOARD_PAYLOAD

PAYLOAD_BYTES = TC_BOARD_PAYLOAD
DEF NAME_BYTES = 64

cdef struct board_head:
    uint64_t magic
    uint32_t layout, count
    uint64_t header_bytes


class ForeignBoard(Exception):
    """The shared memory is not a board of this layout; the text says what was found."""


def _header_bytes(count):
    return (sizeof(board_head) + NAME_BYTES * count + 4095) // 4096 * 4096


def file_bytes(int count):
    """Size of the file of a board of `count` slots."""
    if count < 1:
        raise ValueError("a board has at least one slot")
    return _header_bytes(count) + 128 * count


cdef class Board:
    def __cinit__(self):
        self.base = NULL

    def __init__(self):
        raise TypeError("use Board.create, Board.attach or Board.private")

    def __dealloc__(self):
        if self.base != NULL:
            munmap(self.base, self.bytes)

    @staticmethod
    def create(int fd, names):
        """Format a file of `file_bytes(len(names))` bytes; a name is unique, up to 63 bytes."""
        names = tuple(names)
        if os.fstat(fd).st_size != file_bytes(len(names)):
            raise ForeignBoard(f"the file is not {file_bytes(len(names))} bytes long")
        if len(set(names)) != len(names):
            raise ValueError("two slots of the same name")
        cdef Board b = _map(fd)
        cdef board_head* head = <board_head*>b.base
        memset(b.base, 0, b.bytes)
        for i, name in enumerate(names):
            raw = name.encode()
            if not 0 < len(raw) < NAME_BYTES:
                raise ValueError(f"slot's name {name!r}: 1 to {NAME_BYTES - 1} bytes")
            memcpy(<char*>b.base + sizeof(board_head) + NAME_BYTES * <int>i, <char*>raw, len(raw))
        head.layout, head.count = TC_BOARD_LAYOUT, len(names)
        head.header_bytes = _header_bytes(len(names))
        head.magic = TC_BOARD_MAGIC
        _read_names(b)
        return b

    @staticmethod
    def attach(int fd):
        cdef Board b = _map(fd)
        _read_names(b)
        return b

    @staticmethod
    def private(names):
        """A board in anonymous memory: simulation, replay, tests."""
        names = tuple(names)
        fd = os.memfd_create("board", os.MFD_CLOEXEC)
        try:
            os.ftruncate(fd, file_bytes(len(names)))
            return Board.create(fd, names)
        finally:
            os.close(fd)

    cdef void put(self, int index, const void* data, uint32_t n) noexcept nogil:
        if index >= 0 and <uint32_t>index < self.count and n <= TC_BOARD_PAYLOAD:
            tc_board_put(&self.slots[index], data, n)

    cdef uint64_t get(self, int index, void* data, uint32_t n) noexcept nogil:
        if index < 0 or <uint32_t>index >= self.count or n > TC_BOARD_PAYLOAD:
            return 0
        return tc_board_get(&self.slots[index], data, n)

    cdef uint64_t version(self, int index) noexcept nogil:
        return self.get(index, NULL, 0)

    def slot(self, str name):
        """Index of the slot `name`; KeyError when there is none."""
        return self.by_name[name]

    def write(self, int index, const unsigned char[::1] data):
        """Put up to 112 bytes into a slot."""
        if not 0 <= index < <int>self.count or data.shape[0] > TC_BOARD_PAYLOAD:
            raise ValueError(f"slot {index}, {data.shape[0]} bytes")
        tc_board_put(&self.slots[index], &data[0] if data.shape[0] else NULL,
                     <uint32_t>data.shape[0])

    def read(self, int index, uint32_t n=TC_BOARD_PAYLOAD):
        """(version, bytes) of a slot; version 0: nothing to trust there."""
        cdef char to[112]
        if not 0 <= index < <int>self.count or n > TC_BOARD_PAYLOAD:
            raise ValueError(f"slot {index}, {n} bytes")
        version = tc_board_get(&self.slots[index], to, n)
        return version, PyBytes_FromStringAndSize(to, n) if version else b""

    def tear(self, int index):
        """Leave a slot as a writer killed while writing does (tests)."""
        self.slots[index].version |= 1


cdef Board _map(int fd):
    cdef Board b = Board.__new__(Board)
    b.bytes = os.fstat(fd).st_size
    if b.bytes < 4096 + 128:
        raise ForeignBoard(f"{b.bytes} bytes are too few for a board")
    cdef void* base = mmap(NULL, b.bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0)
    if base == MAP_FAILED:
        raise OSError("the memory of a board cannot be mapped")
    b.base = base
    mlock(base, b.bytes)          # best effort: a limit on locked memory is not an error
    return b


cdef int _read_names(Board b) except -1:
    cdef board_head* head = <board_head*>b.base
    if head.magic != TC_BOARD_MAGIC or head.layout != TC_BOARD_LAYOUT:
        raise ForeignBoard(f"magic {head.magic:#x}, layout {head.layout}")
    if head.count < 1 or b.bytes != <size_t>file_bytes(head.count):
        raise ForeignBoard(f"{head.count} slots in {b.bytes} bytes")
    cdef const char* names = <char*>b.base + sizeof(board_head)
    cdef uint32_t i
    b.names = tuple([(<bytes>(names + NAME_BYTES * i)).decode() for i in range(head.count)])
    b.by_name = {name: i for i, name in enumerate(b.names)}
    b.count = head.count
    b.slots = <tc_board_slot*>(<char*>b.base + head.header_bytes)
    return 0
