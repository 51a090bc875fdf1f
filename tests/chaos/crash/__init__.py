"""Crashes at named points: the lanes of a demo kill themselves between two steps (X03)."""
