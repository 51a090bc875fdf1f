from venues.binance.absence import Absence

ANSWER_PATIENCE_NS: int
EVERY: str
NO_SUCH_SYMBOL: int

class Reconciliation(Absence):
    outstanding: set[str]
    queue: dict[str, int]
    gone: set[int]
    def reconcile(self) -> None: ...
    def begin_comparison(self) -> None: ...
