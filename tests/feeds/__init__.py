"""Tests of feeds: codecs, books from captures, staleness and reconnects."""
