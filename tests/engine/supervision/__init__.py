"""Decisions on virtual time, against a twin."""
