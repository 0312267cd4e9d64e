"""The comparison of a trace with brute force: exact, layer by layer, per step and sample."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from brute import Count, total
from case import Case, Expected

from snn_eval.trace import MAX_LEVELS, SynapticLayer, Trace

__all__ = ["compare", "compare_layer"]


def compare(case: Case, trace: Trace, want: Expected) -> None:
    """Every count of the trace against brute force."""
    trace.check()
    if case.may_be_unknown and trace.unknown:
        assert all(u.name and u.calls >= 1 and u.elements >= 1 for u in trace.unknown), trace.unknown
        return
    assert trace.unknown == (), f"unknown: {trace.unknown}"
    names = [layer.name for layer in trace.synaptic]
    assert len(names) == len(want.layers), f"layers {names}, expected {len(want.layers)}"
    if case.layers is not None:
        assert len(names) == case.layers
    for i, (layer, counts) in enumerate(zip(trace.synaptic, want.layers, strict=True)):
        compare_layer(layer, counts, graded=i in case.drop_levels)
    compare_neurons(trace, want)


def compare_neurons(trace: Trace, want: Expected) -> None:
    """Spikes per step and sample and per neuron; a neuron layer called again in a step (``name#2``) adds to its own."""
    found = {n.name.split("#")[0] for n in trace.neurons}
    assert found == set(want.spikes), f"neuron layers {sorted(found)}"
    for name, spikes in want.spikes.items():
        parts = [n for n in trace.neurons if n.name.split("#")[0] == name]
        np.testing.assert_array_equal(sum(p.spikes_TN for p in parts), spikes, name)
        wanted, map_TM = want.per_neuron[name], np.sum([p.per_neuron for p in parts], axis=0)
        if len(wanted) == 1 == wanted.ndim - map_TM.ndim:  # the one step of a time-first output is no axis of neurons
            wanted = wanted[:, 0]
        np.testing.assert_array_equal(map_TM, wanted, name)


def compare_layer(layer: SynapticLayer, counts: list[list[Count]], graded: bool = False) -> None:
    """One layer: levels, inputs, operations, structural, dense and weighted counts, per step and sample."""
    steps, samples = len(counts), len(counts[0])
    name = layer.name
    assert layer.attributed, f"{name}: not attributed to samples"
    assert layer.inputs_VTN.shape[1:] == (steps, samples), f"{name}: {layer.inputs_VTN.shape}"
    assert layer.inputs_VTN.dtype == layer.ops_VTN.dtype == np.int64
    merged = total([c for step in counts for c in step])
    pairs = any(isinstance(k, tuple) for k in merged.structural) or layer.is_product
    levels = [] if graded else _levels(merged.inputs)
    if graded:  # values that are real by definition: only their number is compared
        layer = _without_levels(layer)
    assert layer.levels.tolist() == levels, f"{name}: levels"
    structural = layer.ops_VTN if layer.structural_ops_VTN is None else layer.structural_ops_VTN
    close = {"rel": 1e-5, "abs": 1e-6} if graded else {"rel": 1e-12, "abs": 1e-12}
    for t, step in enumerate(counts):
        for n, count in enumerate(step):
            at = f"{name} t={t} n={n}"
            assert layer.inputs_VTN[:, t, n].tolist() == _row(count.inputs, levels), at
            if pairs:
                _compare_pairs(layer, merged, count, levels, (t, n))
            else:
                assert layer.ops_VTN[:, t, n].tolist() == _row(count.ops, levels), at
                assert structural[:, t, n].tolist() == _row(count.structural, levels), at
            assert layer.ops_weighted_TN[t, n] == pytest.approx(count.weighted, **close), at
            assert layer.input_sum_TN[t, n] == pytest.approx(count.input_sum, **close), at
    if not graded:
        assert (layer.minimum, layer.maximum) == (merged.low, merged.high), f"{name}: smallest and largest input"
    first = counts[0][0]
    assert layer.dense_ops == first.dense, f"{name}: dense"
    assert layer.dense_ops_with_border == first.dense_border, f"{name}: dense with border"
    assert layer.inputs_per_step == first.elements, f"{name}: inputs per step"


def _compare_pairs(layer: SynapticLayer, merged: Count, count: Count, levels: list[float], at: tuple[int, int]) -> None:
    assert layer.partner_levels is not None, f"{layer.name}: not a product"
    partner = layer.partner_levels.tolist()
    assert partner == _levels(merged.partner), f"{layer.name}: levels of the second operand"
    table = np.zeros((len(levels) + 1, len(partner) + 1), np.int64)
    for key, ops in count.ops.items():
        v, w = key  # type: ignore[misc]
        row = levels.index(v) if v in levels else len(levels)
        table[row, partner.index(w) if w in partner else len(partner)] += ops
    np.testing.assert_array_equal(layer.ops_VTN[..., at[0], at[1]], table, f"{layer.name} t, n = {at}")


def _without_levels(layer: SynapticLayer) -> SynapticLayer:
    structural = layer.structural_ops_VTN
    return replace(
        layer,
        levels=np.zeros(0),
        inputs_VTN=layer.inputs_VTN.sum(0, keepdims=True),
        ops_VTN=layer.ops_VTN.sum(0, keepdims=True),
        structural_ops_VTN=None if structural is None else structural.sum(0, keepdims=True),
    )


def _levels(inputs: Counter[float]) -> list[float]:
    return [] if len(inputs) > MAX_LEVELS else sorted(inputs)


def _row(counts: Counter[Any], levels: list[float]) -> list[int]:
    """Counts by level, last: all other values."""
    return [counts[v] for v in levels] + [sum(c for v, c in counts.items() if v not in levels)]
