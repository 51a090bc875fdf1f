"""Tests of Binance's venue: requests, signatures, reports, reconciliation."""
