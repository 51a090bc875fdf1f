"""Pool mathematics: one kind of pool a file, exact to the chain's last unit, no I/O."""
