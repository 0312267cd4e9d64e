"""Laws every count must obey, on random traces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.traces import neuron_layer, random_trace, synaptic_layer, trace_of
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_eval.energy import energy_model, energy_pj, energy_pj_per_step
from snn_eval.energy.work import totals
from snn_eval.metrics import CONVENTIONS, Derived, measure, operations
from snn_eval.metrics.operations import class_operations, dense_operations
from snn_eval.metrics.readout import predictions
from snn_eval.trace import SynapticLayer, Trace, concatenate

LEVELS = st.sampled_from([(), (1.0,), (-1.0, 1.0), (1.0, 2.0), (0.25, 0.5, 1.0), (0.3, 0.7), (0.37,), (2.0, 3.0)])
BY_LEVEL = [c for c in CONVENTIONS if CONVENTIONS[c].in_total and c not in ("dense", "structural")]
FP32 = energy_model("horowitz-45nm-fp32")


@st.composite
def layers(draw: st.DrawFn, samples: int = 3, steps: int = 2, other: bool = True) -> SynapticLayer:
    levels = draw(LEVELS)
    shape = (len(levels) + 1, steps, samples)
    counts = np.array(draw(st.lists(st.integers(0, 6), min_size=int(np.prod(shape)), max_size=int(np.prod(shape)))))
    counts = counts.reshape(shape)
    if levels or not other:
        counts[-1] = 0
    source = draw(st.sampled_from(["hidden", "hidden", "real", "counts"]))
    return synaptic_layer(
        draw(st.text("abc", min_size=1, max_size=3)), counts, draw(st.integers(1, 9)), levels=levels, source=source
    )


def _trace(layer: SynapticLayer) -> Trace:
    return trace_of([layer], time_steps=2, samples=3)


@settings(deadline=None)
@given(layers())
def test_every_operation_is_counted_once(layer: SynapticLayer) -> None:
    trace, all_ops = _trace(layer), int(layer.ops_VTN.sum())
    for convention in ("exact", "exact-unfolded", "per-layer", "structural"):
        found = totals(operations(trace, convention))
        assert found["ac"] + found["mac"] == all_ops, convention
    assert sum(class_operations(trace).values()) == all_ops


@settings(deadline=None)
@given(layers())
def test_unrolling_moves_integers_from_mac_to_ac(layer: SynapticLayer) -> None:
    trace = _trace(layer)
    exact, expanded, classes = totals(operations(trace)), totals(operations(trace, "expanded")), class_operations(trace)
    assert expanded["mac"] == classes["real"]
    assert exact["mac"] - expanded["mac"] == classes["integer"]
    assert expanded["ac"] >= exact["ac"] + 2 * classes["integer"]
    unfolded = totals(operations(trace, "exact-unfolded"))
    assert unfolded["ac"] <= exact["ac"]


@settings(deadline=None)
@given(layers())
def test_no_spikes_no_operations(layer: SynapticLayer) -> None:
    quiet = replace(
        layer,
        inputs_VTN=layer.inputs_VTN * 0,
        ops_VTN=layer.ops_VTN * 0,
        ops_weighted_TN=layer.ops_weighted_TN * 0,
        input_sum_TN=layer.input_sum_TN * 0,
    )
    trace = _trace(quiet)
    for convention in BY_LEVEL:
        assert sum(totals(operations(trace, convention)).values()) == 0
        assert energy_pj(operations(trace, convention), FP32) == 0
    assert totals(operations(trace, "syops-counter"))["ac"] == 0
    assert totals(operations(trace, "rate-flops"))["ac"] == 0


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=6, max_size=6), st.integers(1, 9))
def test_conventions_agree_on_spikes(counts: list[int], fan_out: int) -> None:
    """On a layer of zeros and ones away from borders every convention counts the same accumulates."""
    layer = synaptic_layer("l", np.array(counts).reshape(1, 2, 3), fan_out)
    trace = trace_of([replace(layer, name="first"), layer], time_steps=2, samples=3)
    want = sum(counts) * fan_out
    for convention in (*BY_LEVEL, "syops-counter", "structural"):
        work = {w.name: w for w in operations(trace, convention)}
        assert work["l"].total("ac") == pytest.approx(want), convention
        assert work["l"].total("mac") == 0
    assert operations(trace, "rate-flops")[1].total("ac") == pytest.approx(want)


def test_all_ones_are_dense() -> None:
    full = synaptic_layer("l", np.full((1, 2, 3), 100), 10, inputs_per_step=100)
    trace = _trace(full)
    assert totals(operations(trace))["ac"] == totals(dense_operations(trace))["mac"] == 100 * 10 * 2 * 3
    assert totals(operations(trace, "dense"))["ac"] == 100 * 10 * 2 * 3


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.permutations(range(7)))
def test_permuting_samples_permutes_columns(seed: int, order: list[int]) -> None:
    trace = random_trace(seed, samples=7)
    moved = _take(trace, np.array(order))
    for ours, theirs in zip(operations(moved), operations(trace), strict=True):
        for kind in ("ac", "mac"):
            assert (ours.per_sample(kind) == theirs.per_sample(kind)[:, order]).all()
    assert (predictions(moved) == predictions(trace)[order]).all()
    assert measure(moved) == measure(trace)


def _take(trace: Trace, order: np.ndarray) -> Trace:
    """The same samples in another order."""
    samples = replace(
        trace.samples,
        **{f: getattr(trace.samples, f)[order] for f in ("id", "target", "group_id", "valid_steps", "batch")},
    )
    names = ("inputs_VTN", "ops_VTN", "ops_weighted_TN", "input_sum_TN")
    readout = trace.output.readout_TNK
    assert readout is not None
    return replace(
        trace,
        samples=samples,
        output=replace(trace.output, readout_TNK=readout[:, order]),
        synaptic=tuple(replace(x, **{f: getattr(x, f)[..., order] for f in names}) for x in trace.synaptic),
        neurons=tuple(replace(x, spikes_TN=x.spikes_TN[:, order]) for x in trace.neurons),
        elementwise=tuple(
            x if x.effective_TN is None else replace(x, effective_TN=x.effective_TN[:, order])
            for x in trace.elementwise
        ),
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 8), st.integers(1, 8))
def test_concatenation_adds(seed: int, a: int, b: int) -> None:
    one, two = random_trace(seed, samples=a), random_trace(seed + 1, samples=b, first_id=a)
    both = concatenate([one, two])
    for convention in ("exact", "expanded", "structural", "rate-flops", "orrc"):  # no decision over the whole layer
        parts = [totals(operations(t, convention)) for t in (one, two)]
        whole = totals(operations(both, convention))
        assert whole == pytest.approx({k: parts[0][k] + parts[1][k] for k in whole}, rel=1e-9), convention
    for convention in ("per-layer", "exact-unfolded", "dense"):  # AC or MAC may be decided anew, their sum may not
        parts = [sum(totals(operations(t, convention)).values()) for t in (one, two)]
        assert sum(totals(operations(both, convention)).values()) == sum(parts), convention
    energies = [energy_pj(Derived(t).all_work("exact"), FP32) for t in (one, two, both)]
    assert energies[2] == pytest.approx(energies[0] + energies[1], rel=1e-12)


@settings(deadline=None)
@given(layers(), st.integers(2, 5))
def test_energy_is_linear_in_counts(layer: SynapticLayer, factor: int) -> None:
    more = replace(layer, inputs_VTN=layer.inputs_VTN * factor, ops_VTN=layer.ops_VTN * factor)
    for convention in BY_LEVEL:
        once, many = (energy_pj(operations(_trace(x), convention), FP32) for x in (layer, more))
        assert many == pytest.approx(factor * once, rel=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_energy_by_step_ends_at_the_total(seed: int) -> None:
    trace = random_trace(seed, samples=5)
    work = Derived(trace).all_work("exact")
    synaptic, total = energy_pj_per_step(work, FP32, trace.time_steps)
    assert synaptic[-1].sum() == pytest.approx(energy_pj(work, FP32, "synaptic"), rel=1e-12)
    assert total[-1].sum() == pytest.approx(energy_pj(work, FP32), rel=1e-12)
    assert (np.diff(total, axis=0) >= 0).all()


@settings(deadline=None)
@given(st.lists(st.integers(0, 1), min_size=24, max_size=24))
def test_rates_are_shares(spikes: list[int]) -> None:
    layer = neuron_layer("l", np.array(spikes).reshape(2, 3, 4))
    trace = trace_of((), [layer], time_steps=2, samples=3)
    found = {
        (m.metric, m.scope): m.value for m in measure(trace, ["nasfr", "silent_neurons", "activation_sparsity"])[0]
    }
    assert found["nasfr", "network"] == sum(spikes) / 24
    assert found["activation_sparsity", "network"] == (24 - sum(spikes)) / 24
