"""Neuron updates, bias, norm and element-wise operations as work."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.traces import neuron_layer, synaptic_layer, tiny_trace

from snn_eval.energy.work import Work, elementwise_work, neuron_work, other_work, positions, totals
from snn_eval.errors import RefusedError
from snn_eval.trace import ElementwiseOp


def test_neurons_are_updated_at_every_step_spike_or_not() -> None:
    layer = neuron_layer("l", np.zeros((5, 3, 2, 4)), mul=1, add=2, compare=1)
    assert totals([neuron_work(layer, 3)]) == {
        "mul": 1 * 8 * 5 * 3, "add": 2 * 8 * 5 * 3, "compare": 1 * 8 * 5 * 3, "ac": 0, "mac": 0, "exponential": 0,
    }  # fmt: skip


def test_a_neuron_of_unknown_cost_has_no_total() -> None:
    trace = tiny_trace()
    odd = replace(trace, neurons=(replace(trace.neurons[0], model="unknown"), *trace.neurons[1:]))
    with pytest.raises(RefusedError, match="neuron layer lif1 is unknown; state its cost with neurons= of adapt"):
        other_work(odd)


def test_norms_that_fold_cost_their_bias_only() -> None:
    norm = ElementwiseOp("bn", "norm", steps=3, mul=16, add=16, fused_into="conv")
    plain = synaptic_layer("conv", np.ones((1, 3, 2)))
    biased = replace(plain, bias=True)
    assert elementwise_work(norm, 2, {"conv": plain}).total("add") == 16 * 3 * 2
    assert elementwise_work(norm, 2, {"conv": plain}).total("mul") == 0
    assert elementwise_work(norm, 2, {"conv": plain}).component == "bias"
    assert elementwise_work(norm, 2, {"conv": biased}).counts == {}  # its bias takes the norm's in
    loose = elementwise_work(replace(norm, fused_into=None), 2, {})
    assert (loose.component, loose.total("mul"), loose.total("add")) == ("norm", 16 * 3 * 2, 16 * 3 * 2)


def test_positions() -> None:
    assert positions(ElementwiseOp("or", "gate", 1, mul=10, add=20)) == 10
    assert positions(ElementwiseOp("ln", "norm", 1, mul=30, add=40)) == 10
    assert positions(ElementwiseOp("nothing", "scale", 1)) == 0


def test_residual_additions_and_gates_skip_zeros_unless_dense() -> None:
    effective = np.array([[1, 2], [3, 4]])
    gate = ElementwiseOp("or", "gate", steps=2, mul=10, add=20, effective_TN=effective)
    skipped = elementwise_work(gate, 2, {})
    assert skipped.counts["mul"].tolist() == [[1, 2], [3, 4]]
    assert skipped.counts["add"].tolist() == [[2, 4], [6, 8]]
    dense = elementwise_work(gate, 2, {}, dense=True)
    assert (dense.total("mul"), dense.total("add")) == (10 * 2 * 2, 20 * 2 * 2)
    unattributed = elementwise_work(replace(gate, effective_TN=effective.sum(axis=1, keepdims=True)), 2, {})
    assert unattributed.total("add") == 20
    with pytest.raises(RefusedError, match="or has only the set's sum"):
        unattributed.per_sample("add")


def test_totals_of_views_of_one_number_are_exact() -> None:
    shape = (3, 5)
    assert Work("x", "pool", {"add": np.broadcast_to(np.int64(7), shape)}).total("add") == 7 * 3 * 5
    by_step = np.broadcast_to(np.array([[1], [2], [3]]), shape)
    assert Work("x", "pool", {"add": by_step}).total("add") == (1 + 2 + 3) * 5
    by_sample = np.broadcast_to(np.arange(5), shape)
    assert Work("x", "pool", {"add": by_sample}).total("add") == (0 + 1 + 2 + 3 + 4) * 3
    big = Work("x", "pool", {"add": np.broadcast_to(np.int64(2**40), (4, 10**6))})
    assert big.total("add") == 2**40 * 4 * 10**6


def test_work_of_a_kind_that_does_not_occur() -> None:
    work = Work("x", "synaptic", {"ac": np.ones((2, 3), np.int64)})
    assert work.total("mac") == 0
    assert work.per_sample("mac").sum() == 0
