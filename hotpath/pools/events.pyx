"""Logs as clients hand them over, to the bytes the pools read.

A log is `{"topics": [hex, ...], "data": hex}` as the JSON-RPC gives it, or decoded,
`{"event": name, "args": {name: value}}`, with integers as decimal text or ints and addresses as hex.
"""

from hotpath.pools.pool import Refusal


class Event:
    """How an event is laid out: its topic 0, the names of its indexed arguments, and of its data."""

    def __init__(self, topic0, indexed, data):
        self.topic0 = bytes.fromhex(topic0)
        self.indexed = tuple(indexed.split())
        self.data = tuple(data.split())


cdef bytes word(value, str name):
    try:
        if isinstance(value, str):
            number = int(value, 16) if value.startswith(("0x", "0X")) else int(value)
        else:
            number = int(value)
        return (number & ((1 << 256) - 1)).to_bytes(32, "big")
    except (TypeError, ValueError):
        raise Refusal("bad_field", f"the argument {name} is not a number") from None


cdef bytes from_hex(value, str name):
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if not isinstance(value, str):
        raise Refusal("bad_field", f"{name} is hexadecimal text")
    try:
        return bytes.fromhex(value[2:] if value.startswith(("0x", "0X")) else value)
    except ValueError:
        raise Refusal("bad_field", f"{name} is not hexadecimal") from None


def raw(event, tuple layouts):
    """(topics joined, data) of a log; `layouts` are (name, Event) pairs, tried in order for a decoded one.

    An event that no layout names gives (b"", b""): it moves nothing.
    """
    if not isinstance(event, dict):
        raise Refusal("bad_field", "a log is an object")
    if "topics" in event:
        topics = b"".join([from_hex(t, "topics") for t in event["topics"]])
        if len(topics) % 32:
            raise Refusal("bad_field", "a topic has 32 bytes")
        return topics, from_hex(event.get("data", "0x"), "data")
    args = event.get("args")
    if not isinstance(args, dict):
        raise Refusal("bad_field", "a log has topics and data, or event and args")
    for name, layout in layouts:
        if name == event.get("event") and all(k in args for k in (*layout.indexed, *layout.data)):
            topics = layout.topic0 + b"".join([word(args[k], k) for k in layout.indexed])
            return topics, b"".join([word(args[k], k) for k in layout.data])
    if any(name == event.get("event") for name, _ in layouts):
        raise Refusal("bad_field", f"arguments of {event.get('event')} are missing")
    return b"", b""
