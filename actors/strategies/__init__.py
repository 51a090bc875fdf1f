"""Strategies that ship with tiercel, one file each."""
