"""Conventions that multiply dense operations by a firing rate, as papers and older tools do."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn_eval.energy.work import SYNAPTIC, Work, positions
from snn_eval.errors import RefusedError
from snn_eval.trace import SynapticLayer, Trace

__all__ = ["constant", "orrc", "rate_flops", "syops_counter"]


def constant(layer: SynapticLayer, trace: Trace, **per_step: int) -> Work:
    """The same operations in every executed step of every sample."""
    shape = (layer.steps, len(trace.samples))
    counts: dict[str, NDArray[Any]] = {k: np.broadcast_to(np.int64(v), shape) for k, v in per_step.items()}
    return Work(layer.name, SYNAPTIC, counts)


def _rate(layer: SynapticLayer, inputs_TN: NDArray[Any], ops: int) -> NDArray[np.float64]:
    """Share of active inputs times the operations of one step, ``[T,N]``; their sum is mean rate · dense operations."""
    if layer.inputs_per_step == 0:
        raise RefusedError(f"a rate needs the number of inputs of layer {layer.name}, got 0")
    return np.asarray(inputs_TN * (ops / layer.inputs_per_step), np.float64)


def syops_counter(trace: Trace) -> list[Work]:
    """Rate · dense for layers with at most two input values in [0, 1]; the rate is the mean input, as in the peer."""
    work = []
    for layer in trace.synaptic:
        if layer.kind not in ("conv", "conv_transpose", "linear"):
            continue
        seen = np.asarray(layer.inputs_VTN.any(axis=(1, 2)))
        values = layer.levels[seen[:-1]]
        elements = layer.inputs_per_step * layer.steps * len(trace.samples)
        distinct = len(values) + int(layer.inputs_VTN.sum() < elements)  # zero is a value
        if not seen[-1] and distinct <= 2 and bool(np.all((values >= 0) & (values <= 1))):
            ac = _rate(layer, layer.input_sum_TN, layer.dense_ops_with_border)
            work.append(Work(layer.name, SYNAPTIC, {"ac": ac}, layer.attributed))
        else:
            work.append(constant(layer, trace, mac=layer.dense_ops_with_border))
    return work


def _first_layers(trace: Trace) -> set[str]:
    """Layers on the network's own input; the first called where none is marked."""
    own = {layer.name for layer in trace.synaptic if layer.source != "hidden"}
    return own or {layer.name for layer in trace.synaptic[:1]}


def rate_flops(trace: Trace) -> list[Work]:
    """Firing rate · T · FLOPs; the first layer is MAC (with the share of nonzero pixels where its input is events)."""
    first, work = _first_layers(trace), []
    for layer in trace.synaptic:
        if layer.name in first and layer.source == "real":
            work.append(constant(layer, trace, mac=layer.dense_ops_with_border))
            continue
        counts = _rate(layer, layer.inputs_VTN.sum(axis=0), layer.dense_ops_with_border)
        kind = "mac" if layer.name in first else "ac"
        work.append(Work(layer.name, SYNAPTIC, {kind: counts}, layer.attributed))
    return work


def orrc(trace: Trace) -> list[Work]:
    """(fan-in − 1) · outputs · rate, the first layer without rate; one MAC a norm output; pool compares as AC."""
    first, work = _first_layers(trace), []
    for layer in trace.synaptic:
        if layer.kind not in ("conv", "linear"):
            raise RefusedError(
                f"convention orrc is defined for convolutions and linear layers, got {layer.kind} {layer.name}"
            )
        outputs = int(np.prod(layer.output_shape, dtype=np.int64))
        ops = layer.dense_ops_with_border - outputs
        if layer.kind == "linear":
            work.append(constant(layer, trace, mac=layer.dense_ops))
        elif layer.name in first:
            work.append(constant(layer, trace, mac=ops))
        else:
            counts = _rate(layer, layer.inputs_VTN.sum(axis=0), ops)
            work.append(Work(layer.name, SYNAPTIC, {"ac": counts}, layer.attributed))
    for op in trace.elementwise:
        terms = {"mac": positions(op)} if op.kind == "norm" else {"ac": op.compare} if op.kind == "pool" else {}
        shape = (op.steps, len(trace.samples))
        if any(terms.values()):
            work.append(Work(op.name, SYNAPTIC, {k: np.broadcast_to(np.int64(v), shape) for k, v in terms.items()}))
    return work
