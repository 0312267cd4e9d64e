"""What a module gives, as a readout, and the experiment that tells which of its layers is the readout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from snn_eval.errors import NetworkError

if TYPE_CHECKING:
    from snn_eval.models.adapters.base import AdaptedNetwork

__all__ = ["WRONG_INPUT", "Observation", "as_readout", "find_output_layer", "recorded", "reduced"]

WRONG_INPUT = (RuntimeError, ValueError, TypeError, IndexError, AssertionError)
"""What modules raise for an input they cannot take."""


@dataclass(frozen=True, slots=True)
class Observation:
    """The sample used, and the path of the spiking layer whose output is the readout (None: no layer's is)."""

    sample: Tensor
    output_layer: str | None


def as_readout(output: Any, output_index: int, time_steps: int, samples: int, *, samples_first: bool = False) -> Tensor:
    """Bring what a module returned to ``[T,N,K]``, or ``[1,N,K]`` where there is one readout for all steps.

    Args:
        output: a tensor, a list with one ``[N,K]`` a step, or a tuple from which ``output_index`` picks.
        output_index: position in a tuple.
        time_steps: T.
        samples: N.
        samples_first: whether the steps come as ``[N,T,K]`` or ``[N·T,K]``.

    Raises:
        NetworkError: any other shape.
    """
    if isinstance(output, tuple):
        if not 0 <= output_index < len(output):
            raise NetworkError(f"readout: the network returns {len(output)} values, output_index is {output_index}")
        output = output[output_index]
    if isinstance(output, list) and output and all(isinstance(part, Tensor) for part in output):
        output = torch.stack(output)
    if not isinstance(output, Tensor):
        raise NetworkError(f"readout: expected a tensor, got {type(output).__name__}; name it with output_index")
    steps: Tensor = output
    if samples_first and steps.dim() == 2 and steps.shape[0] == samples * time_steps:
        steps = steps.reshape(samples, time_steps, -1)
    if samples_first and steps.shape[:2] == (samples, time_steps) and steps.dim() == 3:
        steps = steps.transpose(0, 1)
    if steps.dim() == 2 and steps.shape[0] == samples:
        return steps.unsqueeze(0)
    if steps.dim() == 3 and steps.shape[0] in (1, time_steps) and steps.shape[1] == samples:
        return steps
    hint = "tell how it takes time: feed (sequence, batch-first, flat, steps or whole) in [model], or of adapt"
    if output.dim() == 3 and output.shape[1] == samples:
        hint = f"if the network runs {output.shape[0]} steps by itself, measure it with that T"
    expected = f"[{time_steps},{samples},K] or [{samples},K]"
    raise NetworkError(f"readout: expected {expected} for {samples} samples, got {list(output.shape)}; {hint}")


def reduced(readout_TNK: Tensor, how: str) -> Tensor:
    """The readout that decides: ``[T,N,K]`` as it is (``mean``, ``count``), or ``[1,N,K]`` of ``last`` or ``max``."""
    if how == "last":
        return readout_TNK[-1:]
    return readout_TNK.amax(0, keepdim=True) if how == "max" else readout_TNK


@contextmanager
def recorded(network: AdaptedNetwork, layers: Mapping[str, nn.Module]) -> Iterator[dict[str, list[torch.Size]]]:
    """Shapes of the spikes of every layer, one a call, by path in order of first call."""
    shapes: dict[str, list[torch.Size]] = {}

    def hook_of(name: str) -> Any:
        index = network.facts[name].neuron.output_index

        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            spikes = output[index : index + 1] if isinstance(output, tuple) else output
            shapes.setdefault(name, []).extend(part.shape for part in _tensors(spikes)[:1])

        return hook

    handles = [layer.register_forward_hook(hook_of(name)) for name, layer in layers.items()]
    try:
        yield shapes
    finally:
        for handle in handles:
            handle.remove()


def find_output_layer(network: AdaptedNetwork, layers: Mapping[str, nn.Module], sample: Tensor) -> str | None:
    """Path of the spiking layer whose output is the readout, or None.

    Noise takes the place of the layer's output; if the readout then is that noise (as it is, or its mean, sum or last
    step, or the mean over groups of neurons that vote for a class), nothing but this layer made it. Works for silent
    layers too, where comparing values would not.
    """
    if not layers:
        return None
    with recorded(network, layers) as shapes:
        network.framework.reset(network.module)
        readout = network._forward(sample)
    classes = readout.shape[-1]
    last_first = list(shapes)[::-1]
    for name in last_first:
        size = shapes[name][0].numel() * len(shapes[name]) // network.time_steps
        if size and size % classes == 0 and _noise_is_readout(network, layers[name], sample):
            return name
    return None


def _noise_is_readout(network: AdaptedNetwork, layer: nn.Module, sample: Tensor) -> bool:
    generator = torch.Generator().manual_seed(0)
    injected: dict[int, list[Tensor]] = {}

    def hook(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        noise = [torch.rand(part.shape, generator=generator).to(part) for part in _tensors(output)]
        for index, part in enumerate(noise):
            injected.setdefault(index, []).append(part)
        if isinstance(output, Tensor):
            return noise[0]
        rest = iter(noise)
        return type(output)(next(rest) if isinstance(part, Tensor) else part for part in output)

    handle = layer.register_forward_hook(hook)
    try:
        network.framework.reset(network.module)
        readout = network._forward(sample)
    except WRONG_INPUT:
        return False  # a layer that cannot stand noise feeds more than the readout
    finally:
        handle.remove()
        network.framework.reset(network.module)
    per_step = [_per_step(parts, network.time_steps) for parts in injected.values()]
    if len(per_step) > 1 and all(len(parts) == 1 for parts in injected.values()):
        per_step.append(_per_step([parts[0] for parts in injected.values()], network.time_steps))  # a list of steps
    return any(_is_reduction(readout, steps) for steps in per_step if steps is not None)


def _per_step(parts: list[Tensor], time_steps: int) -> Tensor | None:
    """Injected noise of one sample as ``[T,P]``; None where the layer was not run once a step."""
    if len({part.shape for part in parts}) > 1:
        return None
    noise = parts[0] if len(parts) == 1 else torch.stack(parts)
    return noise.reshape(time_steps, -1) if noise.numel() % time_steps == 0 else None


def _is_reduction(readout: Tensor, steps: Tensor) -> bool:
    """Whether the readout ``[T or 1,1,K]`` of one sample is a plain reduction of the steps ``[T,P]``, P = k·K."""
    classes = readout.shape[-1]
    if steps.shape[1] % classes:
        return False
    votes = steps.reshape(len(steps), classes, -1).mean(-1)
    found = readout[:, 0, :]
    if len(found) == len(votes) and torch.allclose(found, votes, rtol=1e-3, atol=1e-5):
        return True
    finals = (votes.mean(0), votes.sum(0), votes[-1], votes.amax(0))
    return len(found) == 1 and any(torch.allclose(found[0], final, rtol=1e-3, atol=1e-5) for final in finals)


def _tensors(output: Any) -> list[Tensor]:
    if isinstance(output, Tensor):
        return [output]
    return [part for part in output if isinstance(part, Tensor)] if isinstance(output, tuple | list) else []
