"""Losses of per-step readouts, and the penalty on spikes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["Loss", "firing_rate", "readout_loss"]

Loss = Literal["cross-entropy", "mse"]


def readout_loss(
    readout_TNK: Tensor,
    target: Tensor,
    *,
    loss: Loss = "cross-entropy",
    tet: float = 0.0,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Loss ℓ of the mean readout, mixed with the mean of ℓ at every step.

    ``L = (1 − tet)·ℓ(1/T·Σ_t o_t, y) + tet·1/T·Σ_t ℓ(o_t, y)``, ℓ the cross-entropy or the mean squared distance to the
    one-hot target.

    Args:
        readout_TNK: o, readout of T steps, N samples, K classes.
        target: ``[N]``, y.
        loss: ℓ.
        tet: share of the second term, temporal efficient training: it makes early steps good too.
        label_smoothing: mass of the target spread over all classes.

    Returns:
        Scalar.

    Source:
        S. Deng et al., "Temporal Efficient Training of Spiking Neural Network via Gradient Re-weighting", ICLR 2022;
        without its third term.
    """
    steps = len(readout_TNK)
    mean = _loss(readout_TNK.mean(0), target, loss, label_smoothing)
    if tet == 0.0:
        return mean
    every = _loss(readout_TNK.flatten(0, 1), target.repeat(steps), loss, label_smoothing)
    return (1 - tet) * mean + tet * every


def _loss(output_NK: Tensor, target: Tensor, loss: Loss, smoothing: float) -> Tensor:
    if loss == "cross-entropy":
        return F.cross_entropy(output_NK, target, label_smoothing=smoothing)
    classes = output_NK.shape[1]
    wanted = F.one_hot(target, classes).to(output_NK.dtype) * (1 - smoothing) + smoothing / classes
    return F.mse_loss(output_NK, wanted)


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
    total = torch.stack([output.sum(dtype=torch.float32) for output in outputs]).sum()
    return total / sum(output.numel() for output in outputs)
