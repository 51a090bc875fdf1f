"""Members of Solana states and events: exact, or Refusal("bad_field") by name."""

import base64

from hotpath.pools.fields cimport number, signed_number
from hotpath.u256 cimport *

from hotpath.pools.pool import Refusal


cdef uint64_t small(dict source, str name, int bits=64) except? 0:
    """An unsigned member of at most `bits` <= 64 bits."""
    return number(source, name, bits).w[0]


cdef int64_t signed_small(dict source, str name, int bits=32) except? -1:
    """A signed member of at most `bits` <= 64 bits."""
    return <int64_t>signed_number(source, name, bits).w[0]


cdef bint flag(dict source, str name) except -1:
    value = source.get(name)
    if type(value) is not bool:
        raise Refusal("bad_field", f"{name} is true or false")
    return <bint>value


cdef dict members(dict source, str name):
    value = source.get(name)
    if type(value) is not dict:
        raise Refusal("bad_field", f"{name} is an object")
    return <dict>value


cdef dict members_or_none(dict source, str name):
    value = source.get(name)
    if value is None:
        return None
    if type(value) is not dict:
        raise Refusal("bad_field", f"{name} is an object or null")
    return <dict>value


cdef list rows(dict source, str name):
    value = source.get(name)
    if type(value) is not list:
        raise Refusal("bad_field", f"{name} is a list")
    return <list>value


cdef object text(u128 v):
    return u256_to_text(u256_from_u128(v), 0)


cdef object signed_text(u128 v):
    return u256_to_text(wide_i128(v), 1)


cdef bytes account_bytes(event):
    """The bytes of `{"account": name, "data": base64}` or of bytes themselves; None for what is no account."""
    if isinstance(event, (bytes, bytearray, memoryview)):
        return bytes(event)
    if not isinstance(event, dict):
        raise Refusal("bad_field", "an event is an object, an account its bytes")
    data = event.get("data")
    if data is None:
        data = event.get("data_base64")
    if data is None:
        return None
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    try:
        return base64.b64decode(data, validate=True)
    except (TypeError, ValueError):
        raise Refusal("bad_field", "data is bytes or base64") from None


cdef dict event_args(event, str name):
    """The `args` of the decoded event `name`; None when it is another event."""
    if event.get("event") != name:
        return None
    return members(event, "args")
