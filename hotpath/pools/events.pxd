"""Logs to bytes: Python only, the compiled pools read the bytes themselves."""
