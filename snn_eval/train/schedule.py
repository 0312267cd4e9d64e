"""Optimizer, learning rate of each epoch, decay of the averaged weights."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn

from snn_eval.suite import TrainSection

__all__ = ["averaging_decay", "learning_rate", "make_optimizer"]


def learning_rate(config: TrainSection, epoch: int) -> float:
    """Learning rate of an epoch, the first one being 1: a linear warm-up, then half a cosine down to 0.

    ``r·e/(w + 1)`` for e ≤ w, else ``r·(1 + cos(π·(e − w − 1)/(E − w)))/2``, with r ``learning_rate``, E
    ``epochs`` and w ``warmup_epochs``, at most E − 1: a short trial needs no other value than its epochs.
    """
    warmup = min(config.warmup_epochs, config.epochs - 1)
    if epoch <= warmup:
        return config.learning_rate * epoch / (warmup + 1)
    return config.learning_rate * (1 + math.cos(math.pi * (epoch - warmup - 1) / (config.epochs - warmup))) / 2


def averaging_decay(config: TrainSection, steps: int) -> float:
    """Decay per step of the averaged weights, in a training of ``steps`` S in all (epochs × batches).

    ``d = min(average, 1 − 8/S)``, at least 0: a share of ``d^S`` ≤ e⁻⁸ = 0.03 % of the first weights is left at the
    end, however short the training is.
    """
    return max(0.0, min(config.average, 1 - 8 / steps))


def make_optimizer(parameters: Iterable[nn.Parameter], config: TrainSection) -> torch.optim.Optimizer:
    """AdamW or SGD with momentum, as ``config`` says."""
    if config.optimizer == "sgd":
        return torch.optim.SGD(
            parameters, config.learning_rate, momentum=config.momentum, weight_decay=config.weight_decay
        )
    return torch.optim.AdamW(parameters, config.learning_rate, weight_decay=config.weight_decay)
