"""Neurons of NIR in discrete time, with the facts of their update; forward Euler, one step of dt seconds.

With input x, ``a = 1 − dt/τ`` and numbers worked out once in float64, rounded to float32:

* IF, I: ``v ← v + R·x`` (R per step; R = 1/dt, which some projects write for the same neuron, is taken as 1)
* LIF, LI: ``v ← a·v + (dt·R/τ)·x + dt·v_leak/τ``
* CubaLIF, CubaLI: ``i ← a_syn·i + (dt·w_in/τ_syn)·x``, then ``v ← a_mem·v + (dt·R/τ_mem)·i + dt·v_leak/τ_mem``
* spike: ``v > v_threshold``, then at once ``v ← v_reset``; I, LI and CubaLI give v. Threshold: ``x > threshold``.

All states begin at 0. What an update costs is its cheapest exact form: a factor of exactly 1 and a constant of exactly
0 cost nothing, a comparison is one, setting v back is a selection.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from snn_eval.errors import CheckpointError

__all__ = ["Cuba", "Integrator", "Neuron", "Threshold"]


class Neuron(nn.Module):
    """A layer of neurons: ``[T,N,…] -> [T,N,…]`` from rest, or one step ``[N,…]`` at a time where ``one_step`` is set.

    ``neuron_model`` declares the facts of the update to the probe; ``shape`` is that of the layer.
    """

    one_step: bool = False
    v_threshold: Tensor
    v_reset: Tensor
    gain: Tensor
    decay: Tensor
    constant: Tensor

    def __init__(self, shape: tuple[int, ...], where: str, model: str, states: int, *, fires: bool) -> None:
        super().__init__()
        self.shape, self.where = shape, where
        self.neuron_model = {
            "model": model,
            "reset": "hard" if fires and states else "none",
            "states": states,
            "mul": 0,
            "add": 0,
            "compare": int(fires),
            "has_threshold": fires,
            "multi_step": True,
        }
        self.reset()

    def reset(self) -> None:
        """Set every state back to 0."""

    def step(self, x: Tensor) -> Tensor:
        """Output of one step for its input ``[N,…]``."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Spikes, or membrane potentials where the layer has no threshold."""
        given = x.shape[1:] if self.one_step else x.shape[2:]
        own = (1,) * (len(given) - len(self.shape)) + self.shape
        if len(own) != len(given) or any(one not in (1, size) for one, size in zip(own, given, strict=True)):
            raise RuntimeError(f"node {self.where}: expected input of shape {list(self.shape)}, got {list(given)}")
        if self.one_step:
            return self.step(x)
        self.reset()
        return torch.stack([self.step(x_t) for x_t in x])

    def _number(self, name: str, values: NDArray[Any]) -> bool:
        """Register an array, as one number where all are equal; whether it is there in the update at all."""
        found = np.asarray(values, dtype=np.float64).astype(np.float32)
        if not np.isfinite(found).all():
            raise CheckpointError(f"node {self.where}: {name}: expected finite numbers, found {found.min()}")
        one = found.size and (found == found.flat[0]).all()
        self.register_buffer(name, torch.from_numpy(np.array(found.flat[0]) if one else found.copy()))
        neutral = 1.0 if name in ("gain", "current_gain") else 0.0
        return not (one and found.flat[0] == neutral)

    def _costs(self, *, mul: int, add: int) -> None:
        self.neuron_model.update(mul=int(mul), add=int(add))


