"""Exit codes: what a script that calls ``snn-eval`` can rely on."""

from __future__ import annotations

__all__ = ["DONE", "FAILED_CELLS", "GATE_FAILED", "NOBODY_READS", "STOPPED", "WRONG_INPUT"]

DONE = 0
GATE_FAILED = 1
"""A comparison found a regression, or something that cannot be compared."""
WRONG_INPUT = 2
"""The user's input is wrong; nothing was left behind."""
FAILED_CELLS = 3
"""Some cells failed; their records say why."""
STOPPED = 130
"""Stopped by the user; finished parts are kept."""
NOBODY_READS = 141
"""Whoever read the output went away (``snn-eval ls | head -1``): what a shell gives for any other program."""
