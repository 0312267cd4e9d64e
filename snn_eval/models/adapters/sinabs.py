"""sinabs: which modules are neurons, how their state is reset, and how time and samples lie in their input."""

from __future__ import annotations

import torch
from sinabs import layers
from torch import nn

from snn_eval.models.adapters.base import Framework
from snn_eval.models.adapters.sinabs_facts import neuron_facts

__all__ = ["SINABS"]


def _reset(network: nn.Module) -> None:
    """Empty the states, as they are in a new layer; they take their input's shape on the next call.

    sinabs' own ``reset_states`` keeps the shape, and a batch of another size then draws random numbers.
    """
    for module in network.modules():
        if isinstance(module, layers.StatefulLayer):
            for name, state in module.named_buffers(recurse=False):
                module.register_buffer(name, state.new_zeros(0))


def _samples(network: nn.Module, samples: int) -> None:
    """Say the number of samples to layers that take ``[N·T,…]``, where it is written into them; T follows."""
    for module in network.modules():
        if isinstance(module, layers.SqueezeMixin):
            module.batch_size, module.num_timesteps = samples, -1
        elif isinstance(module, layers.UnflattenTime):
            module.batch_size = samples


def _steps(module: nn.Module, shape: torch.Size, samples: int) -> int:
    """Steps in a neuron's output: ``[N·T,…]`` of the squeezing layers, ``[N,T,…]`` of the others."""
    if isinstance(module, layers.SqueezeMixin):
        return shape[0] // samples if shape[0] % samples == 0 else 0
    return shape[1] if len(shape) > 1 and shape[0] == samples else 0


SINABS = Framework(
    "sinabs",
    neuron_facts,
    _reset,
    lambda _: True,
    feeds=("flat", "batch-first", "whole"),
    steps=_steps,
    samples=_samples,
)
"""sinabs 3: neurons by class, reset by emptying their state, the order of time and samples by experiment."""
