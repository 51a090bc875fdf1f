def monotonic_ns() -> int:
    """CLOCK_MONOTONIC in nanoseconds."""

def wall_ns() -> int:
    """CLOCK_REALTIME in nanoseconds since the Unix epoch (UTC)."""

def ticks() -> int:
    """The processor's tick counter; compare only within one process."""

def ticks_per_ns(for_ns: int = 20_000_000) -> float:
    """Rate of `ticks`, measured against the monotonic clock over `for_ns` (spins)."""
