"""Slow, obvious twins of compiled code, written from the rules and not from the code."""
