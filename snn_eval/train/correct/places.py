"""Finds the neurons of a network whose current can be corrected, by running it once."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from snn_eval.errors import NetworkError
from snn_eval.models.adapters import AdaptedNetwork, adapt
from snn_eval.models.corrected import CorrectedNeuron, attach, corrections
from snn_eval.models.dynamic_lif import DynamicLIF

__all__ = ["Place", "places", "with_corrections"]


@dataclass(frozen=True, slots=True)
class Place:
    """A layer of neurons: where it is in the network without corrections, how many channels, the threshold θ."""

    path: str
    channels: int
    threshold: float


def places(network: AdaptedNetwork, x: Tensor) -> list[Place]:
    """Every spiking layer in the order in which they run.

    Args:
        network: adapted, on the device of ``x``.
        x: input of a number of samples other than T.

    Raises:
        NetworkError: one that cannot be corrected: neurons that do not take all steps at once, ``[T,N,C,…]``, or that
            have no threshold of their own.
    """
    network.observe(x)  # so that what follows is one run
    shapes: dict[str, list[tuple[int, ...]]] = {}
    handles = [
        network.module.get_submodule(path).register_forward_pre_hook(_told(shapes, path))
        for path, facts in network.facts.items()
        if facts.neuron.has_threshold
    ]
    try:
        network.run(x)
    finally:
        for handle in handles:
            handle.remove()
    if not shapes:
        raise NetworkError("correction: expected spiking layers, found none")
    samples = x.shape[network.sample_axis]
    return [_place(network, path, calls, samples) for path, calls in shapes.items()]


def _told(shapes: dict[str, list[tuple[int, ...]]], path: str) -> Any:
    def hook(_module: nn.Module, inputs: tuple[Any, ...]) -> None:
        shape = tuple(inputs[0].shape) if inputs and isinstance(inputs[0], Tensor) else ()
        shapes.setdefault(path, []).append(shape)

    return hook


def _place(network: AdaptedNetwork, path: str, calls: list[tuple[int, ...]], samples: int) -> Place:
    shape = calls[0]
    if not path or len(calls) > 1 or len(shape) < 3 or shape[:2] != (network.time_steps, samples):
        times = f"{len(calls)} calls of " if len(calls) > 1 else ""
        raise NetworkError(
            f"correction: expected neurons that take all steps in one call, [{network.time_steps},{samples},C,…], "
            f"got {times}{list(shape)} at {path or 'the network itself'}; it cannot be corrected"
        )
    parent, _, _ = path.rpartition(".")
    wrapped = isinstance(network.module.get_submodule(parent), CorrectedNeuron)
    neuron = network.module.get_submodule(path)
    return Place(parent if wrapped else path, shape[2], _threshold(neuron, path))


def _threshold(neuron: nn.Module, path: str) -> float:
    """θ, of an adaptive neuron that at rest, within its bounds."""
    learned = neuron.learned().threshold if isinstance(neuron, DynamicLIF) else getattr(neuron, "threshold", None)
    value = learned if isinstance(learned, Tensor) else getattr(neuron, "v_threshold", None)
    if isinstance(value, Tensor) and value.numel() == 1:
        value = float(value.detach())
    if not isinstance(value, int | float) or not value > 0:
        raise NetworkError(f"correction: expected neurons with one v_threshold > 0, found none at {path}")
    return float(value)


def with_corrections(network: AdaptedNetwork, found: list[Place]) -> AdaptedNetwork:
    """A copy of the network with a correction of every step and channel, and a gain, before each layer found.

    Those it has already are taken over; the others do nothing yet.
    """
    module = copy.deepcopy(network.module)
    before = corrections(module)
    for place in found:
        holder = module
        if place.path in before:
            parent, _, name = place.path.rpartition(".")
            holder = module.get_submodule(parent)
            setattr(holder, name, module.get_submodule(place.path).neuron)
    steps = network.time_steps
    attach(module, {p.path: {"channels": p.channels, "steps": steps, "gain": True} for p in found})
    with torch.no_grad():
        for path, correction in corrections(module).items():
            _take_over(correction, before.get(path), steps)
    roles = {_moved(path, found, before): role for path, role in network.roles.items()}
    return adapt(
        module,
        steps,
        sample_axis=network.sample_axis,
        feed=network.feed,
        output_index=network.output_index,
        readout=network.readout,
        time_steps_attribute=network.time_steps_attribute,
        roles=roles,
    )


def _take_over(correction: Any, old: Any, steps: int) -> None:
    if old is None:
        return
    if old.bias is not None:
        rows = old.bias[:steps]
        correction.bias[: len(rows)] = rows
    if old.gain is not None:
        correction.gain.copy_(old.gain)


def _moved(path: str, found: list[Place], before: Any) -> str:
    return f"{path}.neuron" if any(place.path == path and path not in before for place in found) else path
