"""Spikes: how many, where, when, how unevenly; firing rates of the LSFR family; what never fires."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snn_eval.errors import RefusedError
from snn_eval.metrics.metric import Derived, MetricFunction, Value
from snn_eval.trace import NeuronLayer, Trace

__all__ = [
    "NETWORK_ROLES",
    "LayerRates",
    "firing_rates",
    "input_events",
    "lasfr",
    "lsfr",
    "nasfr",
    "nsfr",
    "silent_channels",
    "silent_layers",
    "silent_neurons",
    "spike_count",
    "spike_count_by_class",
    "spike_quantile",
    "spikes_per_sample",
    "spiking_layers",
]

Int = NDArray[np.int64]

NETWORK_ROLES = ("hidden", "output")
"""Roles that make the network's spike count and firing rate; gates and encoders are counted apart."""


def spiking_layers(trace: Trace, roles: Sequence[str] = NETWORK_ROLES) -> list[NeuronLayer]:
    """Neuron layers with a threshold, of these roles."""
    return [layer for layer in trace.neurons if layer.has_threshold and layer.role in roles]


def _required(trace: Trace, roles: Sequence[str], what: str) -> list[NeuronLayer]:
    layers = spiking_layers(trace, roles)
    if not layers:
        raise RefusedError(f"{what} needs a spiking layer of role {' or '.join(roles)}, but the network has none")
    return layers


def _attributed(layer: NeuronLayer, samples: int, what: str) -> Int:
    if layer.spikes_TN.shape[-1] != samples:
        raise RefusedError(f"{what} needs samples told apart, but layer {layer.name} has only the set's sum")
    return layer.spikes_TN


def spikes_per_sample(trace: Trace, roles: Sequence[str] = NETWORK_ROLES) -> Int:
    """Spikes of each sample over all steps and layers of these roles, ``[N]``.

    Raises:
        RefusedError: no such layer, or a layer whose samples could not be told apart.
    """
    n = len(trace.samples)
    layers = _required(trace, roles, "spikes per sample")
    total: Int = np.sum([_attributed(layer, n, "spikes per sample").sum(axis=0) for layer in layers], axis=0)
    return total


def spike_count(*roles: str) -> MetricFunction:
    """Metric: Σ spikes ÷ N over layers of these roles; by layer too where all roles of the network are meant."""

    def function(derived: Derived) -> Iterator[Value]:
        trace = derived.trace
        n = len(trace.samples)
        layers = spiking_layers(trace, roles)
        if layers:
            yield Value(sum(int(x.spikes_TN.sum()) for x in layers) / n, n=n)
        if roles == NETWORK_ROLES:
            for layer in spiking_layers(trace, ("hidden", "output", "gate", "encoder")):
                yield Value(int(layer.spikes_TN.sum()) / n, f"layer:{layer.name}", n=n)

    return function


def spike_count_by_class(derived: Derived) -> Iterator[Value]:
    """Mean spikes of a sample of each class."""
    spikes, target = spikes_per_sample(derived.trace), derived.trace.samples.target
    for k in np.unique(target):
        mine = spikes[target == k]
        yield Value(int(mine.sum()) / len(mine), f"class:{k}", n=len(mine))


def spike_quantile(q: float) -> MetricFunction:
    """Metric: the smallest count that at least a share q of the samples does not exceed."""

    def function(derived: Derived) -> Iterator[Value]:
        spikes = spikes_per_sample(derived.trace)
        yield Value(int(np.quantile(spikes, q, method="inverted_cdf")), n=len(spikes))

    return function


def input_events(derived: Derived) -> Iterator[Value]:
    """Nonzero values of the network's own event input ÷ N."""
    events = derived.trace.input_events_TN
    if events is not None:
        n = len(derived.trace.samples)
        yield Value(int(events.sum()) / n, n=n)


@dataclass(frozen=True, slots=True)
class LayerRates:
    """Spikes ``[T_l]`` of one layer in valid steps, and the neurons · samples that could have fired, ``[T_l]``."""

    name: str
    role: str
    spikes_T: Int
    chances_T: Int


