"""Building blocks of the reference networks: a convolution whose outcome drives a layer of neurons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from spikingjelly.activation_based import layer
from torch import Tensor, nn

from snn_eval.models.neurons import NeuronConfig, build_neuron

__all__ = ["ConvShape", "SpikingConv", "StaticStem"]


@dataclass(frozen=True, slots=True)
class ConvShape:
    """Geometry of a block: a convolution with padding ``kernel // 2``, then a maximum over ``pool × pool`` spikes.

    The maximum of spikes is a spike again, so that whatever comes next has inputs of 0 and 1; ``pool`` 1 is none.
    """

    in_channels: int
    channels: int
    kernel: int = 3
    stride: int = 1
    pool: int = 1

    def size_of(self, size: int) -> int:
        """Height = width of the outcome for an input of that size; 0 where the input is too small."""
        return ((size + 2 * (self.kernel // 2) - self.kernel) // self.stride + 1) // self.pool

    def convolution(self) -> dict[str, Any]:
        """Keyword arguments of the convolution, which has no bias: the norm behind it has one."""
        return {
            "in_channels": self.in_channels,
            "out_channels": self.channels,
            "kernel_size": self.kernel,
            "stride": self.stride,
            "padding": self.kernel // 2,
            "bias": False,
        }


class StaticStem(nn.Module):
    """First layer for a static image: convolution and norm once per image, their current held for all T steps.

    Shapes: ``[N,C,H,W] -> [T,N,C',H',W']``. Running the convolution once instead of T times costs T times fewer MACs
    and changes no value. Input that differs from step to step (``[T,N,C,H,W]``, of an encoder) is convolved at each.
    """

    def __init__(self, shape: ConvShape, neuron: NeuronConfig) -> None:
        super().__init__()
        self.conv = nn.Conv2d(**shape.convolution())
        self.norm = nn.BatchNorm2d(shape.channels)
        self.neuron = build_neuron(neuron)
        self.pool = _pool(shape)

    def forward(self, x: Tensor, time_steps: int) -> Tensor:
        """Spikes of all steps ``[T,N,C',H',W']`` of the images ``x``."""
        if x.dim() == 5:
            current_TNCHW = self.norm(self.conv(x.flatten(0, 1))).unflatten(0, x.shape[:2])
        else:
            current = self.norm(self.conv(x))
            current_TNCHW = current.unsqueeze(0).expand(time_steps, *current.shape)
        spikes: Tensor = self.pool(self.neuron(current_TNCHW))
        return spikes


class SpikingConv(nn.Module):
    """Convolution, norm, neurons, pool: ``[T,N,C,H,W] -> [T,N,C',H',W']``, spikes in, spikes out."""

    def __init__(self, shape: ConvShape, neuron: NeuronConfig) -> None:
        super().__init__()
        self.conv = layer.Conv2d(**shape.convolution(), step_mode="m")
        self.norm = layer.BatchNorm2d(shape.channels, step_mode="m")
        self.neuron = build_neuron(neuron)
        self.pool = _pool(shape)

    def forward(self, x_TNCHW: Tensor) -> Tensor:
        """Spikes of the next layer."""
        spikes: Tensor = self.pool(self.neuron(self.norm(self.conv(x_TNCHW))))
        return spikes


def _pool(shape: ConvShape) -> nn.Module:
    pool: nn.Module = nn.Identity() if shape.pool == 1 else layer.MaxPool2d(shape.pool, step_mode="m")
    return pool
