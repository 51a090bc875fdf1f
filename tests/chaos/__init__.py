"""Faults on purpose: what is injected, what must hold, how often it did (`make chaos`)."""
