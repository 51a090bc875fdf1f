"""Account layouts of the Solana kinds: parse the tables once, then bytes to members.

`decode(name, data)` answers with the members and spellings of the official decoders: integers as
decimal strings, keys in base 58. Names are those of the accounts ("BondingCurve", "LbPair",
"CpmmPoolInfoLayout", "TickArray(fixed)"), and "program.account" where two programs use one name
("pump_amm.Pool", "meteora_damm_v2.Pool"); with the bare name the bytes decide.

Lengths are what the programs tolerate: accounts that grew (pump) read missing tail members as zero,
down to the members they were born with; others need every byte; longer accounts are fine unless the
program compares the length (Raydium AMM v4).
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

from hotpath.u256 cimport u256, u256_from_limbs, u256_to_text

from hashlib import sha256

from hotpath.pools.layout_tables import ALIASES, CHOICES, TABLES
from hotpath.pools.pool import Refusal

cdef enum:
    WIDEST = 1792  # the longest run that one field reads: the CLMM's bitmap extension

cdef uint8_t ZEROS[WIDEST]
memset(ZEROS, 0, WIDEST)

FORMS = {
    "u8": (FORM_UNSIGNED, 1), "u16": (FORM_UNSIGNED, 2), "u32": (FORM_UNSIGNED, 4),
    "u64": (FORM_UNSIGNED, 8), "u128": (FORM_UNSIGNED, 16),
    "i8": (FORM_SIGNED, 1), "i16": (FORM_SIGNED, 2), "i32": (FORM_SIGNED, 4),
    "i64": (FORM_SIGNED, 8), "i128": (FORM_SIGNED, 16),
    "bool": (FORM_BOOL, 1), "key": (FORM_KEY, 32),
}  # fmt: skip
RUNS = {"hex": FORM_HEX, "buffer": FORM_BUFFER, "skip": FORM_SKIP}


cdef const uint8_t* take(Reader* r, int64_t n) except NULL:
    """The next `n` bytes, zeros past the end where the account may be short."""
    cdef const uint8_t* p = r.data + r.at
    if r.at + n <= r.size:
        r.at += n
        return p
    if r.zeros and r.at >= r.size and n <= WIDEST:
        r.at += n
        return ZEROS
    raise Refusal("bad_field", f"the account ends at byte {r.size}, inside a member at byte {r.at}")


cdef object integer_text(const uint8_t* p, int width, bint is_signed):
    cdef uint64_t w[4]
    memset(w, 255 if is_signed and p[width - 1] >> 7 else 0, sizeof(w))
    memcpy(w, p, width)
    return u256_to_text(u256_from_limbs(w[0], w[1], w[2], w[3]), is_signed)


@cython.final
cdef class Layout:
    """See the .pxd."""

    def __cinit__(self, list fields, list names, list records, str keep, int64_t least, bint exact, bytes prefix):
        cdef int i
        self.n = len(fields)
        self.fields = <Field*>calloc(max(self.n, 1), sizeof(Field))
        if self.fields == NULL:
            raise MemoryError
        self.names = tuple(names)
        self.records = tuple(records)
        self.keep = keep
        self.bare = names == ["."]
        self.prefix = prefix
        self.exact = exact
        self.size = 0
        for i in range(self.n):
            self.fields[i].form, self.fields[i].width, self.fields[i].count, self.fields[i].record = fields[i]
            if self.fields[i].form == FORM_RECORD:
                self.size += (<Layout>records[self.fields[i].record]).size * max(self.fields[i].count, 1)
            elif self.fields[i].count == -2:
                self.size += 4
            else:
                self.size += self.fields[i].width * (1 if self.fields[i].count == -1 else self.fields[i].count)
        self.least = least if least >= 0 else self.size

    def __dealloc__(self):
        free(self.fields)

    cdef object one(self, const Field* f, Reader* r):
        cdef const uint8_t* p
        cdef char text[44]
        cdef object chosen
        cdef int i
        cdef Layout record
        if f.form == FORM_RECORD:
            record = <Layout>self.records[f.record]
            return record.value(record.fields, r) if record.bare else record.members(r)
        p = take(r, f.width)
        if f.form == FORM_UNSIGNED or f.form == FORM_SIGNED:
            return integer_text(p, f.width, f.form == FORM_SIGNED)
        if f.form == FORM_BOOL:
            if p[0] > 1:
                raise Refusal("bad_field", f"a truth value is {p[0]} at byte {r.at - 1}")
            return p[0] == 1
        if f.form == FORM_KEY:
            return text[:base58_of_key(p, text)].decode("ascii")
        if f.form == FORM_HEX:
            return (<const char*>p)[:f.width].hex()
        if f.form == FORM_BUFFER:
            return {"type": "Buffer", "data": [integer_text(p + i, 1, False) for i in range(f.width)]}
        chosen = self.records[f.record]  # FORM_ENUM
        if p[0] >= len(chosen):
            raise Refusal("bad_field", f"no variant {p[0]} at byte {r.at - 1}")
        return {chosen[p[0]][0]: (<Layout>chosen[p[0]][1]).members(r)}

    cdef object value(self, const Field* f, Reader* r):
        cdef int64_t count = f.count, i
        cdef Layout record
        cdef const uint8_t* p
        cdef list values
        cdef object element
        cdef bint zeros = r.zeros
        if count == -1:
            return self.one(f, r)
        if count == -2:
            p = take(r, 4)
            count = p[0] | <int64_t>p[1] << 8 | <int64_t>p[2] << 16 | <int64_t>p[3] << 24
            if count > r.size:  # every element has a byte at least
                raise Refusal("bad_field", f"{count} elements in an account of {r.size} bytes")
            r.zeros = False  # what is counted is there
        values = []
        record = <Layout>self.records[f.record] if f.form == FORM_RECORD else None
        for i in range(count):
            element = self.one(f, r)
            if record is None or record.keep is None:
                values.append(element)
            elif element[record.keep] not in (False, "0"):
                values.append({"i": str(i), **element})
        r.zeros = zeros
        return values

    cdef dict members(self, Reader* r):
        cdef dict out = {}
        cdef int i
        for i in range(self.n):
            if self.fields[i].form == FORM_SKIP:
                take(r, self.fields[i].width)
            else:
                out[self.names[i]] = self.value(&self.fields[i], r)
        return out

    cdef int64_t read(self, bytes data, list out) except -1:
        cdef Reader r = Reader(<const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), 0, False)
        cdef Py_ssize_t lead = PyBytes_GET_SIZE(self.prefix)
        if r.size < lead or memcmp(r.data, PyBytes_AS_STRING(self.prefix), lead):
            raise Refusal("bad_field", "the account does not begin with this layout's discriminator")
        if r.size < self.least:
            raise Refusal("bad_field", f"{r.size} bytes; this layout has at least {self.least}")
        if self.exact and r.size != self.size:
            raise Refusal("bad_field", f"{r.size} bytes; this layout has exactly {self.size}")
        r.zeros = self.least < self.size
        out.append(self.members(&r))
        return r.at

    def decode(self, bytes data):
        """The members of an account's bytes; Refusal("bad_field") where they are none of this layout."""
        out = []
        self.read(data, out)
        return out[0]

    def consumed(self, bytes data):
        """How many bytes the members take (more than there are where the tail was missing)."""
        return self.read(data, [])


