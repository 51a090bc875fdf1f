"""Binance spot order entry."""
