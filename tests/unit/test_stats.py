from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from snn_eval.errors import RefusedError
from snn_eval.stats import (
    first_of_group,
    hierarchical_bootstrap,
    majority_vote,
    mean_sd,
    paired_bootstrap,
    student_interval,
    wilson_interval,
)


@settings(deadline=None)
@given(st.integers(0, 300), st.integers(1, 300), st.sampled_from([0.9, 0.95, 0.99]))
def test_wilson_is_that_of_scipy(k: int, n: int, level: float) -> None:
    k = min(k, n)
    theirs = binomtest(k, n).proportion_ci(level, method="wilson")
    ours = wilson_interval(k, n, level)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert ours.method == f"wilson {level:.0%}"


@settings(deadline=None)
@given(st.integers(0, 300), st.integers(1, 300))
def test_wilson_holds_the_proportion_and_stays_within_0_and_1(k: int, n: int) -> None:
    k = min(k, n)
    interval = wilson_interval(k, n)
    assert 0 <= interval.low <= k / n + 1e-12
    assert k / n - 1e-12 <= interval.high <= 1


@pytest.mark.parametrize(("k", "n"), [(0, 0), (-1, 3), (4, 3)])
def test_wilson_refuses_what_is_no_proportion(k: int, n: int) -> None:
    with pytest.raises(RefusedError, match="0 <= successes <= n"):
        wilson_interval(k, n)


def test_mean_and_sd() -> None:
    assert mean_sd([2.0]).sd == 0.0
    found = mean_sd([1, 2, 4])
    assert found.mean == pytest.approx(7 / 3)
    assert found.sd == pytest.approx(math.sqrt(((4 / 3) ** 2 + (1 / 3) ** 2 + (5 / 3) ** 2) / 2))
    with pytest.raises(RefusedError, match="at least one value"):
        mean_sd([])


def test_bootstrap_of_one_seed_agrees_with_the_normal_interval() -> None:
    values = np.repeat([1.0, 0.0], [900, 100])
    interval = hierarchical_bootstrap([values], resamples=20_000)
    half = 1.96 * math.sqrt(0.9 * 0.1 / 1000)
    assert interval.low == pytest.approx(0.9 - half, abs=0.1 * half)
    assert interval.high == pytest.approx(0.9 + half, abs=0.1 * half)


def test_bootstrap_sees_the_spread_between_seeds() -> None:
    same = hierarchical_bootstrap([np.repeat([1.0, 0.0], [90, 10])] * 3)
    apart = hierarchical_bootstrap([np.repeat([1.0, 0.0], [k, 100 - k]) for k in (80, 90, 100)])
    assert apart.high - apart.low > 1.5 * (same.high - same.low)
    assert 0.9 in apart


def test_bootstrap_of_values_without_spread_is_a_point_and_seeded() -> None:
    assert hierarchical_bootstrap([[0.5, 0.5], [0.5]]).low == 0.5
    data = [np.random.default_rng(i).normal(size=50) for i in range(3)]
    assert hierarchical_bootstrap(data, seed=3) == hierarchical_bootstrap(data, seed=3)
    assert hierarchical_bootstrap(data, seed=3) != hierarchical_bootstrap(data, seed=4)


def test_bootstrap_of_many_values_and_of_few_have_the_same_distribution() -> None:
    """Draws of samples (many distinct values) against one multinomial draw (few): the same law."""
    few = np.repeat(np.arange(10.0), 20)
    many = few + np.linspace(0, 1e-6, few.size)
    a, b = hierarchical_bootstrap([few] * 3, resamples=4000), hierarchical_bootstrap([many] * 3, resamples=4000)
    assert a.low == pytest.approx(b.low, abs=0.05)
    assert a.high == pytest.approx(b.high, abs=0.05)


def test_bootstrap_refuses_nothing() -> None:
    for data in ([], [[]], [[1.0], []]):
        with pytest.raises(RefusedError, match="at least one seed"):
            hierarchical_bootstrap(data)


def test_majority_takes_the_smallest_of_the_tied() -> None:
    group = np.array([5, 5, 5, 2, 2, 9])
    votes = np.array([3, 1, 3, 4, 0, 7])
    groups, winners = majority_vote(group, votes)
    assert groups.tolist() == [2, 5, 9]
    assert winners.tolist() == [0, 3, 7]
    assert first_of_group(group, votes).tolist() == [4, 3, 7]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), min_size=1, max_size=40))
