"""Tests of the event store, its views, its check and what is explained from it."""
