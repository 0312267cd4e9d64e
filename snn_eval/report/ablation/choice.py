"""Settings of an early exit chosen on validation curves alone: the best within a budget, the cheapest good enough."""

from __future__ import annotations

from typing import Literal

from snn_eval.cell import CellRecord

__all__ = ["Budget", "best_within", "cheapest_at"]

Budget = Literal["mean_step", "energy_total"]

_SLACK = 1e-9
"""Relative; equal budgets computed in different orders are equal."""


def best_within(cell: CellRecord, budget: Budget, at_most: float) -> int | None:
    """The threshold (its place in the curves) of the highest validation accuracy among those whose validation mean of
    ``budget`` is at most that; of equal ones the cheapest. None where none is, or the cell has no exit."""
    points = [] if cell.exit is None else list(enumerate(cell.exit.validation))
    affordable = [
        (-point.accuracy, getattr(point, budget), place)
        for place, point in points
        if getattr(point, budget) <= at_most * (1 + _SLACK)
    ]
    return min(affordable)[2] if affordable else None


def cheapest_at(cell: CellRecord, accuracy: float) -> int | None:
    """The threshold of least validation energy among those whose validation accuracy is at least that; else None."""
    points = [] if cell.exit is None else list(enumerate(cell.exit.validation))
    good = [(point.energy_total, place) for place, point in points if point.accuracy >= accuracy - _SLACK]
    return min(good)[1] if good else None
