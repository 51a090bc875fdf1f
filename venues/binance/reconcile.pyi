from collections.abc import Mapping
from typing import Any

from venues.binance.absence import Absence

class Reconciliation(Absence):
    outstanding: set[str]
    def reconcile(self) -> None: ...
    def expect(self, key: str, method: str, params: Mapping[str, Any]) -> None: ...
