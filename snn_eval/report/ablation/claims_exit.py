"""The claims about co-optimisation: as good as the base with early exit at its steps and energy; good at few steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn_eval.cell import CellRecord
from snn_eval.report.ablation.choice import Budget, best_within
from snn_eval.report.ablation.groups import CODING, COOPTIMISED, CORRECTION, Group, leaving, paired
from snn_eval.report.ablation.original import published_rows
from snn_eval.report.ablation.outcomes import chosen_right, right_at
from snn_eval.report.ablation.summary import Summary, difference, of_outcomes, of_replicates
from snn_eval.report.ablation.verdicts import ONE_SIDED, Claim, Part, at_least
from snn_eval.report.ablation.words import bounded, replicates, with_unit

__all__ = ["MARGIN", "accuracy_goal", "equal_budget"]

MARGIN = 0.003
"""Accuracy that co-optimisation may be below the base with early exit and still not be below it."""

_BUDGETS: tuple[tuple[Budget, str, str], ...] = (
    ("mean_step", "equal mean T", "step"),
    ("energy_total", "equal energy", "J/sample"),
)


def equal_budget(groups: Sequence[Group], axes: Mapping[str, Any]) -> Claim:
    """(a) The row with co-optimisation against the base with early exit, and against the same row without it."""
    parts: list[Part] = []
    found = {g.components for g in groups if g.axes == axes and COOPTIMISED in g.components}
    sets = sorted((s for s in found if CORRECTION not in s), key=lambda s: (len(s), sorted(s)))
    rows = [row for s in sets if (row := leaving(groups, set(s), axes)) is not None]
    base = leaving(groups, set(), axes)
    for place, row in enumerate(rows):
        alike = leaving(groups, set(row.components) - {COOPTIMISED}, axes)
        for other in dict.fromkeys(g.title for g in (base, alike) if g is not None):
            against = next(g for g in groups if g.title == other)
            decides = place == 0 and against is base
            parts += [_within(against, row, budget, decides) for budget in _BUDGETS]
    return Claim(
        "a",
        "At equal mean T and at equal energy, co-optimisation is not below the base with early exit by 0.3 points",
        "For each replicate the base stands at the exit threshold chosen for it on validation; co-optimisation at the "
        "threshold of its highest validation accuracy among those whose validation mean T (energy) is at most the "
        "base's there. Test accuracies are compared, paired by replicate and sample; confirmed where the one-sided 95 "
        "% bound of the difference is at least −0.3 points. A replicate of co-optimisation without such a threshold "
        "cannot be compared: the comparison is then undecided, and refuted where no replicate has one.",
        tuple(parts),
    )


def _within(base: Group, row: Group, budget: tuple[Budget, str, str], decides: bool) -> Part:
    name, title, unit = budget
    compared = f"{row.title} against {base.title} with early exit, at {title}"
    before: list[NDArray[np.bool_]] = []
    after: list[NDArray[np.bool_]] = []
    spent: list[tuple[float, float]] = []
    asked = dear = 0
    for old, new in paired(base, row):
        if old.exit is None or new.exit is None:
            continue
        asked += 1
        place = best_within(new, name, getattr(old.exit.validation_chosen, name))
        if place is None:
            dear += 1
            continue
        sides = chosen_right(old, old.exit), right_at(new, new.exit.test[place].threshold)
        if sides[0] is not None and sides[1] is not None:
            before.append(sides[0])
            after.append(sides[1])
            spent.append((getattr(old.exit.chosen, name), getattr(new.exit.test[place], name)))
    if dear:
        found = f"no setting of it costs as little in {dear} of {replicates(asked)}"
        numbers = {"without_setting": dear, "replicates": asked}
        return Part(compared, "refuted" if dear == asked else "undecided", found, numbers, decides)
    change = difference(before, after, len(before), ONE_SIDED, shared=base.shared and row.shared)
    if change is None:
        return Part(compared, "undecided", "no replicate has both exits and tells its samples", {}, decides)
    means = [float(np.mean(values)) for values in zip(*spent, strict=True)]
    words = f"{bounded(change)} points at {with_unit(means[1], unit)} instead of {with_unit(means[0], unit)}"
    told = _numbers(change) | {f"{name}_base": means[0], f"{name}_row": means[1], "limit": -MARGIN}
    return Part(compared, at_least(change, -MARGIN), f"{words}, {replicates(change.n)}", told, decides)


def accuracy_goal(
    groups: Sequence[Group],
    axes: Mapping[str, Any],
    published: Sequence[Mapping[str, Any]],
    goal: float | None = None,
) -> Claim:
    """(d) All three components reach the goal (the suite's target if None) within half of its steps."""
    row = leaving(groups, {CODING, CORRECTION, COOPTIMISED}, axes)
    target = goal if goal is not None else _target(row)
    steps = max(c.time_steps for c in row.done) / 2 if row else None
    aim = "the suite's goal" if target is None else f"at least {100 * target:g} % accuracy"
    within = "half of T max" if steps is None else f"{steps:g}"
    theirs = published_rows(published).get("Complete Component", {})
    beside = ""
    if "accuracy" in theirs and "time_steps" in theirs:
        beside = f" (SNN_Eval published {theirs['accuracy'][0]:g} % at T {theirs['time_steps'][0]:g})"
    part = _goal(row, target, steps)
    return Claim(
        "d",
        f"All components together reach {aim} at mean T ≤ {within}{beside}",
        "For each replicate the exit threshold of the highest validation accuracy among those whose validation mean T "
        "is within the limit; confirmed where the one-sided 95 % bound of the test accuracy is at least that and "
        "the test's mean T is within the limit too.",
        () if part is None else (part,),
    )


def _target(row: Group | None) -> float | None:
    found = [c.training.target for c in row.done if c.training is not None] if row else []
    return next((target for target in found if target is not None), None)


def _goal(row: Group | None, target: float | None, steps: float | None) -> Part | None:
    if row is None or target is None or steps is None:
        return None
    outcomes, taken = _at_most(row.done, steps)
    accuracy = of_outcomes(outcomes, len(outcomes), ONE_SIDED, shared=row.shared)
    mean_step = of_replicates(taken, len(taken))
    if accuracy is None or mean_step is None:
        return Part(row.title, "undecided", "no replicate has an exit within the limit that tells its samples")
    verdict = at_least(accuracy, target)
    if mean_step.mean > steps and verdict == "confirmed":
        verdict = "undecided"
    words = f"{bounded(accuracy, signed=False)} % at mean T {mean_step.mean:.2f}, {replicates(accuracy.n)}"
    numbers = _numbers(accuracy) | {"mean_step": mean_step.mean, "limit": target, "mean_step_limit": steps}
    return Part(row.title, verdict, words, numbers)


def _at_most(cells: Sequence[CellRecord], steps: float) -> tuple[list[NDArray[np.bool_]], list[float]]:
    outcomes, taken = [], []
    for cell in cells:
        place = best_within(cell, "mean_step", steps)
        if place is None or cell.exit is None:
            continue
        point = cell.exit.test[place]
        found = right_at(cell, point.threshold)
        if found is not None:
            outcomes.append(found)
            taken.append(point.mean_step)
    return outcomes, taken


def _numbers(found: Summary) -> dict[str, Any]:
    return {"mean": found.mean, "low": found.low, "high": found.high, "replicates": found.n}
