"""Names for the numbers of a store: sources from the registry, scales from the listings."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import apsw
import msgspec

from engine.decimals import plain
from hotpath.records import Kind


class Names:
    """Reads DIR/registry.jsonl and the store's listings; a number without a name stays a number."""

    def __init__(self, state: Path, db: apsw.Connection) -> None:
        self.listings: dict[int, dict[str, Any]] = {
            number: msgspec.json.decode(text)
            for number, text in db.execute("SELECT instrument, document FROM listings")
        }
        self._names: dict[tuple[str, int], str] = {}
        path = state / "registry.jsonl"
        if path.is_file():
            for line in path.read_bytes().splitlines():
                try:
                    entry = msgspec.json.decode(line)
                    self._names[entry["kind"], entry["number"]] = entry["name"]
                except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
                    continue  # the root says what is wrong with its registry, not we

    def source(self, number: int) -> str:
        return self._names.get(("source", number), str(number))

    def asset(self, number: int) -> str:
        return self._names.get(("asset", number), str(number))

    def instrument(self, number: int) -> str:
        listing = self.listings.get(number)
        if listing is not None:
            return str(listing["name"])
        return self._names.get(("instrument", number), str(number))

    def price(self, instrument: int, ticks: int) -> str:
        """Ticks as a plain decimal; "N ticks" where the scale is not known."""
        listing = self.listings.get(instrument)
        return f"{ticks} ticks" if listing is None else plain(ticks * Decimal(listing["tick"]))

    def quantity(self, instrument: int, lots: int) -> str:
        listing = self.listings.get(instrument)
        return f"{lots} lots" if listing is None else plain(lots * Decimal(listing["lot"]))

    def value(self, instrument: int, ticks_lots: int) -> Decimal | None:
        """Ticks times lots in the quote asset, exact; None where the scale is not known."""
        listing = self.listings.get(instrument)
        if listing is None:
            return None
        return ticks_lots * Decimal(listing["tick"]) * Decimal(listing["lot"])


def kind_name(number: int) -> str:
    try:
        return Kind(number).name.lower()
    except ValueError:
        return str(number)
