"""Single verdicts: counts by equality, tolerance or limit; shares of samples by the paired test."""

from __future__ import annotations

import pytest
from helpers.sides import accuracy, count

from snn_eval.metrics import METRICS
from snn_eval.record import Measurement
from snn_eval.regress.gates import parse_gate
from snn_eval.regress.judge import COARSE, ROUNDING_FREE, judge_count, judge_share
from snn_eval.regress.paired import Pairs, mcnemar

OTHER = ["torch 2.15.0 → 2.16.0"]


def verdict(
    old: float,
    new: float,
    metric: str = "ac",
    limit: str | None = None,
    conditions: list[str] | None = None,
    random: bool = False,
    **facts: str,
) -> str:
    a, b = count(metric, old, **facts), count(metric, new, **facts)
    gate = None if limit is None else parse_gate(limit)
    return judge_count(a, b, gate, conditions or [], random, 0.001).verdict


def test_under_equal_conditions_counts_must_be_equal() -> None:
    assert verdict(20140, 20140) == "pass"
    assert verdict(20140, 20141) == "regressed"
    assert verdict(20140, 20139) == "improved"
    assert verdict(0.96, 0.9599999, "activation_sparsity", unit="1", direction="higher") == "regressed"
    assert verdict(0, 1, "silent_layers", unit="count") == "regressed"
    assert verdict(5, 4, "input_events", unit="spike/sample", direction="none") == "regressed"


def test_a_number_summed_in_another_order_is_the_same() -> None:
    assert verdict(0.1 + 0.2, 0.3, "energy_total", unit="J/sample") == "pass"


def test_under_other_conditions_a_tenth_of_a_per_cent_is_rounding() -> None:
    assert verdict(20000, 20020, conditions=OTHER) == "pass"
    assert verdict(20000, 20021, conditions=OTHER) == "regressed"
    assert verdict(20000, 19979, conditions=OTHER) == "improved"
    # Of a share of zeros the count is what is not zero: 4 % active may become 4.004 %.
    share = {"metric": "activation_sparsity", "unit": "1", "direction": "higher", "conditions": OTHER}
    assert verdict(0.96, 0.96 - 0.00004, **share) == "pass"  # type: ignore[arg-type]
    assert verdict(0.96, 0.96 - 0.00005, **share) == "regressed"  # type: ignore[arg-type]


def test_what_one_spike_can_move_is_not_judged_under_other_conditions() -> None:
    assert verdict(970, 979, "spike_count_max", conditions=OTHER) == "inconclusive"
    assert verdict(970, 961, "spike_count_max", conditions=OTHER) == "inconclusive"
    assert verdict(970, 985, "spike_count_max") == "regressed"
    assert verdict(970, 985, "spike_count_max", "spike_count_max:+1%", OTHER) == "regressed"
    assert verdict(970, 975, "spike_count_max", "spike_count_max:+1%", OTHER) == "pass"


@pytest.mark.parametrize(
    ("metric", "unit", "old", "new", "expected"),
    [
        ("spike_count_max", "spike/sample", 970, 980, "regressed"),  # 9.7 are 1 %
        ("spike_count_max", "spike/sample", 970, 960, "improved"),
        ("spike_count_median", "spike/sample", 100, 10_000, "regressed"),
        ("spike_count_median", "spike/sample", 20, 21, "inconclusive"),
        ("spike_count_median", "spike/sample", 20.5, 21, "regressed"),
        ("silent_layers", "count", 0, 1, "inconclusive"),
        ("silent_layers", "count", 0, 2, "regressed"),
        ("silent_layers", "count", 10, 0, "improved"),
        ("silent_neurons", "1", 0.0, 0.01, "inconclusive"),
        ("silent_neurons", "1", 0.0, 0.011, "regressed"),
        ("latency_stable", "step", 3.0, 3.5, "regressed"),
        ("latency_stable", "step", 3.5, 3.535, "inconclusive"),
    ],
)
def test_what_one_spike_cannot_move_that_far_is_judged(
    metric: str, unit: str, old: float, new: float, expected: str
) -> None:
    found = judge_count(count(metric, old, unit), count(metric, new, unit), None, OTHER, False, 0.001)
    assert found.verdict == expected
    assert ("further than a flipped spike" in found.reason) == (expected in ("regressed", "improved"))


def test_what_no_rounding_changes_must_be_equal_under_any_conditions() -> None:
    assert verdict(18418, 18419, "parameters", unit="count", conditions=OTHER) == "regressed"
    assert verdict(18418, 18419, "parameters", unit="count", random=True) == "regressed"


def test_a_random_network_is_judged_only_by_a_limit() -> None:
    assert verdict(20000, 20010, random=True) == "pass"
    assert verdict(20000, 20100, random=True) == "inconclusive"
    assert verdict(20000, 20100, limit="ac:+0.4%", random=True) == "regressed"


