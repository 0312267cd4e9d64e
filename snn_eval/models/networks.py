"""Reference networks by name, each built from plain values that fit into a suite and a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from spikingjelly.activation_based import layer
from torch import Tensor, nn

from snn_eval.errors import SuiteError
from snn_eval.models.blocks import ConvShape, SpikingConv, StaticStem
from snn_eval.models.corrected import corrected_network
from snn_eval.models.factory import with_own_neurons
from snn_eval.models.layered import LayeredNet
from snn_eval.models.neurons import NeuronConfig, build_neuron
from snn_eval.models.seven_block import SevenBlockNet

__all__ = ["ARCHITECTURES", "SpikingConvNet", "build_network", "network_run_for"]


class SpikingConvNet(nn.Module):
    """Convolutional spiking network on static images with one readout a step: ``[N,C,H,W] -> [T,N,K]``.

    The stem runs once per image; every later layer is driven by spikes alone (pooling takes the maximum of spikes), so
    that each of its inputs is 0 or 1. The readout is the current of the last linear layer; its mean over steps is the
    network's answer.

    Args:
        time_steps: T.
        in_channels: channels of the image.
        image_size: height = width of the image in pixels.
        classes: K.
        channels: output channels of each convolution, the stem first.
        strides: stride of each convolution.
        kernels: kernel size of each convolution, odd; by default 3.
        pools: maximum pooling behind each layer of neurons; by default none (1).
        neuron: values of :class:`NeuronConfig`.

    Raises:
        SuiteError: lists of different lengths, or an image too small for so many strides and pools.
    """

    def __init__(
        self,
        time_steps: int,
        *,
        in_channels: int = 1,
        image_size: int = 8,
        classes: int = 10,
        channels: Sequence[int] = (16, 32),
        strides: Sequence[int] = (1, 2),
        kernels: Sequence[int] | None = None,
        pools: Sequence[int] | None = None,
        neuron: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        shapes = _shapes(in_channels, channels, strides, kernels or [3] * len(channels), pools or [1] * len(channels))
        make_neuron = partial(build_neuron, NeuronConfig(**(neuron or {})))
        self.time_steps = time_steps
        self.stem = StaticStem(shapes[0], make_neuron)
        self.blocks = nn.Sequential(*(SpikingConv(shape, make_neuron) for shape in shapes[1:]))
        size = image_size
        for shape in shapes:
            size = shape.size_of(size)
        if size < 1:
            raise SuiteError(f"model: an image of {image_size} pixels is too small for these strides and pools")
        self.head = nn.Sequential(
            layer.Flatten(step_mode="m"), layer.Linear(channels[-1] * size * size, classes, step_mode="m")
        )

    def forward(self, x: Tensor) -> Tensor:
        """Readout ``[T,N,K]`` of the images ``x`` ``[N,C,H,W]``, or of their encoding ``[T,N,C,H,W]``."""
        readout_TNK: Tensor = self.head(self.blocks(self.stem(x, self.time_steps)))
        return readout_TNK


def _shapes(in_channels: int, channels: Sequence[int], *others: Sequence[int]) -> list[ConvShape]:
    """One shape for each convolution.

    Raises:
        SuiteError: lists of different lengths, an even kernel, or a value below 1.
    """
    strides, kernels, pools = others
    for name, values in (("strides", strides), ("kernels", kernels), ("pools", pools)):
        if len(values) != len(channels) or not channels:
            raise SuiteError(f"model: expected as many {name} as channels, got {len(values)} and {len(channels)}")
    if any(value < 1 for values in (channels, *others) for value in values) or any(k % 2 == 0 for k in kernels):
        raise SuiteError("model: expected channels, strides and pools of 1 or more and odd kernels")
    inputs = (in_channels, *channels[:-1])
    return [ConvShape(*values) for values in zip(inputs, channels, kernels, strides, pools, strict=True)]


ARCHITECTURES: dict[str, Callable[..., nn.Module]] = {
    "spiking-conv-net": SpikingConvNet,
    "layered-net": LayeredNet,
    "seven-block-net": SevenBlockNet,
    "corrected": corrected_network,
}
"""Name in a suite -> class; called with ``time_steps`` and the values of the suite's ``[model]``."""


def build_network(
    arch: str,
    time_steps: int,
    config: Mapping[str, Any],
    *,
    folder: Path | None = None,
    own: Collection[str] = (),
) -> nn.Module:
    """A reference network with fresh weights.

    Args:
        arch: key of :data:`ARCHITECTURES`.
        time_steps: T.
        config: keyword arguments of the class, plain types.
        folder: of the suite, which paths of a user's neurons start from.
        own: names of a user's neurons whose files may be run.

    Raises:
        SuiteError: an unknown name or value, or a file that only a checkpoint names.
    """
    if arch not in ARCHITECTURES:
        raise SuiteError(f"model: expected one of {', '.join(ARCHITECTURES)}, got {arch!r}")
    values = with_own_neurons(config, folder, own)
    try:
        return ARCHITECTURES[arch](time_steps, **values)
    except (TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        if "memory" in str(error):  # a network too large for this machine is told as such
            raise
        raise SuiteError(f"model: {arch} does not take these values: {str(error).splitlines()[0]}") from error


def network_run_for(
    time_steps: int,
    arch: str,
    built_for: int | None,
    config: Mapping[str, Any],
    *,
    folder: Path | None = None,
    own: Collection[str] = (),
) -> nn.Module:
    """A reference network of the shape it was trained with, to be run for another number of steps.

    What holds a value for each step (a coding) keeps those of all steps it was ``built_for``; a shorter run takes the
    first ones, so that it is the beginning of a longer one.

    Args:
        time_steps: T of its runs.
        arch, config, folder, own: as for :func:`build_network`.
        built_for: T that its weights are of; None if nothing tells, then ``time_steps``.

    Raises:
        SuiteError: as :func:`build_network`.
    """
    module = build_network(arch, time_steps if built_for is None else built_for, config, folder=folder, own=own)
    module.time_steps = time_steps  # type: ignore[assignment]  # every network of ours reads it as it runs
    return module
