"""What neurons and codings learned: the few numbers of a trained network that its components added."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from snn_eval.models import coding
from snn_eval.models.adapters import AdaptedNetwork
from snn_eval.models.corrected import corrections
from snn_eval.models.dynamic_lif import DynamicLIF

__all__ = ["MOST_NUMBERS", "learned_values"]

MOST_NUMBERS = 64
"""A parameter of more numbers is left out: it is a map, and says nothing in a table."""

_SYNAPSES = ("weight", "bias")


def learned_values(network: AdaptedNetwork) -> dict[str, list[float]]:
    """Parameter path -> its numbers, in order, of every parameter of spiking layers and codings.

    Weights, biases and norms of other layers are not among them, nor weights and biases of layers inside a neuron, nor
    parameters of more than :data:`MOST_NUMBERS`. Those of :class:`DynamicLIF` are as they act, within their bounds.
    Paths are those of the network without corrections. Seven significant digits: they are float32.
    """
    corrected = corrections(network.module)
    found = {}
    for path, part in network.module.named_modules():
        if path in network.facts or type(part).__module__ == coding.__name__:
            outside = path.removesuffix(".neuron")
            shown = outside if outside in corrected and outside != path else path
            for name, value in _values(part):
                if value.numel() <= MOST_NUMBERS:
                    numbers = value.detach().flatten().tolist()
                    found[f"{shown}.{name}".lstrip(".")] = [float(f"{number:.7g}") for number in numbers]
    return found


def _values(part: nn.Module) -> Iterator[tuple[str, Tensor]]:
    if isinstance(part, DynamicLIF):
        yield from ((name, value) for name, value in part.learned()._asdict().items() if value is not None)
        return
    for name, value in part.named_parameters():
        if "." not in name or name.rpartition(".")[2] not in _SYNAPSES:
            yield name, value
