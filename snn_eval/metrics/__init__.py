"""Metrics: pure functions from a trace to measurements."""
