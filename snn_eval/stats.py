"""Uncertainty: intervals of proportions and means, over samples and over seeds, and votes of clips of one recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snn_eval.errors import RefusedError

__all__ = [
    "BOOTSTRAP_RESAMPLES",
    "Interval",
    "MeanSd",
    "first_of_group",
    "hierarchical_bootstrap",
    "majority_vote",
    "mean_sd",
    "paired_bootstrap",
    "student_interval",
    "wilson_interval",
]

BOOTSTRAP_RESAMPLES = 2000
"""Resamples of the hierarchical bootstrap unless asked otherwise."""

_FEW_VALUES = 64
"""Up to this many distinct values a resample is one multinomial draw, which has the same distribution."""

_DRAWN_AT_ONCE = 1 << 21
"""Numbers drawn at a time where several seeds saw the same samples; bounds the memory, changes no draw."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval and the name of the method that gave it."""

    low: float
    high: float
    method: str

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class MeanSd:
    """Mean and sample standard deviation (n − 1 in the denominator; NaN-free: 0 for a single value) of n values."""

    mean: float
    sd: float
    n: int


def wilson_interval(successes: int, n: int, level: float = 0.95) -> Interval:
    r"""Wilson score interval of a proportion.

    With p = successes/n and z the normal quantile of (1+level)/2:

    .. math:: \frac{p + z^2/2n \pm z\sqrt{p(1-p)/n + z^2/4n^2}}{1 + z^2/n}

    Args:
        successes: number of successes.
        n: number of independent trials.
        level: confidence level.

    Raises:
        RefusedError: n is 0, or successes not within 0..n.

    Source: E. B. Wilson, JASA 22 (1927).

    >>> i = wilson_interval(95, 100)
    >>> round(i.low, 4), round(i.high, 4)
    (0.8882, 0.9785)
    """
    if not 0 <= successes <= n or n == 0:
        raise RefusedError(f"a proportion needs 0 <= successes <= n and n > 0, got {successes} of {n}")
    p, z = successes / n, NormalDist().inv_cdf((1 + level) / 2)
    middle = p + z * z / (2 * n)
    half = z * sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2)
    low, high = ((middle + sign * half) / (1 + z * z / n) for sign in (-1, 1))
    return Interval(
        max(low, 0.0) if successes else 0.0, min(high, 1.0) if successes < n else 1.0, f"wilson {level:.0%}"
    )


def mean_sd(values: ArrayLike) -> MeanSd:
    """Mean and sample standard deviation.

    Raises:
        RefusedError: no values.

    >>> mean_sd([1.0, 2.0, 3.0])
    MeanSd(mean=2.0, sd=1.0, n=3)
    """
    array = np.asarray(values, np.float64).ravel()
    if array.size == 0:
        raise RefusedError("a mean needs at least one value, got none")
    sd = float(array.std(ddof=1)) if array.size > 1 else 0.0
    return MeanSd(float(array.mean()), sd, int(array.size))


def student_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    r"""Student's interval of the mean of n values that vary as a normal distribution does.

    With t the quantile (1+level)/2 of Student's distribution with n − 1 degrees of freedom and s the sample standard
    deviation:

    .. math:: \bar x \pm t s / \sqrt n

    What is drawn from three values alone, as a bootstrap does, is far narrower than that.

    Raises:
        RefusedError: fewer than two values.

    Source: Student, Biometrika 6 (1908).

    >>> i = student_interval([1.0, 2.0, 3.0])
    >>> round(i.low, 4), round(i.high, 4)
    (-0.4841, 4.4841)
    """
    from scipy.special import stdtrit  # slow to import, and only intervals over replicates need it

    found = mean_sd(values)
    if found.n < 2:
        raise RefusedError(f"Student's interval needs at least two values, got {found.n}")
    half = float(stdtrit(found.n - 1, (1 + level) / 2)) * found.sd / sqrt(found.n)
    return Interval(found.mean - half, found.mean + half, f"Student {level:.0%}, {found.n - 1} degrees of freedom")


def hierarchical_bootstrap(
    per_seed: Sequence[ArrayLike],
    level: float = 0.95,
    resamples: int = BOOTSTRAP_RESAMPLES,
    seed: int = 0,
    *,
    shared: bool = False,
) -> Interval:
    """Percentile interval of the mean over seeds of the mean over samples.

    A resample draws S of the S seeds with replacement, then for each drawn seed as many of its samples as it
    has, with replacement; its statistic is the mean of the seeds' means. The interval spans the quantiles
    (1 ∓ level)/2 of the statistics.

    Where the seeds ran on the same samples (a test set, not the folds of a pool), a sample that is hard is hard for
    all of them; samples drawn for each seed anew would make the interval too narrow. With ``shared`` a resample draws
    the samples once for all of its seeds.

    Args:
        per_seed: one array of values (for accuracy: 0 and 1) for each seed.
        level: confidence level.
        resamples: number of resamples.
        seed: of the generator; the same seed gives the same interval.
        shared: the i-th value of every seed is of the same sample.

    Raises:
        RefusedError: no seed, a seed without values, or seeds of different lengths that share their samples.

    Source: A. C. Davison, D. V. Hinkley, *Bootstrap Methods and their Application* (1997), §3.8.
    """
    arrays = [np.asarray(values, np.float64).ravel() for values in per_seed]
    if not arrays or any(a.size == 0 for a in arrays):
        raise RefusedError("a bootstrap over seeds needs at least one seed, each with at least one sample")
    if shared and len({a.size for a in arrays}) > 1:
        sizes = ", ".join(str(a.size) for a in arrays)
        raise RefusedError(f"seeds that share their samples have as many values each, got {sizes}")
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(arrays), (resamples, len(arrays)))
    statistic = _shared_sums(rng, np.stack(arrays), drawn) if shared else _own_sums(rng, arrays, drawn)
    low, high = np.quantile(statistic / len(arrays), [(1 - level) / 2, (1 + level) / 2])
    return Interval(
        float(low), float(high), f"hierarchical bootstrap (seeds x samples) {level:.0%}, {resamples} resamples"
    )


