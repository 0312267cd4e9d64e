"""Early exit and truncation of a cell, against loops over samples and against the metrics of the whole run."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from helpers.traces import random_trace, tiny_trace

from snn_eval.cell import ExitPoint, unpacked
from snn_eval.energy import energy_model
from snn_eval.energy.work import other_work
from snn_eval.errors import InputError, RefusedError
from snn_eval.metrics import (
    THRESHOLDS,
    ExitRule,
    choose_threshold,
    chosen_rule,
    early_exit_curve,
    exit_steps,
    fit_temperature,
    measure,
)
from snn_eval.metrics.exit_rule import check_work
from snn_eval.metrics.readout import decisions
from snn_eval.run.exit import NEVER, exit_summary, truncated
from snn_eval.trace import OutputSummary, Trace

MODEL = "horowitz-45nm-fp32"
T, N = 5, 60


@pytest.fixture(scope="module")
def test() -> Trace:
    return random_trace(3, samples=N, time_steps=T)


@pytest.fixture(scope="module")
def validation() -> Trace:
    return random_trace(8, samples=200, time_steps=T, split="validation", first_id=1000)


def spent(trace: Trace, sample: int, steps: int) -> dict[str, float]:
    """What a sample spends in its first steps, layer by layer and step by step; energies in J."""
    total = {"spikes": 0.0, "ac": 0.0, "mac": 0.0, "energy_synaptic": 0.0, "energy_total": 0.0}
    for layer in trace.neurons:
        if layer.has_threshold and layer.role in ("hidden", "output"):
            total["spikes"] += sum(int(layer.spikes_TN[t, sample]) for t in range(steps))
    for synaptic in trace.synaptic:
        for t in range(min(steps, synaptic.steps)):
            for v, count in enumerate(synaptic.ops_VTN[:, t, sample].tolist()):
                unit = v < len(synaptic.levels) and synaptic.levels[v] == 1
                total["ac" if unit else "mac"] += count
    total["energy_synaptic"] = (0.9 * total["ac"] + 4.6 * total["mac"]) * 1e-12
    model = energy_model(MODEL)
    total["energy_total"] = total["energy_synaptic"]
    for work in other_work(trace):
        for kind, counts in work.counts.items():
            for t in range(min(steps, len(counts))):
                count = float(counts[t, sample if counts.shape[1] > 1 else 0])
                total["energy_total"] += count * model.cost_pj(kind, work.name) * 1e-12 if count else 0.0
    return total


def decided(trace: Trace, sample: int, steps: int) -> bool:
    readout = trace.output.readout_TNK
    assert readout is not None
    return int(readout[:steps, sample].astype(float).sum(0).argmax()) == trace.samples.target[sample]


def stops(trace: Trace, sample: int, kind: str, temperature: float, threshold: float) -> int:
    readout = trace.output.readout_TNK
    assert readout is not None
    for t in range(1, trace.time_steps + 1):
        z = [temperature * float(readout[:t, sample, k].astype(float).mean()) for k in range(readout.shape[2])]
        e = [math.exp(value - max(z)) for value in z]
        p = [value / sum(e) for value in e]
        sure = max(p) if kind == "confidence" else 1 + sum(q * math.log(q) for q in p) / math.log(len(p))
        if sure >= threshold:
            return t
    return trace.time_steps


@pytest.mark.parametrize("kind", ["confidence", "entropy"])
def test_every_point_sample_by_sample(test: Trace, validation: Trace, kind: str) -> None:
    summary = exit_summary(test, validation, kind, 0.01, MODEL)  # type: ignore[arg-type]
    check = sum(n * energy_model(MODEL).cost_pj(op, "") for op, n in check_work(kind, 10).items()) * 1e-12  # type: ignore[arg-type]
    for point in (summary.test[5], summary.test[14], summary.chosen, summary.test[-1]):
        steps = [stops(test, n, kind, summary.temperature, point.threshold) for n in range(N)]
        right = [decided(test, n, steps[n]) for n in range(N)]
        assert point.correct is not None
        assert unpacked(point.correct, N).tolist() == right
        assert point.accuracy == sum(right) / N
        assert point.mean_step == sum(steps) / N
        each = [spent(test, n, steps[n]) for n in range(N)]
        for name in ("spikes", "ac", "mac", "energy_synaptic"):
            assert getattr(point, name) == pytest.approx(sum(one[name] for one in each) / N, rel=1e-12), name
        checks = sum(min(step, T - 1) for step in steps) * check
        assert point.energy_total == pytest.approx((sum(one["energy_total"] for one in each) + checks) / N, rel=1e-12)


def test_the_rule_is_chosen_on_validation_alone(test: Trace, validation: Trace) -> None:
    summary = exit_summary(test, validation, "confidence", 0.02, MODEL)
    temperature = fit_temperature(validation)
    rule = choose_threshold(validation, "confidence", temperature=temperature, tolerance=0.02)
    assert (summary.temperature, summary.threshold, summary.tolerance) == (temperature, rule.threshold, 0.02)
    other = exit_summary(random_trace(5, samples=N, time_steps=T), validation, "confidence", 0.02, MODEL)
    assert (other.temperature, other.threshold) == (summary.temperature, summary.threshold)
    assert other.validation == summary.validation
    assert summary.chosen.mean_step == exit_steps(test, rule).mean()
    for whole, values in ((test, summary.test), (validation, summary.validation)):
        curve = early_exit_curve(whole, "confidence", temperature=temperature, thresholds=(*THRESHOLDS, NEVER))
        for point, one in zip(curve.points, values, strict=True):
            assert (one.threshold, one.accuracy, one.mean_step) == (point.threshold, point.accuracy, point.mean_step)
            assert (one.ac, one.mac, one.spikes) == (point.ac, point.mac, point.spike_count)
            assert (one.energy_synaptic, one.energy_total) == (point.energy_synaptic, point.energy_total)
    assert summary.chosen in summary.test
    assert summary.validation_chosen in summary.validation
    assert summary.validation_chosen.threshold == summary.chosen.threshold == summary.threshold
    assert all(point.correct is None for point in summary.validation)


def test_a_rule_that_never_stops_is_the_last_point(
    test: Trace, validation: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = ExitRule("confidence", math.inf, 1.5)
    monkeypatch.setattr("snn_eval.run.exit.chosen_rule", lambda *_: never)
    summary = exit_summary(test, validation, "confidence", 0.0, MODEL)
    assert (summary.threshold, summary.temperature) == (None, 1.5)
    assert summary.chosen == summary.test[-1]
    assert summary.validation_chosen == summary.validation[-1]
    assert (summary.chosen.threshold, summary.chosen.mean_step) == (NEVER, T)
    assert summary.chosen.accuracy == truncated(test, MODEL)[-1].accuracy


def test_truncation_sample_by_sample(test: Trace) -> None:
    points = truncated(test, MODEL)
    assert [point.time_steps for point in points] == [1, 2, 3, 4, 5]
    for point in points:
        each = [spent(test, n, point.time_steps) for n in range(N)]
        assert unpacked(point.correct, N).tolist() == [decided(test, n, point.time_steps) for n in range(N)]
        for name in ("spikes", "ac", "mac", "energy_synaptic", "energy_total"):
            assert getattr(point, name) == pytest.approx(sum(one[name] for one in each) / N, rel=1e-12), name


@pytest.mark.parametrize("seed", [None, 4])
def test_truncation_ends_where_the_whole_run_does(seed: int | None) -> None:
    trace = tiny_trace() if seed is None else random_trace(seed, samples=40)
    found = {(m.metric, m.scope): m.value for m in measure(trace, conventions=["exact"], energy_models=[MODEL])[0]}
    points = truncated(trace, MODEL)
    assert [p.accuracy for p in points] == [found["accuracy_prefix", f"step:{p.time_steps}"] for p in points]
    last = points[-1]
    assert last.accuracy == found["accuracy", "network"]
    names = {"spikes": "spike_count", "ac": "ac", "mac": "mac"} | {k: k for k in ("energy_synaptic", "energy_total")}
    for name, metric in names.items():
        assert getattr(last, name) == pytest.approx(found[metric, "network"], rel=1e-12), name


def test_without_spiking_layers_there_are_no_spikes(test: Trace, validation: Trace) -> None:
    bare = replace(test, neurons=(), elementwise=())
    assert [point.spikes for point in truncated(bare, MODEL)] == [0] * T
    point: ExitPoint = exit_summary(bare, validation, "confidence", 0.01, MODEL).chosen
    assert point.spikes == 0


def test_refusals(test: Trace, validation: Trace) -> None:
    with pytest.raises(RefusedError, match="on a validation trace only, got split 'test'"):
        exit_summary(test, test, "confidence", 0.01, MODEL)
    for change in ({"causal": "no", "not_causal_layer": "coding"}, {"encoding_depends_on_time_steps": True}):
        other = replace(test, output=replace(test.output, **change))
        with pytest.raises(RefusedError, match="truncation needs"):
            truncated(other, MODEL)
        with pytest.raises(RefusedError, match="early exit needs"):
            exit_summary(other, validation, "confidence", 0.01, MODEL)
    with pytest.raises(RefusedError, match="kind compute, got lemaire-2022"):
        truncated(test, "lemaire-2022")
    with pytest.raises(InputError, match="nonsense"):
        truncated(test, "nonsense")


def test_a_rule_of_a_summary_has_temperature_1(validation: Trace) -> None:
    seen = decisions(validation)
    top5_TN5 = seen.classes[..., None].repeat(5, axis=2)
    nothing = seen.entropy.astype("float32")
    summary = OutputSummary(top5_TN5, nothing, nothing, seen.confidence.astype("float32"))
    output = replace(validation.output, readout_TNK=None, summary=summary, classes=10)
    rule = chosen_rule(replace(validation, output=output), "confidence", 0.01)
    assert rule == choose_threshold(validation, "confidence", temperature=1.0, tolerance=0.01)
    assert isinstance(rule, ExitRule)
