"""The claims about correction, which is to raise early accuracy, and about all three components, to cost no more."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from snn_eval.cell import CellRecord, Correction, ExitPoint
from snn_eval.report.ablation.choice import cheapest_at
from snn_eval.report.ablation.contrasts import DIGITS, EARLY_STEPS, early_accuracy, outcome_contrast
from snn_eval.report.ablation.groups import CODING, COOPTIMISED, CORRECTION, Group, leaving, without
from snn_eval.report.ablation.summary import Summary, of_replicates
from snn_eval.report.ablation.verdicts import ONE_SIDED, Claim, Part, Verdict
from snn_eval.report.ablation.words import bounded, no_interval, replicates

__all__ = ["NOTICEABLE", "correction_helps", "early_before_and_after", "energy_at_equal_accuracy"]

NOTICEABLE = 0.001
"""A rise of early accuracy that is surely smaller than this is none."""

FEWEST_REPLICATES = 3
"""Fewer numbers, one a replicate, have no bounds."""


def correction_helps(groups: Sequence[Group], axes: Mapping[str, Any]) -> Claim:
    """(b) Rows with correction against the same without, on test; the same networks before and after, on validation."""
    rows = [g for g in groups if g.done and g.axes == axes and CORRECTION in g.components]
    parts = []
    for row in rows:
        base = without(row, CORRECTION, groups)
        if base is not None:
            found = outcome_contrast([(1.0, row), (-1.0, base)], early_accuracy, ONE_SIDED)
            parts.append(_raised(f"{row.title} against {base.title}, test", found))
    for row in rows:
        part = _of_the_same_network(row)
        if part is not None:
            parts.append(part)
    return Claim(
        "b",
        f"Correction raises accuracy after t ≤ {EARLY_STEPS} steps",
        f"Mean over t = 1 … {EARLY_STEPS} (fewer than T) of the accuracy of the mean readout over t steps. Confirmed "
        "where the one-sided 95 % bound of the difference is above 0; refuted where the other bound is below "
        f"{100 * NOTICEABLE:g} points. Of the same network before and after its correction only accuracies are kept: "
        f"bounds are Student's over replicates, from {FEWEST_REPLICATES} on; with fewer, or where all are equal "
        "(shares of a few images are, by chance), it is undecided.",
        tuple(parts),
    )


def early_before_and_after(correction: Correction | None) -> tuple[float, float] | None:
    """Mean validation accuracy over the early steps before and after a correction; None where there are none."""
    if correction is None:
        return None
    steps = min(EARLY_STEPS, len(correction.before) - 1, len(correction.after) - 1)
    if steps < 1:
        return None
    return float(np.mean(correction.before[:steps])), float(np.mean(correction.after[:steps]))


def _of_the_same_network(row: Group) -> Part | None:
    """After against before correction, on validation; which samples are right is not kept of it."""
    found = [early_before_and_after(cell.correction) for cell in row.done]
    gains = [round(pair[1] - pair[0], DIGITS) for pair in found if pair is not None]
    if not gains:
        return None
    change = of_replicates(gains, len(gains), ONE_SIDED)
    if change is not None and change.n < FEWEST_REPLICATES:  # nothing to draw from
        change = replace(change, low=None, high=None)
    part = _raised(f"{row.title}, after against before correction, validation", change)
    rose = sum(gain > 0 for gain in gains)
    words = f"{part.found}; it rose in {rose} of {len(gains)}"
    return replace(part, found=words, numbers={**part.numbers, "replicates_that_rose": rose})


def _raised(compared: str, found: Summary | None) -> Part:
    if found is None:
        return Part(compared, "undecided", "no replicate of both tells its samples after each step")
    verdict: Verdict = "undecided"
    if found.low is not None and found.high is not None:
        verdict = "confirmed" if found.low > 0 else "refuted" if found.high < NOTICEABLE else "undecided"
    numbers = {"mean": found.mean, "low": found.low, "high": found.high, "replicates": found.n}
    return Part(compared, verdict, f"{bounded(found)} points, {replicates(found.n)}", numbers)


def energy_at_equal_accuracy(groups: Sequence[Group], axes: Mapping[str, Any]) -> Claim:
    """(c) All three components against correction alone and co-optimisation alone, each on dynamic coding."""
    complete = leaving(groups, {CODING, CORRECTION, COOPTIMISED}, axes)
    others = [leaving(groups, {CODING, other}, axes) for other in (CORRECTION, COOPTIMISED)]
    there = [group for group in others if group is not None]
    parts = []
    if complete is not None:
        parts = [_cheaper(complete, other, [complete, *there]) for other in there]
    return Claim(
        "c",
        "All components together need no more energy than either alone, at equal accuracy",
        "For each replicate the common target is the lowest of the rows' validation accuracies at their chosen exits; "
        "each row stands at its threshold of least validation energy whose validation accuracy is at least that. Test "
        "energies (total) are compared as a factor; confirmed where its upper one-sided 95 % bound is at most 1, "
        "refuted where its lower one is above 1; bounds are Student's of the logarithm over replicates, from "
        f"{FEWEST_REPLICATES} on. A factor that is the same in all of them, to nine digits, is no draw but fixed by "
        "the networks' structure: it has no bounds and decides by itself. Rows without co-optimisation exit too.",
        tuple(parts),
    )


def _cheaper(complete: Group, other: Group, rows: Sequence[Group]) -> Part:
    compared = f"{complete.title} against {other.title}"
    logs, changes = [], []
    for mine, theirs in _cheapest(complete, other, rows):
        logs.append(round(math.log(mine.energy_total / theirs.energy_total), DIGITS))
        changes.append(mine.accuracy - theirs.accuracy)
    found = of_replicates(logs, len(logs), ONE_SIDED)
    if found is None:
        return Part(compared, "undecided", "no replicate has an exit in all of these rows")
    if found.n < FEWEST_REPLICATES:
        found = replace(found, low=None, high=None)
    low, high, factor = found.factor.low, found.factor.high, found.factor.mean
    change = float(np.mean(changes))
    ends = no_interval(found) if low is None or high is None else f" (one-sided 95 % bounds {low:.3f}, {high:.3f})"
    words = f"energy × {factor:.3f}{ends} at {100 * change:+.2f} points of test accuracy, {replicates(found.n)}"
    numbers = {"mean": factor, "low": low, "high": high, "replicates": found.n, "accuracy_difference": change}
    return Part(compared, _at_most_as_much(found), words, numbers)


def _at_most_as_much(logarithm: Summary) -> Verdict:
    """Whether a factor is at most 1; one that is the same in enough replicates decides by itself."""
    low, high = logarithm.low, logarithm.high
    if logarithm.equal and logarithm.n >= FEWEST_REPLICATES:
        low = high = logarithm.mean
    if low is None or high is None:
        return "undecided"
    return "confirmed" if high <= 0 else "refuted" if low > 0 else "undecided"


def _cheapest(complete: Group, other: Group, rows: Sequence[Group]) -> list[tuple[ExitPoint, ExitPoint]]:
    """The test points of both rows at their cheapest settings, for each replicate that all rows have."""
    by_row = [{cell.replicate.value: cell for cell in group.done if cell.exit is not None} for group in rows]
    points = []
    for value in by_row[0]:
        if not all(value in cells for cells in by_row):
            continue
        exits = [cells[value].exit for cells in by_row]
        target = min(exit.validation_chosen.accuracy for exit in exits if exit is not None)
        mine = _test_point(by_row[0][value], target)
        theirs = _test_point(by_row[list(rows).index(other)][value], target)
        if mine is not None and theirs is not None:
            points.append((mine, theirs))
    return points


def _test_point(cell: CellRecord, target: float) -> ExitPoint | None:
    """A row whose every threshold is below the target stands at the exit chosen for it."""
    if cell.exit is None:
        return None
    place = cheapest_at(cell, target)
    return cell.exit.chosen if place is None else cell.exit.test[place]
