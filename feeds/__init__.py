"""Market-data connections, one folder a provider."""
