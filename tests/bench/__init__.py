"""Tests of the benchmarks and of the gate on releases."""
