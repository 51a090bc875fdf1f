"""Timing loops around the compiled EVM pools."""
