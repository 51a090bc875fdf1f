"""What the fuzzer of compiled modules calls: bytes of others in, no exception but those named."""

from __future__ import annotations

from feeds.binance.codec import Codec
from hotpath import scan
from venues.binance import codec as orders

QUICK, GENERAL = Codec([], any_symbol=True), Codec([], any_symbol=True, quick=False)
NAMES = ["e", "u", "b", "data", "result"]


def scanner(text: memoryview) -> None:
    """The scanner's own doors, which refuse what is no JSON by ValueError."""
    try:
        scan.loads(text)
    except ValueError:
        return
    scan.members(text, NAMES)


def feed(text: memoryview) -> None:
    """Both readers of a market data frame give the same and never raise."""
    assert QUICK.read(text, True) == GENERAL.read(text, True)


def entry(text: memoryview) -> None:
    """The order socket's codec never raises: what it cannot read is rejected."""
    assert orders.decode(bytes(text))
