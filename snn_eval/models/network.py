"""The Network protocol: all the probe knows of a network, whatever framework it was written in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from torch import Tensor, nn

__all__ = ["Network", "NeuronModel", "SpikingLayer"]


@dataclass(frozen=True, slots=True)
class NeuronModel:
    """Arithmetic of one neuron update: its model's name, reset, states, and operations per neuron and step.

    ``has_threshold`` False marks an integrator that never spikes. ``output_index`` is where the spikes stand
    when the module returns a tuple. ``counted``: whether an update costs what is said here (``facts``; what the module
    itself computes is then not looked at, what its submodules do is) or what it is seen to execute (``calls``). The
    model "unknown" has zeros because its operations are not known: it is named in ``Network.unknown_neurons`` and must
    be reported, never counted as free.
    """

    model: str
    reset: str
    states: int
    mul: int
    add: int
    compare: int
    has_threshold: bool = True
    output_index: int = 0
    counted: Literal["facts", "calls"] = "facts"


@dataclass(frozen=True, slots=True)
class SpikingLayer:
    """A module that emits spikes, its neuron model and its role in the network."""

    module: nn.Module
    neuron: NeuronModel
    role: Literal["hidden", "output", "gate", "encoder"] = "hidden"


@runtime_checkable
class Network(Protocol):
    """A network ready to be measured; built only by ``snn_eval.models.adapters``."""

    module: nn.Module
    """The wrapped module, in eval mode; names of layers are its module paths."""
    time_steps: int
    """Steps T of one forward pass."""
    sample_axis: int
    """Axis of the samples in the input of ``run``: 0 for static input, 1 for time-first input ``[T,N,…]``."""

    def run(self, x: Tensor) -> Tensor:
        """Reset all state, run T steps, return the readout ``[T,N,K]`` (``[1,N,K]`` where only a final one exists)."""
        ...

    def spiking_layers(self) -> Mapping[str, SpikingLayer]:
        """Layers that emit spikes, by module path, in order of ``named_modules``."""
        ...

    def unknown_neurons(self) -> Mapping[str, str]:
        """Spiking layers whose update has no rule (``model`` "unknown"), by module path: class name and reason."""
        ...

    def with_time_steps(self, time_steps: int) -> Network | None:
        """The same network (shared weights) run for another number of steps; None if that cannot be set."""
        ...
