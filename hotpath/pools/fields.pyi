"""Nothing for Python: the readers of members are called from compiled code only."""
