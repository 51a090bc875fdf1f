"""Tests of `tiercel drill`: faults against a configuration, and their verdicts."""
