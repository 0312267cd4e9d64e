"""Losses of per-step readouts, and the penalty on spikes."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["firing_rate", "readout_loss"]


def readout_loss(readout_TNK: Tensor, target: Tensor, *, tet: float = 0.0, label_smoothing: float = 0.0) -> Tensor:
    """Cross-entropy of the mean readout, mixed with the mean cross-entropy of every step.

    ``L = (1 − tet)·CE(1/T·Σ_t o_t, y) + tet·1/T·Σ_t CE(o_t, y)``

    Args:
        readout_TNK: o, readout of T steps, N samples, K classes.
        target: ``[N]``, y.
        tet: share of the second term, temporal efficient training: it makes early steps good too.
        label_smoothing: mass spread over all classes.

    Returns:
        Scalar.

    Source:
        S. Deng et al., "Temporal Efficient Training of Spiking Neural Network via Gradient Re-weighting", ICLR 2022;
        without its third term.
    """
    steps = len(readout_TNK)
    mean = F.cross_entropy(readout_TNK.mean(0), target, label_smoothing=label_smoothing)
    if tet == 0.0:
        return mean
    every = F.cross_entropy(readout_TNK.flatten(0, 1), target.repeat(steps), label_smoothing=label_smoothing)
    return (1 - tet) * mean + tet * every


def firing_rate(spikes: Iterable[Tensor]) -> Tensor:
    """NASFR of one pass: spikes over all layers ÷ (T · samples · neurons), so that every neuron counts the same.

    Args:
        spikes: output of every spiking layer, ``[T,N,…]`` or one tensor per step.

    Returns:
        Scalar with gradient, spikes per neuron and step; 0 for a network without spiking layers.
    """
    outputs = list(spikes)
    if not outputs:
        return torch.zeros(())
    total = torch.stack([output.sum() for output in outputs]).sum()
    return total / sum(output.numel() for output in outputs)