def camel(str name):
    """snake_case with leading underscores to camelCase, as the official TypeScript coders write it."""
    first, *rest = name.strip("_").split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


def field_of(str form, dict known):
    """One field of the table: (form, width, count) and the record it needs, or None."""
    count = -1
    if form.endswith("*"):
        form, count = form.removesuffix("*"), -2
    elif "*" in form:
        form, times = form.split("*")
        count = int(times)
    if form in FORMS:
        return (*FORMS[form], count), None
    if form in RUNS:  # a run of bytes is one value
        return (RUNS[form], count, -1), None
    if "|" in form:  # an enum: variant names with the records of their members
        return (FORM_ENUM, 1, count), tuple((v.split(":")[0], known[v.split(":")[1]]) for v in form.split("|"))
    return (FORM_RECORD, 0, count), known[form]


def parse(str text):
    """The layouts of a table, by name; see hotpath/pools/layout_tables.py for how it is written."""
    known = {}
    for block in text.strip().split("\n\n"):
        head, *lines = block.splitlines()
        name, *options = head.split()
        option = dict(o.split("=") for o in options)
        fields, names, records = [], [], []
        spell = camel if option.get("style") == "camel" else str
        prefix = sha256(f"account:{option['anchor']}".encode()).digest()[:8] if "anchor" in option else b""
        if prefix and option.get("show") != "discriminator":
            fields.append((FORM_SKIP, 8, -1, 0))
            names.append(None)
        if "like" in option:  # the members of another layout in another style
            lines = [line for b in text.strip().split("\n\n") if b.split(None, 1)[0] == option["like"]
                     for line in b.splitlines()[1:]]
        for line in lines:
            form, *members = line.split()
            record_name = form.rstrip("*0123456789")
            if spell is camel and f"{record_name}.camel" in known:
                form = form.replace(record_name, f"{record_name}.camel")
            field, record = field_of(form, known)
            if record is not None:
                records.append(record)
            for member in members or [None]:
                fields.append((*field, max(len(records) - 1, 0)))
                names.append(spell(member) if member else None)
        known[name] = Layout(fields, names, records, option.get("keep"), int(option.get("least", -1)),
                             option.get("exact") == "yes", prefix)
    return known


LAYOUTS = {name: layout for table in TABLES for name, layout in parse(table).items()}


cdef bint zero_at(bytes data, int64_t start, int64_t stop):
    return data[start:stop].count(0) == stop - start


def choose(str name, bytes data):
    """Which of the layouts that share a bare name these bytes are."""
    for candidate, low, high, start, stop in CHOICES[name]:
        if low <= len(data) <= high and (start == stop or zero_at(data, start, stop)):
            return candidate
    raise Refusal("bad_field", f"{len(data)} bytes are no {name}")


def layout_names():
    """Every name that `decode` knows, sorted."""
    return tuple(sorted({n for n in LAYOUTS if "." in n and not n.endswith(".camel")} | set(ALIASES) | set(CHOICES)))


def decode(str layout, bytes data):
    """Members of one account by the layout's name; Refusal("bad_field") for a wrong name or wrong bytes."""
    name = layout.replace(":", ".").replace("/", ".").replace(" ", ".") if layout not in ALIASES else layout
    name = ALIASES.get(name, name)
    if name.startswith("bin_array_"):
        name = "meteora_dlmm.bin_array"
    if name in CHOICES:
        name = choose(name, data)
    found = LAYOUTS.get(name)
    if found is None or "." not in name or name.endswith(".camel"):
        raise Refusal("bad_field", f"no layout is called {layout!r}")
    return (<Layout>found).decode(data)
