"""Random changes of training images; drawn from a generator of their own so that a seed repeats them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from snn_eval.suite import TrainSection

__all__ = ["augmented", "cut_out", "flipped", "shifted"]


def augmented(x: Tensor, config: TrainSection, generator: torch.Generator) -> Tensor:
    """Images shifted, flipped and with a square cut out, as far as ``config`` asks; nothing is drawn for the others.

    Args:
        x: ``[N,C,H,W]``; any shape where nothing is asked for.
        config: its ``shift``, ``flip`` and ``cutout``.
        generator: source of all draws.
    """
    x = shifted(x, config.shift, generator)
    x = flipped(x, generator) if config.flip else x
    return cut_out(x, config.cutout, generator)


def shifted(x: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Each image moved by −most … most pixels in both directions, zeros moving in.

    Args:
        x: ``[N,C,H,W]``.
        most: largest shift in pixels; 0 returns ``x`` itself.
        generator: source of the shifts.
    """
    if most == 0:
        return x
    samples, _, height, width = x.shape
    padded = F.pad(x, (most, most, most, most))
    dy, dx = torch.randint(0, 2 * most + 1, (2, samples), generator=generator)
    rows = dy[:, None] + torch.arange(height)
    columns = dx[:, None] + torch.arange(width)
    sample = torch.arange(samples)[:, None, None]
    # advanced indices on axes 0, 2, 3 put those axes first: [N,H,W,C]
    return padded[sample, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2).contiguous()


def flipped(x: Tensor, generator: torch.Generator) -> Tensor:
    """Each image as it is or, with probability 1/2, mirrored left to right; ``x`` is ``[N,C,H,W]``."""
    chosen = torch.rand(len(x), generator=generator) < 0.5
    return torch.where(chosen[:, None, None, None], x.flip(-1), x)


def cut_out(x: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Each image with one square of ``size × size`` pixels set to 0, its centre anywhere, its borders clipped.

    Args:
        x: ``[N,C,H,W]``.
        size: side of the square in pixels; 0 returns ``x`` itself.
        generator: source of the centres.

    Source:
        T. DeVries, G. W. Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017.
    """
    if size == 0:
        return x
    samples, _, height, width = x.shape
    inside = []
    for length in (height, width):
        first = torch.randint(0, length, (samples, 1), generator=generator) - size // 2
        place = torch.arange(length)
        inside.append((place >= first) & (place < first + size))
    return x.masked_fill((inside[0][:, :, None] & inside[1][:, None, :])[:, None], 0.0)
