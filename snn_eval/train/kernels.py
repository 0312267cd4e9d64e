"""Loops over all steps of a layer of neurons at once: each current is read once, membranes never leave the cache."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["Neuron", "backward", "forward"]

Floats = NDArray[np.float32]


class Neuron(NamedTuple):
    """Values of a neuron: θ, τ (infinite without a leak), whether the input decays too, reset to 0 rather than by
    subtraction of θ, no gradient through the reset, slope and height of the surrogate gradient.
    """

    threshold: np.float32
    tau: np.float32
    decays: bool
    hard: bool
    detached: bool
    slope: np.float32
    height: np.float32


_BLOCK = 1024
"""Neurons run through all steps together: T + 3 arrays of that many float32 fit into the first-level cache."""

_compiled = numba.njit(nogil=True, error_model="numpy", cache=True)


@_compiled  # type: ignore[untyped-decorator]
def _charge(x: Floats, v: Floats, above: Floats, neuron: Neuron) -> None:
    """One step: ``h = v − v/τ + x``, or ``v + (x − v)/τ`` where the input decays, ``above = h − θ``; v is reset."""
    threshold, tau, decays, hard = neuron[:4]
    one, zero = np.float32(1), np.float32(0)
    for i in range(len(x)):
        h = v[i] + (x[i] - v[i]) / tau if decays else v[i] - v[i] / tau + x[i]
        above[i] = h - threshold
        spike = one if h >= threshold else zero
        v[i] = (one - spike) * h if hard else h - spike * threshold


@_compiled  # type: ignore[untyped-decorator]
def _fire(x: Floats, v: Floats, spikes: Floats, neuron: Neuron) -> None:
    """The same with ``spikes = 1 if h ≥ θ else 0`` as its outcome."""
    threshold, tau, decays, hard = neuron[:4]
    one, zero = np.float32(1), np.float32(0)
    for i in range(len(x)):
        h = v[i] + (x[i] - v[i]) / tau if decays else v[i] - v[i] / tau + x[i]
        spike = one if h >= threshold else zero
        spikes[i] = spike
        v[i] = (one - spike) * h if hard else h - spike * threshold


@_compiled  # type: ignore[untyped-decorator]
def _unroll(g: Floats, above: Floats, e: Floats, out: Floats, neuron: Neuron) -> None:
    """One step backwards: ``d = g·σ'(h − θ) + e·dv/dh``, e being dL/dv of the step; then e of the step before.

    ``dL/dx = d``, or ``d/τ`` where the input decays.
    ``dv/dh = 1 − s`` for a hard reset and 1 for a soft one, and where the reset is not detached ``h·σ'`` or ``θ·σ'``
    less.
    """
    threshold, tau, decays, hard, detached, slope, height = neuron
    one, zero = np.float32(1), np.float32(0)
    for i in range(len(g)):
        z = slope * above[i]
        sigma = one / (one + z * z) * height
        through = (zero if above[i] >= zero else one) if hard else one
        if not detached:
            through -= ((above[i] + threshold) if hard else threshold) * sigma
        d = g[i] * sigma + through * e[i]
        out[i] = d / tau if decays else d
        e[i] = d - d / tau


@_compiled  # type: ignore[untyped-decorator]
def forward(x: Floats, step: int, spikes: Floats, size: int, neuron: Neuron) -> None:
    """Spikes of all steps, from membranes at 0.

    Args:
        x: currents, flat; step t begins at ``t·step`` (``step`` 0: the same current at every step).
        step: see above.
        spikes: ``[T·size]``, written.
        size: neurons × samples of one step.
        neuron: its values.
    """
    v = np.empty(_BLOCK, np.float32)
    for start in range(0, size, _BLOCK):
        count = min(_BLOCK, size - start)
        v[:] = 0
        for t in range(len(spikes) // size):
            here = t * size + start
            current = x[t * step + start : t * step + start + count]
            _fire(current, v, spikes[here : here + count], neuron)


@_compiled  # type: ignore[untyped-decorator]
def backward(g: Floats, x: Floats, step: int, out: Floats, size: int, neuron: Neuron) -> None:
    """Gradient of the currents ``out [T·size]`` from the gradient of the spikes ``g [T·size]``.

    Surrogate: ``σ'(u) = height ÷ (1 + (slope·u)²)``, the derivative of an arctangent with slope ``π/2·α`` and height
    ``α/2``. Other arguments as in :func:`forward`. Membranes are computed again, which costs less than keeping them.
    """
    steps = len(g) // size
    above = np.empty((steps, _BLOCK), np.float32)
    v, e = np.empty(_BLOCK, np.float32), np.empty(_BLOCK, np.float32)
    for start in range(0, size, _BLOCK):
        count = min(_BLOCK, size - start)
        v[:], e[:] = 0, 0
        for t in range(steps):
            current = x[t * step + start : t * step + start + count]
            _charge(current, v, above[t], neuron)
        for t in range(steps - 1, -1, -1):
            here = t * size + start
            _unroll(g[here : here + count], above[t], e, out[here : here + count], neuron)
