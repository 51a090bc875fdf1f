from venues.binance.entry import Entry

class Queries(Entry):
    queries_sent: int
    has_rest: bool
    def ask_fills(self, instrument: int, id: str, order_id: int) -> None: ...
