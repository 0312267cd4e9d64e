"""Networks written as a list of layers, ``12C5 – AP2 – 32C5 – AP2 – FC10``, for images and event frames."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from spikingjelly.activation_based import layer
from torch import Tensor, nn

from snn_eval.errors import NetworkError, SuiteError
from snn_eval.models.blocks import ConvShape, LinearStem, MakeNeuron, SpikingConv, SpikingLinear, StaticStem
from snn_eval.models.coding import FRAME_CODINGS, build_coding
from snn_eval.models.factory import user_neuron
from snn_eval.models.neurons import NeuronConfig, build_neuron

__all__ = ["LayeredNet", "neuron_maker"]

_CONV = re.compile(
    r"(?P<channels>\d+)C(?P<kernel>\d+)(?:s(?P<stride>\d+))?(?:g(?P<groups>\d+))?(?:d(?P<dilation>\d+))?"
)
_POOL = re.compile(r"(?P<kind>AP|MP)(?P<size>\d+)")
_FULL = re.compile(r"FC(?P<units>\d+)")
_POOLS: dict[str, Callable[..., nn.Module]] = {"AP": layer.AvgPool2d, "MP": layer.MaxPool2d}
_FORMS = "<channels>C<kernel>[s<stride>][g<groups>][d<dilation>], AP<size>, MP<size> or FC<units>"


class LayeredNet(nn.Module):
    """A chain of spiking layers with one readout a step: ``[N,C,H,W]`` or ``[T,N,C,H,W]`` ``-> [T,N,K]``.

    ``12C5`` is a convolution of 12 channels with kernel 5 (``s2`` stride, ``g4`` groups, ``d2`` dilation), ``FC100``
    100 units connected with everything; both without bias, followed by batch norm and neurons. ``AP2`` and ``MP2``
    are the mean and the maximum of 2 × 2 spikes; the mean gives the next layer quarters. The last layer is
    ``FC<classes>``, the readout: a current with a bias, without neurons. The first layer runs once per image and its
    current is held over all steps; event frames go through it at every step.

    Args:
        time_steps: T.
        in_shape: channels, height and width of the input.
        layers: as above, the input's side first.
        padding: ``same`` adds ``kernel // 2 · dilation`` zeros at each border of a convolution, ``valid`` none.
        neuron: values of :class:`NeuronConfig`, or ``name = "file.py:Class"`` with values of that class, whose layers
            take ``[T,N,…]`` and begin at rest; the name may also be what makes a layer of the other values.
        coding: of the currents of the first layer or, ``temporal-conv``, of event frames; see
            :mod:`snn_eval.models.coding`.

    Raises:
        SuiteError: a layer that cannot be read or does not fit what comes before it, or an unknown value.
    """

    def __init__(
        self,
        time_steps: int,
        *,
        in_shape: Sequence[int] = (1, 28, 28),
        layers: Sequence[str] = ("12C5", "AP2", "32C5", "AP2", "FC10"),
        padding: str = "same",
        neuron: Mapping[str, Any] | None = None,
        coding: str = "none",
    ) -> None:
        super().__init__()
        _check(in_shape, layers, padding)
        self.time_steps = time_steps
        self.coding = build_coding(coding, time_steps, in_shape[0]) if coding in FRAME_CODINGS else None
        of_currents = partial(build_coding, "none" if coding in FRAME_CODINGS else coding, time_steps)
        chain = _Chain(
            tuple(in_shape), padding == "same", neuron_maker(neuron or {}), of_currents, coding == "attention"
        )
        self.layers = nn.ModuleList(chain.added(place, text) for place, text in enumerate(layers[:-1]))
        self.readout = layer.Linear(chain.size, int(layers[-1][2:]), step_mode="m")

    def forward(self, x: Tensor) -> Tensor:
        """Readout ``[T,N,K]`` of images ``[N,C,H,W]`` or of frames, or an encoding, ``[T,N,C,H,W]``.

        Raises:
            NetworkError: another number of dimensions.
        """
        if x.dim() not in (4, 5):
            raise NetworkError(f"layered-net: expected [N,C,H,W] or [T,N,C,H,W], got shape {tuple(x.shape)}")
        if self.coding is not None:
            x = self.coding(x)
        stem, *others = self.layers
        x = stem(x, self.time_steps)
        for part in others:
            x = part(x)
        readout_TNK: Tensor = self.readout(x.flatten(2))
        return readout_TNK


@dataclass(slots=True)
class _Chain:
    """What the next layer is given: the ``shape`` of a sample ``[C,H,W]``, or ``[C]`` behind a fully connected one."""

    shape: tuple[int, ...]
    padded: bool
    make_neuron: MakeNeuron
    coding: Callable[[int], nn.Module | None]
    """Channels of the first currents -> what changes them."""
    needs_space: bool

    @property
    def size(self) -> int:
        """Values of a sample."""
        return math.prod(self.shape)

    def added(self, place: int, text: str) -> nn.Module:
        """The layer of that text."""
        where = f"model: layers[{place}] {text!r}"
        for pattern, make in ((_CONV, self._convolution), (_POOL, self._pool), (_FULL, self._full)):
            found = pattern.fullmatch(text)
            if found:
                values = {key: value for key, value in found.groupdict().items() if value is not None}
                if any(value.isdigit() and int(value) < 1 for value in values.values()):
                    raise SuiteError(f"{where}: expected numbers of 1 or more")
                if len(self.shape) == 1 and make != self._full:
                    raise SuiteError(f"{where}: expected FC behind FC, which leaves no image")
                return make(where, place == 0, **values)
        raise SuiteError(f"{where}: expected {_FORMS}")

    def _convolution(self, where: str, first: bool, *, channels: str, kernel: str, **others: str) -> nn.Module:
        geometry = {key: int(value) for key, value in others.items()}
        shape = ConvShape(self.shape[0], int(channels), int(kernel), padded=self.padded, **geometry)
        if shape.in_channels % shape.groups or shape.channels % shape.groups:
            raise SuiteError(
                f"{where}: expected groups that divide its {shape.in_channels} input and {shape.channels} output "
                f"channels, got {shape.groups}"
            )
        self._shrink(where, shape.channels, *(shape.size_of(size) for size in self.shape[1:]))
        if first:
            return StaticStem(shape, self.make_neuron, self.coding(shape.channels))
        return SpikingConv(shape, self.make_neuron)

    def _pool(self, where: str, first: bool, *, kind: str, size: str) -> nn.Module:
        if first:
            raise SuiteError(f"{where}: expected a layer with neurons first, C or FC")
        self._shrink(where, self.shape[0], *(pixels // int(size) for pixels in self.shape[1:]))
        return _POOLS[kind](int(size), step_mode="m")

    def _full(self, where: str, first: bool, *, units: str) -> nn.Module:
        inputs, self.shape = self.size, (int(units),)
        if first:
            if self.needs_space:
                raise SuiteError(f"{where}: coding attention: expected C as the first layer")
            return LinearStem(inputs, int(units), self.make_neuron, self.coding(int(units)))
        return SpikingLinear(inputs, int(units), self.make_neuron)

    def _shrink(self, where: str, channels: int, height: int, width: int) -> None:
        if height < 1 or width < 1:
            raise SuiteError(f"{where}: too large for its input of {self.shape[1]}×{self.shape[2]} pixels")
        self.shape = (channels, height, width)


def _check(in_shape: Sequence[int], layers: Sequence[str], padding: str) -> None:
    if len(in_shape) != 3 or any(type(size) is not int or size < 1 for size in in_shape):
        raise SuiteError(f"model: in_shape: expected channels, height and width of 1 or more, got {in_shape!r}")
    if padding not in ("same", "valid"):
        raise SuiteError(f"model: padding: expected same or valid, got {padding!r}")
    if isinstance(layers, str) or not all(isinstance(text, str) for text in layers) or len(layers) < 2:
        raise SuiteError(f"model: layers: expected a list of a layer with neurons and more, got {layers!r}")
    if not re.fullmatch(r"FC[1-9]\d*", layers[-1]):
        raise SuiteError(f"model: layers: expected FC<classes> as the last one, the readout, got {layers[-1]!r}")


def neuron_maker(neuron: Mapping[str, Any]) -> MakeNeuron:
    """Makes layers of neurons of these values: of ours, of a user's own by name, or by what makes them."""
    name, values = neuron.get("name", ""), {key: value for key, value in neuron.items() if key != "name"}
    if callable(name):
        return partial(name, values)
    if isinstance(name, str) and ":" in name:
        return partial(user_neuron(name), values)
    return partial(build_neuron, NeuronConfig(**neuron))
