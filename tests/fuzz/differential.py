"""The compiled scanner and codecs beside orjson and the slow twins, on inputs a fuzzer kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from decimal import Decimal

from feeds.binance.codec import Codec
from tests.hotpath.test_scan import compare as scanned_alike
from tests.reference import binance_frames as twin
from tests.reference import binance_orders as orders_twin
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
    """Scanner and orjson, and the order socket's codec and its twin, give the same."""
    scanned_alike(text)
    assert orders.decode(text) == orders_twin.read(text)


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
