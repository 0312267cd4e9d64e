"""Random changes of training images; drawn from a generator of their own so that a seed repeats them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["shifted"]


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
