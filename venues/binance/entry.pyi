from venues.binance.session import Session

class Entry(Session):
    def lay_out_texts(self) -> None: ...