def test_majority_against_counting(pairs: list[tuple[int, int]]) -> None:
    group, votes = (np.array(x) for x in zip(*pairs, strict=True))
    for g, winner in zip(*majority_vote(group, votes), strict=True):
        mine = [v for h, v in pairs if h == g]
        assert winner == min(set(mine), key=lambda v: (-mine.count(v), v))


def slow_bootstrap(values_SN: np.ndarray, level: float, resamples: int, *, shared: bool) -> tuple[float, float]:
    """The definition, one draw at a time."""
    rng = np.random.default_rng(123)
    seeds, samples = values_SN.shape
    found = []
    for _ in range(resamples):
        once = rng.integers(0, samples, samples)
        means = []
        for s in rng.integers(0, seeds, seeds):
            drawn = once if shared else rng.integers(0, samples, samples)
            means.append(values_SN[s][drawn].mean())
        found.append(np.mean(means))
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_paired_bootstrap_is_the_slow_one(shared: bool, level: float) -> None:
    rng = np.random.default_rng(5)
    hard = rng.random(200)
    base = (rng.random((3, 200)) > 0.6 * hard).astype(float)
    new = np.where(rng.random((3, 200)) < 0.15, 1.0, base)
    found = paired_bootstrap(base, new, level, 6000, shared=shared)
    low, high = slow_bootstrap(new - base, level, 6000, shared=shared)
    assert found.low == pytest.approx(low, abs=0.06 * (high - low))
    assert found.high == pytest.approx(high, abs=0.06 * (high - low))


def test_samples_that_seeds_share_make_the_interval_wider() -> None:
    """All seeds right on the same samples: three seeds say no more than one, sd √(0.9·0.1/1000)."""
    values = np.repeat([1.0, 0.0], [900, 100])
    once = hierarchical_bootstrap([values] * 3, resamples=20_000, shared=True)
    half = 1.96 * math.sqrt(0.9 * 0.1 / 1000)
    assert once.low == pytest.approx(0.9 - half, abs=0.1 * half)
    assert once.high == pytest.approx(0.9 + half, abs=0.1 * half)
    anew = hierarchical_bootstrap([values] * 3, resamples=20_000)
    assert anew.high - anew.low == pytest.approx(2 * half / math.sqrt(3), rel=0.1)


def test_a_difference_that_every_pair_has_is_certain() -> None:
    base = [np.random.default_rng(i).normal(size=50) for i in range(3)]
    found = paired_bootstrap(base, [values + 0.25 for values in base])
    assert (found.low, found.high) == pytest.approx((0.25, 0.25))


def test_shared_draws_are_the_same_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).integers(0, 2, (4, 300))
    whole = hierarchical_bootstrap(values, shared=True)
    monkeypatch.setattr("snn_eval.stats._DRAWN_AT_ONCE", 100)
    assert hierarchical_bootstrap(values, shared=True) == whole


def test_bootstraps_refuse_what_is_no_pair() -> None:
    with pytest.raises(RefusedError, match=r"both sides, got \[2\] and \[3\] values"):
        paired_bootstrap([[0, 1]], [[0, 1, 1]])
    with pytest.raises(RefusedError, match="as many values each, got 2, 3"):
        hierarchical_bootstrap([[0, 1], [0, 1, 1]], shared=True)


def test_students_interval_of_three_values() -> None:
    """Quantiles of Student's distribution from a printed table: 4.3027 (two-sided 95 %), 2.9200 (90 %), 2 degrees."""
    wide, narrow = student_interval([1.0, 2.0, 6.0]), student_interval([1.0, 2.0, 6.0], 0.90)
    error = 7**0.5 / 3**0.5  # sample variance (4 + 1 + 9) / 2
    assert (wide.low, wide.high) == pytest.approx((3 - 4.3027 * error, 3 + 4.3027 * error), abs=1e-3)
    assert (narrow.low, narrow.high) == pytest.approx((3 - 2.9200 * error, 3 + 2.9200 * error), abs=1e-3)
    with pytest.raises(RefusedError, match="at least two values, got 1"):
        student_interval([1.0])
