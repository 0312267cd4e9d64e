"""Networks of no framework: the user names the spiking modules and how state is reset; an ANN names none."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import nn

from snn_eval.errors import NetworkError
from snn_eval.models.adapters.base import Framework, NeuronFacts
from snn_eval.models.network import NeuronModel

__all__ = ["plain_framework"]


def plain_framework(
    module: nn.Module,
    neurons: Mapping[type[nn.Module] | str, NeuronModel],
    reset: Callable[[nn.Module], None] | None = None,
    *,
    multi_step: bool = False,
) -> Framework:
    """A framework of the user's own.

    Args:
        module: the network, to check the names.
        neurons: class, or module path, of each kind of spiking module -> its facts. A path wins over a class.
        reset: sets all state back; None for a network that keeps none (the probe checks that nothing leaks).
        multi_step: whether the neurons take ``[T,N,…]`` in one call.

    Raises:
        NetworkError: a path or class names no module of the network.
    """
    by_module: dict[int, NeuronModel] = {}
    paths = dict(module.named_modules())
    for key, neuron in sorted(neurons.items(), key=lambda item: isinstance(item[0], str)):
        if isinstance(key, str):
            named = [paths[key]] if key in paths else []
        else:
            named = [part for part in paths.values() if isinstance(part, key)]
        if not named:
            raise NetworkError(
                f"neurons: {key if isinstance(key, str) else key.__name__} names no module of the network"
            )
        by_module.update((id(part), neuron) for part in named)

    def facts(part: nn.Module) -> NeuronFacts | None:
        neuron = by_module.get(id(part))
        return None if neuron is None else NeuronFacts(neuron)

    return Framework("plain", facts, reset or (lambda _: None), lambda _: multi_step)
