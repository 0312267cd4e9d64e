"""The way back through all steps of a layer of :class:`DynamicLIF`: gradients of its currents and what it learns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from snn_eval.train.dynamic_kernels import ABOVE, BLOCK, HIGH, LOW, TRACE, Dynamic, Floats, H, V, compiled, run_step

__all__ = ["LEARNED", "backward"]

Sums = NDArray[np.float64]

LEARNED = 5
"""θ0, β, a, b, tau1: order of the sums that :func:`backward` gives."""


@compiled  # type: ignore[untyped-decorator]
def _unfire(g: Floats, above: Floats, trace_grad: Floats, e: Floats, theta_grad: Floats, neuron: Dynamic) -> None:
    """From ``e = dL/dv`` after the reset to ``dL/du`` before it, in place, and dL/dθ.

    The spike's gradient is ``g + (1 − ρ)·dL/dtr`` of the next step, times ``σ'(above)``.
    """
    rest, hard, slope, height = neuron.rest, neuron.hard, neuron.slope, neuron.height
    one, zero = np.float32(1), np.float32(0)
    for i in range(len(g)):
        z = slope * above[i]
        fired = (g[i] + rest * trace_grad[i]) * (one / (one + z * z) * height)
        theta_grad[i] = -fired
        e[i] = fired + ((zero if above[i] >= zero else one) if hard else one) * e[i]


@compiled  # type: ignore[untyped-decorator]
def _unleak(v: Floats, theta: Floats, e: Floats, leak_grad: Floats, neuron: Dynamic) -> None:
    """From dL/du to dL/dv of the step before, in place, and dL/dλ where λ is within its bounds, else 0."""
    leak, leak_b, zero = neuron.leak, neuron.leak_b, np.float32(0)
    for i in range(len(v)):
        size, share = abs(v[i]), leak_b / theta[i]
        free = leak - share * size
        kept = min(max(free, LOW), HIGH)
        grad = e[i] if free == kept else zero
        leak_grad[i] = grad * v[i]
        e[i] = kept * e[i] - grad * size * share


@compiled  # type: ignore[untyped-decorator]
def _unshare(
    v: Floats, theta: Floats, leak_grad: Floats, share_grad: Floats, theta_grad: Floats, leak_b: float
) -> None:
    """``-dL/db = dL/dλ·|v|/θ`` of each neuron, times b/θ its share in dL/dθ."""
    for i in range(len(v)):
        grad = leak_grad[i] * abs(v[i]) / theta[i]
        share_grad[i] = grad
        theta_grad[i] += grad * leak_b / theta[i]


@compiled  # type: ignore[untyped-decorator]
def _add(grad: Floats, sums: Sums) -> None:
    for i in range(len(grad)):
        sums[i] += grad[i]


@compiled  # type: ignore[untyped-decorator]
def _unadapt(trace: Floats, theta_grad: Floats, trace_grad: Floats, sums: Sums, neuron: Dynamic) -> None:
    """Joins dL/dθ to dL/dθ0 and dL/dβ; from dL/dtr of the next step to that of this one, in place."""
    for i in range(len(trace)):
        sums[0, i] += theta_grad[i]
        sums[1, i] += theta_grad[i] * trace[i]
        trace_grad[i] = neuron.beta * theta_grad[i] + neuron.rho * trace_grad[i]


@compiled  # type: ignore[untyped-decorator]
def _unfilter(before: Floats, out: Floats, synapse_grad: Floats, sums: Sums, tau1: float) -> None:
    """dL/dx = dL/dI + tau1·dL/dh of the next step, which is dL/dh of this one."""
    for i in range(len(before)):
        grad = out[i] + tau1 * synapse_grad[i]
        out[i], synapse_grad[i] = grad, grad
        sums[4, i] += grad * before[i]


@compiled  # type: ignore[untyped-decorator]
def _uncharge(e: Floats, out: Floats, tau: float, base: bool) -> None:
    """dL/dI = dL/du ÷ τ; without a λ of its own, dL/dv of the step before, in place."""
    for i in range(len(e)):
        out[i] = e[i] / tau
        if base:
            e[i] = e[i] - out[i]


@compiled  # type: ignore[untyped-decorator]
def _unroll(
    g: Floats,
    before: Floats,
    after: Floats,
    theta: Floats,
    grads: Floats,
    out: Floats,
    sums: Sums,
    neuron: Dynamic,
) -> None:
    """One step backwards; rows of ``grads``: dL/dv, dL/dtr, dL/dh (of the step after it at first), dL/dθ, two more."""
    count = len(g)
    e, trace_grad, synapse_grad = grads[0, :count], grads[1, :count], grads[2, :count]
    theta_grad, leak_grad, share_grad = grads[3, :count], grads[4, :count], grads[5, :count]
    _unfire(g, after[ABOVE, :count], trace_grad, e, theta_grad, neuron)
    _uncharge(e, out, neuron.tau, not neuron.leaky)
    if neuron.leaky:
        v = before[V, :count]
        _unleak(v, theta, e, leak_grad, neuron)
        _unshare(v, theta, leak_grad, share_grad, theta_grad, neuron.leak_b)
        _add(leak_grad, sums[2])
        _add(share_grad, sums[3])
    if neuron.adaptive:
        _unadapt(after[TRACE, :count], theta_grad, trace_grad, sums, neuron)
    if neuron.synaptic:
        _unfilter(before[H, :count], out, synapse_grad, sums, neuron.tau1)


@compiled  # type: ignore[untyped-decorator]
def backward(g: Floats, x: Floats, step: int, out: Floats, size: int, neuron: Dynamic) -> Sums:
    """Gradient of the currents, ``out [T·size]``, and of the learned values, returned in the order of ``LEARNED``.

    Arguments as in :func:`snn_eval.train.kernels.backward`. States are computed again, block by block. Each place of a
    block sums its gradients of learned values over steps and blocks in float64; the places are added at the end.
    """
    steps = len(g) // size
    states = np.empty((steps + 1, 4, BLOCK), np.float32)
    theta = np.full((steps, BLOCK), neuron.threshold, np.float32)
    grads, spikes = np.empty((6, BLOCK), np.float32), np.empty(BLOCK, np.float32)
    sums = np.zeros((LEARNED, BLOCK), np.float64)
    for start in range(0, size, BLOCK):
        count = min(BLOCK, size - start)
        states[0] = 0
        states[0, ABOVE] = -1
        for t in range(steps):
            current = x[t * step + start : t * step + start + count]
            run_step(current, states[t], states[t + 1], theta[t, :count], spikes[:count], neuron)
        grads[:] = 0
        for t in range(steps - 1, -1, -1):
            here = slice(t * size + start, t * size + start + count)
            _unroll(g[here], states[t], states[t + 1], theta[t, :count], grads, out[here], sums, neuron)
    sums[3] *= -1
    total: Sums = sums.sum(axis=1)
    return total