def paired_bootstrap(
    base: Sequence[ArrayLike],
    new: Sequence[ArrayLike],
    level: float = 0.95,
    resamples: int = BOOTSTRAP_RESAMPLES,
    seed: int = 0,
    *,
    shared: bool = False,
) -> Interval:
    """Percentile interval of the mean over seeds of the mean over samples of new − base, paired by seed and sample.

    Both sides of a pair are drawn together, so that what makes a seed or a sample hard for both drops out. The ends of
    an interval of level 1 − 2α are the one-sided bounds of level 1 − α.

    Args:
        base, new: for each seed the values of the same samples in the same order.
        level, resamples, seed, shared: as :func:`hierarchical_bootstrap`.

    Raises:
        RefusedError: other seeds or samples on one side than on the other, or none.
    """
    sides = [[np.asarray(values, np.float64).ravel() for values in side] for side in (base, new)]
    sizes = [[values.size for values in side] for side in sides]
    if sizes[0] != sizes[1]:
        raise RefusedError(f"pairs need the same seeds and samples on both sides, got {sizes[0]} and {sizes[1]} values")
    return hierarchical_bootstrap(
        [after - before for before, after in zip(*sides, strict=True)], level, resamples, seed, shared=shared
    )


def _own_sums(
    rng: np.random.Generator, arrays: Sequence[NDArray[np.float64]], drawn: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Sums over the ``drawn`` seeds ``[R,S]`` of means over samples drawn for each of them anew, ``[R]``."""
    resamples = len(drawn)
    statistic = np.zeros(resamples)
    for s, values in enumerate(arrays):
        times = (drawn == s).sum(axis=1)  # how often each resample drew this seed
        means = _resampled_means(rng, values, int(times.sum()))
        owner = np.repeat(np.arange(resamples), times)
        statistic += np.bincount(owner, weights=means, minlength=resamples)
    return statistic


def _shared_sums(
    rng: np.random.Generator, values_SN: NDArray[np.float64], drawn: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The same with samples drawn once for all seeds of a resample.

    Samples with equal values in all seeds are alike: how often each kind of them is drawn is one multinomial draw.
    """
    seeds, samples = values_SN.shape
    code = np.zeros(samples, np.int64)
    for values in values_SN:
        distinct, place = np.unique(values, return_inverse=True)
        code = np.unique(code * len(distinct) + place, return_inverse=True)[1]  # dense again: never overflows
    _, first, counts = np.unique(code, return_index=True, return_counts=True)
    kinds_SP = values_SN[:, first]
    weight_RS = np.stack([(drawn == s).sum(axis=1) for s in range(seeds)], axis=1)
    rows = max(1, _DRAWN_AT_ONCE // len(counts))
    sums = []
    for start in range(0, len(drawn), rows):
        weight = weight_RS[start : start + rows]
        times_RP = rng.multinomial(samples, counts / samples, len(weight))
        sums.append((times_RP @ kinds_SP.T * weight).sum(axis=1) / samples)
    return np.concatenate(sums)


def _resampled_means(rng: np.random.Generator, values: NDArray[np.float64], times: int) -> NDArray[np.float64]:
    """Means of ``times`` resamples of ``values`` with replacement."""
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= _FEW_VALUES:
        means: NDArray[np.float64] = rng.multinomial(values.size, counts / values.size, times) @ distinct / values.size
        return means
    return np.array([values[rng.integers(0, values.size, values.size)].mean() for _ in range(times)])


def majority_vote(group_id: NDArray[np.int64], votes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each group's most frequent vote; the smallest of the tied ones where several are most frequent.

    Args:
        group_id: ``[N]`` the recording a clip belongs to.
        votes: ``[N]`` the class predicted for each clip, not negative.

    Returns:
        The distinct groups ``[G]``, ascending, and their winners ``[G]``.

    >>> majority_vote(np.array([7, 7, 7, 9]), np.array([1, 2, 2, 0]))
    (array([7, 9]), array([2, 0]))
    """
    groups, row = np.unique(group_id, return_inverse=True)
    classes, column = np.unique(votes, return_inverse=True)
    tally = np.zeros((len(groups), len(classes)), np.int64)
    np.add.at(tally, (row, column), 1)
    return groups, classes[tally.argmax(axis=1)]


def first_of_group(group_id: NDArray[np.int64], values: NDArray[Any]) -> NDArray[Any]:
    """The value of each group's first member, groups ascending (for facts that a group's members share)."""
    _, first = np.unique(group_id, return_index=True)
    return values[first]
