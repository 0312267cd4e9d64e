"""What has to be computed, by layer, component and kind of operation: the common form of all that costs energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn_eval.errors import RefusedError
from snn_eval.trace import ElementwiseOp, NeuronLayer, SynapticLayer, Trace

__all__ = [
    "KINDS",
    "SYNAPTIC",
    "Work",
    "elementwise_work",
    "neuron_work",
    "other_work",
    "positions",
    "require_known",
    "totals",
]

Counts = NDArray[Any]

KINDS = ("ac", "mac", "mul", "add", "compare", "exponential")
"""Kinds of operations an energy model may price."""

SYNAPTIC = "synaptic"
"""Component of the operations of synaptic layers; every other component belongs to ``total`` only."""


@dataclass(frozen=True, slots=True)
class Work:
    """Operations of one layer or element-wise operation.

    Attributes:
        name: layer or operation.
        component: ``synaptic``, ``neuron``, ``bias``, ``norm``, ``pool``, ``residual_add``, ``gate``, …
        counts: for each kind in ``KINDS`` that occurs, ``[T_l,N]``; ``[T_l,1]`` where ``attributed`` is False.
        attributed: False where the counts are sums over all samples.
    """

    name: str
    component: str
    counts: Mapping[str, Counts] = field(default_factory=dict)
    attributed: bool = True

    def total(self, kind: str) -> int | float:
        """Operations of this kind over all steps and samples; exact for integer counts."""
        counts = self.counts.get(kind)
        if counts is None:
            return 0
        if counts.strides[1] == 0 and self.attributed:  # one number for every sample: no need to read N of them
            return _number(counts[:, :1].sum()) * int(counts.shape[1])
        return _number(counts.sum())

    def per_sample(self, kind: str) -> Counts:
        """Operations of this kind in each step of each sample, ``[T_l,N]``.

        Raises:
            RefusedError: the layer's samples could not be told apart.
        """
        if not self.attributed:
            raise RefusedError(
                f"per-sample counts need samples told apart, but layer {self.name} has only the set's sum"
            )
        return self.counts.get(kind, np.zeros((1, 1), np.int64))


def other_work(trace: Trace, *, dense: bool = False) -> list[Work]:
    """Everything but synaptic operations: neuron updates, bias (norm fused) and element-wise operations.

    Args:
        trace: the trace.
        dense: count positions of residual additions and gates where an operand is zero, too.

    Raises:
        RefusedError: a neuron layer whose model, hence the cost of an update, is unknown.
    """
    samples = len(trace.samples)
    layers = {layer.name: layer for layer in trace.synaptic}
    return [
        *(neuron_work(layer, samples) for layer in trace.neurons),
        *(elementwise_work(op, samples, layers, dense=dense) for op in trace.elementwise),
    ]


def neuron_work(layer: NeuronLayer, samples: int) -> Work:
    """Updates of a neuron layer: n_l · (mul, add, compare) in each of the T_l steps of each sample, spikes or not.

    Raises:
        RefusedError: the neuron's model is unknown.
    """
    require_known(layer, "energy total needs the operations of a neuron update")
    per_step = {"mul": layer.mul, "add": layer.add, "compare": layer.compare}
    return Work(
        layer.name, "neuron", _constant({k: v * layer.neurons for k, v in per_step.items()}, layer.steps, samples)
    )


def require_known(layer: NeuronLayer, need: str) -> None:
    """Raise RefusedError, naming the layer, where the neuron's model is unknown: its cost is not 0."""
    if layer.model == "unknown":
        raise RefusedError(
            f"{need}, but the model of neuron layer {layer.name} is unknown; state its cost with neurons= of adapt()"
        )


def positions(op: ElementwiseOp) -> int:
    """Elements an element-wise operation works on in one step: the greatest common divisor of its counts.

    (An OR gate, p + q − p·q, has 1 mul and 2 add an element; batch norm 1 mul and 1 add; layer norm 3 and 4.)
    """
    return gcd(op.mul, op.add, op.compare, op.exponentials)


def elementwise_work(
    op: ElementwiseOp, samples: int, layers: Mapping[str, SynapticLayer], *, dense: bool = False
) -> Work:
    """Operations of one element-wise operation.

    A norm fused into a synaptic layer costs its bias only: one addition an output, none where the layer has a
    bias already. Residual additions and gates cost their effective positions (both operands nonzero), unless ``dense``.
    """
    if op.fused_into is not None:
        layer = layers.get(op.fused_into)
        add = 0 if layer is not None and layer.bias else positions(op)
        return Work(op.name, "bias", _constant({"add": add}, op.steps, samples))
    per_step = {"mul": op.mul, "add": op.add, "compare": op.compare, "exponential": op.exponentials}
    if op.effective_TN is None or dense:
        return Work(op.name, op.kind, _constant(per_step, op.steps, samples))
    each = positions(op)
    counts = {k: op.effective_TN * v // each for k, v in per_step.items() if v}
    return Work(op.name, op.kind, counts, attributed=op.effective_TN.shape[-1] == samples)


def _constant(per_step: Mapping[str, int], steps: int, samples: int) -> dict[str, Counts]:
    """The same count in every step of every sample (a view of one number, not N of them)."""
    return {kind: np.broadcast_to(np.int64(count), (steps, samples)) for kind, count in per_step.items() if count}


def _number(value: Any) -> int | float:
    return int(value) if np.asarray(value).dtype.kind in "iu" else float(value)


def totals(work: Sequence[Work], component: str | None = None) -> dict[str, int | float]:
    """Operations of each kind over all steps, samples and layers (of one component)."""
    chosen = [w for w in work if component is None or w.component == component]
    return {kind: sum(w.total(kind) for w in chosen) for kind in KINDS}
