"""Tiny lanes that follow engine/child.py, for tests of the root."""
