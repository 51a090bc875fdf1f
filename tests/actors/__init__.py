"""Tests of what runs between feeds and venues."""