def firing_rates(trace: Trace, roles: Sequence[str] = NETWORK_ROLES) -> list[LayerRates]:
    """Spikes and chances to spike of each layer and step, over the valid steps of all samples.

    chances[l,t] = n_l · #{n : t ≤ valid_steps[n]}; where all steps are valid, n_l · N.

    Raises:
        RefusedError: samples have fewer valid steps than T and a layer cannot tell its samples apart.
    """
    valid = trace.samples.valid_steps
    rates = []
    for layer in spiking_layers(trace, roles):
        steps = np.arange(layer.steps)[:, None]
        inside = steps < np.clip(valid, 1, None)
        if inside.all():
            spikes = layer.spikes_TN.sum(axis=1)
        else:
            spikes = np.where(inside, _attributed(layer, len(valid), "a firing rate over valid steps"), 0).sum(axis=1)
        rates.append(LayerRates(layer.name, layer.role, spikes, inside.sum(axis=1) * layer.neurons))
    return rates


ALL_ROLES = ("hidden", "output", "gate", "encoder")


def lsfr(derived: Derived) -> Iterator[Value]:
    """LSFR[l,t] = Σ_n spikes[l,t,n] ÷ chances[l,t]; steps no sample reaches have no rate."""
    for rates in firing_rates(derived.trace, ALL_ROLES):
        for t, (spikes, chances) in enumerate(zip(rates.spikes_T, rates.chances_T, strict=True), start=1):
            if chances:
                yield Value(int(spikes) / int(chances), f"layer:{rates.name}/step:{t}")


def lasfr(derived: Derived) -> Iterator[Value]:
    """LASFR[l] = Σ_t,n spikes[l,t,n] ÷ (n_l · Σ_n valid_steps[n])."""
    for rates in firing_rates(derived.trace, ALL_ROLES):
        yield Value(int(rates.spikes_T.sum()) / int(rates.chances_T.sum()), f"layer:{rates.name}")


def nsfr(derived: Derived) -> Iterator[Value]:
    """NSFR[t] = Σ_l spikes[l,t] ÷ Σ_l chances[l,t] over roles hidden and output: neuron-weighted."""
    _required(derived.trace, NETWORK_ROLES, "nsfr")
    rates = firing_rates(derived.trace)
    for t in range(derived.trace.time_steps):
        there = [r for r in rates if t < len(r.spikes_T)]
        chances = sum(int(r.chances_T[t]) for r in there)
        if chances:
            yield Value(sum(int(r.spikes_T[t]) for r in there) / chances, f"step:{t + 1}")


def nasfr(*roles: str) -> MetricFunction:
    """Metric: NASFR = Σ spikes ÷ (Σ_n valid_steps[n] · Σ_l n_l) over layers of these roles."""

    def function(derived: Derived) -> Iterator[Value]:
        rates = firing_rates(derived.trace, roles)
        if roles == NETWORK_ROLES:
            _required(derived.trace, roles, "nasfr")
        if rates:
            yield Value(sum(int(r.spikes_T.sum()) for r in rates) / sum(int(r.chances_T.sum()) for r in rates))

    return function


def _ever_fired(layer: NeuronLayer) -> NDArray[np.bool_]:
    """Whether each neuron fired at all, ``[*shape]``."""
    return np.asarray(layer.per_neuron.any(axis=0) if layer.per_step_map else layer.per_neuron > 0)


def silent_neurons(derived: Derived) -> Iterator[Value]:
    """Neurons without a spike on the whole set ÷ neurons."""
    layers = _required(derived.trace, NETWORK_ROLES, "silent neurons")
    silent = {layer.name: layer.neurons - int(_ever_fired(layer).sum()) for layer in layers}
    yield Value(sum(silent.values()) / sum(layer.neurons for layer in layers))
    for layer in layers:
        yield Value(silent[layer.name] / layer.neurons, f"layer:{layer.name}")


def silent_channels(derived: Derived) -> Iterator[Value]:
    """Channels (first axis of layers with at least two) all of whose neurons are silent ÷ channels."""
    layers = [x for x in _required(derived.trace, NETWORK_ROLES, "silent channels") if len(x.shape) >= 2]
    silent = {}
    for layer in layers:
        fired = _ever_fired(layer)
        silent[layer.name] = int((~fired.reshape(len(fired), -1).any(axis=1)).sum())
    if layers:
        yield Value(sum(silent.values()) / sum(layer.shape[0] for layer in layers))
    for layer in layers:
        yield Value(silent[layer.name] / layer.shape[0], f"layer:{layer.name}")


def silent_layers(derived: Derived) -> Iterator[Value]:
    """Number of layers without a spike on the whole set."""
    yield Value(sum(not layer.spikes_TN.any() for layer in _required(derived.trace, NETWORK_ROLES, "silent layers")))
