"""One observed run as data: every call in order, whose it is, its operands' shapes and contents, and what fed it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from snn_eval.models.network import SpikingLayer
from snn_eval.probe.elementwise import Cost
from snn_eval.probe.parts import Part

__all__ = ["INPUT", "Event", "Inventory", "Operand", "spikes_of"]

INPUT = "input"
"""Name of the network's own input in the graph."""


Memory = tuple[int, ...]
"""Where a tensor's elements lie, see `origins.memory_of`."""


@dataclass(frozen=True, slots=True)
class Operand:
    """A tensor as observed: its shape, one digest for each index of each axis, and where it came from.

    ``origins`` ⊆ {input, synaptic, neuron}; ``direct``: no arithmetic between the network's input and here; ``memory``:
    the same for two tensors only if they are the same elements in the same order.
    """

    shape: tuple[int, ...]
    digests: tuple[NDArray[np.float64], ...]
    producers: frozenset[str]
    origins: frozenset[str]
    direct: bool
    memory: Memory


@dataclass(slots=True)
class Event:
    """One call: where (module path), which function, and its parts.

    ``kind`` ∈ synaptic, neuron, elementwise, unknown. A synaptic event has as many ``operands`` as ``parts``
    have inputs, in their order. ``own``: a call a neuron makes itself, whose cost its facts state;
    ``made_weights``: its weights are made of data; ``scaled``: a sum whose second operand has a factor. ``name`` is
    what `Operand.producers` call it by.
    """

    kind: str
    module: str
    function: str
    operands: tuple[Operand, ...] = ()
    parts: tuple[Part, ...] = ()
    cost: Cost = field(default_factory=Cost)
    elements: int = 0
    output: Operand | None = None
    two_activations: bool = False
    scaled: bool = False
    training: bool = False
    own: bool = False
    made_weights: bool = False
    name: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        """Kind, module and function: what must be the same in every run."""
        return (self.kind, self.module, self.function)


@dataclass(slots=True)
class Inventory:
    """Everything one run did.

    Attributes:
        events: its calls. readout: what it returned.
        keep: holds its tensors, so that storages stay theirs.
        binary: for each sum or product of two tensors outside spiking layers, its event (None: not of activations) and
            its module.
        inputs: for each call of each module, the memory of its one tensor input (None: other inputs).
        calls: function calls inside each module.
        unseen: products run where no call was seen.
    """

    events: list[Event]
    readout: Tensor
    keep: list[Any]
    binary: list[tuple[int | None, str]] = field(default_factory=list)
    inputs: dict[str, list[Memory | None]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    unseen: dict[str, int] = field(default_factory=dict)

    def released(self) -> Inventory:
        """Let go of the run's tensors; shapes, digests and costs remain."""
        self.keep.clear()
        for event in self.events:
            event.parts = ()
        return self


def spikes_of(output: Any, layer: SpikingLayer) -> Tensor:
    """The spike tensor in what a spiking module returned."""
    return output if isinstance(output, Tensor) else output[layer.neuron.output_index]
