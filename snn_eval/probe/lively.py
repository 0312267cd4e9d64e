"""Neurons that answer every change of their input, so that a silent layer hides nothing from an observed run."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from snn_eval.models.network import SpikingLayer
from snn_eval.probe.inventory import spikes_of

__all__ = ["lively_output"]


def lively_output(inputs: Any, output: Any, layer: SpikingLayer) -> Any:
    """What a spiking module returned, with spikes that depend on each element of its first input."""
    spikes = _answers(inputs[0] if inputs else None, spikes_of(output, layer))
    if isinstance(output, Tensor):
        return spikes
    parts = list(output)
    parts[layer.neuron.output_index] = spikes
    return type(output)(parts) if isinstance(output, list) else tuple(parts)


def _answers(current: Any, spikes: Tensor) -> Tensor:
    """Zeros and ones that depend on each element of the current (the spikes themselves where shapes differ)."""
    if not isinstance(current, Tensor) or current.shape != spikes.shape or not current.is_floating_point():
        return spikes
    # A fast sawtooth: small changes flip it, and so does the step from 0 to 1.
    return (torch.frac(current.to(torch.float64) * 997.618034 + 0.25).abs() < 0.5).to(spikes.dtype)