def test_a_limit_takes_the_place_of_equality() -> None:
    assert verdict(20000, 20200, limit="ac:+1%") == "pass"
    assert verdict(20000, 20201, limit="ac:+1%") == "regressed"
    assert verdict(20000, 19799, limit="ac:+1%") == "improved"
    assert verdict(20000, 20001, limit="ac:0%", conditions=OTHER) == "regressed"
    points = {"limit": "silent_neurons:+1pp", "unit": "1"}
    assert verdict(0.25, 0.26, "silent_neurons", **points) == "pass"  # type: ignore[arg-type]
    assert verdict(0.25, 0.2601, "silent_neurons", **points) == "regressed"  # type: ignore[arg-type]


def test_reasons_name_limit_and_conditions() -> None:
    a, b = count("ac", 20000), count("ac", 20300)
    assert judge_count(a, b, None, [], False, 0.001).reason == "worse where counts must be equal"
    assert judge_count(a, b, parse_gate("ac:+1%"), OTHER, False, 0.001).reason == "worse by more than 1 %"
    reason = judge_count(a, b, None, OTHER, False, 0.001).reason
    assert reason == "worse by more than 0.1 % of the count (other torch 2.15.0 → 2.16.0)"


def test_the_lists_name_metrics_there_are() -> None:
    assert METRICS.keys() >= COARSE
    assert METRICS.keys() >= ROUNDING_FREE


def share(lost: int, gained: int, n: int, limit: str | None = None, tests: int = 1) -> tuple[str, str]:
    pairs = Pairs(n - lost - gained, lost, gained, 0)
    gate = None if limit is None else parse_gate(limit)
    p = min(1.0, tests * mcnemar(lost, gained))
    found = judge_share(accuracy(n - lost, n), pairs, gate, (n - gained) / n, p, tests)
    return found.verdict, found.reason


@pytest.mark.parametrize(
    ("lost", "gained", "n", "expected"),
    [
        (300, 200, 10_000, "regressed"),  # 1 pp, p = 4e-6
        (250, 250, 10_000, "pass"),
        (275, 225, 10_000, "pass"),  # p = 0.014, but no more than half a point
        (276, 225, 10_000, "regressed"),
        (200, 300, 10_000, "improved"),
        (0, 0, 360, "pass"),
        (1, 1, 360, "inconclusive"),
        (9, 9, 360, "inconclusive"),
        (7, 4, 360, "inconclusive"),  # 0.83 pp lost, p = 0.27
        (20, 0, 360, "regressed"),
        (0, 20, 360, "improved"),
    ],
)
def test_shares_are_judged_by_test_and_threshold(lost: int, gained: int, n: int, expected: str) -> None:
    assert share(lost, gained, n)[0] == expected


def test_too_few_samples_are_told_with_the_drop_they_would_show() -> None:
    assert share(9, 9, 360) == (
        "inconclusive",
        "n too small; detectable drop = 2.78 pp, wanted 0.5 pp: 9 lost, 9 gained of 360",  # 19 lost beside 9 gained
    )
    assert share(1, 0, 4)[1] == "n too small; detectable drop = none, wanted 0.5 pp: 1 lost, 0 gained of 4"
    assert share(300, 200, 10_000)[1] == "drop 1.00 pp > 0.5 pp: 300 lost, 200 gained of 10000, p = 4.5e-06"


def test_reasons_round_as_the_table_does_and_print_true_inequalities() -> None:
    assert share(1250, 125, 10_000)[1].startswith("drop 11.2 pp > 0.5 pp")  # 11.25
    assert share(2512, 2010, 100_000)[1].startswith("drop 0.502 pp > 0.5 pp")
    assert share(50_001, 0, 10_000_000)[1].startswith("drop 0.50001 pp > 0.5 pp")
    assert share(10, 9, 1999)[1].startswith("n too small; detectable drop = 0.5003 pp, wanted 0.5 pp")


def test_a_wider_limit_needs_fewer_samples() -> None:
    assert share(9, 9, 360, "accuracy:-3pp")[0] == "pass"
    assert share(30, 3, 360, "accuracy:-3pp")[0] == "regressed"
    assert share(12, 3, 360, "accuracy:-3pp")[0] == "pass"
    assert share(30, 3, 360, "accuracy:-10%")[0] == "pass"  # 10 % of 357/360 are 9.9 points


def test_more_tests_ask_for_more_samples() -> None:
    assert share(250, 250, 10_000, tests=1)[0] == "pass"
    assert share(250, 250, 10_000, tests=5)[0] == "inconclusive"


def test_a_share_of_mistakes_rises() -> None:
    m = Measurement(metric="never_correct", value=0.1, unit="1", direction="lower", kind="statistical", n=360)
    assert judge_share(m, Pairs(320, 20, 0, 20), None, 0.05, 1e-6, 1).reason.startswith("rise 5.56 pp > 0.5 pp")
