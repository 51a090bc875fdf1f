from venues.binance.queries import Queries

class Reports(Queries):
    adopted: int
    rejected: int
    guesses: int
