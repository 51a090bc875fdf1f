"""Tests of pool arithmetic against vectors of the real programs."""
