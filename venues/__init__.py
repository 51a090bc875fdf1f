"""Order-entry connections, one folder a venue."""
