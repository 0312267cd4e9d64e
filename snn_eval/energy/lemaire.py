"""Lemaire et al. 2022: energy of operations, addressing and memory traffic, from the counts of a trace alone."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod

import numpy as np

from snn_eval.energy.model import EnergyModel
from snn_eval.energy.work import SYNAPTIC, require_known
from snn_eval.errors import RefusedError
from snn_eval.trace import NeuronLayer, SynapticLayer, Trace

__all__ = ["LEMAIRE_PARTS", "LemaireRow", "access_pj", "is_event_driven", "lemaire_energy"]

LEMAIRE_PARTS = ("operations", "addressing", "memory_weights", "memory_potential", "memory_inout")
"""Parts the energy is split into."""


@dataclass(frozen=True, slots=True)
class LemaireRow:
    """Energy in pJ of one layer over all samples, by part; ``component``: ``synaptic``, ``bias`` or ``neuron``."""

    name: str
    component: str
    operations: float = 0.0
    addressing: float = 0.0
    memory_weights: float = 0.0
    memory_potential: float = 0.0
    memory_inout: float = 0.0

    @property
    def energy_pj(self) -> float:
        """Sum of the parts."""
        return float(sum(getattr(self, part) for part in LEMAIRE_PARTS))


def access_pj(model: EnergyModel, words: int) -> float:
    """Energy of one access to an SRAM of this many words: linear between the table's points and beyond the last."""
    size = words * model.word_bytes
    x, y = model.sram_bytes, model.sram_pj
    if size > x[-1]:
        return y[-1] + (size - x[-1]) * (y[-1] - y[-2]) / (x[-1] - x[-2])
    return float(np.interp(size, x, y))


def is_event_driven(layer: SynapticLayer) -> bool:
    """Whether every nonzero input of the layer is a spike of value 1 (and the input is not declared real)."""
    seen = np.asarray(layer.inputs_VTN.any(axis=(1, 2)))
    return layer.source != "real" and not seen[-1] and bool(np.all(layer.levels[seen[:-1]] == 1.0))


def lemaire_energy(trace: Trace, model: EnergyModel) -> list[LemaireRow]:
    """Energy of every layer over all samples.

    With θ input spikes, F weights a spike meets in memory, n_in and n_out elements, D dense operations (border taps
    in), S executions (samples · T_l), and r(m) the energy of an access to an SRAM of m words:

    * layer of spikes: θ·F' additions (F' = C_out/g · Π ceil(k/s) for a convolution, else F); addressing θ·F additions
      and, for a convolution, 2θ MAC; weights θ·F·r(weights); potential 2·θ·F·r(n_out); input θ·r(n_in).
    * any other layer: D·S MAC; addressing (n_in + n_out [+ C_out·k])·S additions; weights D·S·r(weights); input
      D·S·r(n_in) for a convolution, n_in·S·r(n_in) else; output n_out·S·r(n_out) where the network has no neurons.
    * bias (norm fused): n_out·S additions and n_out·S·r(weights).
    * neurons: leak n·S MAC, reset one addition a spike, potential 2·n·S·r(n), output spikes·r(n).

    Raises:
        RefusedError: a product of two activations (the model has no formula), a layer whose shapes are not known, or
            neurons of an unknown model.

    Source: the paper's equations 1 to 17; memory costs as in ``tables/lemaire-2022.toml``.
    """
    rows = []
    fused = {op.fused_into for op in trace.elementwise if op.fused_into is not None}
    for layer in trace.synaptic:
        if layer.is_product:
            raise RefusedError(f"{model.name} has no formula for a product of two activations (layer {layer.name})")
        if layer.inputs_per_step == 0 or not layer.output_shape:
            raise RefusedError(
                f"{model.name} needs the input and output shape of layer {layer.name}; they are not in the trace"
            )
        runs = layer.steps * len(trace.samples)
        rows.append(_event_layer(layer, model) if is_event_driven(layer) else _dense_layer(layer, model, runs, trace))
        if layer.bias or layer.name in fused:
            uses = prod(layer.output_shape) * runs
            rows.append(
                LemaireRow(
                    layer.name,
                    "bias",
                    operations=uses * model.cost_pj("add", layer.name),
                    memory_weights=uses * access_pj(model, layer.weight_count),
                )
            )
    return rows + [_neurons(layer, model, layer.steps * len(trace.samples)) for layer in trace.neurons]


def _fan_out(layer: SynapticLayer) -> tuple[int, int]:
    """Weights one spike meets: as stored (F), and as added (F')."""
    if layer.kind == "conv":
        channels = layer.weight_shape[0] // layer.groups
        stride = layer.stride or (1,) * len(layer.kernel)
        return channels * prod(layer.kernel), channels * prod(
            ceil(k / s) for k, s in zip(layer.kernel, stride, strict=True)
        )
    if layer.kind == "conv_transpose":
        fan = layer.weight_shape[1] * prod(layer.kernel)
    else:
        fan = layer.dense_ops // layer.inputs_per_step
    return fan, fan


def _is_conv(layer: SynapticLayer) -> bool:
    return layer.kind.startswith("conv")


def _event_layer(layer: SynapticLayer, model: EnergyModel) -> LemaireRow:
    spikes = int(layer.inputs_VTN.sum())
    stored, added = _fan_out(layer)
    decode = 2 * spikes * model.cost_pj("mac", layer.name) if _is_conv(layer) else 0.0
    add = model.cost_pj("add", layer.name)
    return LemaireRow(
        layer.name,
        SYNAPTIC,
        operations=spikes * added * add,
        addressing=spikes * stored * add + decode,
        memory_weights=spikes * stored * access_pj(model, layer.weight_count),
        memory_potential=2 * spikes * stored * access_pj(model, prod(layer.output_shape)),
        memory_inout=spikes * access_pj(model, layer.inputs_per_step),
    )


def _dense_layer(layer: SynapticLayer, model: EnergyModel, runs: int, trace: Trace) -> LemaireRow:
    n_in, n_out = layer.inputs_per_step, prod(layer.output_shape)
    mac = layer.dense_ops_with_border * runs
    channels = layer.weight_shape[1] * layer.groups if layer.kind == "conv_transpose" else layer.weight_shape[0]
    taps = channels * prod(layer.kernel) if _is_conv(layer) else 0
    written = 0.0 if trace.neurons else n_out * runs * access_pj(model, n_out)
    return LemaireRow(
        layer.name,
        SYNAPTIC,
        operations=mac * model.cost_pj("mac", layer.name),
        addressing=(n_in + n_out + taps) * runs * model.cost_pj("add", layer.name),
        memory_weights=mac * access_pj(model, layer.weight_count),
        memory_inout=(mac if _is_conv(layer) else n_in * runs) * access_pj(model, n_in) + written,
    )


def _neurons(layer: NeuronLayer, model: EnergyModel, runs: int) -> LemaireRow:
    require_known(layer, f"{model.name} needs to know whether neurons leak")
    spikes = int(layer.spikes_TN.sum()) if layer.has_threshold else 0
    leak = layer.neurons * runs * model.cost_pj("mac", layer.name) if layer.mul else 0.0
    return LemaireRow(
        layer.name,
        "neuron",
        operations=leak + spikes * model.cost_pj("add", layer.name),
        memory_potential=2 * layer.neurons * runs * access_pj(model, layer.neurons),
        memory_inout=spikes * access_pj(model, layer.neurons),
    )
