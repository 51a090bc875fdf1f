"""Records for Python: every kind packed, unpacked and named; the C structs are in records.h.

Nothing of this runs on the hot path. The fields come from record_fields.h, whose offsets and sizes
the compiler filled in, so a struct is declared once. Order ids are 128-bit integers here, amounts
of swaps 256-bit ones; levels are lists of (price, quantity).
"""

from enum import IntEnum, IntFlag
from hashlib import blake2b
from struct import Struct
from typing import NamedTuple

import msgspec

cimport cython
from libc.stdint cimport uint8_t

cdef extern from "hotpath/record_fields.h" nogil:
    ctypedef struct tc_field:
        const char* kind
        const char* name
        uint16_t number, offset, bytes
        uint8_t type, tail
    enum:
        TC_TAIL_NOTHING
        TC_TAIL_LEVELS
        TC_TAIL_BYTES
        TC_TAIL_DOCUMENT
    const tc_field* tc_fields
    int tc_field_count

cdef extern from "hotpath/order.h" nogil:
    int status_is_terminal(uint8_t)

HEADER_BYTES = sizeof(tc_header)


class Kind(IntEnum):
    """What a record says; append-only."""

    NONE = TC_NONE
    TOP = TC_TOP
    TRADE = TC_TRADE
    DEPTH = TC_DEPTH
    GAP = TC_GAP
    INTENT = TC_INTENT
    APPROVED = TC_APPROVED
    ORDER_EVENT = TC_ORDER_EVENT
    FILL = TC_FILL
    SWAP = TC_SWAP
    HEARTBEAT = TC_HEARTBEAT
    REFUSED = TC_REFUSED
    BOOK_STATE = TC_BOOK_STATE
    CLOCK = TC_CLOCK
    BALANCE = TC_BALANCE
    SNAPSHOT = TC_SNAPSHOT
    INPUT_FRAME = TC_INPUT_FRAME
    INPUT_RECORD = TC_INPUT_RECORD
    INPUT_TIMER = TC_INPUT_TIMER
    INPUT_SLOT = TC_INPUT_SLOT
    INPUT_LINK = TC_INPUT_LINK
    DOCUMENT = TC_DOCUMENT
    COMMAND = TC_COMMAND
    REQUEST = TC_REQUEST


class Flag(IntFlag):
    """Bits of `Header.flags`."""

    REPLAYED = TC_FLAG_REPLAYED
    SIMULATED = TC_FLAG_SIMULATED
    RESERVE = TC_FLAG_RESERVE
    GUESS = TC_FLAG_GUESS


class Side(IntEnum):
    """Side of an order, or of the taker of a trade."""

    BUY = TC_BUY
    SELL = TC_SELL


class Doubt(IntEnum):
    """Why a book is not valid."""

    VALID = TC_VALID
    NEVER_JOINED = TC_DOUBT_NEVER_JOINED
    GAP = TC_DOUBT_GAP
    CROSSED = TC_DOUBT_CROSSED
    STALE = TC_DOUBT_STALE
    RECONNECT = TC_DOUBT_RECONNECT
    REJECTED_FRAME = TC_DOUBT_REJECTED_FRAME
    OVERFLOW = TC_DOUBT_OVERFLOW
    CHECKSUM = TC_DOUBT_CHECKSUM
    LATE_TURN = TC_DOUBT_LATE_TURN
    LAPPED = TC_DOUBT_LAPPED


class Op(IntEnum):
    """What an intent asks for."""

    PLACE = TC_OP_PLACE
    CANCEL = TC_OP_CANCEL
    REPLACE = TC_OP_REPLACE
    CANCEL_ALL = TC_OP_CANCEL_ALL


class OrderType(IntEnum):
    LIMIT = TC_LIMIT
    MARKET = TC_MARKET
    POST_ONLY = TC_POST_ONLY


class TimeInForce(IntEnum):
    GTC = TC_GTC
    IOC = TC_IOC
    FOK = TC_FOK


class IntentFlag(IntFlag):
    """Bits of `Intent.flags`."""

    REDUCE_ONLY = TC_REDUCE_ONLY
    HEDGE = TC_HEDGE
    POWER_DURABLE = TC_POWER_DURABLE


