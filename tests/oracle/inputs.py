"""Inputs of the cases: what spikes, residual sums, pools, events and images look like."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["binary", "counts", "image", "many_levels", "over_time", "real", "residual", "scaled", "silent", "ternary"]

Make = Callable[[int], Tensor]


def _choice(shape: tuple[int, ...], values: tuple[float, ...]) -> Make:
    def make(n: int) -> Tensor:
        return torch.tensor(values)[torch.randint(0, len(values), (n, *shape))]

    return make


def binary(*shape: int) -> Make:
    """Spikes: a third of the elements are 1."""
    return _choice(shape, (0.0, 0.0, 1.0))


def ternary(*shape: int) -> Make:
    """Spikes of both signs."""
    return _choice(shape, (0.0, 0.0, 1.0, -1.0))


def residual(*shape: int) -> Make:
    """What residual additions of spikes give: 0, 1, 2, 3."""
    return _choice(shape, (0.0, 0.0, 0.0, 1.0, 2.0, 3.0))


def scaled(*shape: int, value: float = 0.5) -> Make:
    """Spikes of another height."""
    return _choice(shape, (0.0, 0.0, value))


def counts(*shape: int) -> Make:
    """Event frames: small integers."""
    return _choice(shape, (0.0, 0.0, 0.0, 1.0, 1.0, 2.0, 5.0, 9.0))


def image(*shape: int) -> Make:
    """An image with black pixels: multiples of 1/256, far more than 16 values."""

    def make(n: int) -> Tensor:
        x = torch.randint(1, 256, (n, *shape)) / 256
        return x * (torch.rand(x.shape) < 0.4)

    return make


def many_levels(*shape: int) -> Make:
    """Values that show up late: sample n shows 4n + 1 … 4n + 4, so 4 samples show 16 values and 6 show 24."""

    def make(n: int) -> Tensor:
        base = 4 * torch.arange(n).view(n, *(1,) * len(shape))
        return ((torch.randint(1, 5, (n, *shape)) + base) * (torch.rand(n, *shape) < 0.6)).float()

    return make


def real(*shape: int) -> Make:
    """Any numbers, some of them zero."""

    def make(n: int) -> Tensor:
        x = torch.randn(n, *shape)
        return x * (torch.rand(x.shape) < 0.7)

    return make


def silent(*shape: int) -> Make:
    """Nothing at all."""
    return lambda n: torch.zeros(n, *shape)


def over_time(time_steps: int, make: Make) -> Make:
    """Time-first ``[T,N,…]`` of independent frames."""
    return lambda n: torch.stack([make(n) for _ in range(time_steps)])
