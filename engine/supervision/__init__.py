"""Keeping lanes and actors alive: decisions on virtual time, without processes or clocks."""
