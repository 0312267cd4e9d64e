"""The network of seven residual blocks for event frames of 128×128 pixels: SEW-ResNet's for DVS128 Gesture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spikingjelly.activation_based import layer
from torch import Tensor, nn

from snn_eval.errors import NetworkError, SuiteError
from snn_eval.models.blocks import ConvShape, MakeNeuron, SpikingConv
from snn_eval.models.coding import FRAME_CODINGS, build_coding
from snn_eval.models.connect import CONNECTS
from snn_eval.models.layered import neuron_maker

__all__ = ["ResidualBlock", "SevenBlockNet"]


class ResidualBlock(nn.Module):
    """``g(a, x)``: two 3×3 convolutions with norm and neurons make ``a`` of ``x``; ``[T,N,C,H,W] -> [T,N,C,H,W]``.

    Args:
        channels: C.
        connect: g, key of :data:`snn_eval.models.connect.CONNECTS`.
        make_neuron: makes a layer of neurons.
    """

    def __init__(self, channels: int, connect: str, make_neuron: MakeNeuron) -> None:
        super().__init__()
        self.first, self.second = (SpikingConv(ConvShape(channels, channels), make_neuron) for _ in range(2))
        self.connect = connect

    def forward(self, x_TNCHW: Tensor) -> Tensor:
        """What comes out of both branches."""
        return CONNECTS[self.connect](self.second(self.first(x_TNCHW)), x_TNCHW)


class SevenBlockNet(nn.Module):
    """Stages of a residual block and a maximum over 2×2, one readout a step: ``[T,N,C,H,W] -> [T,N,K]``.

    A stage whose channels differ from those before it begins with a 1×1 convolution, norm and neurons. Seven stages
    make one pixel of 128×128; fewer or more make another network of the same kind. The readout is a linear layer with
    bias at each step; its mean over steps is what the original computes of the mean of its inputs. Convolutions have no
    bias. With ``add`` the layers behind a block are driven by integers, not by spikes.

    Args:
        time_steps: T, of the frames.
        in_shape: channels, height and width of a frame.
        channels: of each stage.
        classes: K.
        connect: how a block joins its branches: ``add``, ``and``, ``iand``, ``or`` or ``xor``.
        neuron: of every layer, as in :class:`snn_eval.models.layered.LayeredNet`.
        coding: ``none``, or ``temporal-conv`` over the frames (see :mod:`snn_eval.models.coding`).

    Raises:
        SuiteError: an unknown value, or frames too small for so many stages.

    Source:
        W. Fang et al., "Deep Residual Learning in Spiking Neural Networks", NeurIPS 2021 (7B-Net).
    """

    def __init__(
        self,
        time_steps: int,
        *,
        in_shape: Sequence[int] = (2, 128, 128),
        channels: Sequence[int] = (32, 32, 32, 32, 32, 32, 32),
        classes: int = 11,
        connect: str = "add",
        neuron: Mapping[str, Any] | None = None,
        coding: str = "none",
    ) -> None:
        super().__init__()
        _check(in_shape, channels, connect, coding)
        make_neuron = neuron_maker(neuron or {})
        self.time_steps = time_steps
        self.coding = build_coding(coding, time_steps, in_shape[0])
        stages: list[nn.Module] = []
        before = in_shape[0]
        for width in channels:
            if width != before:
                stages.append(SpikingConv(ConvShape(before, width, kernel=1), make_neuron))
            stages += [ResidualBlock(width, connect, make_neuron), layer.MaxPool2d(2, step_mode="m")]
            before = width
        self.stages = nn.Sequential(*stages)
        height, width = (size // 2 ** len(channels) for size in in_shape[1:])
        self.readout = layer.Linear(before * height * width, classes, step_mode="m")

    def forward(self, x_TNCHW: Tensor) -> Tensor:
        """Readout ``[T,N,K]`` of frames ``[T,N,C,H,W]``.

        Raises:
            NetworkError: another number of dimensions.
        """
        if x_TNCHW.dim() != 5:
            raise NetworkError(f"seven-block-net: expected event frames [T,N,C,H,W], got shape {tuple(x_TNCHW.shape)}")
        if self.coding is not None:
            x_TNCHW = self.coding(x_TNCHW)
        readout_TNK: Tensor = self.readout(self.stages(x_TNCHW).flatten(2))
        return readout_TNK


def _check(in_shape: Sequence[int], channels: Sequence[int], connect: str, coding: str) -> None:
    for name, values in (("in_shape", in_shape), ("channels", channels)):
        if not values or any(type(value) is not int or value < 1 for value in values):
            raise SuiteError(f"model: {name}: expected numbers of 1 or more, got {values!r}")
    if len(in_shape) != 3 or min(in_shape[1:]) < 2 ** len(channels):
        raise SuiteError(
            f"model: in_shape: expected channels, height and width, {2 ** len(channels)} pixels or more for "
            f"{len(channels)} stages, got {in_shape!r}"
        )
    if connect not in CONNECTS:
        raise SuiteError(f"model: connect: expected one of {', '.join(CONNECTS)}, got {connect!r}")
    if coding != "none" and coding not in FRAME_CODINGS:
        raise SuiteError(f"model: coding: expected one of none, {', '.join(FRAME_CODINGS)}, got {coding!r}")
