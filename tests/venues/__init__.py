"""Tests of order-entry connections."""
