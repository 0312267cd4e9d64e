"""Loops over all steps of a layer of :class:`DynamicLIF` at once, as :mod:`snn_eval.train.kernels` for the others."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from snn_eval.models.dynamic_lif import LEAKS

__all__ = [
    "ABOVE",
    "BLOCK",
    "HIGH",
    "LOW",
    "TRACE",
    "Dynamic",
    "Floats",
    "H",
    "V",
    "compiled",
    "forward",
    "run_step",
]

Floats = NDArray[np.float32]


class Dynamic(NamedTuple):
    """Values of a neuron, as in :class:`DynamicLIF`; ``rest`` = 1 − ρ, ``leak`` = λ0 + a, both in float32.

    ``adaptive``, ``synaptic``, ``leaky``: parts to run. ``moved``: one of a and b is other than 0, so that the charge
    is that with λ.
    """

    threshold: np.float32
    beta: np.float32
    rho: np.float32
    rest: np.float32
    tau: np.float32
    leak: np.float32
    leak_b: np.float32
    tau1: np.float32
    adaptive: bool
    synaptic: bool
    leaky: bool
    moved: bool
    hard: bool
    slope: np.float32
    height: np.float32


BLOCK = 1024
"""Neurons run through all steps together: their states of all steps fit into the second-level cache."""

LOW, HIGH = np.float32(LEAKS[0]), np.float32(LEAKS[1])

H, TRACE, V, ABOVE = range(4)
"""Rows of a block's states: synapse, trace of spikes, membrane after the reset, membrane less θ when it fires."""

compiled = numba.njit(nogil=True, error_model="numpy", cache=True)


@compiled  # type: ignore[untyped-decorator]
def _filter(x: Floats, before: Floats, after: Floats, tau1: float) -> None:
    """``h ← tau1·h + x``."""
    for i in range(len(x)):
        after[i] = tau1 * before[i] + x[i]


@compiled  # type: ignore[untyped-decorator]
def _adapt(above: Floats, before: Floats, after: Floats, theta: Floats, neuron: Dynamic) -> None:
    """``tr ← ρ·tr + (1 − ρ)·S`` with the spikes S of the step before, ``θ = θ0 + β·tr``."""
    threshold, beta, rho, rest = neuron[:4]
    one, zero = np.float32(1), np.float32(0)
    for i in range(len(before)):
        trace = rho * before[i] + rest * (one if above[i] >= zero else zero)
        after[i] = trace
        theta[i] = threshold + beta * trace


@compiled  # type: ignore[untyped-decorator]
def _charge(current: Floats, v: Floats, u: Floats, theta: Floats, neuron: Dynamic) -> None:
    """``u = λ·v + I/τ`` with the λ of its membrane, or ``u = v + (I − v)/τ``."""
    tau, leak, leak_b = neuron.tau, neuron.leak, neuron.leak_b
    if neuron.leaky and neuron.moved:
        for i in range(len(current)):
            kept = min(max(leak - leak_b / theta[i] * abs(v[i]), LOW), HIGH)
            u[i] = kept * v[i] + current[i] / tau
    else:
        for i in range(len(current)):
            u[i] = v[i] + (current[i] - v[i]) / tau


@compiled  # type: ignore[untyped-decorator]
def _fire(u: Floats, theta: Floats, above: Floats, spikes: Floats, hard: bool) -> None:
    """``above = u − θ``, ``S = 1 if above ≥ 0 else 0``; u is reset in place."""
    one, zero = np.float32(1), np.float32(0)
    for i in range(len(u)):
        a = u[i] - theta[i]
        spike = one if a >= zero else zero
        above[i], spikes[i] = a, spike
        u[i] = (one - spike) * u[i] if hard else u[i] - spike * theta[i]


@compiled  # type: ignore[untyped-decorator]
def run_step(x: Floats, before: Floats, after: Floats, theta: Floats, spikes: Floats, neuron: Dynamic) -> None:
    """One step of a block from its states ``before`` (rows as above) to ``after``; θ where it adapts and spikes."""
    count = len(x)
    current = x
    if neuron.synaptic:
        _filter(x, before[H, :count], after[H, :count], neuron.tau1)
        current = after[H, :count]
    if neuron.adaptive:
        _adapt(before[ABOVE, :count], before[TRACE, :count], after[TRACE, :count], theta, neuron)
    _charge(current, before[V, :count], after[V, :count], theta, neuron)
    _fire(after[V, :count], theta, after[ABOVE, :count], spikes, neuron.hard)


@compiled  # type: ignore[untyped-decorator]
def forward(x: Floats, step: int, spikes: Floats, size: int, neuron: Dynamic) -> None:
    """Spikes of all steps, from rest; arguments as in :func:`snn_eval.train.kernels.forward`."""
    states = np.empty((2, 4, BLOCK), np.float32)
    theta = np.full(BLOCK, neuron.threshold, np.float32)
    for start in range(0, size, BLOCK):
        count = min(BLOCK, size - start)
        states[0] = 0
        states[0, ABOVE] = -1
        for t in range(len(spikes) // size):
            here = t * size + start
            current = x[t * step + start : t * step + start + count]
            emitted = spikes[here : here + count]
            run_step(current, states[t % 2], states[(t + 1) % 2], theta[:count], emitted, neuron)
