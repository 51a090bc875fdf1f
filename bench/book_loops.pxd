"""The loops that measure codec and book, compiled like the feed that uses them."""
