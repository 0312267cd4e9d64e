"""Mean, spread and interval of a quantity over the replicates of a row, and its difference to the reference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snn_eval.cell import CellRecord
from snn_eval.report.ablation.groups import Group, paired
from snn_eval.report.ablation.outcomes import right
from snn_eval.report.ablation.quantities import ACCURACY, Quantity
from snn_eval.stats import hierarchical_bootstrap, mean_sd, paired_bootstrap, student_interval

__all__ = ["Summary", "accuracy_summary", "delta", "difference", "of_outcomes", "of_replicates", "summary"]

Values = Sequence[ArrayLike]

_ROUNDING = 1e-9
"""Values this near to each other, relatively, are equal: what is between them is rounding."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Mean and standard deviation over ``n`` of ``asked`` cells measured; the interval, or None where there is none."""

    mean: float
    sd: float
    n: int
    asked: int
    low: float | None = None
    high: float | None = None

    @property
    def equal(self) -> bool:
        """Whether several replicates have one value, which tells nothing of how it varies: there is no interval."""
        return self.n > 1 and self.sd == 0 and self.low is None

    @property
    def factor(self) -> Summary:
        """Of logarithms: the factors they are of; the mean is geometric, ``sd`` stays that of the logarithms."""
        ends = [None if end is None else math.exp(end) for end in (self.low, self.high)]
        return replace(self, mean=math.exp(self.mean), low=ends[0], high=ends[1])


def of_replicates(values: Sequence[float | None], asked: int, level: float = 0.95) -> Summary | None:
    """Of one number a replicate; the interval is Student's, with n − 1 degrees of freedom.

    There is none for a single replicate, and none where all are equal: its width would be zero, which no draw of a few
    replicates can tell. Factors go in as logarithms. None where no replicate has a value.
    """
    there = [value for value in values if value is not None]
    if not there:
        return None
    if math.isclose(min(there), max(there), rel_tol=_ROUNDING):
        return Summary(there[0], 0.0, len(there), asked)
    found = mean_sd(there)
    interval = student_interval(there, level)
    return Summary(found.mean, found.sd, len(there), asked, interval.low, interval.high)


def summary(quantity: Quantity, group: Group) -> Summary | None:
    """Of a quantity in a group; accuracies by sample where the cells tell which samples are right."""
    if quantity is ACCURACY:
        return accuracy_summary(group)
    return of_replicates([quantity.read(cell) for cell in group.done], len(group.done))


def accuracy_summary(group: Group) -> Summary | None:
    """Accuracy with the hierarchical bootstrap interval over replicates and samples.

    A cell that tells no samples enters as if its right ones were any; they are then not shared with other replicates.
    """
    told = [(cell, ACCURACY.read(cell), right(cell)) for cell in group.done]
    there = [(cell, value, outcomes) for cell, value, outcomes in told if value is not None]
    if not there:
        return None
    shared = group.shared and all(outcomes is not None for _, _, outcomes in there)
    values = [_as_good(cell, value) if outcomes is None else outcomes for cell, value, outcomes in there]
    found = of_outcomes(values, len(group.done), shared=shared)
    exact = mean_sd([value for _, value, _ in there])
    return None if found is None else replace(found, mean=exact.mean, sd=exact.sd)


def of_outcomes(values: Values, asked: int, level: float = 0.95, *, shared: bool) -> Summary | None:
    """Share of right samples, with the bootstrap's interval over replicates and samples; None for no replicate."""
    if not values:
        return None
    ends = hierarchical_bootstrap(values, level, shared=shared)
    found = mean_sd([_mean(outcomes) for outcomes in values])
    return Summary(found.mean, found.sd, found.n, asked, ends.low, ends.high)


def _as_good(cell: CellRecord, accuracy: float) -> NDArray[np.bool_]:
    """Some outcomes with this accuracy."""
    samples = max(cell.samples, 1)
    return np.arange(samples) < round(accuracy * samples)


def delta(base: Group, new: Group) -> Summary | None:
    """Headline accuracy of ``new`` less that of ``base``, paired over replicates and samples.

    None where no replicate of both tells its samples.
    """
    pairs = [(right(before), right(after)) for before, after in paired(base, new)]
    there = [(before, after) for before, after in pairs if before is not None and after is not None]
    shared = base.shared and new.shared
    return difference([b for b, _ in there], [a for _, a in there], len(new.done), shared=shared)


def _mean(values: ArrayLike) -> float:
    return float(np.asarray(values, np.float64).mean())


def difference(base: Values, new: Values, asked: int, level: float = 0.95, *, shared: bool) -> Summary | None:
    """Mean over replicates of the mean over samples of ``new`` less ``base``; None for no pairs."""
    if not base:
        return None
    means = [_mean(after) - _mean(before) for before, after in zip(base, new, strict=True)]
    ends = paired_bootstrap(base, new, level, shared=shared)
    found = mean_sd(means)
    return Summary(found.mean, found.sd, found.n, asked, ends.low, ends.high)
