"""The gate's promise, simulated: seldom wrong without a difference, seldom blind to one, honest about few samples."""

from __future__ import annotations

from collections import Counter

import pytest

gate = pytest.importorskip("benchmarks.gate", reason="benchmarks/ is only in a checkout, not in the package")
Case, outcomes = gate.Case, gate.outcomes
REPEATS = 1000


@pytest.mark.parametrize(
    "case",
    [
        Case(10_000, 0.05, 0.0),
        Case(10_000, 0.05, 0.0, "0pp"),
        Case(10_000, 0.05, 0.0, "0pp", metrics=3),
        Case(360, 0.05, 0.0, "0pp"),
    ],
    ids=str,
)
def test_without_a_difference_it_fails_in_at_most_five_per_cent(case: gate.Case) -> None:
    failed = sum(failed for failed, _ in outcomes(case, REPEATS))
    assert failed <= 0.05 * REPEATS


@pytest.mark.parametrize("discordant", [0.05, 0.02])
def test_a_drop_of_twice_the_threshold_is_found(discordant: float) -> None:
    failed = sum(failed for failed, _ in outcomes(Case(10_000, discordant, 0.01), REPEATS))
    assert failed >= 0.9 * REPEATS


def test_few_samples_are_inconclusive() -> None:
    verdicts = Counter(verdict for _, verdict in outcomes(Case(360, 0.05, 0.0), REPEATS))
    assert verdicts["inconclusive"] >= 0.9 * REPEATS
    assert verdicts["pass"] == 0
