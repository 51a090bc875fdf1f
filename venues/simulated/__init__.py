"""The simulated exchange: a real server with its own ledger, outside the engine's tree."""
