"""Modules that behave like neurons and were not recognised as such: their outputs are only 0 and 1."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from snn_eval.models.adapters.base import AdaptedNetwork

__all__ = ["unnamed_spikes"]

_SAMPLES = 2

_NOT_THE_USERS = ("torch.", "spikingjelly.", "snntorch.", "norse.", "sinabs.", "snn_eval.models.")


def unnamed_spikes(network: AdaptedNetwork, x: Tensor) -> str:
    """A line that names classes which give only 0 and 1 and are not known to spike; nothing where there are none.

    Only classes of the user's own are looked at, the innermost ones, and those that hold no known neuron.

    Args:
        network: adapted.
        x: input of a few samples, as :meth:`AdaptedNetwork.run` takes it.
    """
    candidates = {name: part for name, part in network.module.named_modules() if _may_spike(network, name, part)}
    only_bits: dict[str, bool] = {}
    spiked: set[str] = set()

    def hook_of(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            first = output[0] if isinstance(output, tuple) and output else output
            if isinstance(first, Tensor):
                only_bits[name] = only_bits.get(name, True) and bool(((first == 0) | (first == 1)).all())
                if (first == 1).any():
                    spiked.add(name)

        return hook

    handles = [part.register_forward_hook(hook_of(name)) for name, part in candidates.items()]
    few = x.narrow(network.sample_axis, 0, min(_SAMPLES, x.shape[network.sample_axis]))
    try:
        with torch.random.fork_rng(devices=[x.device] if x.is_cuda else []):
            network.run(few)
    finally:
        for handle in handles:
            handle.remove()
    binary = [name for name, only in only_bits.items() if only and name in spiked]
    inner = [name for name in binary if not any(other.startswith(f"{name}.") for other in binary)]
    if not inner:
        return ""
    classes = ", ".join(dict.fromkeys(type(candidates[name]).__name__ for name in inner))
    return (
        f"{len(inner)} modules ({classes}) give only 0 and 1 and are not known to spike: if they are neurons, "
        "say so with neuron_model (docs/extending.md), and set --time-steps"
    )


def _may_spike(network: AdaptedNetwork, name: str, part: nn.Module) -> bool:
    """Whether a class is of the user's own, and neither holds, is, nor belongs to a known neuron."""
    if not name or f"{type(part).__module__}.".startswith(_NOT_THE_USERS):
        return False
    return not any(f"{name}.".startswith(f"{known}.") or known.startswith(f"{name}.") for known in network.facts)
