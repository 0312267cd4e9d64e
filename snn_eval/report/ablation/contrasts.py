"""Weighted sums of rows, paired by replicate and sample: effects of a factorial, and one component at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from snn_eval.cell import CellRecord
from snn_eval.report.ablation.groups import Group
from snn_eval.report.ablation.outcomes import right_after
from snn_eval.report.ablation.summary import Summary, of_outcomes, of_replicates

__all__ = ["DIGITS", "EARLY_STEPS", "early_accuracy", "log_contrast", "number_contrast", "outcome_contrast"]

EARLY_STEPS = 4
"""Steps that count as early: a correction is to show within them."""

DIGITS = 12
"""Of differences and logarithms: what is behind them is rounding, and equal ones are to be found equal."""

Weighted = Sequence[tuple[float, Group]]
Outcomes = Callable[[CellRecord], NDArray[np.bool_] | NDArray[np.float64] | None]
Number = Callable[[CellRecord], float | None]


def outcome_contrast(weighted: Weighted, outcomes: Outcomes, level: float = 0.95) -> Summary | None:
    """Σ weight · share of right samples; the bootstrap draws replicates and samples of all rows together.

    None where no replicate is in all rows with the same number of samples, or one does not tell its samples.
    """
    values = []
    for cells in _together(weighted):
        found = [outcomes(cell) for cell in cells]
        there = [np.asarray(o, np.float64) for o in found if o is not None]
        if len(there) == len(found) and len({len(o) for o in there}) == 1:
            values.append(sum(weight * o for (weight, _), o in zip(weighted, there, strict=True)))
    shared = all(group.shared for _, group in weighted) and len({np.size(value) for value in values}) <= 1
    return of_outcomes([np.asarray(value) for value in values], len(values), level, shared=shared)


def number_contrast(weighted: Weighted, number: Number, level: float = 0.95) -> Summary | None:
    """Σ weight · number, of the order of 1, with Student's interval over replicates.

    None where no replicate has it in all rows.
    """
    sums = []
    for cells in _together(weighted):
        values = [number(cell) for cell in cells]
        there = [value for value in values if value is not None]
        if len(there) == len(values):
            whole = sum(weight * value for (weight, _), value in zip(weighted, there, strict=True))
            sums.append(round(whole, DIGITS))
    return of_replicates(sums, len(sums), level)


def log_contrast(weighted: Weighted, number: Number, level: float = 0.95) -> Summary | None:
    """exp Σ weight · ln number: a factor, the geometric mean over replicates; ``sd`` is that of its logarithm."""

    def logarithm(cell: CellRecord) -> float | None:
        value = number(cell)
        return math.log(value) if value else None

    found = number_contrast(weighted, logarithm, level)
    return None if found is None else found.factor


def early_accuracy(cell: CellRecord) -> NDArray[np.float64] | None:
    """``[N]`` share of the first four steps (all but the last, if there are fewer) after which a sample is right."""
    steps = range(1, min(EARLY_STEPS, cell.time_steps - 1) + 1)
    found = [right_after(cell, t) for t in steps]
    there = [o for o in found if o is not None]
    return np.mean(there, axis=0) if there and len(there) == len(found) else None


def _together(weighted: Weighted) -> list[list[CellRecord]]:
    """For each replicate that all rows have, its cells in the rows' order."""
    by_value = [{cell.replicate.value: cell for cell in group.done} for _, group in weighted]
    common = [value for value in by_value[0] if all(value in cells for cells in by_value)] if by_value else []
    return [[cells[value] for cells in by_value] for value in common]
