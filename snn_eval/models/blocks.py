"""Building blocks of the reference networks: weights whose outcome drives a layer of neurons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spikingjelly.activation_based import layer
from torch import Tensor, nn

__all__ = ["ConvShape", "LinearStem", "MakeNeuron", "SpikingConv", "SpikingLinear", "StaticStem"]

MakeNeuron = Callable[[], nn.Module]
"""Makes one layer of neurons, ``[T,N,…] -> [T,N,…]`` of 0 and 1."""


@dataclass(frozen=True, slots=True)
class ConvShape:
    """Geometry of a block: a convolution, then a maximum over ``pool × pool`` spikes.

    The maximum of spikes is a spike again, so that whatever comes next has inputs of 0 and 1; ``pool`` 1 is none.
    ``padded`` adds ``kernel // 2 · dilation`` zeros at each border.
    """

    in_channels: int
    channels: int
    kernel: int = 3
    stride: int = 1
    pool: int = 1
    groups: int = 1
    dilation: int = 1
    padded: bool = True

    @property
    def padding(self) -> int:
        """Zeros at each border."""
        return self.kernel // 2 * self.dilation if self.padded else 0

    def size_of(self, size: int) -> int:
        """Height (or width) of the outcome for an input of that size; 0 or less where the input is too small."""
        return ((size + 2 * self.padding - self.dilation * (self.kernel - 1) - 1) // self.stride + 1) // self.pool

    def convolution(self) -> dict[str, Any]:
        """Keyword arguments of the convolution, which has no bias: the norm behind it has one."""
        return {
            "in_channels": self.in_channels,
            "out_channels": self.channels,
            "kernel_size": self.kernel,
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.groups,
            "bias": False,
        }


class StaticStem(nn.Module):
    """First layer for a static image: convolution and norm once per image, their current held for all T steps.

    Shapes: ``[N,C,H,W] -> [T,N,C',H',W']``. Running the convolution once instead of T times costs T times fewer MACs
    and changes no value. Input that differs from step to step (``[T,N,C,H,W]``, of an encoder) is convolved at each.
    ``coding``, where there is one, changes the currents of all steps.
    """

    def __init__(self, shape: ConvShape, make_neuron: MakeNeuron, coding: nn.Module | None = None) -> None:
        super().__init__()
        self.conv = nn.Conv2d(**shape.convolution())
        self.norm = nn.BatchNorm2d(shape.channels)
        self.coding = coding
        self.neuron = make_neuron()
        self.pool = _pool(shape)

    def forward(self, x: Tensor, time_steps: int) -> Tensor:
        """Spikes of all steps ``[T,N,C',H',W']`` of the images ``x``."""
        if x.dim() == 5:
            current_TNCHW = self.norm(self.conv(x.flatten(0, 1))).unflatten(0, x.shape[:2])
        else:
            current_TNCHW = _held(self.norm(self.conv(x)), time_steps)
        spikes: Tensor = self.pool(self.neuron(_coded(self.coding, current_TNCHW)))
        return spikes


class LinearStem(nn.Module):
    """The same with all pixels connected: ``[N,C,H,W] -> [T,N,C']``."""

    def __init__(self, inputs: int, units: int, make_neuron: MakeNeuron, coding: nn.Module | None = None) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, units, bias=False)
        self.norm = nn.BatchNorm1d(units)
        self.coding = coding
        self.neuron = make_neuron()

    def forward(self, x: Tensor, time_steps: int) -> Tensor:
        """Spikes of all steps ``[T,N,C']`` of the images ``x``."""
        if x.dim() == 5:
            current_TNC = self.norm(self.linear(x.flatten(0, 1).flatten(1))).unflatten(0, x.shape[:2])
        else:
            current_TNC = _held(self.norm(self.linear(x.flatten(1))), time_steps)
        spikes: Tensor = self.neuron(_coded(self.coding, current_TNC))
        return spikes


class SpikingConv(nn.Module):
    """Convolution, norm, neurons, pool: ``[T,N,C,H,W] -> [T,N,C',H',W']``, spikes in, spikes out."""

    def __init__(self, shape: ConvShape, make_neuron: MakeNeuron) -> None:
        super().__init__()
        self.conv = layer.Conv2d(**shape.convolution(), step_mode="m")
        self.norm = layer.BatchNorm2d(shape.channels, step_mode="m")
        self.neuron = make_neuron()
        self.pool = _pool(shape)

    def forward(self, x_TNCHW: Tensor) -> Tensor:
        """Spikes of the next layer."""
        spikes: Tensor = self.pool(self.neuron(self.norm(self.conv(x_TNCHW))))
        return spikes


class SpikingLinear(nn.Module):
    """All inputs connected, norm, neurons: ``[T,N,…] -> [T,N,C']``."""

    def __init__(self, inputs: int, units: int, make_neuron: MakeNeuron) -> None:
        super().__init__()
        self.linear = layer.Linear(inputs, units, bias=False, step_mode="m")
        self.norm = layer.BatchNorm1d(units, step_mode="m")
        self.neuron = make_neuron()

    def forward(self, x_TN: Tensor) -> Tensor:
        """Spikes of the next layer."""
        spikes: Tensor = self.neuron(self.norm(self.linear(x_TN.flatten(2))))
        return spikes


def _held(current: Tensor, time_steps: int) -> Tensor:
    """The current at every step, one step in memory."""
    return current.unsqueeze(0).expand(time_steps, *current.shape)


def _coded(coding: nn.Module | None, current: Tensor) -> Tensor:
    return current if coding is None else coding(current)


def _pool(shape: ConvShape) -> nn.Module:
    pool: nn.Module = nn.Identity() if shape.pool == 1 else layer.MaxPool2d(shape.pool, step_mode="m")
    return pool
