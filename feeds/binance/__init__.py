"""Binance spot market data."""
