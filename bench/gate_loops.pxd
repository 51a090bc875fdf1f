"""Nothing here is for other modules; see gate_loops.pyi."""
