"""The compiled core: sync, no I/O, no logging, imports nothing else of the project."""
