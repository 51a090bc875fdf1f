"""A capture that turns out to be broken while it is served ends the exchange, and says why."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest

from engine.capture import CaptureDamaged, CaptureTruncated
from engine.errors import TiercelError
from venues.simulated.server import Server
from venues.simulated.spec import CaptureSpec, ExchangeSpec, MarketSpec

START_NS = 1_700_000_000_000_000_000


def frame(n: int) -> bytes:
    """An update of the depth, 1 ms after the one before."""
    data = {"e": "depthUpdate", "s": "BTCUSDT", "U": n, "u": n, "b": [["100", "1"]], "a": []}
    text = orjson.dumps({"stream": "btcusdt@depth@100ms", "data": data})
    return b"%d %b\n" % (START_NS + n * 1_000_000, text)


def capture_of(path: Path, rest: list[bytes]) -> ExchangeSpec:
    snapshot = orjson.dumps({"lastUpdateId": 1, "bids": [["99", "1"]], "asks": [["101", "1"]]})
    path.write_bytes(b"".join([b"%d %b\n" % (START_NS, snapshot), *rest]))
    return ExchangeSpec(
        name="alpha",
        ledger=str(path.with_name("ledger.jsonl")),
        markets=[MarketSpec("BTCUSDT", "BTC", "USDT", price="100")],
        capture=CaptureSpec([str(path)]),
        rest=False,
    )


@pytest.mark.parametrize(
    ("end", "error"),
    [
        (frame(4)[:90], CaptureTruncated),
        (b"no time\n" + frame(5), CaptureDamaged),
        (frame(4)[:90] + b"\n" + frame(5), CaptureDamaged),
    ],
)
def test_a_capture_that_breaks_off_stops_the_exchange(
    tmp_path: Path, end: bytes, error: type[TiercelError]
) -> None:
    """Its market stood still, its sockets answered, and nothing said so."""
    spec = capture_of(tmp_path / "capture.raw", [frame(2), frame(3), end])

    async def main() -> None:
        server = Server(spec)
        async with asyncio.timeout(5):
            await server.run(lambda ready: None)

    with pytest.raises(error):
        asyncio.run(main())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_error_of_its_own_ends_the_exchange_instead_of_its_market(tmp_path: Path) -> None:
    """The loop logged it, no timer was set again, and what is asked for was still answered."""
    spec = capture_of(tmp_path / "capture.raw", [frame(n) for n in range(2, 5000)])

    async def main() -> None:
        server = Server(spec)

        def fail() -> None:
            raise ZeroDivisionError

        server.wire.exchange.arm(server.wire.exchange.now, fail)
        async with asyncio.timeout(5):
            await server.run(lambda ready: None)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())
