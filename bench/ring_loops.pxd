"""Nothing here is for other modules; see ring_loops.pyi."""
