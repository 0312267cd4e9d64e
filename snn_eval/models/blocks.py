"""Building blocks of the reference networks: a convolution whose outcome drives a layer of neurons."""

from __future__ import annotations

from spikingjelly.activation_based import layer
from torch import Tensor, nn

from snn_eval.models.neurons import NeuronConfig, build_neuron

__all__ = ["SpikingConv", "StaticStem"]


class StaticStem(nn.Module):
    """First layer for a static image: convolution and norm once per image, their current held for all T steps.

    Shapes: ``[N,C,H,W] -> [T,N,C',H',W']``. Running the convolution once instead of T times costs T times fewer MACs
    and changes no value.
    """

    def __init__(self, in_channels: int, channels: int, stride: int, neuron: NeuronConfig) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, kernel_size=3, stride=stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.neuron = build_neuron(neuron)

    def forward(self, x: Tensor, time_steps: int) -> Tensor:
        """Spikes of all steps ``[T,N,C',H',W']`` of the images ``x``."""
        current = self.norm(self.conv(x))
        spikes: Tensor = self.neuron(current.unsqueeze(0).repeat(time_steps, 1, 1, 1, 1))
        return spikes


class SpikingConv(nn.Module):
    """Convolution, norm, neurons: ``[T,N,C,H,W] -> [T,N,C',H',W']``, spikes in, spikes out."""

    def __init__(self, in_channels: int, channels: int, stride: int, neuron: NeuronConfig) -> None:
        super().__init__()
        self.conv = layer.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False, step_mode="m")
        self.norm = layer.BatchNorm2d(channels, step_mode="m")
        self.neuron = build_neuron(neuron)

    def forward(self, x_TNCHW: Tensor) -> Tensor:
        """Spikes of the next layer."""
        spikes: Tensor = self.neuron(self.norm(self.conv(x_TNCHW)))
        return spikes
