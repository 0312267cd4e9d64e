"""Early exit on the tiny trace: sample 0 is sure at once, samples 1 and 2 run both steps."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log

import numpy as np
import pytest
from helpers.traces import random_trace, tiny_trace

from snn_eval.errors import RefusedError
from snn_eval.metrics import ExitRule, choose_threshold, early_exit_curve, exit_steps, fit_temperature, measure
from snn_eval.metrics.exit_rule import THRESHOLDS, check_work
from snn_eval.metrics.readout import decisions
from snn_eval.trace import Trace

P = [exp(2) / (exp(2) + 2), exp(1) / (exp(1) + 2)]  # largest probability after step 1: sample 0; samples 1 and 2
FP32 = {"mul": 3.7, "add": 0.9, "compare": 0.9, "exponential": 8 * (3.7 + 0.9), "ac": 0.9, "mac": 4.6}


def test_confidence_and_entropy_of_the_running_mean() -> None:
    seen = decisions(tiny_trace())
    later = exp(1.5) / (exp(0.5) + exp(1.5) + 1)
    assert seen.confidence == pytest.approx(np.array([[P[0], P[1], P[1]], [P[0], later, P[1]]]))
    p, q = P[0], (1 - P[0]) / 2
    assert seen.entropy[0, 0] == pytest.approx(-p * log(p) - 2 * q * log(q))
    sharper = decisions(tiny_trace(), temperature=2.0)
    assert sharper.confidence[0, 0] == pytest.approx(exp(4) / (exp(4) + 2))


def test_exit_steps() -> None:
    trace = tiny_trace()
    assert exit_steps(trace, ExitRule("confidence", 0.6)).tolist() == [1, 2, 2]
    assert exit_steps(trace, ExitRule("confidence", 0.5)).tolist() == [1, 1, 1]
    assert exit_steps(trace, ExitRule("confidence", float("inf"))).tolist() == [2, 2, 2]
    p, q = P[0], (1 - P[0]) / 2
    sure = 1 - (-p * log(p) - 2 * q * log(q)) / log(3)
    assert exit_steps(trace, ExitRule("entropy", sure - 1e-9)).tolist() == [1, 2, 2]
    assert exit_steps(trace, ExitRule("entropy", sure + 1e-9)).tolist() == [2, 2, 2]
    short = replace(trace, samples=replace(trace.samples, valid_steps=np.array([2, 1, 2])))
    assert exit_steps(short, ExitRule("confidence", 9.0)).tolist() == [2, 1, 2]


def test_curve_counts_up_to_the_exit() -> None:
    """At q = 0.6 sample 0 stops after step 1; the stem is charged whole at step 1."""
    point = early_exit_curve(tiny_trace(), thresholds=[0.6]).points[0]
    assert point.mean_step == (1 + 2 + 2) / 3
    assert point.accuracy == 2 / 3
    assert point.spike_count == pytest.approx(((1 + 0 + 1) + 6 + 5) / 3)
    ac = (1 * 18 + 1 * 5 + 0) + ((2 + 1) * 18 + 2 * 5 + 2 * 3) + (2 * 18 + 2 * 5 + 3 * 3)
    mac = (7 + 5 + 4) * 9 + 0 * 5 + 1 * 5 + 1 * 5
    assert (point.ac, point.mac) == pytest.approx((ac / 3, mac / 3))
    assert point.nasfr == pytest.approx((2 + 6 + 5) / ((1 + 2 + 2) * 15))
    assert point.nasfr_full == pytest.approx((2 + 6 + 5) / (3 * 2 * 15))

    a_step = (8 + 4 + 3) * 3.7 + (8 + 4 + 3 + 2 + 3) * 0.9 + (8 + 4 + 3 + 2) * 0.9  # neurons: mul, add, compare
    a_step += 16 * 0.9 + 4 * 3.7 + 4 * 0.9 + 12 * 0.9 + 3 * 0.9  # conv's fused norm, bn2, pool, fc's bias
    once, residual = 8 * 0.9, 2 * 0.9  # stem's bias; residual additions of samples 1 and 2
    check = 8 * 0.9 + 4 * 3.7 + 3 * 0.9 + 3 * FP32["exponential"]
    assert check_work("confidence", 3) == {"add": 8, "mul": 4, "compare": 3, "exponential": 3}
    synaptic = ac * 0.9 + mac * 4.6
    total = synaptic + (1 + 2 + 2) * a_step + 3 * once + residual + 3 * check  # no check after the last step
    assert point.energy_synaptic == pytest.approx(synaptic / 3 * 1e-12)
    assert point.energy_total == pytest.approx(total / 3 * 1e-12)
    assert point.energy_check == pytest.approx(check * 1e-12)


def test_check_of_the_entropy_rule() -> None:
    k = 10
    assert check_work("entropy", k) == {"add": k + k + k - 1 + k, "mul": k + k + 2, "compare": k, "exponential": k + 1}


def test_never_exiting_costs_the_whole_run_and_its_checks() -> None:
    trace = random_trace(2, samples=50, time_steps=5)
    point = early_exit_curve(trace, thresholds=[float("inf")]).points[0]
    whole = {(m.metric, m.convention, m.energy_model, m.scope): m.value for m in measure(trace)[0]}
    assert point.accuracy == whole["accuracy", None, None, "network"]
    assert point.mean_step == 5
    assert point.spike_count == pytest.approx(whole["spike_count", None, None, "network"])
    assert point.ac == pytest.approx(whole["ac", "exact", None, "network"])
    assert point.mac == pytest.approx(whole["mac", "exact", None, "network"])
    assert point.nasfr == pytest.approx(whole["nasfr", None, None, "network"])
    key = ("exact", "horowitz-45nm-fp32", "network")
    assert point.energy_synaptic == pytest.approx(whole["energy_synaptic", *key])
    assert point.energy_total is not None
    assert point.energy_check == pytest.approx(
        4 * sum(FP32[k] * n for k, n in check_work("confidence", 10).items()) * 1e-12
    )
    assert point.energy_total - point.energy_check == pytest.approx(whole["energy_total", *key])


def test_surer_means_later_and_dearer() -> None:
    curve = early_exit_curve(random_trace(4, samples=200, time_steps=6))
    for column in ("mean_step", "ac", "mac", "spike_count", "energy_synaptic", "energy_total", "energy_check"):
        assert (np.diff(curve.column(column)) >= 0).all(), column
    assert curve.column("mean_step")[0] == 1
    assert (np.diff(curve.column("nasfr_full")) >= 0).all()


def test_entropy_of_one_class_is_refused() -> None:
    trace = tiny_trace()
    assert trace.output.readout_TNK is not None
    one = replace(trace, output=replace(trace.output, readout_TNK=trace.output.readout_TNK[..., :1]))
    with pytest.raises(RefusedError, match="at least two classes"):
        exit_steps(one, ExitRule("entropy", 0.5))


def test_curve_without_energy_and_under_other_conventions() -> None:
    curve = early_exit_curve(tiny_trace(), thresholds=[0.6], model=None)
    assert curve.energy_model is None
    assert curve.points[0].energy_total is None
    assert np.isnan(curve.column("energy_total")).all()
    expanded = early_exit_curve(tiny_trace(), thresholds=[9.0], convention="expanded").points[0]
    assert expanded.ac == pytest.approx(245 / 3)
    with pytest.raises(RefusedError, match="kind compute, got lemaire-2022"):
        early_exit_curve(tiny_trace(), model="lemaire-2022")


def test_curve_has_the_condition_of_prefixes() -> None:
    trace = tiny_trace()
    final = replace(trace, output=replace(trace.output, causal="no", not_causal_layer="norm"))
    with pytest.raises(RefusedError, match=r"early exit.*layer norm"):
        early_exit_curve(final)
    conv = trace.synaptic[1]
    summed = replace(
        conv,
        inputs_VTN=conv.inputs_VTN.sum(axis=2, keepdims=True),
        ops_VTN=conv.ops_VTN.sum(axis=2, keepdims=True),
        attributed=False,
    )
    with pytest.raises(RefusedError, match="layer conv has only the set's sum"):
        early_exit_curve(replace(trace, synaptic=(trace.synaptic[0], summed)))


def _validation(seed: int = 6, scale: float = 1.0) -> Trace:
    trace = random_trace(seed, samples=400, time_steps=4, split="validation")
    readout = trace.output.readout_TNK
    assert readout is not None
    return replace(trace, output=replace(trace.output, readout_TNK=readout * np.float32(scale)))


def test_thresholds_are_shares_in_order() -> None:
    assert list(THRESHOLDS) == sorted(set(THRESHOLDS))
    assert (THRESHOLDS[0], THRESHOLDS[1], THRESHOLDS[19]) == (0.0, 0.05, 0.95)
    assert THRESHOLDS[-1] < 1


def test_choices_need_a_validation_trace() -> None:
    for choose in (fit_temperature, choose_threshold):
        with pytest.raises(RefusedError, match="on a validation trace only, got split 'test'"):
            choose(tiny_trace())


def test_temperature_undoes_a_scaled_readout() -> None:
    tau = fit_temperature(_validation())
    assert fit_temperature(_validation(scale=10.0)) == pytest.approx(tau / 10, rel=1e-2)
    best = _loss(_validation(), tau)
    assert best < _loss(_validation(), tau * 1.1)
    assert best < _loss(_validation(), tau / 1.1)


def _loss(trace: Trace, tau: float) -> float:
    readout = trace.output.readout_TNK
    assert readout is not None
    mean = np.cumsum(readout.astype(np.float64), axis=0) / np.arange(1, len(readout) + 1)[:, None, None]
    z = tau * mean
    mine = np.take_along_axis(z, trace.samples.target[None, :, None], axis=2)[..., 0]
    return float((np.log(np.exp(z).sum(axis=2)) - mine).mean())


def test_threshold_is_the_smallest_that_keeps_the_accuracy() -> None:
    trace = _validation()
    grid = [i / 50 for i in range(51)]
    rule = choose_threshold(trace, tolerance=0.01, thresholds=grid)
    curve = early_exit_curve(trace, thresholds=grid, model=None)
    full = early_exit_curve(trace, thresholds=[9.0], model=None).points[0].accuracy
    good = [p.threshold for p in curve.points if p.accuracy >= full - 0.01]
    assert rule == ExitRule("confidence", min(good), 1.0)
    assert choose_threshold(trace, thresholds=[0.0], tolerance=0.0).threshold == float("inf")


def test_exit_metrics_at_a_chosen_rule() -> None:
    trace = random_trace(7, samples=100)
    names = ["exit_accuracy", "exit_mean_step", "exit_ac", "exit_energy_total"]
    assert measure(trace, names) == ([], {})
    rule = ExitRule("entropy", 0.3, 1.5)
    found, refused = measure(trace, names, exit_rule=rule, energy_models=["horowitz-45nm-fp16", "lemaire-2022"])
    point = early_exit_curve(trace, "entropy", temperature=1.5, thresholds=[0.3], model="horowitz-45nm-fp16").points[0]
    assert not refused
    assert [m.value for m in found] == [point.accuracy, point.mean_step, point.ac, point.energy_total]
    assert (found[3].convention, found[3].energy_model) == ("exact", "horowitz-45nm-fp16")
