"""Timing loops around the Solana kinds of one step."""
