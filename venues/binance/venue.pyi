from collections.abc import Mapping
from typing import Any

from venues.binance.reconcile import Reconciliation
from venues.binance.sign import Signer

class BinanceVenue(Reconciliation):
    foreign: int
    def connect_as(
        self,
        *,
        url: str,
        api_key: str,
        signer: Signer | None,
        assets: Mapping[str, int],
        settings: Any = None,
    ) -> None: ...
