"""Currents and spikes as flat arrays in the order of memory, whatever the layout: what the compiled loops take."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["dense", "flat", "flat_steps", "laid_out_as", "like", "single"]


def dense(x: Tensor) -> Tensor:
    """``x`` itself where every step lies in memory without gaps, its axes in any order, or is held; else a copy."""
    first = x[0]
    whole = first.is_contiguous() or (first.dim() == 4 and first.is_contiguous(memory_format=torch.channels_last))
    return x if whole and (len(x) == 1 or x.stride(0) in (0, first.numel())) else x.contiguous()


def like(x: Tensor) -> Tensor:
    """An empty float32 tensor, all steps apart, each with the layout of ``x``'s."""
    return torch.empty_strided(x.shape, (x[0].numel(), *x.stride()[1:]), dtype=torch.float32)


def laid_out_as(other: Tensor, x: Tensor) -> Tensor:
    """``x`` in float32 with the layout of ``other``; a copy only where it has another."""
    given = x.to(torch.float32)
    if given.stride() == other.stride():
        return given
    return torch.empty_strided(other.shape, other.stride(), dtype=torch.float32).copy_(given)


def single(x: Tensor) -> Tensor:
    """The same in float32; a held current stays one step in memory."""
    if x.dtype == torch.float32:
        return x
    return x.to(torch.float32) if x.stride(0) else x[0].to(torch.float32).expand(x.shape)


def flat_steps(x: Tensor) -> tuple[NDArray[Any], int]:
    """All values in the order of memory, and how far apart two steps lie."""
    held = x.stride(0) == 0
    return flat(x[0] if held else x), 0 if held else x[0].numel()


def flat(x: Tensor) -> NDArray[Any]:
    """All values in the order of memory."""
    values: NDArray[Any] = x.detach().as_strided((x.numel(),), (1,)).numpy()
    return values
