"""A trace whose arrays do not fit each other is refused with the place and both shapes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers.traces import tiny_trace
from helpers.whole import Whole

from snn_eval.errors import CountError
from snn_eval.metrics import measure
from snn_eval.trace import ElementwiseOp, Trace
from snn_eval.trace.shapes import check_shapes

WHOLE = Whole(0, 5).trace(range(5))


def with_layer(**changes: Any) -> Trace:
    first, *rest = WHOLE.synaptic
    return replace(WHOLE, synaptic=(replace(first, **changes), *rest))


def with_neurons(**changes: Any) -> Trace:
    first, *rest = WHOLE.neurons
    return replace(WHOLE, neurons=(replace(first, **changes), *rest))


@pytest.mark.parametrize("trace", [WHOLE, tiny_trace(), Whole(1, 3, summary=True).trace(range(3))])
def test_sound_traces_pass(trace: Trace) -> None:
    check_shapes(trace)


@pytest.mark.parametrize(
    ("trace", "words"),
    [
        (replace(WHOLE, time_steps=0), "expected 1 or more time steps, got 0"),
        (replace(WHOLE, samples=replace(WHOLE.samples, target=np.zeros(4, int))), r"target: expected the shape \[5\]"),
        (replace(WHOLE, samples=replace(WHOLE.samples, batch=np.zeros((5, 1), int))), r"batch: .*got \[5,1\]"),
        (with_layer(levels=np.array(0.0)), r"levels: expected the shape \[\?\], got \[\]"),
        (with_layer(ops_weighted_TN=np.zeros(5)), r"weighted operations: expected the shape \[3,5\], got \[5\]"),
        (with_layer(ops_VTN=WHOLE.synaptic[0].ops_VTN[None]), "operations: expected the shape"),
        (with_layer(kind="conv", kernel=(3, 3), weight_shape=(2,)), r"weights: expected the shape \[\?,\?,3,3\]"),
        (
            with_neurons(spikes_TN=np.zeros((9, 5), int), per_neuron=np.zeros((9, *WHOLE.neurons[0].shape), int)),
            "expected 1 to 3 steps, got 9",
        ),
        (with_neurons(shape=(7, 7)), "spikes of each: expected the shape"),
        (with_layer(dense_ops=-1), "dense_ops: expected 0 or more, got -1"),
        (with_layer(padding=(0, -1)), r"padding: expected 0 or more, got \(0, -1\)"),
        (replace(tiny_trace(), elementwise=(ElementwiseOp("add", "bias", -1),)), "add: expected 1 to 2 steps, got -1"),
    ],
)
def test_what_does_not_fit_is_named(trace: Trace, words: str) -> None:
    with pytest.raises(CountError, match=words):
        check_shapes(trace)


def test_a_class_the_readout_does_not_have_has_no_accuracy() -> None:
    trace = replace(WHOLE, samples=replace(WHOLE.samples, target=np.array([0, 1, 2, 3, 4])))
    with pytest.raises(CountError, match=r"samples.target: expected classes 0 … 3, got 0 … 4"):
        measure(trace, ["accuracy"])
