"""The test behind a verdict on accuracy: exact p-values, the smallest drop it can call, adjustment, interval."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_eval.regress.paired import ALPHA, Pairs, count_pairs, detectable, holm, mcnemar, paired_interval


def summed(lost: int, gained: int) -> Fraction:
    m = lost + gained
    return Fraction(sum(comb(m, k) for k in range(lost, m + 1)), 2**m)


def test_mcnemar_is_the_binomial_tail() -> None:
    for lost in range(40):
        for gained in range(40):
            assert mcnemar(lost, gained) == pytest.approx(float(summed(lost, gained)), rel=1e-12)
    assert mcnemar(300, 200) == pytest.approx(float(summed(300, 200)), rel=1e-10)


@given(st.integers(0, 120), st.integers(1, 120), st.sampled_from([0.05, 0.025, 0.01]))
def test_detectable_is_the_smallest_drop_the_test_calls_one(gained: int, further: int, alpha: float) -> None:
    n = gained + further
    lost = next((b for b in range(1, n - gained + 1) if mcnemar(b, gained) <= alpha), None)
    expected = None if lost is None else (lost - gained) / n
    assert detectable(gained, n, alpha) == expected


def test_detectable_at_the_sizes_the_documentation_names() -> None:
    assert detectable(0, 360) == 5 / 360  # 2**-5 = 0.03 <= 0.05 < 2**-4
    assert detectable(250, 10_000) == 40 / 10_000
    assert detectable(0, 4) is None  # 2**-4 > 0.05: nothing can be told from four samples


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0, 0.2))
def test_a_drop_above_the_threshold_is_called_one_or_the_samples_are_too_few(
    lost: int, gained: int, threshold: float
) -> None:
    n = 300
    if (lost - gained) / n > threshold and mcnemar(lost, gained) > ALPHA:
        smallest = detectable(gained, n)
        assert smallest is None or smallest > threshold


@given(st.lists(st.floats(1e-9, 1), min_size=1, max_size=8))
def test_holm_rejects_what_the_step_down_procedure_rejects(p_values: list[float]) -> None:
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    rejected = set()
    for rank, index in enumerate(order):
        if p_values[index] * (len(p_values) - rank) > ALPHA:
            break
        rejected.add(index)
    assert {i for i, p in enumerate(holm(p_values)) if p <= ALPHA} == rejected


def test_holm_of_a_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@pytest.mark.parametrize(
    ("pairs", "low", "high"),
    [
        (Pairs(36, 2, 12, 0), 0.0569, 0.3404),  # Newcombe 1998, table II
        (Pairs(1, 7, 1, 12), -0.507, -0.026),  # Fagerland, Lydersen, Laake 2014: airway hyper-responsiveness
    ],
)
def test_the_interval_is_newcombes(pairs: Pairs, low: float, high: float) -> None:
    found = paired_interval(pairs)
    assert (found.low, found.high) == (pytest.approx(low, abs=6e-4), pytest.approx(high, abs=6e-4))
    assert found.low <= pairs.change <= found.high


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20), st.integers(0, 20))
def test_exchanging_the_sides_turns_the_interval_round(both: int, lost: int, gained: int, neither: int) -> None:
    if both + lost + gained + neither == 0:
        return
    one, other = (paired_interval(Pairs(both, *two, neither)) for two in ((lost, gained), (gained, lost)))
    assert (one.low, one.high) == (pytest.approx(-other.high), pytest.approx(-other.low))
    assert -1 <= one.low <= one.high <= 1


def test_the_interval_covers_the_true_change_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(400, [0.85, 0.05, 0.03, 0.07], 1000)
    covered = [-0.02 in paired_interval(Pairs(*map(int, row))) for row in drawn]
    assert 0.93 <= np.mean(covered) <= 0.98


def test_pairs_are_counted_by_what_became_of_each() -> None:
    base, new = np.array([1, 1, 1, 0, 0, 0], bool), np.array([1, 1, 0, 1, 0, 0], bool)
    pairs = count_pairs(base, new)
    assert (pairs.both, pairs.lost, pairs.gained, pairs.neither) == (2, 1, 1, 2)
    assert (pairs.n, pairs.change) == (6, 0.0)
