"""Tests of the simulated exchange: matching, ledger, faults, sockets."""
