"""What a reader must know of single layers beside their numbers: what was folded, skipped, silent or not told apart."""

from __future__ import annotations

from collections.abc import Sequence

from snn_eval.metrics import classify
from snn_eval.report.format import value_with_unit
from snn_eval.trace import ElementwiseOp, NeuronLayer, SynapticLayer, Trace
from snn_eval.units import RATIO

__all__ = ["Layer", "layer_notes", "remarks"]

Layer = SynapticLayer | NeuronLayer | ElementwiseOp


def layer_notes(trace: Trace) -> list[str]:
    """What a reader must know of single layers, one line a remark; the remarks of each are in ``layers.csv``."""
    layers: list[Layer] = [*trace.synaptic, *trace.neurons]
    pruned = [layer for layer in trace.synaptic if layer.nonzero_weights < layer.weight_count]
    found: dict[str, list[str]] = {}
    for layer in layers:
        for remark in remarks(layer):
            told = _zero_weights(*pruned) if remark.endswith(_SKIPPED) else remark
            found.setdefault(told, []).append(layer.name)
    return [f"{_named(names)}: {remark}" for remark, names in found.items()]


_SKIPPED = "of weights are zero and skipped"
_MOST_NAMES = 4


def _named(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"layer {names[0]}"
    if len(names) <= _MOST_NAMES:
        return f"layers {', '.join(names)}"
    return f"layers {', '.join(names[: _MOST_NAMES - 1])} and {len(names) - _MOST_NAMES + 1} others"


def _zero_weights(*layers: SynapticLayer) -> str:
    shares = [1 - layer.nonzero_weights / layer.weight_count for layer in layers]
    low, high = (value_with_unit(share, RATIO) for share in (min(shares), max(shares)))
    return f"{low} {_SKIPPED}" if low == high else f"{low.removesuffix(' %')} to {high} {_SKIPPED}"


def remarks(layer: Layer) -> list[str]:
    """What must be known of this layer."""
    if isinstance(layer, SynapticLayer):
        return list(_synaptic_remarks(layer))
    if isinstance(layer, NeuronLayer):
        return list(_neuron_remarks(layer))
    if isinstance(layer, ElementwiseOp) and layer.fused_into is not None:
        return [f"folded into {layer.fused_into}"]
    return []


def _neuron_remarks(layer: NeuronLayer) -> Sequence[str]:
    found = []
    if not layer.has_threshold:
        found.append("no threshold: its outputs are not spikes")
    elif not layer.spikes_TN.any():
        found.append("never fires")
    if layer.model == "unknown":
        found.append("its neuron model is unknown: updates are not in any energy")
    return found


def _synaptic_remarks(layer: SynapticLayer) -> Sequence[str]:
    found = []
    classes = classify(layer)
    operands = {"inputs": classes.left}
    if classes.right is not None:
        operands = {"values of the left operand": classes.left, "values of the right operand": classes.right}
    for which, operand in operands.items():
        if operand.quantum not in (None, 1.0):
            found.append(f"{which} are multiples of q = {operand.quantum:.6g}, folded into the weights")
    if layer.source == "hidden" and layer.inputs_VTN[-1].any():
        found.append("more than 16 input values, counted as real")
    if layer.schedule == "once":
        found.append("executed once for all steps")
    if layer.time_invariant:
        found.append("executed again at each step on the same static input")
    if layer.nonzero_weights < layer.weight_count:
        found.append(_zero_weights(layer))
    if not layer.attributed:
        found.append("samples could not be told apart: only the set's sum is known")
    return found
