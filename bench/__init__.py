"""Latency and throughput benchmarks, the floor programs and the release gate."""
