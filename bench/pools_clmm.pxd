"""Timing loops around Solana's concentrated pools; nothing here for others."""
