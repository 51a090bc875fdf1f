"""The compiled scanner and codecs beside orjson and the slow twins, on inputs a fuzzer kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from decimal import Decimal

import orjson

from feeds.binance.codec import Codec
from tests.hotpath.test_scan import compare as scanned_alike
from tests.reference import binance_frames as twin
from venues.binance import codec as orders

SATOSHI = Decimal("0.00000001")


def frames_alike(text: bytes) -> None:
    """Scanner and orjson, and the feed's codec and its twin, give the same."""
    scanned_alike(text)
    quick, general = Codec([], any_symbol=True), Codec([], any_symbol=True, quick=False)
    found = quick.read(text, True)
    assert found == general.read(text, True)
    assert found == twin.read(text, SATOSHI, SATOSHI)


def orders_alike(text: bytes) -> None:
    """What is not JSON, or is deeper than the scanner goes, is rejected; texts are orjson's."""
    read = scanned_alike(text)
    items = orders.decode(text)
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return  # (what only the scanner takes is a number that no double holds)
    if not read:
        assert [item["type"] for item in items] == ["rejected"], items
        return
    held = texts_of(orjson.loads(text))
    for item in items:
        for name in ("symbol", "client_order_id", "asset"):
            if item.get(name):
                assert item[name] in held, (name, item)


def texts_of(value: object) -> set[str]:
    """Every text in a document, as orjson reads it."""
    if isinstance(value, str):
        return {value}
    inner = value.values() if isinstance(value, dict) else value
    if isinstance(inner, Iterable):
        return set().union(*(texts_of(v) for v in inner))
    return set()


COMPARE: dict[str, Callable[[bytes], None]] = {"frames": frames_alike, "orders": orders_alike}


def compare(name: str, texts: Iterable[bytes], until: float) -> tuple[int, bytes]:
    """(how many were compared by the time `until`, the first that differs or b"")."""
    count = 0
    for text in texts:
        if time.process_time() > until:
            break
        count += 1
        try:
            COMPARE[name](text)
        except AssertionError:
            return count, text
    return count, b""
