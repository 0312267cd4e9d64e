"""What a network has spent up to and including each step, per sample: what stopping early is compared by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn_eval.energy.model import EnergyModel, energy_pj_per_step
from snn_eval.errors import RefusedError
from snn_eval.metrics.firing import spikes_per_sample, spiking_layers
from snn_eval.metrics.metric import Derived
from snn_eval.trace import Trace

__all__ = ["Spent", "spent_by_step"]


@dataclass(frozen=True, slots=True)
class Spent:
    """What is spent up to and including each step, ``[T,N]`` each; a layer executed once is charged at the first.

    ``spikes`` is None in a network without spiking layers (``neurons`` is then 0), the energies (pJ) where no energy
    model was given.
    """

    time_steps: int
    ac: NDArray[Any]
    mac: NDArray[Any]
    neurons: int
    spikes: NDArray[Any] | None
    synaptic_pj: NDArray[Any] | None = None
    total_pj: NDArray[Any] | None = None


def spent_by_step(trace: Trace, model: EnergyModel | None, convention: str = "exact") -> Spent:
    """Spikes, operations under the convention, and energy under the model (of kind ``compute``; None: no energies).

    Raises:
        RefusedError: a layer's samples could not be told apart, or the model is of another kind.
        CountError: a kind of operation that occurs has no cost.
    """
    derived = Derived(trace)
    steps, n = trace.time_steps, len(trace.samples)
    layers = spiking_layers(trace)
    spikes = None
    if layers:
        spikes_per_sample(trace)  # refuses where samples cannot be told apart
        spikes = _cumulative([layer.spikes_TN for layer in layers], steps, n)
    work = derived.operations(convention)
    ac, mac = (_cumulative([w.per_sample(k) for w in work], steps, n) for k in ("ac", "mac"))
    neurons = sum(layer.neurons for layer in layers)
    if model is None:
        return Spent(steps, ac, mac, neurons, spikes)
    if model.kind != "compute":
        raise RefusedError(f"energy up to an early exit needs an energy model of kind compute, got {model.name}")
    synaptic, total = energy_pj_per_step(derived.all_work(convention), model, steps)
    return Spent(steps, ac, mac, neurons, spikes, synaptic, total)


def _cumulative(counts: Sequence[NDArray[Any]], time_steps: int, samples: int) -> NDArray[Any]:
    """Sum over layers of ``[T_l,N]`` counts up to and including each step, ``[T,N]``; T_l = 1 charged at the first."""
    total = np.zeros((time_steps, samples))
    for per_step in counts:
        total[: len(per_step)] += per_step
    return np.asarray(np.cumsum(total, axis=0))