class EventType(IntEnum):
    """What happened to an order (reliability 5.2)."""

    INTENT = TC_EV_INTENT
    DENIED = TC_EV_DENIED
    APPROVED = TC_EV_APPROVED
    UNKNOWN = TC_EV_UNKNOWN
    ACK = TC_EV_ACK
    REJECT = TC_EV_REJECT
    FILL = TC_EV_FILL
    CANCEL_REQUESTED = TC_EV_CANCEL_REQUESTED
    CANCELED = TC_EV_CANCELED
    CANCEL_REJECTED = TC_EV_CANCEL_REJECTED
    REPLACE_REQUESTED = TC_EV_REPLACE_REQUESTED
    REPLACED = TC_EV_REPLACED
    REPLACE_REJECTED = TC_EV_REPLACE_REJECTED
    EXPIRED = TC_EV_EXPIRED
    DONE_FOR_DAY = TC_EV_DONE_FOR_DAY
    SUSPENDED = TC_EV_SUSPENDED
    RESUMED = TC_EV_RESUMED
    TRADE_BUST = TC_EV_TRADE_BUST
    TRADE_CORRECTION = TC_EV_TRADE_CORRECTION
    ABSENT = TC_EV_ABSENT
    RESOLVED = TC_EV_RESOLVED
    STATUS = TC_EV_STATUS


class Reason(IntEnum):
    """Our own reasons of an order event; all others are the venue's codes."""

    NONE = TC_REASON_NONE
    TIMEOUT = TC_REASON_TIMEOUT
    DISCONNECT = TC_REASON_DISCONNECT
    SEND_PARTIAL = TC_REASON_SEND_PARTIAL
    NOT_SENT = TC_REASON_NOT_SENT
    EXPIRED_INTENT = TC_REASON_EXPIRED_INTENT
    RESTART = TC_REASON_RESTART
    UNKNOWN_CODE = TC_REASON_UNKNOWN_CODE
    LATE = TC_REASON_LATE
    GROUP = TC_REASON_GROUP


class LinkEvent(IntEnum):
    OPEN = TC_LINK_OPEN
    CLOSED = TC_LINK_CLOSED
    SEND_FAILED = TC_LINK_SEND_FAILED
    LATE = TC_LINK_LATE


class RequestType(IntEnum):
    """What an actor asks of its `rest` actor."""

    SNAPSHOT = TC_ASK_SNAPSHOT
    METADATA = TC_ASK_METADATA
    RECONCILE = TC_ASK_RECONCILE
    QUERY = TC_ASK_QUERY
    CANCEL_ALL = TC_ASK_CANCEL_ALL
class RecordError(ValueError):
    """A payload that is not one of its kind: too short, a wrong count, an enum out of range."""


class Header(NamedTuple):
    """The 40 bytes in front of every payload."""

    length: int
    kind: int
    source: int
    position: int
    time: int
    cause: int
    instrument: int
    flags: int


class Record(msgspec.Struct, frozen=True):
    """A payload by its fields; each kind is a subclass."""


class OrderRecord(Record, frozen=True):
    """An event or a fill of an order; `status` is the order's after it."""

    @property
    def is_terminal(self):
        """The order is over: denied, filled, canceled, rejected or expired."""
        return bool(status_is_terminal(self.status))


class Field(NamedTuple):
    """One field of a kind: its name, place, size in bytes and letter of Python's struct."""

    name: str
    offset: int
    bytes: int
    type: str


class KindSpec(NamedTuple):
    """One kind: its fixed part and what follows it ("", "levels", "bytes" or "document")."""

    number: int
    name: str
    bytes: int
    fields: tuple
    tail: str
    record: type
    struct: Struct
    hash: int


TAILS = {TC_TAIL_NOTHING: "", TC_TAIL_LEVELS: "levels", TC_TAIL_BYTES: "bytes",
         TC_TAIL_DOCUMENT: "document"}
HEADER = Struct("<IHHQqQII")
LEVEL = Struct("<qq")
MASK64 = (1 << 64) - 1

_ORDER = {"op": frozenset(Op), "side": frozenset({0, 1, 2}), "type": frozenset({0, 1, 2, 3}),
          "time_in_force": frozenset({0, 1, 2, 3})}
