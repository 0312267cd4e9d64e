"""Whether the arrays of a trace have the axes their names say, so that one made by other software fails in one line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np

from snn_eval.errors import CountError
from snn_eval.trace.parts import ElementwiseOp, NeuronLayer, Output, SynapticLayer, Trace

__all__ = ["check_classes", "check_shapes"]

_Check = tuple[str, tuple[int, ...], tuple[int | None, ...]]
"""What is looked at, its shape, the shape expected (None: any size)."""


def check_shapes(trace: Trace) -> None:
    """Raise CountError unless every array has its axes, and all agree on time and samples."""
    n, steps = len(np.atleast_1d(trace.samples.id)), trace.time_steps
    if steps < 1:
        raise CountError(f"expected 1 or more time steps, got {steps}")
    for what, found, expected in _checks(trace, n):
        if len(found) != len(expected) or any(e not in (None, f) for f, e in zip(found, expected, strict=True)):
            raise CountError(f"{what}: expected the shape {_told(expected)}, got {_told(found)}")
    layers: tuple[SynapticLayer | NeuronLayer | ElementwiseOp, ...] = (
        *trace.synaptic,
        *trace.neurons,
        *trace.elementwise,
    )
    for layer in layers:
        if not 1 <= layer.steps <= steps:
            raise CountError(f"{layer.name}: expected 1 to {steps} steps, got {layer.steps}")
    for part in (*layers, trace.model):
        for f in fields(part):
            value = getattr(part, f.name)
            numbers = value if isinstance(value, tuple) else (value,)
            if any(isinstance(number, int) and number < 0 for number in numbers):
                raise CountError(f"{part.name}.{f.name}: expected 0 or more, got {value}")


def _checks(trace: Trace, n: int) -> Iterator[_Check]:
    for name in ("id", "target", "group_id", "valid_steps", "batch"):
        yield f"samples.{name}", getattr(trace.samples, name).shape, (n,)
    yield from _output(trace.output, trace.time_steps, n)
    for layer in trace.synaptic:
        yield from _synaptic(layer, n)
    for neuron in trace.neurons:
        yield from _neurons(neuron, n)
    for op in trace.elementwise:
        if op.effective_TN is not None:
            yield f"{op.name}.effective", op.effective_TN.shape, (None, n if op.effective_TN.shape[-1:] != (1,) else 1)
    if trace.input_events_TN is not None:
        yield "input_events", trace.input_events_TN.shape, (None, n)


def _output(output: Output, steps: int, n: int) -> Iterator[_Check]:
    if output.readout_TNK is not None:
        yield "the readout", output.readout_TNK.shape, (1 if output.kind == "final" else steps, n, None)
    if output.summary is not None:
        yield "the five largest", output.summary.top5_TN5.shape, (None, n, None)
        for name in ("target_value_TN", "entropy_TN", "max_probability_TN"):
            yield name, getattr(output.summary, name).shape, (None, n)


def _synaptic(layer: SynapticLayer, n: int) -> Iterator[_Check]:
    columns, name = n if layer.attributed else 1, f"layer {layer.name}"
    rows = (len(layer.partner_levels) + 1,) if layer.partner_levels is not None and layer.partner_levels.ndim else ()
    steps = layer.inputs_VTN.shape[-2] if layer.inputs_VTN.ndim == 3 else None
    yield f"{name}: levels", layer.levels.shape, (None,)
    levels = len(np.atleast_1d(layer.levels)) + 1
    yield f"{name}: inputs", layer.inputs_VTN.shape, (levels, None, columns)
    for counts in (layer.ops_VTN, layer.structural_ops_VTN):
        if counts is not None:
            yield f"{name}: operations", counts.shape, (levels, *rows, steps, columns)
    yield f"{name}: weighted operations", layer.ops_weighted_TN.shape, (steps, columns)
    yield f"{name}: sums of inputs", layer.input_sum_TN.shape, (steps, columns)
    if layer.kind.startswith("conv"):
        axes = len(layer.kernel)
        yield f"{name}: weights", layer.weight_shape, (None, None, *layer.kernel)
        yield f"{name}: stride", layer.stride or (1,) * axes, (None,) * axes


def _neurons(layer: NeuronLayer, n: int) -> Iterator[_Check]:
    columns = 1 if layer.spikes_TN.shape[-1:] == (1,) else n
    yield f"neurons {layer.name}: spikes", layer.spikes_TN.shape, (None, columns)
    lead = (layer.spikes_TN.shape[0],) if layer.per_step_map and layer.spikes_TN.ndim else ()
    yield f"neurons {layer.name}: spikes of each", layer.per_neuron.shape, (*lead, *layer.shape)


def check_classes(trace: Trace) -> None:
    """Raise CountError unless the class of every sample is one the readout has."""
    samples, output = trace.samples, trace.output
    known = output.classes if output.readout_TNK is None else output.readout_TNK.shape[-1]
    if len(samples) and known and not 0 <= samples.target.min() <= samples.target.max() < known:
        raise CountError(f"samples.target: expected classes 0 … {known - 1}, got {_range(samples.target)}")


def _range(values: Any) -> str:
    return f"{values.min()} … {values.max()}"


def _told(shape: tuple[int | None, ...]) -> str:
    return "[" + ",".join("?" if size is None else str(size) for size in shape) + "]"
