"""Tests of the one-file binary."""
