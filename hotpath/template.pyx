"""Order text, laid out once and completed for each order; see template.h."""

cimport cython

from hotpath.instrument cimport Instrument
from hotpath.records cimport TC_BUY, tc_order_id
from hotpath.scan cimport text_scaled

REQUEST = b"\x01" * 22
ID = b"\x02" * 22
TIME = b"\x03" * 13


class TemplateTooLong(ValueError):
    """A text that has no room, or whose holes are not each there once."""


cdef int lay_out(tc_template* t, bytes text) except -1:
    """From text with REQUEST, ID and TIME where the holes are."""
    if text.count(REQUEST) != 1 or text.count(ID) != 1 or text.count(TIME) != 1:
        raise TemplateTooLong(text)
    if not template_make(t, text, <uint32_t>len(text), <uint32_t>text.index(REQUEST),
                         <uint32_t>text.index(ID), <uint32_t>text.index(TIME)):
        raise TemplateTooLong(text)
    return 0


@cython.final
cdef class Template:
    """One kind of order's text: for tests and cold venues; the hot path uses the C struct."""

    cdef tc_template t
    cdef tc_spelled ahead

    def __init__(self, bytes text):
        lay_out(&self.t, text)
        self.expect(0)

    def expect(self, id):
        """Spell the second half of `id` now: the order written next is likely to have it."""
        template_spell(&self.ahead, id & 0xFFFFFFFFFFFFFFFF)

    def write(self, id, int64_t time_ns, Instrument instrument, int64_t price, int64_t quantity):
        """The text of an order: ticks and lots; price 0 leaves the price out."""
        cdef char room[1024]
        cdef tc_order_id whole
        whole.hi, whole.lo = id >> 64, id & 0xFFFFFFFFFFFFFFFF
        return room[:template_write(&self.t, whole, &self.ahead, time_ns, &instrument.c, price,
                                    quantity, room)]


def safe_price(Instrument instrument, str text, int side):
    """Decimal text to ticks, rounded to safety: a buy (side 1) down, a sell up. ValueError."""
    return rounded(text, instrument.c.tick, instrument.c.price_scale, side != TC_BUY)


def safe_quantity(Instrument instrument, str text):
    """Decimal text to lots, rounded down. ValueError for what is no plain decimal."""
    return rounded(text, instrument.c.lot, instrument.c.quantity_scale, False)


cdef rounded(str text, int64_t step, int step_scale, bint up):
    cdef int64_t v = 0
    cdef int scale = min(18, len(text.partition(".")[2]))
    raw = text.encode()
    cdef const char* p = raw
    if not text_scaled(p, p + len(raw), scale, &v):
        raise ValueError(f"{text!r} is no plain decimal")
    return template_round(v, scale, step, step_scale, up)
