"""Proofs and models: the ring's protocol for model checkers."""
