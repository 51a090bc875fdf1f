"""A disk that no longer keeps the ledger ends the exchange: its word would be worth nothing."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import pytest

from venues.simulated import ledger
from venues.simulated.server import Server
from venues.simulated.spec import ExchangeSpec, MarketSpec


def test_a_ledger_that_cannot_be_made_durable_stops_the_exchange(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task that syncs died of it unheard, and the exchange went on with nothing durable."""

    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fdatasync", fail)
    spec = ExchangeSpec(
        name="alpha",
        ledger=str(tmp_path / "ledger.jsonl"),
        markets=[MarketSpec("BTCUSDT", "BTC", "USDT")],
        flow=None,
        rest=False,
    )

    async def main() -> None:
        async with asyncio.timeout(5):
            await Server(spec).run(lambda ready: None)

    with pytest.raises(ledger.LedgerFailed, match="Input/output error"):
        asyncio.run(main())
    assert ledger.Ledger(spec.ledger).fd > 0, "its lock was let go of"
