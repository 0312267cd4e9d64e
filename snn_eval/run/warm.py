"""Compile the counting kernels ahead of the first run: ``python -m snn_eval.run.warm`` (part of the set-up)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from snn_eval.data import Chunk
from snn_eval.models.adapters import adapt
from snn_eval.models.network import NeuronModel
from snn_eval.probe import ProbeOptions, record_trace

__all__ = ["warm_up"]


class _Fire(nn.Module):
    """A neuron without memory: a spike wherever the input is above zero."""

    def forward(self, x: Tensor) -> Tensor:
        """Zeros and ones."""
        return (x > 0).to(x.dtype)


class _Residual(nn.Module):
    """A real input, a spiking layer read as it is and pooled, and sums of spikes: everything a kernel is made for."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.first = nn.Conv2d(1, 4, 3, padding=1), _Fire()
        self.conv, self.second = nn.Conv2d(4, 4, 3, padding=1), _Fire()
        self.sums, self.third = nn.Conv2d(4, 4, 3, padding=1), _Fire()
        self.pool, self.head = nn.MaxPool2d(2), nn.LazyLinear(3)

    def forward(self, x: Tensor) -> Tensor:
        """One step."""
        spikes = self.first(self.stem(x))
        spikes = spikes + self.second(self.conv(spikes))
        spikes = self.third(self.sums(spikes))
        out: Tensor = self.head(self.pool(spikes).flatten(1))
        return out


def warm_up() -> None:
    """Record two tiny networks, below and above the size from which all threads count; compiled code stays on disk."""
    for side in (8, 48):
        x = torch.rand(8, 1, side, side, generator=torch.Generator().manual_seed(0))
        module = _Residual()
        module(x)
        network = adapt(module, 1, neurons={_Fire: NeuronModel("step", "none", 0, 0, 0, 1)}, example=x)
        chunk = Chunk(0, np.arange(8), x, np.zeros(8, np.int64))
        record_trace(network, [chunk], ProbeOptions(batch_size=8, timed_chunks=0))


if __name__ == "__main__":
    warm_up()