_DOUBT = {"reason": frozenset(Doubt)}
ENUMS = {
    TC_TOP: _DOUBT,
    TC_TRADE: {"side": frozenset(Side)},
    TC_GAP: _DOUBT,
    TC_BOOK_STATE: _DOUBT,
    TC_INTENT: _ORDER,
    TC_APPROVED: _ORDER,
    TC_ORDER_EVENT: {"type": frozenset(EventType)},
    TC_FILL: {"side": frozenset(Side)},
    TC_INPUT_LINK: {"event": frozenset(LinkEvent)},
    TC_REQUEST: {"type": frozenset(RequestType)},
}


def _read_fields():
    """Rows of record_fields.h as {number: (name, bytes, tail, [Field])}."""
    kinds = {}
    cdef int i
    for i in range(tc_field_count):
        row = &tc_fields[i]
        if row.kind != NULL:
            fields = []
            kinds[row.number] = (row.kind.decode(), row.bytes, TAILS[row.tail], fields)
        else:
            fields.append(Field(row.name.decode(), row.offset, row.bytes, chr(row.type)))
    return kinds


def _width(letter):
    return 16 if letter == "O" else Struct("<" + letter).size


def _format(fields, total):
    """Format of Python's struct; pads and holes are skipped, an order id is two words."""
    text, at = "<", 0
    for f in fields:
        text += "x" * (f.offset - at)
        if f.name.startswith("pad"):
            text += "x" * f.bytes
        elif f.type == "O":
            text += "QQ"
        else:
            text += f.type * (f.bytes // _width(f.type))
        at = f.offset + f.bytes
    return text + "x" * (total - at)


def _attribute(name):
    return name + "_" if name == "from" else name


def _spec(number, name, total, tail, fields):
    class_name = "".join(w.title() for w in name.split("_"))
    members = []
    for f in fields:
        if f.name.startswith("pad") or tail == "levels" and f.name in ("bids", "asks"):
            continue
        count = 1 if f.type == "O" else f.bytes // _width(f.type)
        if count > 1 and number != TC_SWAP:
            members.append((_attribute(f.name), tuple, (0,) * count))
        else:
            members.append((_attribute(f.name), int, 0))
    if tail == "levels":
        members += [("bids", list, msgspec.field(default_factory=list)),
                    ("asks", list, msgspec.field(default_factory=list))]
    elif tail == "bytes":
        members.append(("data", bytes, b""))
    elif tail == "document":
        members.append(("document", object, None))
    base = OrderRecord if class_name in ("OrderEvent", "Fill") else Record
    record = msgspec.defstruct(class_name, members, bases=(base,), frozen=True, kw_only=True,
                               module=__name__)
    shape = repr((number, name, total, tail, fields)).encode()
    digest = int.from_bytes(blake2b(shape, digest_size=8).digest(), "little")
    return KindSpec(number, name, total, tuple(fields), tail, record,
                    Struct(_format(fields, total)), digest)


SPECS = {n: _spec(n, name, total, tail, fields)
         for n, (name, total, tail, fields) in sorted(_read_fields().items())}
_BY_RECORD = {spec.record: spec for spec in SPECS.values()}
globals().update({spec.record.__name__: spec.record for spec in SPECS.values()})


def kinds_table():
    """(number, bytes of the fixed part, hash of its fields, name) for kind 0, 1, 2, ..."""
    rows = [(0, 0, 0, "NONE")]
    for number in range(1, TC_KINDS):
        spec = SPECS[number]
        rows.append((number, spec.bytes, spec.hash, spec.name))
    return rows


SCHEMA_HASH = int.from_bytes(
    blake2b(repr(kinds_table()).encode(), digest_size=8).digest(), "little")


def kind_of(record):
    """The kind number of a record's class or of a record."""
    return _BY_RECORD[record if isinstance(record, type) else type(record)].number


def pack(record):
    """Payload bytes of a record."""
    spec = _BY_RECORD[type(record)]
    values = []
    for f in spec.fields:
        if f.name.startswith("pad"):
            continue
        value = getattr(record, _attribute(f.name))
        if spec.tail == "levels" and f.name in ("bids", "asks"):
            values.append(len(value))
        elif f.type == "O":
            values += (value >> 64, value & MASK64)
        elif spec.number == TC_SWAP and f.bytes == 32:
            values += [value >> shift & MASK64 for shift in (0, 64, 128, 192)]
        elif f.bytes > _width(f.type):
            values += value
        else:
            values.append(value)
    head = spec.struct.pack(*values)
    if spec.tail == "levels":
        return head + b"".join(LEVEL.pack(*level) for level in (*record.bids, *record.asks))
    if spec.tail == "bytes":
        return head + record.data
    if spec.tail == "document":
        return head + msgspec.json.encode(record.document)
    return head


def unpack(number, payload, strict=False):
    """The record of a payload; `strict` refuses an enum out of range. RecordError says what."""
    spec = SPECS.get(number)
    if spec is None:
        raise RecordError(f"kind {number} is not declared")
    size = len(payload)
    if size < spec.bytes or not spec.tail and size != spec.bytes:
        raise RecordError(f"{spec.name}: {size} bytes, its struct has {spec.bytes}")
    values = spec.struct.unpack_from(payload)
    out, i = {}, 0
    for f in spec.fields:
        if f.name.startswith("pad"):
            continue
        name = _attribute(f.name)
        if f.type == "O":
            out[name] = values[i] << 64 | values[i + 1]
            i += 2
        elif spec.number == TC_SWAP and f.bytes == 32:
            out[name] = (values[i] | values[i + 1] << 64 | values[i + 2] << 128
                         | values[i + 3] << 192)
            i += 4
        elif f.bytes > _width(f.type):
            out[name] = values[i:i + f.bytes // _width(f.type)]
            i += len(out[name])
        else:
            out[name] = values[i]
            i += 1
    tail = payload[spec.bytes:]
    if spec.tail == "levels":
        bids, asks = out["bids"], out["asks"]
        if len(tail) != 16 * (bids + asks):
            raise RecordError(f"{spec.name}: {bids} + {asks} levels in {len(tail)} bytes")
        levels = list(LEVEL.iter_unpack(tail))
        out["bids"], out["asks"] = levels[:bids], levels[bids:]
    elif spec.tail == "bytes":
        out["data"] = bytes(tail)
    elif spec.tail == "document":
        try:
            out["document"] = msgspec.json.decode(tail)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
            raise RecordError(f"{spec.name}: not JSON ({e})") from None
    if strict:
        for name, allowed in ENUMS.get(number, {}).items():
            if out[name] not in allowed:
                raise RecordError(f"{spec.name}: {name} {out[name]} is not one of its values")
    return spec.record(**out)


def as_dict(record):
    """{field: value} of a record; order ids as integers."""
    return {f: getattr(record, f) for f in record.__struct_fields__}


def split(raw):
    """(Header, payload) of a record's bytes."""
    if len(raw) < HEADER_BYTES:
        raise RecordError(f"{len(raw)} bytes are no record")
    header = Header._make(HEADER.unpack_from(raw))
    if header.length != len(raw):
        raise RecordError(f"length {header.length} in a record of {len(raw)} bytes")
    return header, raw[HEADER_BYTES:]


def join(header, payload):
    """A record's bytes; the header's length is set from the payload."""
    return HEADER.pack(HEADER_BYTES + len(payload), *header[1:]) + payload


def cause(source, position):
    """The number that names a record: source in the upper 16 bits, position below."""
    return TC_CAUSE(source, position)


def cause_source(uint64_t number):
    return TC_CAUSE_SOURCE(number)


def cause_position(uint64_t number):
    return TC_CAUSE_POSITION(number)


def pack_order_id(instance, source, position, leg, attempt):
    """instance (40 bits), source (16), position (48), leg (8), attempt (16) in 128 bits."""
    for value, bits in ((instance, 40), (source, 16), (position, 48), (leg, 8), (attempt, 16)):
        if not 0 <= value < 1 << bits:
            raise ValueError(f"{value} does not fit {bits} bits")
    return instance << 88 | source << 72 | position << 24 | leg << 16 | attempt


def unpack_order_id(number):
    """(instance, source, position, leg, attempt) of an order id."""
    return (number >> 88, number >> 72 & 0xffff, number >> 24 & ((1 << 48) - 1),
            number >> 16 & 0xff, number & 0xffff)