class Integrator(Neuron):
    """IF, LIF, I and LI: one state, ``v ← decay·v + gain·x + constant``; ``decay`` None is 1."""

    v: Tensor | float

    def __init__(self, node: Any, where: str, dt: float) -> None:
        kind, shape = type(node).__name__, tuple(np.shape(node.r))
        fires = kind in ("IF", "LIF")
        super().__init__(shape, where, kind.lower(), 1, fires=fires)
        if kind in ("LIF", "LI"):
            rate = _rate(node.tau, dt, f"{where}: tau")
            self._number("decay", 1 - rate)
            gain, leak = rate * node.r, rate * node.v_leak
        else:
            gain, leak = _per_step(node.r, dt), np.zeros(())
        self.leaky = kind in ("LIF", "LI")
        self.scaled, self.shifted = self._number("gain", gain), self._number("constant", leak)
        self._costs(mul=self.leaky + self.scaled, add=1 + self.shifted)
        if fires:
            self._number("v_threshold", node.v_threshold)
            self._number("v_reset", node.v_reset)
        self.fires = fires

    def reset(self) -> None:
        """Set the membrane back to 0."""
        self.v = 0.0

    def step(self, x: Tensor) -> Tensor:
        """Spikes, or the membrane potential, of one step."""
        driven = x * self.gain if self.scaled else x
        self.v = (self.v * self.decay if self.leaky else self.v) + driven
        if self.shifted:
            self.v = self.v + self.constant
        if not self.fires:
            return self.v
        fired = self.v > self.v_threshold
        self.v = torch.where(fired, self.v_reset.to(x.dtype), self.v)
        return fired.to(x.dtype)


class Cuba(Neuron):
    """CubaLIF and CubaLI: a synaptic current and a membrane; the membrane takes the current of the same step."""

    v: Tensor | float
    i: Tensor | float
    current_decay: Tensor
    current_gain: Tensor

    def __init__(self, node: Any, where: str, dt: float) -> None:
        fires = type(node).__name__ == "CubaLIF"
        super().__init__(tuple(np.shape(node.v_leak)), where, "cuba-lif" if fires else "cuba-li", 2, fires=fires)
        synaptic, membrane = _rate(node.tau_syn, dt, f"{where}: tau_syn"), _rate(node.tau_mem, dt, f"{where}: tau_mem")
        self._number("current_decay", 1 - synaptic)
        self._number("decay", 1 - membrane)
        self.scaled = self._number("current_gain", synaptic * node.w_in)
        self.driven = self._number("gain", membrane * node.r)
        self.shifted = self._number("constant", membrane * node.v_leak)
        self._costs(mul=2 + self.scaled + self.driven, add=2 + self.shifted)
        if fires:
            self._number("v_threshold", node.v_threshold)
            self._number("v_reset", node.v_reset)
        self.fires = fires

    def reset(self) -> None:
        """Set current and membrane back to 0."""
        self.v = self.i = 0.0

    def step(self, x: Tensor) -> Tensor:
        """Spikes, or the membrane potential, of one step."""
        self.i = self.i * self.current_decay + (x * self.current_gain if self.scaled else x)
        self.v = self.v * self.decay + (self.i * self.gain if self.driven else self.i)
        if self.shifted:
            self.v = self.v + self.constant
        if not self.fires:
            return self.v
        fired = self.v > self.v_threshold
        self.v = torch.where(fired, self.v_reset.to(x.dtype), self.v)
        return fired.to(x.dtype)


class Threshold(Neuron):
    """Threshold: 1 where the input is above it, without any state."""

    threshold: Tensor

    def __init__(self, node: Any, where: str) -> None:
        super().__init__(tuple(np.shape(node.threshold)), where, "threshold", 0, fires=True)
        self._number("threshold", node.threshold)

    def step(self, x: Tensor) -> Tensor:
        """Spikes of one step."""
        return (x > self.threshold).to(x.dtype)


def _rate(tau: NDArray[Any], dt: float, where: str) -> NDArray[Any]:
    """dt/τ.

    Raises:
        CheckpointError: a time constant below a step, with which forward Euler does not decay.
    """
    shortest = float(np.min(tau)) if np.size(tau) else math.nan
    if not shortest >= dt * (1 - 1e-9):
        raise CheckpointError(f"node {where}: expected at least a time step ({dt:g} s), got {shortest:g}")
    return dt / np.asarray(tau, dtype=np.float64)


def _per_step(r: NDArray[Any], dt: float) -> NDArray[Any]:
    """R of an integrator per step: R itself, or 1 where it is 1/dt."""
    given = np.asarray(r, dtype=np.float64)
    return np.ones(()) if np.allclose(given * dt, 1, rtol=1e-6, atol=0) else given
