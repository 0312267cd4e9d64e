"""Data sets: where samples come from, with fixed documented splits."""
