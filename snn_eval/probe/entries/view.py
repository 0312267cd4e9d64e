"""How an operand is brought into time, sample, rest, without copying where its memory already lies so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snn_eval.errors import NetworkError
from snn_eval.probe.layout import Layout

__all__ = ["Rows", "View"]

Int = NDArray[np.int64]
Rows = tuple[int, int, int]
"""Shape ``(T, N, M)``."""


@dataclass(frozen=True, slots=True)
class _Recipe:
    """How one shape is rearranged: split into factors, permuted (None: in order already), and what comes out."""

    sizes: tuple[int, ...]
    order: tuple[int, ...] | None
    rows: Rows


class View:
    """Brings an operand into time, sample, rest: ``[T,N,M]`` on the CPU, contiguous; without copying where it can."""

    def __init__(self, layout: Layout | None, time_steps: int, name: str) -> None:
        self.layout = layout if layout is not None and layout.sample else None
        self.time_steps = time_steps
        self.name = name
        self.steps = time_steps if self.layout is not None and self.layout.time else 1
        self.size: int | None = None
        self._known: dict[torch.Size, _Recipe] = {}

    def __call__(self, x: Tensor) -> Tensor:
        """The operand as ``[T,N,M]``."""
        recipe = self._recipe(x)
        if x.device.type != "cpu":
            x = x.cpu()
        if recipe.order is not None:
            x = x.reshape(recipe.sizes).permute(recipe.order)
        return x.reshape(recipe.rows).contiguous()

    def final(self, x: Tensor) -> Rows | None:
        """Shape ``(T, N, M)`` if the operand already lies in that order, else None."""
        recipe = self._recipe(x)
        return recipe.rows if recipe.order is None and self.layout is not None else None

    def rows_of(self, x: Tensor) -> Rows:
        """Shape ``(T, N, M)`` of a tensor that lies in that order, whatever its own axes are.

        Raises:
            NetworkError: its size is not a multiple of a sample's.
        """
        cell = self.steps * (self.size or 1)
        if x.numel() % cell:
            raise self._changed(x)
        return (self.steps, x.numel() // cell, self.size or 1)

    def _recipe(self, x: Tensor) -> _Recipe:
        known = self._known.get(x.shape)
        if known is None:
            known = self._known[x.shape] = self._learn(x)
        return known

    def _learn(self, x: Tensor) -> _Recipe:
        """Work out a shape not met before; the size of a sample must be what it was."""
        if self.layout is None:
            self.size = x.numel()
            return _Recipe((), None, (1, 1, x.numel()))
        samples = self.samples(x)
        sizes = self.layout.sizes(self.time_steps, samples)
        size = x.numel() // max(self.steps * samples, 1)
        if int(np.prod(sizes)) != x.numel() or self.size not in (None, size):
            raise self._changed(x)
        self.size = size
        return _Recipe(sizes, None if self.layout.in_order else self.layout.order(), (self.steps, samples, size))

    def samples(self, x: Tensor) -> int:
        """Number of samples in ``x``."""
        if self.layout is None or x.dim() != len(self.layout.axes):
            raise self._changed(x)
        axis = next(k for k, factors in enumerate(self.layout.axes) if "N" in factors)
        others = [self.time_steps if f == "T" else f for f in self.layout.axes[axis] if f != "N"]
        return int(x.shape[axis] // max(int(np.prod(others, dtype=np.int64)), 1))

    def _changed(self, x: Tensor) -> NetworkError:
        return NetworkError(
            f"layer {self.name}: its input has shape {tuple(x.shape)}, which does not fit what it had in the first "
            "batch; a network whose shapes depend on the data cannot be measured"
        )

    def spread(self, per_element: Int, dims: int) -> Int:
        """A map over the last axes of an operand of ``dims`` axes, in the order of M.

        Raises:
            NetworkError: the map differs along time or samples.
        """
        wide = per_element.reshape((1,) * (dims - per_element.ndim) + per_element.shape)
        if self.layout is None:
            return wide
        full, sizes = [], []
        for axis, factors in enumerate(self.layout.axes):
            kept = [1 if isinstance(f, str) else f for f in factors] or [1]
            if wide.shape[axis] != 1 and any(isinstance(f, str) for f in factors):
                raise NetworkError(
                    f"layer {self.name}: samples or steps lie along an axis the weights act on; it cannot be measured"
                )
            full.append(int(np.prod(kept)))
            sizes += kept[: len(factors)]
        spread = np.broadcast_to(wide, full).reshape(sizes or (1,))
        order = self.layout.order()
        return np.ascontiguousarray(spread.transpose(order) if len(order) == spread.ndim else spread).reshape(-1)
