"""Converts an ANN of rectifiers into a spiking network of IF neurons that fires at the rate of its activations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from snn_eval.errors import CheckpointError, SuiteError
from snn_eval.models.checkpoint import Checkpoint, load_weights
from snn_eval.models.networks import build_network

__all__ = ["activation_percentiles", "converted", "is_ann"]

_NEURON = {"name": "if", "reset": "soft", "v_threshold": 1.0}


def is_ann(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint of ours holds a ``layered-net`` of rectifiers."""
    neuron = (checkpoint.config or {}).get("neuron")
    return checkpoint.arch == "layered-net" and isinstance(neuron, Mapping) and neuron.get("name") == "relu"


def converted(
    checkpoint: Checkpoint, batches: Iterable[Tensor], samples: int, time_steps: int, *, percentile: float = 99.9
) -> Checkpoint:
    """The same network with IF neurons, soft reset, threshold 1, whose rates over T steps approximate activations.

    Data-based normalisation. λ_l is the ``percentile`` of all activations of layer l over the images, λ_0 = 1; a layer
    whose activations are ``relu(norm(W·x))`` with ``norm(y) = γ·(y − μ)/σ + β`` gets::

        W ← W · λ_{l−1},   γ ← γ / λ_l,   β ← β / λ_l

    and the readout ``W ← W · λ_{L−1}``, its bias as it was: each activation is divided by λ_l, and the readout equal.
    Activations above λ_l are what a neuron firing at every step cannot express.

    Args:
        checkpoint: for which :func:`is_ann` holds.
        batches: input of training images, ``[N,…]`` as the network takes it.
        samples: how many images that are.
        time_steps: T of the spiking network.
        percentile: within (0, 100].

    Raises:
        SuiteError: maximum pools, whose maximum of spikes is no spike of the maximum, or a coding of its input.
        CheckpointError: no ANN, or weights of another network.

    Source:
        B. Rueckauer et al., "Conversion of continuous-valued deep networks to efficient event-driven networks for image
        classification", Frontiers in Neuroscience 11:682, 2017.
    """
    if not is_ann(checkpoint):
        raise CheckpointError(f"{checkpoint.name}: expected a layered-net with neuron relu to convert, got another")
    config = dict(checkpoint.config or {})
    _check(config)
    ann = build_network("layered-net", 1, config)
    load_weights(ann, checkpoint)
    scales = activation_percentiles(ann.eval(), batches, samples, percentile)
    snn_config = {**config, "neuron": dict(_NEURON)}
    snn = build_network("layered-net", time_steps, snn_config)
    load_weights(snn, checkpoint)
    _scale(snn, scales)
    return replace(
        checkpoint,
        state_dict=snn.state_dict(),
        config=snn_config,
        time_steps=time_steps,
        provenance={**checkpoint.provenance, "converted_from": checkpoint.sha256, "percentile": percentile},
    )


def _check(config: Mapping[str, Any]) -> None:
    pools = [text for text in config.get("layers", ()) if text.startswith("MP")]
    if pools:
        raise SuiteError(f"conversion: expected AP pools, got {pools[0]}: a maximum of spikes is no spike of a maximum")
    if config.get("coding", "none") != "none":
        raise SuiteError(f"conversion: expected coding none, got {config['coding']}")


def _spiking(module: nn.Module) -> dict[str, Any]:
    """Layers with neurons, in order, by path."""
    return {name: part for name, part in module.named_modules() if hasattr(part, "neuron") and hasattr(part, "norm")}


def activation_percentiles(
    ann: nn.Module, batches: Iterable[Tensor], samples: int, percentile: float
) -> dict[str, float]:
    """λ of each layer of rectifiers, by path: the smallest activation that at least ``percentile`` % do not exceed.

    Of each layer only the activations above it are held in memory. A layer that is 0 throughout has 1.

    Args:
        ann: whose layers have ``norm`` and ``neuron``.
        batches: its input.
        samples: images in all batches.
        percentile: within (0, 100].

    Raises:
        SuiteError: a percentile out of range.
    """
    if not 0 < percentile <= 100:
        raise SuiteError(f"conversion: expected a percentile within (0, 100], got {percentile}")
    largest: dict[str, Tensor] = {}

    def told(name: str, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
        total = output.numel() // output.shape[1] * samples  # [1,N,C,…]
        kept = total - math.ceil(percentile / 100 * total) + 1
        values = torch.cat((largest.get(name, output.new_zeros(0)), output.flatten()))
        largest[name] = values.topk(min(kept, len(values))).values

    handles = [part.neuron.register_forward_hook(partial(told, name)) for name, part in _spiking(ann).items()]
    try:
        with torch.no_grad():
            for x in batches:
                ann(x)
    finally:
        for handle in handles:
            handle.remove()
    return {name: float(values[-1]) or 1.0 for name, values in largest.items()}


def _scale(snn: nn.Module, scales: Mapping[str, float]) -> None:
    before = 1.0
    with torch.no_grad():
        for name, part in _spiking(snn).items():
            synapse = part.conv if hasattr(part, "conv") else part.linear
            synapse.weight.mul_(before)
            part.norm.weight.div_(scales[name])
            part.norm.bias.div_(scales[name])
            before = scales[name]
        snn.get_submodule("readout").weight.mul_(before)  # type: ignore[operator]
