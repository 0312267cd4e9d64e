"""A network around any module, written from the protocol alone, and three tiny neurons whose arithmetic is exact."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from snn_eval.models.network import NeuronModel, SpikingLayer

__all__ = ["LocalNetwork", "MultiSpike", "Spike", "reset"]

PLAIN = NeuronModel(model="if", reset="soft", states=1, mul=0, add=2, compare=1)


class Spike(nn.Module):
    """Integrate and fire, threshold 1, soft reset; one step a call. Exact on dyadic inputs."""

    def __init__(self, threshold: float = 1.0) -> None:
        super().__init__()
        self.threshold = threshold
        self.v: Tensor | None = None

    def reset(self) -> None:
        self.v = None

    def forward(self, x: Tensor) -> Tensor:
        v = x if self.v is None else self.v + x
        spike = (v >= self.threshold).to(x.dtype)
        self.v = v - spike * self.threshold
        return spike


class MultiSpike(Spike):
    """The same for all steps of ``[T,…]`` in one call."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([super(MultiSpike, self).forward(step) for step in x])


def _framework_neurons() -> tuple[type[nn.Module], ...]:
    found: list[type[nn.Module]] = [Spike]
    if importlib.util.find_spec("spikingjelly"):
        from spikingjelly.activation_based import neuron

        found.append(neuron.BaseNode)
    if importlib.util.find_spec("snntorch"):
        from snntorch import SpikingNeuron

        found.append(SpikingNeuron)
    return tuple(found)


def _declared(module: nn.Module) -> bool:
    """Whether a module says of itself that it spikes."""
    return bool(getattr(module, "neuron_model", {}).get("has_threshold", False))


def reset(module: nn.Module) -> None:
    """Forget all state of all neurons."""
    for child in module.modules():
        function = getattr(child, "reset_mem" if hasattr(child, "reset_mem") else "reset", None)
        if callable(function):
            function()


@dataclass(frozen=True)
class LocalNetwork:
    """A module driven as the test says.

    Attributes:
        drive: ``whole``: the module gives the readout of all steps itself; ``loop``: called once a step, on the same
            input (sample axis 0) or on each step of a time-first one (sample axis 1).
        final: the module's output is one readout ``[N,K]`` for all steps.
    """

    module: nn.Module
    time_steps: int = 1
    sample_axis: int = 0
    drive: Literal["whole", "loop"] = "whole"
    final: bool = False

    def run(self, x: Tensor) -> Tensor:
        reset(self.module)
        if hasattr(self.module, "time_steps"):
            self.module.time_steps = self.time_steps
        if self.drive == "loop":
            steps = (x[t] if self.sample_axis else x for t in range(self.time_steps))
            return torch.stack([_first(self.module(step)).flatten(1) for step in steps])
        y = _first(self.module(x))
        if self.final or self.time_steps == 1:
            y = y.reshape(1, x.shape[self.sample_axis], -1)
        return y.flatten(2)

    def spiking_layers(self) -> Mapping[str, SpikingLayer]:
        kinds = _framework_neurons()
        return {
            n: SpikingLayer(m, PLAIN) for n, m in self.module.named_modules() if isinstance(m, kinds) or _declared(m)
        }

    def unknown_neurons(self) -> Mapping[str, str]:
        return {}

    def with_time_steps(self, time_steps: int) -> LocalNetwork | None:
        settable = self.drive == "loop" or self.sample_axis == 1 or hasattr(self.module, "time_steps")
        return replace(self, time_steps=time_steps) if settable else None


def _first(y: Tensor | tuple[Tensor, ...]) -> Tensor:
    return y if isinstance(y, Tensor) else y[0]
