"""Whole comparisons: what may be compared at all, what gates, and errors kept to 5 % over all tests."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.sides import accuracy, count, outcomes, side

from snn_eval.errors import GateError
from snn_eval.record import EnergyTable, Measurement, UnknownOperation
from snn_eval.regress import Comparison, Options, Row, Side, compare, failures, parse_gates


def one(base: Side, new: Side, *limits: str, **options: Any) -> Comparison:
    return compare([(base, new)], Options(gates=parse_gates(limits), **options))[0]


def row(comparison: Comparison, metric: str) -> Row:
    return next(r for r in comparison.rows if r.couple.either.metric == metric)


RIGHT = [1] * 9 + [0]
BASE = [accuracy(9, 10), count("ac", 100.0, convention="exact"), count("parameters", 7, "count")]
WALL = Measurement(metric="wall_time", value=1e-3, unit="s/sample", direction="lower", kind="advisory")


def test_a_result_against_itself_passes() -> None:
    found = one(side(BASE, outcomes(RIGHT)), side(BASE, outcomes(RIGHT)))
    assert [(r.verdict, r.gated, r.failed) for r in found.rows] == [("pass", True, False)] * 3
    assert (found.failed, found.barrier, list(found.conditions)) == (False, None, [])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"data_fingerprint": "ee" * 32}, "other data: fingerprint cdcdcdcd in base, eeeeeeee in new"),
        ({"split": "validation"}, "other part of the data: test in base, validation in new"),
        ({"suite_version": 2}, "suite digits has version 1 in base and 2 in new"),
        ({"samples": 9}, "other samples: 10 in base, 9 in new"),
        ({"status": "limited"}, "new is limited to 10 samples, base is not"),
        ({"status": "partial"}, "the new run was stopped before its end"),
        ({"status": "failed", "error": "NaN"}, "the new run failed: NaN"),
    ],
)
def test_what_is_not_of_the_same_is_incomparable_and_fails(changes: dict[str, Any], reason: str) -> None:
    found = one(side(BASE, outcomes(RIGHT)), side(BASE, outcomes(RIGHT), **changes))
    assert found.barrier == reason
    assert {(r.verdict, r.finding.reason, r.failed) for r in found.rows} == {("incomparable", reason, True)}


def test_other_samples_of_one_number_are_incomparable() -> None:
    found = one(side(BASE, outcomes(RIGHT, "these")), side(BASE, outcomes(RIGHT, "those")))
    assert found.barrier == "other samples: their ids differ"


def test_limited_runs_compare_only_where_somebody_accepted_that() -> None:
    def limited(**changes: Any) -> Side:
        return side(BASE, outcomes(RIGHT), status="limited", **changes)

    assert one(limited(), limited()).barrier == "limited runs: save one as a baseline to accept its limit"
    assert one(limited(accepted=True), limited()).barrier is None
    whole = side(BASE, outcomes(RIGHT))
    assert one(limited(accepted=True), whole).barrier == "base is limited to 10 samples, new is not"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ({"version": 1}, {"version": 2}, "metric version 1 in base, 2 in new"),
        ({"convention": "exact"}, {"convention": "exact@2"}, "convention exact in base, exact@2 in new"),
        ({"energy_model": "chip"}, {"energy_model": "chip@2"}, "energy model chip in base, chip@2 in new"),
        ({"unit": "op/sample"}, {"unit": "op/step"}, "unit op/sample in base, op/step in new"),
    ],
)
def test_another_version_is_another_quantity(old: dict[str, Any], new: dict[str, Any], reason: str) -> None:
    a, b = ([count("ac", **({"value": 100.0} | facts))] for facts in (old, new))
    found = row(one(side(a), side(b)), "ac")
    assert (found.verdict, found.finding.reason, found.failed) == ("incomparable", reason, True)


def test_an_energy_table_of_ones_own_is_known_by_its_content() -> None:
    def priced(sha256: str) -> Side:
        tables = {"chip": EnergyTable(sha256=sha256 * 64, content={})}
        found = [count("energy_total", 1e-9, "J/sample", convention="exact", energy_model="chip")]
        return side(found, energy_tables=tables)

    assert row(one(priced("a"), priced("a")), "energy_total").verdict == "pass"
    other = row(one(priced("a"), priced("b")), "energy_total")
    assert other.verdict == "incomparable"
    assert other.finding.reason == "energy model chip has other costs: table aaaaaaaa in base, bbbbbbbb in new"


def test_operations_counted_on_one_side_only_are_not_compared() -> None:
    lost = UnknownOperation(name="aten::cumsum", calls=1, elements=10)
    found = one(side(BASE), side(BASE, unknown=[lost]))
    assert row(found, "ac").finding.reason == "not counted in new alone: aten::cumsum"
    assert row(found, "ac").failed
    assert row(found, "parameters").verdict == "pass"
    assert row(one(side(BASE, unknown=[lost]), side(BASE, unknown=[lost])), "ac").verdict == "pass"


def test_a_metric_that_is_gone_fails_and_a_further_one_does_not() -> None:
    gone = one(side(BASE), side(BASE[:1], refused={"ac": "needs a spiking layer"}))
    assert row(gone, "ac").finding.reason == "refused in new: needs a spiking layer"
    assert row(gone, "parameters").finding.reason == "not measured in new"
    assert [r.failed for r in gone.rows] == [False, True, True]
    further = one(side(BASE[:1]), side(BASE))
    assert (row(further, "ac").verdict, row(further, "ac").failed) == ("incomparable", False)
    assert row(one(side(BASE[:1]), side(BASE), "ac:+1%"), "ac").failed


def test_time_is_shown_and_never_fails() -> None:
    slower = WALL.model_copy(update={"value": 1.0})
    found = row(one(side([*BASE, WALL]), side([*BASE, slower]), fail_inconclusive=True), "wall_time")
    assert (found.verdict, found.gated, found.failed) == ("inconclusive", False, False)
    assert found.changed
    assert "wall_time" not in {r.couple.either.metric for r in one(side(BASE), side([*BASE, WALL])).rows}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"threads": 2}, "threads 1 → 2"),
        ({"machine": "another"}, "machine a processor → another"),
        ({"machine": None}, "machine a processor → unknown"),
        ({"dtype": "float16"}, "dtype float32 → float16"),
        ({"batch_size": 7}, "batch size 64 → 7"),
        ({"packages": {"torch": "2.16.0"}}, "torch 2.15.0 → 2.16.0"),
        ({"device": "cuda H200"}, "device cpu → cuda H200"),
    ],
)
def test_counts_need_be_equal_only_under_equal_conditions(changes: dict[str, Any], told: str) -> None:
    more = [BASE[0], count("ac", 100.1, convention="exact"), BASE[2]]
    assert row(one(side(BASE), side(more)), "ac").verdict == "regressed"
    found = one(side(BASE), side(more, **changes))
    assert list(found.conditions) == [told]
    assert row(found, "ac").verdict == "pass"
    assert row(one(side(BASE), side(more, **changes), tolerance=0.0005), "ac").verdict == "regressed"


def test_what_was_measured_otherwise_is_told() -> None:
    config = {"input": {"encoding": "rate", "time_steps": 4}}
    found = one(side(BASE, config={"input": {"encoding": "direct"}}), side(BASE, time_steps=4, config=config))
    assert list(found.settings) == ["time steps 8 → 4", "encoding direct → rate"]
    assert found.barrier is None


def test_only_metrics_named_can_fail_where_any_is_named() -> None:
    worse = [accuracy(1, 10), count("ac", 101.0, convention="exact"), count("parameters", 8, "count")]
    pair = side(BASE, outcomes(RIGHT)), side(worse, outcomes([1] + [0] * 9))
    assert [r.failed for r in one(*pair).rows] == [True, True, True]
    assert [r.failed for r in one(*pair, "ac:+1%").rows] == [False, False, False]
    assert [r.failed for r in one(*pair, "ac:+0.5%").rows] == [False, True, False]
    assert [r.verdict for r in one(*pair, "ac:+1%").rows] == ["regressed", "pass", "regressed"]


def test_a_limit_for_what_nobody_measured_is_an_error() -> None:
    with pytest.raises(GateError, match="--fail-on nasfr: neither base nor new holds this metric"):
        one(side(BASE), side(BASE), "nasfr:+1%")


def test_too_few_samples_fail_only_if_asked() -> None:
    less = [accuracy(8, 10), *BASE[1:]]
    pair = side(BASE, outcomes(RIGHT)), side(less, outcomes([1] * 8 + [0, 0]))
    assert (row(one(*pair), "accuracy").verdict, one(*pair).failed) == ("inconclusive", False)
    assert one(*pair, fail_inconclusive=True).failed


def test_without_outcomes_an_accuracy_that_changed_is_inconclusive() -> None:
    less = [accuracy(8, 10), *BASE[1:]]
    found = row(one(side(BASE), side(less, outcomes([1] * 8 + [0, 0]))), "accuracy")
    assert (found.verdict, found.interval) == ("inconclusive", None)
    assert found.finding.reason == "outcomes of single samples are not known in base: nothing to pair"
    assert row(one(side(BASE), side(BASE)), "accuracy").verdict == "pass"


@pytest.mark.parametrize(
    ("before", "after", "verdict", "p"),
    [
        # c_max = min(right now, 20 - right before): P(X >= D + c_max of D + 2 c_max)
        (18, 8, "regressed", 106 / 2**14),  # c_max = 2, 12 of 14: 91 + 14 + 1
        (15, 7, "regressed", 12616 / 2**18),  # c_max = 5, 13 of 18
        (15, 8, "inconclusive", None),  # c_max = 5, 12 of 17: p = 0.072
        (8, 18, "improved", 1 - 1 / 2**14 * (1 + 14)),  # of a drop, P(X >= 2 of 14)
        (20, 15, "regressed", 1 / 2**5),  # c_max = 0
        (20, 16, "inconclusive", None),
    ],
)
def test_shares_alone_decide_where_no_outcomes_could_say_otherwise(
    before: int, after: int, verdict: str, p: float | None
) -> None:
    found = row(one(side([accuracy(before, 20)], samples=20), side([accuracy(after, 20)], samples=20)), "accuracy")
    assert (found.verdict, found.finding.p, found.interval) == (verdict, p and pytest.approx(p, rel=1e-12), None)
    assert found.failed == (verdict == "regressed")


def test_tests_of_shares_alone_are_made_sharper_by_holm_and_keep_the_threshold() -> None:
    fell = side([accuracy(20, 20)], samples=20), side([accuracy(15, 20)], samples=20)
    twice = compare([fell, fell])
    assert [c.rows[0].verdict for c in twice] == ["inconclusive"] * 2  # 2/32
    assert one(*fell, "accuracy:-24pp").rows[0].verdict == "regressed"
    assert one(*fell, "accuracy:-25pp").rows[0].verdict == "inconclusive"
    reason = one(*fell).rows[0].finding.reason
    assert reason == "drop 25.0 pp > 0.5 pp: of 20, whichever samples they are, p ≤ 0.031"


def test_outcomes_that_do_not_make_the_recorded_share_are_not_used() -> None:
    found = row(one(side(BASE, outcomes(RIGHT)), side(BASE, outcomes([1] * 10))), "accuracy")
    assert (found.verdict, found.failed) == ("incomparable", True)
    assert found.finding.reason == "the outcomes of single samples do not add up to the recorded share"


def test_a_random_network_never_fails_on_its_own_noise() -> None:
    note = ["the network is random: two runs of the same batch differ; counts hold for the runs made"]
    more = [BASE[0], count("ac", 105.0, convention="exact"), BASE[2]]
    found = one(side(BASE), side(more, notes=note))
    assert (row(found, "ac").verdict, found.failed) == ("inconclusive", False)


def test_other_conventions_are_looked_at_when_named() -> None:
    both = [count("ac", 100.0, convention="exact"), count("ac", 50.0, convention="per-layer")]
    worse = [both[0], count("ac", 60.0, convention="per-layer")]
    assert not one(side(both), side(worse)).failed
    assert one(side(both), side(worse), conventions=["per-layer"]).failed
    assert [r.verdict for r in one(side(both), side(worse), every=True).rows] == ["pass", "regressed"]


def _lost(lost: int, n: int = 1000) -> tuple[Side, Side]:
    base = outcomes([1] * n)
    new = outcomes([0] * lost + [1] * (n - lost))
    return side([accuracy(n, n)], base), side([accuracy(n - lost, n)], new)


def test_the_more_is_tested_the_more_a_single_drop_must_show() -> None:
    # 6 of 6 lost: p = 1/64. Alone that is below 0.05; beside three others that changed 4/64 is not.
    assert compare([_lost(6)])[0].rows[0].verdict == "regressed"
    found = compare([_lost(6)] * 4)
    assert {c.rows[0].verdict for c in found} == {"inconclusive"}
    assert found[0].rows[0].finding.p == 4 / 64
    assert found[0].rows[0].finding.detectable == 7 / 1000  # 2**-7 <= 0.05 / 4
    # What decided every sample as before tests nothing, and costs nothing.
    unchanged = compare([_lost(6), *[_lost(0)] * 9])
    assert [c.rows[0].verdict for c in unchanged] == ["regressed", *["pass"] * 9]


def test_shares_that_do_not_gate_are_tested_for_themselves() -> None:
    n = 1000
    flags = [0] * 6 + [1] * (n - 6)
    base = outcomes([1] * n, accuracy_top5=[1] * n)
    new = outcomes(flags, accuracy_top5=flags)
    a = side([accuracy(n, n), accuracy(n, n, metric="accuracy_top5")], base)
    b = side([accuracy(n - 6, n), accuracy(n - 6, n, metric="accuracy_top5")], new)
    found = one(a, b)
    assert [(r.verdict, r.gated, r.finding.p) for r in found.rows] == [
        ("regressed", True, 1 / 64),
        ("regressed", False, 1 / 64),
    ]
    both = one(a, b, "accuracy:-0.5pp", "accuracy_top5:-0.5pp")
    assert [(r.verdict, r.finding.p) for r in both.rows] == [("regressed", 2 / 64)] * 2


def test_the_interval_of_a_share_of_mistakes_has_the_sign_of_its_change() -> None:
    n = 100
    worse = Measurement(metric="never_correct", value=0.2, unit="1", direction="lower", kind="statistical", n=n)
    base = worse.model_copy(update={"value": 0.1})
    a, b = (outcomes([1] * n, never_correct=[1] * k + [0] * (n - k)) for k in (90, 80))
    found = one(side([base], a), side([worse], b)).rows[0]
    assert found.interval is not None
    assert 0 < found.interval.low < 0.1 < found.interval.high


def test_a_base_without_partner_fails_and_so_does_nothing_at_all() -> None:
    found = compare([(side(BASE), None), (side([]), side([]))])
    assert [c.barrier for c in found] == ["there is no new result of it", "neither side holds a measurement"]
    assert (found[0].failed, found[1].failed, failures(found)) == (True, True, 2)


def test_a_convention_nobody_measured_under_is_an_error() -> None:
    with pytest.raises(GateError, match="under the convention 'per-layer'; there are: exact"):
        one(side(BASE), side(BASE), conventions=["per-layer"])
