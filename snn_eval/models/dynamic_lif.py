"""The neuron of dynamic coding and dynamic correction: a leaky neuron whose threshold, leak and input adapt."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from spikingjelly.activation_based import surrogate
from torch import Tensor, nn

__all__ = ["LEAKS", "LOWEST_THRESHOLD", "DynamicLIF", "Learned"]

LOWEST_THRESHOLD = 0.1
LEAKS = (0.25, 0.99)
"""Bounds of the leak λ, which depends on the state."""

_LARGEST_TAU1 = 0.95


class Learned(NamedTuple):
    """The learnable values of a layer within their bounds, 0-dim; None where the switch is off."""

    threshold: Tensor | None
    beta: Tensor | None
    leak_a: Tensor | None
    leak_b: Tensor | None
    tau1: Tensor | None


class DynamicLIF(nn.Module):
    """Leaky integrate-and-fire on decayed input, with three switches: ``[T,N,…] -> [T,N,…]`` of 0 and 1, from rest.

    One step, with the current x, the membrane u and the spike S (both of the step before on the right, first 0)::

        synaptic     h  = tau1·h + x;  I = h                    else I = x
        adaptive     tr = ρ·tr + (1 − ρ)·S;  θ = θ0 + β·tr      else θ = v_threshold
        state_leak   λ  = clamp(λ0 + a − (b/θ)·|u|, 0.25, 0.99), λ0 = 1 − 1/τ
                     u  = λ·u + I/τ                             else u = u + (I − u)/τ
        fire         S  = 1 if u ≥ θ else 0
        reset        u  = u − θ·S  (soft)  or  u·(1 − S)  (hard), without gradient through S and the θ subtracted

    Learnable, one number a layer, there only where the switch is on: ``threshold`` (θ0 ≥ 0.1), ``beta`` (β ≥ 0),
    ``leak_a`` and ``leak_b`` (a, b, first 0), ``tau1`` (within 0 and 0.95, first 0). A value outside its bounds
    counts as the bound and receives only gradients that lead back. The gradient of S is ``1/(1 + (π·(u − θ))²)`` to u
    and its negative to θ. A part whose values are exactly 0 is not executed; its gradients exist all the same.

    What is executed, in operations per neuron and step (a division is a multiplication, a product with a spike a
    selection, |u| a bit cleared; numbers of the whole layer are computed beforehand):

    ===================================  ===  ===  =======  ======
    part                                 mul  add  compare  states
    ===================================  ===  ===  =======  ======
    charge and fire                        1    2        1       1
    soft reset                             0    1        0       0
    ``synaptic``, tau1 > 0                 1    1        0       1
    ``adaptive``, β > 0                    2    2        0       1
    ``state_leak``, a or b other than 0    2    0        2       0
    the same where β > 0 (a θ a neuron)    3    0        2       0
    ===================================  ===  ===  =======  ======

    Arithmetic is that of the current's dtype, at least float32. No state is kept between two calls. Arguments are those
    of :class:`snn_eval.models.neurons.NeuronConfig`, checked by ``build_neuron``; attributes have the names of
    SpikingJelly's ``LIFNode``.
    """

    def __init__(
        self,
        *,
        reset: str = "soft",
        v_threshold: float = 1.0,
        tau: float = 2.0,
        adaptive: bool = False,
        rho: float = 0.9,
        beta: float = 0.1,
        state_leak: bool = False,
        synaptic: bool = False,
    ) -> None:
        super().__init__()
        self.v_reset = 0.0 if reset == "hard" else None
        self.detach_reset = self.decay_input = True
        self.v_threshold, self.tau, self.rho = float(v_threshold), float(tau), float(rho)
        self.adaptive, self.state_leak, self.synaptic = adaptive, state_leak, synaptic
        self.surrogate_function = surrogate.ATan()
        if adaptive:
            self.threshold = nn.Parameter(torch.tensor(self.v_threshold))
            self.beta = nn.Parameter(torch.tensor(float(beta)))
        if state_leak:
            self.leak_a, self.leak_b = nn.Parameter(torch.tensor(0.0)), nn.Parameter(torch.tensor(0.0))
        if synaptic:
            self.tau1 = nn.Parameter(torch.tensor(0.0))

    @property
    def _reset(self) -> str:
        return "soft" if self.v_reset is None else "hard"

    @property
    def leak0(self) -> float:
        """λ0: what is left of the membrane after a step without the correction."""
        return 1 - 1 / self.tau

    def learned(self) -> Learned:
        """The learnable values within their bounds, with gradients."""
        return Learned(
            _bounded(self.threshold, low=LOWEST_THRESHOLD) if self.adaptive else None,
            _bounded(self.beta, low=0.0) if self.adaptive else None,
            self.leak_a if self.state_leak else None,
            self.leak_b if self.state_leak else None,
            _bounded(self.tau1, low=0.0, high=_LARGEST_TAU1) if self.synaptic else None,
        )

    @property
    def neuron_model(self) -> dict[str, Any]:
        """What the layer is and costs with the values it has now; see the table above."""
        with torch.no_grad():
            values = self.learned()
        adapts, leaks, filters = _any(values.beta), _any(values.leak_a, values.leak_b), _any(values.tau1)
        return {
            "model": "dynamic-lif" if adapts or leaks or filters else "lif",
            "reset": self._reset,
            "states": 1 + adapts + filters,
            "mul": 1 + filters + 2 * adapts + (2 + adapts) * leaks,
            "add": 2 + (self.v_reset is None) + filters + 2 * adapts,
            "compare": 1 + 2 * leaks,
            "multi_step": True,
        }

    def forward(self, x_seq: Tensor) -> Tensor:
        """Spikes ``[T,N,…]`` of the currents ``[T,N,…]``."""
        return self.multi_step_forward(x_seq)

    def multi_step_forward(self, x_seq: Tensor) -> Tensor:
        """The same; training puts a compiled loop of equal outcome in its place (:mod:`snn_eval.train.fused`)."""
        dtype = torch.promote_types(x_seq.dtype, torch.float32)
        values = Learned(*(None if value is None else value.to(dtype) for value in self.learned()))
        filters, adapts = _executed(values.tau1), _executed(values.beta)
        threshold = values.threshold
        if threshold is None:
            threshold = torch.tensor(self.v_threshold, dtype=dtype, device=x_seq.device)
        theta = threshold
        u = synapse = trace = spike = torch.zeros_like(x_seq[0], dtype=dtype)
        spikes = []
        for x in x_seq.to(dtype):
            if values.tau1 is not None and filters:
                synapse = values.tau1 * synapse + x
            if values.beta is not None and adapts:
                trace = self.rho * trace + (1 - self.rho) * spike
                theta = threshold + values.beta * trace
            u = self._charged(u, synapse if filters else x, theta, values)
            spike = self.surrogate_function(u - theta)
            u = u * (1 - spike.detach()) if self._reset == "hard" else u - (spike * theta).detach()
            spikes.append(spike)
        return torch.stack(spikes).to(x_seq.dtype)

    def _charged(self, u: Tensor, current: Tensor, theta: Tensor, values: Learned) -> Tensor:
        """The membrane before it fires."""
        if values.leak_a is None or values.leak_b is None or not _executed(values.leak_a, values.leak_b):
            return u + (current - u) / self.tau
        free = self.leak0 + values.leak_a - values.leak_b / theta * u.abs()
        low, high = LEAKS
        # at a bound, where λ0 of the smallest and largest tau lies, gradients pass; those of torch.clamp may not
        leak = torch.where((free < low) | (free > high), free.detach().clamp(low, high), free)
        if _any(values.leak_a, values.leak_b):
            return leak * u + current / self.tau
        # exactly u + (I − u)/τ, with the gradients of a and b
        return u + (current - u) / self.tau + (leak - self.leak0) * u

    def extra_repr(self) -> str:
        """Values and switches."""
        switches = [name for name in ("adaptive", "state_leak", "synaptic") if getattr(self, name)]
        return ", ".join([f"v_threshold={self.v_threshold}, tau={self.tau}, reset={self._reset}", *switches])


class _Bounded(torch.autograd.Function):
    """``clamp(p, low, high)``; beyond a bound only the gradient passes whose descent leads back."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, low: float, high: float) -> Tensor:
        ctx.save_for_backward(value)
        ctx.bounds = low, high
        return value.clamp(low, high)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (value,) = ctx.saved_tensors
        (gradient,), (low, high) = gradients, ctx.bounds
        leads_out = ((value < low) & (gradient > 0)) | ((value > high) & (gradient < 0))
        return gradient.masked_fill(leads_out, 0), None, None


def _bounded(value: Tensor, *, low: float, high: float = torch.inf) -> Tensor:
    bounded: Tensor = _Bounded.apply(value, low, high)
    return bounded


def _any(*values: Tensor | None) -> bool:
    """Whether one of them is there and other than exactly 0."""
    return any(value is not None and bool(value.detach() != 0) for value in values)


def _executed(*values: Tensor | None) -> bool:
    """Whether a part takes place: it changes something, or its gradient is asked for."""
    return _any(*values) or any(value is not None and value.requires_grad for value in values)
