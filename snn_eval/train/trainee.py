"""The network in training: how it is called and reset, which neurons run all steps at once, what its layers emit."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from snn_eval.errors import NetworkError, SnnEvalError
from snn_eval.models.adapters import AdaptedNetwork
from snn_eval.train.fused import can_fuse, fused

__all__ = ["Trainee"]


class Trainee:
    """A network on its device, ready for training.

    Args:
        network: adapted; its module's layout in memory is changed to channels last, no value is.
        example: input of a few samples.
        classes: K of the data.
        device: where it is trained.

    Raises:
        NetworkError: it does not take the example, has another number of classes, or nothing to train.
    """

    def __init__(self, network: AdaptedNetwork, example: Tensor, classes: int, device: torch.device) -> None:
        self.network = network
        self.module: nn.Module = network.module
        self.device = device
        self.module.to(device).to(memory_format=torch.channels_last)
        if not any(weight.requires_grad for weight in self.module.parameters()):
            raise NetworkError("training: expected a network with parameters to train, found none")
        _tried(network, example.to(device))
        calls: Counter[str] = Counter()
        with self._hooked(lambda name, _output: calls.update([name])):
            readout_TNK = network.run(example.to(device))
        if readout_TNK.shape[-1] != classes:
            raise NetworkError(f"the data has {classes} classes, the network's readout {readout_TNK.shape[-1]}")
        self._once = {name for name, count in calls.items() if count == 1}

    def with_module(self, module: nn.Module) -> Trainee:
        """The same network with the parameters of a copy of its module."""
        other = copy.copy(self)
        other.module, other.network = module, replace(self.network, module=module)
        return other

    def fused(self) -> AbstractContextManager[None]:
        """While inside, neurons that can take all their steps in one node; on the CPU only."""
        return fused(self.module, self.fusible) if self.device.type == "cpu" else nullcontext()

    def readout(self, x: Tensor) -> Tensor:
        """Readout ``[T,N,K]`` float32 with gradients, of input already encoded; all state is reset first."""
        return self.network.forward(x.to(self.device)).float()

    @property
    def fusible(self) -> frozenset[str]:
        """Paths of the neurons that :meth:`fused` changes."""
        return frozenset(name for name in self._once if can_fuse(self.module.get_submodule(name)))

    @contextmanager
    def spikes(self) -> Iterator[list[Tensor]]:
        """Outputs of all spiking layers since the list was last emptied."""
        spikes: list[Tensor] = []
        with self._hooked(lambda _name, output: spikes.append(output)):
            yield spikes

    @contextmanager
    def named_spikes(self) -> Iterator[list[tuple[str, Tensor]]]:
        """As :meth:`spikes`, each with the path of its layer."""
        spikes: list[tuple[str, Tensor]] = []
        with self._hooked(lambda name, output: spikes.append((name, output))):
            yield spikes

    @contextmanager
    def _hooked(self, told: Callable[[str, Tensor], None]) -> Iterator[None]:
        """While inside, ``told`` hears of every output of a spiking layer."""

        def hook_of(name: str, index: int) -> Callable[[nn.Module, Any, Any], None]:
            def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
                told(name, output[index] if isinstance(output, tuple) else output)

            return hook

        handles = [
            self.module.get_submodule(name).register_forward_hook(hook_of(name, facts.neuron.output_index))
            for name, facts in self.network.facts.items()
            if facts.neuron.has_threshold
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def _tried(network: AdaptedNetwork, example: Tensor) -> None:
    """Run the network; one that does not fit its input fails here, before anything is written."""
    try:
        network.observe(example)
        network.run(example)
    except SnnEvalError:
        raise
    except Exception as error:  # a module of the user's raises what it likes
        cause = (str(error) or type(error).__name__).splitlines()[0][:200]
        shape = tuple(example.shape)
        raise NetworkError(f"the network does not take input of shape {shape}: {cause}") from error
