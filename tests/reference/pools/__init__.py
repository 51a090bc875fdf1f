"""Slow, obvious twins of the pools: plain Python integers, no arrays, no shortcuts."""
