from venues.binance.queries import Queries

class Reports(Queries):
    adopted: int
    external: int
    rejected: int
    guesses: int
