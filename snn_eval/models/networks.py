"""Reference networks by name, each built from plain values that fit into a suite and a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from spikingjelly.activation_based import layer
from torch import Tensor, nn

from snn_eval.errors import SuiteError
from snn_eval.models.blocks import SpikingConv, StaticStem
from snn_eval.models.neurons import NeuronConfig

__all__ = ["ARCHITECTURES", "SpikingConvNet", "build_network"]


class SpikingConvNet(nn.Module):
    """Convolutional spiking network on static images with one readout a step: ``[N,C,H,W] -> [T,N,K]``.

    The stem runs once per image; every later layer is driven by spikes alone, without pooling, so that each of its
    inputs is 0 or 1. The readout is the current of the last linear layer; its mean over steps is the network's answer.

    Args:
        time_steps: T.
        in_channels: channels of the image.
        image_size: height = width of the image in pixels.
        classes: K.
        channels: output channels of each convolution, the stem first.
        strides: stride of each convolution.
        neuron: values of :class:`NeuronConfig`.
    """

    def __init__(
        self,
        time_steps: int,
        *,
        in_channels: int = 1,
        image_size: int = 8,
        classes: int = 10,
        channels: tuple[int, ...] = (16, 32),
        strides: tuple[int, ...] = (1, 2),
        neuron: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if len(channels) != len(strides) or not channels:
            raise SuiteError(f"model: expected as many strides as channels, got {len(strides)} and {len(channels)}")
        config = NeuronConfig(**(neuron or {}))
        self.time_steps = time_steps
        self.stem = StaticStem(in_channels, channels[0], strides[0], config)
        self.blocks = nn.Sequential(
            *(SpikingConv(channels[i - 1], channels[i], strides[i], config) for i in range(1, len(channels)))
        )
        size = image_size
        for stride in strides:
            size = (size - 1) // stride + 1  # a 3×3 kernel with padding 1
        self.head = nn.Sequential(
            layer.Flatten(step_mode="m"), layer.Linear(channels[-1] * size * size, classes, step_mode="m")
        )

    def forward(self, x: Tensor) -> Tensor:
        """Readout ``[T,N,K]`` of the images ``x``."""
        readout_TNK: Tensor = self.head(self.blocks(self.stem(x, self.time_steps)))
        return readout_TNK


ARCHITECTURES: dict[str, Callable[..., nn.Module]] = {"spiking-conv-net": SpikingConvNet}
"""Name in a suite -> class; called with ``time_steps`` and the values of the suite's ``[model]``."""


def build_network(arch: str, time_steps: int, config: Mapping[str, Any]) -> nn.Module:
    """A reference network with fresh weights.

    Args:
        arch: key of :data:`ARCHITECTURES`.
        time_steps: T.
        config: keyword arguments of the class, plain types.

    Raises:
        SuiteError: an unknown name or value.
    """
    if arch not in ARCHITECTURES:
        raise SuiteError(f"model: expected one of {', '.join(ARCHITECTURES)}, got {arch!r}")
    try:
        return ARCHITECTURES[arch](time_steps, **config)
    except TypeError as error:
        raise SuiteError(f"model: {arch} does not take these values: {error}") from error
