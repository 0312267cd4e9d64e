"""Which samples a cell has right: at its headline, after t steps, at a threshold of the exit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from snn_eval.cell import CellRecord, ExitSummary, unpacked

__all__ = ["Right", "chosen_right", "right", "right_after", "right_at"]

Right = NDArray[np.bool_]


def right_after(cell: CellRecord, time_steps: int) -> Right | None:
    """``[N]``, deciding by the mean readout over the first ``time_steps`` steps; None where prefixes were refused."""
    for point in cell.truncated:
        if point.time_steps == time_steps:
            return unpacked(point.correct, _decided(cell))
    return None


def right_at(cell: CellRecord, threshold: float) -> Right | None:
    """``[N]``, leaving at the first step that is as sure as the threshold; None where the cell does not tell."""
    if cell.exit is None:
        return None
    chosen = cell.exit.chosen
    points = [*cell.exit.test, *([chosen] if cell.exit.threshold is not None else [])]
    for point in points:
        if point.threshold == threshold and point.correct is not None:
            return unpacked(point.correct, _decided(cell))
    return None


def right(cell: CellRecord) -> Right | None:
    """``[N]`` as the headline's accuracy has it: at the chosen exit where the row's numbers are those, else all steps.

    None where the cell tells the accuracy alone.
    """
    if not cell.uses_exit or cell.exit is None:
        return right_after(cell, cell.time_steps)
    return chosen_right(cell, cell.exit)


def chosen_right(cell: CellRecord, exit: ExitSummary) -> Right | None:
    """``[N]`` at the chosen threshold; without one every sample takes all steps."""
    if exit.chosen.correct is not None:
        return unpacked(exit.chosen.correct, _decided(cell))
    return right_after(cell, cell.time_steps) if exit.threshold is None else right_at(cell, exit.threshold)


def _decided(cell: CellRecord) -> int:
    """Samples that are right or wrong: recordings, where several samples are clips of one."""
    counts = (m.n for m in cell.measurements if m.metric == "accuracy" and m.scope == "network")
    return next((n for n in counts if n is not None), cell.samples)
