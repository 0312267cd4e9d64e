"""Hand-built traces for tests: counts are chosen, so every expected number can be written as a sum.

``from helpers.traces import tiny_trace, random_trace`` works in every test (``tests`` is on pytest's path).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snn_eval.trace import (
    ElementwiseOp,
    ModelFacts,
    NeuronLayer,
    Output,
    PassFacts,
    Samples,
    SynapticLayer,
    Trace,
    UnknownOp,
)

__all__ = ["neuron_layer", "product_layer", "random_trace", "synaptic_layer", "tiny_trace", "trace_of"]


def synaptic_layer(name: str, inputs: ArrayLike, fan_out: int = 10, *, levels: Sequence[float] = (1.0,), **facts: Any):
    """A layer in which every nonzero input meets ``fan_out`` weights.

    ``inputs`` is ``[V,T,N]`` (row of other values added as zeros) or ``[V+1,T,N]``.
    """
    inputs_VTN = np.asarray(inputs, np.int64)
    if len(inputs_VTN) == len(levels):
        inputs_VTN = np.concatenate([inputs_VTN, np.zeros_like(inputs_VTN[:1])])
    values = np.append(np.asarray(levels, np.float64), 0.5)  # other values: counted as 0.5 in the weighted sums
    facts.setdefault("inputs_per_step", 100)
    facts.setdefault("dense_ops", facts["inputs_per_step"] * fan_out)
    facts.setdefault("dense_ops_with_border", facts["dense_ops"])
    facts.setdefault("kind", "linear")
    facts.setdefault("operation", "linear")
    return SynapticLayer(
        name=name,
        levels=np.asarray(levels, np.float64),
        inputs_VTN=inputs_VTN,
        ops_VTN=inputs_VTN * fan_out,
        ops_weighted_TN=np.einsum("v,vtn->tn", np.abs(values), inputs_VTN) * fan_out,
        input_sum_TN=np.einsum("v,vtn->tn", values, inputs_VTN),
        **facts,
    )


def product_layer(
    name: str, pairs: ArrayLike, levels: Sequence[float], partner_levels: Sequence[float], **facts: Any
) -> SynapticLayer:
    """A product of two activations; ``pairs`` is ``[V+1,W+1,T,N]`` and each left operand meets one right one."""
    ops = np.asarray(pairs, np.int64)
    left, right = (np.append(np.abs(np.asarray(v, np.float64)), 0.5) for v in (levels, partner_levels))
    facts.setdefault("dense_ops", 1000)
    facts.setdefault("dense_ops_with_border", facts["dense_ops"])
    facts.setdefault("inputs_per_step", 100)
    facts.setdefault("kind", "product")
    facts.setdefault("operation", "matmul")
    return SynapticLayer(
        name=name,
        levels=np.asarray(levels, np.float64),
        partner_levels=np.asarray(partner_levels, np.float64),
        inputs_VTN=ops.sum(axis=1),
        ops_VTN=ops,
        ops_weighted_TN=np.einsum("v,w,vwtn->tn", left, right, ops),
        input_sum_TN=np.einsum("v,vtn->tn", np.append(np.asarray(levels, np.float64), 0.5), ops.sum(axis=1)),
        **facts,
    )


def neuron_layer(name: str, spikes: ArrayLike, **facts: Any) -> NeuronLayer:
    """A neuron layer from its whole spike tensor ``[T,N,*shape]``."""
    full = np.asarray(spikes, np.int64)
    facts.setdefault("model", "if")
    facts.setdefault("reset", "hard")
    return NeuronLayer(
        name=name,
        spikes_TN=full.sum(axis=tuple(range(2, full.ndim))),
        per_neuron=full.sum(axis=1),
        shape=full.shape[2:],
        **facts,
    )


def trace_of(
    synaptic: Sequence[SynapticLayer] = (),
    neurons: Sequence[NeuronLayer] = (),
    *,
    time_steps: int,
    samples: int,
    readout: NDArray[Any] | None = None,
    target: Sequence[int] | None = None,
    elementwise: Sequence[ElementwiseOp] = (),
    first_id: int = 0,
    **changes: Any,
) -> Trace:
    """A trace of these layers; causal per-step readout, three classes unless given."""
    if readout is None:
        readout = np.zeros((time_steps, samples, 3), np.float32)
        readout[:, :, 0] = 1.0
    ids = np.arange(first_id, first_id + samples, dtype=np.int64)
    trace = Trace(
        time_steps=time_steps,
        samples=Samples(
            id=ids,
            target=np.zeros(samples, np.int64) if target is None else np.asarray(target, np.int64),
            group_id=ids.copy(),
            valid_steps=np.full(samples, time_steps, np.int64),
            batch=np.zeros(samples, np.int64),
        ),
        output=Output(readout_TNK=readout.astype(np.float32), kind="per-step", causal="yes"),
        synaptic=tuple(synaptic),
        neurons=tuple(neurons),
        elementwise=tuple(elementwise),
        unknown=(),
        graph=tuple((a.name, b.name) for a, b in pairwise(synaptic)),
        model=ModelFacts(
            parameter_count=500,
            parameter_bytes=2000,
            buffer_bytes=80,
            nonzero_parameters=450,
            state_bytes=64,
            name="tiny",
        ),
        facts=PassFacts(
            batch_size=64,
            dtype="float32",
            device="cpu",
            threads=1,
            bare_forward_s=(0.3, 0.1, 0.2),
            wall_s=1.0,
        ),
    )
    trace = replace(trace, **changes)
    trace.check()
    return trace


def tiny_trace(**changes: Any) -> Trace:
    """Three samples, two steps, three classes; one layer of every kind, each number small enough for the head.

    ``stem`` (real, once, 9 ops an input), ``conv`` (spikes, 18), ``graded`` (values 1 and 2, 5), ``fc`` (spikes, 3);
    neurons ``lif1`` (2×2×2, hidden), ``lif2`` (4, hidden), ``out`` (3, output), ``ia`` (2, gate),
    ``mem`` (3, no threshold).
    Sample 0 is right at once, sample 1 from step 2, sample 2 never.
    """
    stem = synaptic_layer(
        "stem", [[[7, 5, 4]]], 9, levels=(), kind="conv", operation="conv2d", source="real", schedule="once",
        inputs_per_step=8, dense_ops=60, dense_ops_with_border=72, weight_shape=(2, 2, 3, 3), weight_count=36,
        nonzero_weights=36, bias=True, kernel=(3, 3), input_shape=(2, 2, 2), output_shape=(2, 2, 2), maximum=0.9,
    )  # fmt: skip
    conv = synaptic_layer(
        "conv", [[[1, 2, 0], [3, 1, 2]]], 18, kind="conv", operation="conv2d",
        inputs_per_step=8, dense_ops=120, dense_ops_with_border=144, weight_shape=(4, 2, 3, 3), weight_count=72,
        nonzero_weights=54, kernel=(3, 3), input_shape=(2, 2, 2), output_shape=(4, 2, 2), maximum=1.0,
    )  # fmt: skip
    conv = replace(conv, structural_ops_VTN=conv.ops_VTN + conv.inputs_VTN * 2)
    graded = synaptic_layer(
        "graded", [[[1, 0, 2], [2, 2, 0]], [[0, 1, 1], [1, 0, 0]]], 5, levels=(1.0, 2.0),
        inputs_per_step=4, dense_ops=20, weight_shape=(5, 4), weight_count=20, nonzero_weights=20,
        input_shape=(4,), output_shape=(5,), maximum=2.0,
    )  # fmt: skip
    fc = synaptic_layer(
        "fc", [[[0, 1, 1], [1, 1, 2]]], 3, bias=True,
        inputs_per_step=4, dense_ops=12, weight_shape=(3, 4), weight_count=12, nonzero_weights=12,
        input_shape=(4,), output_shape=(3,), maximum=1.0,
    )  # fmt: skip
    lif1 = np.zeros((2, 3, 8), np.int64)
    lif1[0, 0, :1] = lif1[0, 1, :2] = lif1[1, 0, :3] = lif1[1, 1, :1] = lif1[1, 2, :2] = 1
    lif2 = np.zeros((2, 3, 4), np.int64)
    lif2[0, 1, 0] = lif2[0, 2, 1] = lif2[1, 0, 0] = lif2[1, 1, 1] = 1
    lif2[1, 2, :2] = 1
    out = np.zeros((2, 3, 3), np.int64)
    out[0, 0, 0] = out[1, 0, 0] = out[1, 1, 1] = 1
    gate = np.zeros((2, 3, 2), np.int64)
    gate[0, :, 0] = 1
    readout = np.zeros((2, 3, 3), np.float32)
    readout[0, 0, 0] = readout[1, 0, 0] = 2.0
    readout[0, 1, 0], readout[1, 1, 1] = 1.0, 3.0
    readout[:, 2, 0] = 1.0
    lif = {"model": "lif", "mul": 1, "add": 1, "compare": 1}
    trace = trace_of(
        (stem, conv, graded, fc),
        (
            neuron_layer("lif1", lif1.reshape(2, 3, 2, 2, 2), **lif),
            neuron_layer("lif2", lif2, **lif),
            neuron_layer("out", out, role="output", add=1, compare=1),
            neuron_layer("ia", gate, role="gate", add=1, compare=1),
            neuron_layer("mem", np.ones((2, 3, 3), np.int64), has_threshold=False, mul=1, add=1),
        ),
        time_steps=2,
        samples=3,
        readout=readout,
        target=(0, 1, 2),
        elementwise=(
            ElementwiseOp("stem.bias", "bias", steps=1, add=8),
            ElementwiseOp("bn0", "norm", steps=1, mul=8, add=8, fused_into="stem"),
            ElementwiseOp("bn1", "norm", steps=2, mul=16, add=16, fused_into="conv"),
            ElementwiseOp("bn2", "norm", steps=2, mul=4, add=4),
            ElementwiseOp("pool", "pool", steps=2, compare=12),
            ElementwiseOp("add", "residual_add", steps=2, add=4, effective_TN=np.array([[0, 1, 1], [1, 0, 0]])),
            ElementwiseOp("fc.bias", "bias", steps=2, add=3),
        ),
        input_events_TN=None,
    )  # fmt: skip
    return replace(trace, **changes)


def random_trace(
    seed: int = 0,
    samples: int = 20,
    time_steps: int = 4,
    classes: int = 10,
    layers: int = 3,
    *,
    first_id: int = 0,
    split: str = "test",
) -> Trace:
    """A larger trace that agrees with itself: each layer's input is the previous layer's spikes; a real static stem.

    Facts of the network depend on ``layers``, ``time_steps`` and ``classes`` only: different seeds concatenate.
    """
    rng = np.random.default_rng(seed)
    widths = [32 * (i + 1) for i in range(layers)]
    pixels = rng.integers(20, 64, (1, 1, samples))
    synaptic = [
        synaptic_layer(
            "0.conv", pixels, widths[0], levels=(), kind="conv", operation="conv2d", source="real", schedule="once",
            inputs_per_step=64, dense_ops=64 * widths[0], dense_ops_with_border=72 * widths[0],
            weight_shape=(widths[0], 1, 3, 3),
            weight_count=9 * widths[0], nonzero_weights=9 * widths[0], kernel=(3, 3),
            input_shape=(1, 8, 8),
            output_shape=(widths[0], 8, 8), maximum=1.0,
        )
    ]  # fmt: skip
    neurons = []
    elementwise = [ElementwiseOp("0.bn", "norm", steps=1, mul=widths[0], add=widths[0], fused_into="0.conv")]
    for i, width in enumerate(widths):
        spikes = rng.random((time_steps, samples, width)) < 0.1 * (i + 1)
        spikes[..., 0] = False  # one silent neuron a layer
        neurons.append(neuron_layer(f"{i}.lif", spikes.astype(np.int64), model="lif", mul=1, add=2, compare=1))
        after = widths[i + 1] if i + 1 < layers else classes
        counts = spikes.sum(axis=-1)[None]
        levels: tuple[float, ...] = (1.0,)
        if i == 1:  # a residual ADD: some inputs have the value 2
            twos = rng.binomial(counts, 0.3)
            counts, levels = np.concatenate([counts - twos, twos]), (1.0, 2.0)
            elementwise.append(
                ElementwiseOp("1.add", "residual_add", steps=time_steps, add=width, effective_TN=twos[0])
            )
        synaptic.append(
            synaptic_layer(
                f"{i + 1}.fc", counts, after, levels=levels, bias=True, inputs_per_step=width, dense_ops=width * after,
                weight_shape=(after, width), weight_count=width * after, nonzero_weights=width * after,
                input_shape=(width,), output_shape=(after,), maximum=levels[-1],
            )
        )  # fmt: skip
        elementwise.append(ElementwiseOp(f"{i + 1}.fc.bias", "bias", steps=time_steps, add=after))
    target = rng.integers(0, classes, samples)
    readout = rng.normal(size=(time_steps, samples, classes)).astype(np.float32)
    readout[:, np.arange(samples), target] += 1.5
    trace = trace_of(
        synaptic, neurons, time_steps=time_steps, samples=samples, readout=readout, target=target.tolist(),
        elementwise=elementwise, first_id=first_id, unknown=(UnknownOp("aten::cumsum", 1, 12),),
    )  # fmt: skip
    return replace(trace, samples=replace(trace.samples, split=split))
