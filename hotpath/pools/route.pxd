"""One order over many pools and books."""
