"""Regression gate: an accepted result against a new one, verdicts for each metric; needs neither torch nor data."""
