"""What every feed and every venue must pass."""
