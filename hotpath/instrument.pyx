"""An instrument: decimal text to ticks and lots and back, exact or rejected; see instrument.h."""

cimport cython

from hotpath.scan cimport text_scaled


def decimals_of(text: str) -> int:
    """Decimals that a plain decimal needs: "0.0100" needs 2."""
    return len(text.partition(".")[2].rstrip("0"))


cdef int64_t scaled_or_raise(str text, int scale, str what) except? -1:
    cdef int64_t v = 0
    raw = text.encode()
    cdef const char* p = raw
    if not text_scaled(p, p + len(raw), scale, &v):
        raise ValueError(f"{what} {text!r} is not an exact decimal of {scale} places")
    return v


@cython.final
cdef class Instrument:
    """One instrument of one venue.

    `tick` and `lot` are plain decimals ("0.01"); prices are counted in ticks, quantities in lots.
    `min_quantity` and `max_quantity` (None: no limit) are decimals in base units, `min_notional` in
    quote units. `base_asset` and `quote_asset` are registry numbers. `status` is "trading",
    "halted" or "unknown". Raises ValueError for what is not exact.
    """

    def __init__(self, str symbol, str tick, str lot, *, uint32_t id=0, str base="", str quote="",
                 uint32_t base_asset=0, uint32_t quote_asset=0, str min_quantity="0",
                 max_quantity=None, str min_notional="0", str status="trading"):
        cdef int price_scale = decimals_of(tick), quantity_scale = decimals_of(lot)
        if price_scale > 18 or quantity_scale > 18:
            raise ValueError(f"tick {tick!r} and lot {lot!r}: at most 18 decimals")
        if not instrument_make(&self.c, id, scaled_or_raise(tick, price_scale, "tick"), price_scale,
                               scaled_or_raise(lot, quantity_scale, "lot"), quantity_scale):
            raise ValueError(f"tick {tick!r} and lot {lot!r} must be above zero")
        self.symbol, self.base, self.quote = symbol, base, quote
        self.c.base_asset, self.c.quote_asset = base_asset, quote_asset
        self.c.min_quantity = self.quantity(min_quantity)
        self.c.max_quantity = 0 if max_quantity is None else self.quantity(max_quantity)
        self.c.min_notional = scaled_or_raise(min_notional, 8, "min_notional")
        known = {"trading": TC_INSTRUMENT_TRADING, "halted": TC_INSTRUMENT_HALTED,
                 "unknown": TC_INSTRUMENT_UNKNOWN}
        if status not in known:
            raise ValueError(f"status {status!r} is none of {', '.join(known)}")
        self.c.status = known[status]

    def document(self):
        """What the constructor takes, as a plain dict: `Instrument(**i.document())` equals it."""
        return {
            "symbol": self.symbol,
            "tick": self.tick,
            "lot": self.lot,
            "id": self.c.id,
            "base": self.base,
            "quote": self.quote,
            "base_asset": self.c.base_asset,
            "quote_asset": self.c.quote_asset,
            "min_quantity": self.quantity_text(self.c.min_quantity),
            "max_quantity": self.quantity_text(self.c.max_quantity) if self.c.max_quantity else None,
            "min_notional": plain(self.c.min_notional, 8),
            "status": self.status,
        }

    def __eq__(self, other):
        return isinstance(other, Instrument) and self.document() == other.document()

    def __hash__(self):
        return hash((self.symbol, self.c.id))

    def __repr__(self):
        return f"Instrument({', '.join(f'{k}={v!r}' for k, v in self.document().items())})"

    def price(self, str text):
        """Decimal text to ticks; ValueError when it is not a whole number of ticks."""
        cdef int64_t v = 0
        raw = text.encode()
        cdef const char* p = raw
        if not instrument_price(&self.c, p, p + len(raw), &v):
            raise ValueError(f"{text!r} is not a whole number of ticks of {self.tick}")
        return v

    def quantity(self, str text):
        """Decimal text to lots; ValueError when it is not a whole number of lots."""
        cdef int64_t v = 0
        raw = text.encode()
        cdef const char* p = raw
        if not instrument_quantity(&self.c, p, p + len(raw), &v):
            raise ValueError(f"{text!r} is not a whole number of lots of {self.lot}")
        return v

    def price_text(self, int64_t ticks):
        """Ticks as a plain decimal with the tick's decimals."""
        cdef char room[64]
        return room[:instrument_write_price(&self.c, ticks, room)].decode()

    def quantity_text(self, int64_t lots):
        """Lots as a plain decimal with the lot's decimals."""
        cdef char room[64]
        return room[:instrument_write_quantity(&self.c, lots, room)].decode()

    def price_plain(self, int64_t ticks):
        """Ticks as a plain decimal without trailing zeros."""
        return stripped(self.price_text(ticks))

    def quantity_plain(self, int64_t lots):
        """Lots as a plain decimal without trailing zeros."""
        return stripped(self.quantity_text(lots))

    def notional(self, int64_t ticks, int64_t lots):
        """Notional in 1e-8 quote units, rounded away from zero; OverflowError past 128 bits."""
        cdef int overflow = 0
        cdef tc_int128 v = instrument_notional(&self.c, ticks, lots, &overflow)
        if overflow:
            raise OverflowError(f"the notional of {ticks} ticks by {lots} lots")
        cdef int64_t high = <int64_t>(v >> 64)
        cdef uint64_t low = <uint64_t>v
        return (<object>high << 64) | <object>low

    @property
    def id(self):
        """Registry number, 0 = none."""
        return self.c.id

    @property
    def tick(self):
        """Price of one tick, a plain decimal."""
        return self.price_text(1)

    @property
    def lot(self):
        """Quantity of one lot, a plain decimal."""
        return self.quantity_text(1)

    @property
    def price_scale(self):
        return self.c.price_scale

    @property
    def quantity_scale(self):
        return self.c.quantity_scale

    @property
    def min_quantity(self):
        """Least quantity of an order, lots."""
        return self.c.min_quantity

    @property
    def max_quantity(self):
        """Largest quantity of an order, lots; 0 = no limit."""
        return self.c.max_quantity

    @property
    def min_notional(self):
        """Least notional of an order, 1e-8 quote units."""
        return self.c.min_notional

    @property
    def base_asset(self):
        return self.c.base_asset

    @property
    def quote_asset(self):
        return self.c.quote_asset

    @property
    def status(self):
        return ("unknown", "trading", "halted")[self.c.status]


cdef str stripped(str text):
    return text.rstrip("0").rstrip(".") if "." in text else text


def plain(v, scale):
    """`v` * 10^-scale as a plain decimal without trailing zeros."""
    text = f"{'-' if v < 0 else ''}{abs(v) // 10**scale}"
    fraction = f"{abs(v) % 10**scale:0{scale}d}".rstrip("0") if scale else ""
    return f"{text}.{fraction}" if fraction else text
