"""Tests: mirrors the tree; slow twins of compiled code in reference, kills and faults in chaos."""
