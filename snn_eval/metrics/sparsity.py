"""Sparsity of activations and of connections, and the size of the network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from snn_eval.energy.work import require_known
from snn_eval.errors import RefusedError
from snn_eval.metrics.firing import spiking_layers
from snn_eval.metrics.metric import Derived, MetricFunction, Value
from snn_eval.trace import SynapticLayer, Trace

__all__ = [
    "activation_sparsity",
    "connection_sparsity",
    "input_sparsity",
    "model_fact",
    "peak_memory",
    "state_bytes",
    "wall_time",
    "weighted_layers",
]


def _zeros(nonzero: int, of: int) -> float:
    """Share of zeros; exact integers until the one division."""
    return (of - nonzero) / of


def activation_sparsity(derived: Derived) -> Iterator[Value]:
    """1 − nonzero outputs ÷ outputs of spiking layers (hidden, output), over all executed steps and samples."""
    layers = spiking_layers(derived.trace)
    if not layers:
        raise RefusedError("activation sparsity needs a spiking layer, but the network has none; see input_sparsity")
    n = len(derived.trace.samples)
    chances = {layer.name: n * layer.steps * layer.neurons for layer in layers}
    spikes = {layer.name: int(layer.spikes_TN.sum()) for layer in layers}
    yield Value(_zeros(sum(spikes.values()), sum(chances.values())))
    for name, count in spikes.items():
        yield Value(_zeros(count, chances[name]), f"layer:{name}")


def input_sparsity(derived: Derived) -> Iterator[Value]:
    """1 − nonzero inputs ÷ inputs of synaptic layers, over all executed steps and samples; own input apart."""
    n = len(derived.trace.samples)
    layers = [layer for layer in derived.trace.synaptic if layer.inputs_per_step]
    chances = {layer.name: n * layer.steps * layer.inputs_per_step for layer in layers}
    active = {layer.name: int(layer.inputs_VTN.sum()) for layer in layers}
    hidden = [layer.name for layer in layers if layer.source == "hidden"]
    if hidden:
        yield Value(_zeros(sum(active[k] for k in hidden), sum(chances[k] for k in hidden)))
    for name, count in active.items():
        yield Value(_zeros(count, chances[name]), f"layer:{name}")


def weighted_layers(trace: Trace) -> list[SynapticLayer]:
    """Synaptic layers with weights, each once (``name#2`` is a second call of ``name``)."""
    return list({layer.name.split("#")[0]: layer for layer in reversed(trace.synaptic) if layer.weight_count}.values())[
        ::-1
    ]


def connection_sparsity(derived: Derived) -> Iterator[Value]:
    """Weights that are exactly zero ÷ weights of synaptic layers; bias and norm not included."""
    layers = weighted_layers(derived.trace)
    if not layers:
        raise RefusedError("connection sparsity needs a layer with weights, but the network has none")
    yield Value(_zeros(sum(x.nonzero_weights for x in layers), sum(x.weight_count for x in layers)))
    for layer in layers:
        yield Value(_zeros(layer.nonzero_weights, layer.weight_count), f"layer:{layer.name.split('#')[0]}")


def model_fact(*names: str) -> MetricFunction:
    """Metric: the sum of these facts of the network."""

    def function(derived: Derived) -> Iterator[Value]:
        yield Value(sum(int(getattr(derived.trace.model, name)) for name in names))

    return function


def state_bytes(derived: Derived) -> Iterator[Value]:
    """Bytes of neuron state of one sample.

    Raises:
        RefusedError: neurons of an unknown model, hence of unknown state.
    """
    for layer in derived.trace.neurons:
        require_known(layer, "state bytes needs the states of every neuron")
    yield Value(derived.trace.model.state_bytes)


def wall_time(derived: Derived) -> Iterator[Value]:
    """Median over warm chunks of the bare forward pass's seconds ÷ the chunk's samples (advisory)."""
    facts = derived.trace.facts
    if not facts.bare_forward_s:
        raise RefusedError("wall time needs chunks run bare, but none was timed (timed_chunks is 0)")
    yield Value(float(np.median(facts.bare_forward_s)), n=len(facts.bare_forward_s))


def peak_memory(derived: Derived) -> Iterator[Value]:
    """Largest memory of the process during the pass (advisory); no value where it was not read."""
    if derived.trace.facts.peak_memory_bytes:
        yield Value(derived.trace.facts.peak_memory_bytes)
