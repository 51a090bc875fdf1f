from hotpath.book import Book

class Join:
    book: Book
    joined: bool
    applied: int
    dropped: int
    gaps: int
    refetches: int
    overflows: int
    def __init__(self, book: Book, updates: int = 1024, levels: int = 65536) -> None: ...
