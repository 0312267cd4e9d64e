"""Was a drop in accuracy more than chance: two networks on the same samples, compared sample by sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from snn_eval.stats import Interval, wilson_interval

__all__ = ["ALPHA", "Pairs", "count_pairs", "detectable", "holm", "mcnemar", "paired_interval", "widest_pairs"]

ALPHA = 0.05
"""Largest chance of failing a gate although nothing changed, over all tests of one comparison."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """What became of n samples: ``lost`` were right and are wrong now, ``gained`` the other way round."""

    both: int
    lost: int
    gained: int
    neither: int

    @property
    def n(self) -> int:
        """Number of samples (recordings)."""
        return self.both + self.lost + self.gained + self.neither

    @property
    def change(self) -> float:
        """Accuracy of the new side less that of the base: (gained − lost) ÷ n."""
        return (self.gained - self.lost) / self.n


def count_pairs(base: NDArray[np.bool_], new: NDArray[np.bool_]) -> Pairs:
    """Outcomes ``[N]`` of the same samples in the same order, counted.

    >>> count_pairs(np.array([True, True, False]), np.array([True, False, False]))
    Pairs(both=1, lost=1, gained=0, neither=1)
    """
    both, lost = int((base & new).sum()), int((base & ~new).sum())
    gained = int((~base & new).sum())
    return Pairs(both, lost, gained, len(base) - both - lost - gained)


def mcnemar(lost: int, gained: int) -> float:
    r"""One-sided p-value of McNemar's exact test: how often a fair coin gives at least that many losses.

    .. math:: p = \sum_{k=b}^{b+c} \binom{b+c}{k} 2^{-(b+c)} = I_{1/2}(b, c + 1)

    with b samples lost, c gained and I the regularised incomplete beta function; 1 where none was lost.

    Source: Q. McNemar, Psychometrika 12 (1947); the exact form is the sign test of the discordant pairs.

    >>> mcnemar(5, 0)
    0.03125
    """
    return float(betainc(lost, gained + 1, 0.5)) if lost else 1.0


def widest_pairs(right_base: int, right_new: int, n: int) -> Pairs:
    """The pairs that say least of all that have these sums, where single outcomes are not known.

    With D = ``right_base`` − ``right_new`` net losses, c gained samples need c right ones now and c wrong ones before:

    c ≤ c_max = min(right_new, n − right_base), and D + c samples were lost.

    For D > 0 the p-value P(X ≥ D + c), X binomial with D + 2c throws of a fair coin, grows with c, so that of c_max is
    the largest any pairs with these sums have; for D < 0 the same holds with lost and gained exchanged.

    Args:
        right_base, right_new: samples that were right and are right.
        n: samples.

    >>> widest_pairs(18, 8, 20), round(mcnemar(12, 2), 6)
    (Pairs(both=6, lost=12, gained=2, neither=0), 0.00647)
    """
    gained = min(right_new, n - right_base)
    lost = right_base - right_new + gained
    return Pairs(right_new - gained, lost, gained, n - right_base - gained)


def detectable(gained: int, n: int, alpha: float = ALPHA) -> float | None:
    """The smallest drop the test would call one, beside the samples gained: (b* − c) ÷ n.

    b* is the smallest number of losses whose p-value (``mcnemar``) is at most ``alpha``. Where every drop larger
    than a threshold is to be found, this must not be larger than the threshold; else there are too few samples.

    Args:
        gained: samples that were wrong and are right now (c).
        n: samples.
        alpha: level of the test; over m metrics α ÷ m, the most that Holm's procedure asks of any.

    Returns:
        the drop as a share, or None where even losing every other sample would not be called one.

    >>> round(detectable(9, 360), 4)  # 19 losses beside 9 gains
    0.0278
    """
    low, high = 0, n - gained  # b* lies above low and not above high, if it is there at all
    if mcnemar(high, gained) > alpha:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if mcnemar(middle, gained) <= alpha else (middle, high)
    return (high - gained) / n


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values: one at most α for any true null hypothesis with probability at most α, over all.

    The i-th smallest of m (i = 0 …) is multiplied by m − i, never below the one before it, never above 1.

    Source: S. Holm, Scandinavian Journal of Statistics 6 (1979).

    >>> holm([0.25, 0.0625])
    [0.25, 0.125]
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def paired_interval(pairs: Pairs, level: float = 0.95) -> Interval:
    r"""Interval of the change of accuracy, new less base, on the same samples.

    Newcombe's method 10: with θ = (c − b)/n, the Wilson intervals (l₁, u₁) of the new accuracy p₁ and (l₂, u₂) of the
    base's p₂, and φ the correlation of the two outcomes,

    .. math:: \theta - \sqrt{d_1^2 - 2\varphi d_1 e_2 + e_2^2}, \quad \theta + \sqrt{e_1^2 - 2\varphi e_1 d_2 + d_2^2}

    where d = p − l and e = u − p. φ = (a·d − b·c)/√(product of the margins), the numerator less n/2 but not below 0
    where it is positive; 0 where a margin is empty.

    Source: R. G. Newcombe, Statistics in Medicine 17 (1998) 2635.
    """
    n, theta = pairs.n, pairs.change
    right_new, right_base = pairs.both + pairs.gained, pairs.both + pairs.lost
    new, base = wilson_interval(right_new, n, level), wilson_interval(right_base, n, level)
    phi = _correlation(pairs)
    p1, p2 = right_new / n, right_base / n
    below = _distance(p1 - new.low, base.high - p2, phi)
    above = _distance(new.high - p1, p2 - base.low, phi)
    return Interval(max(theta - below, -1.0), min(theta + above, 1.0), f"newcombe paired {level:.0%}")


def _correlation(pairs: Pairs) -> float:
    margins = (
        (pairs.both + pairs.gained)
        * (pairs.lost + pairs.neither)
        * (pairs.both + pairs.lost)
        * (pairs.gained + pairs.neither)
    )
    product = pairs.both * pairs.neither - pairs.lost * pairs.gained
    if margins == 0:
        return 0.0
    return (max(product - pairs.n / 2, 0.0) if product > 0 else product) / sqrt(margins)


def _distance(one: float, other: float, phi: float) -> float:
    return sqrt(max(one * one - 2 * phi * one * other + other * other, 0.0))
