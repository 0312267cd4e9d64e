"""Products of two activations: pairs of nonzero operands, by the levels of both, without a second matrix product.

Over the shared indices s of an equation, ``ops = Σ_s nonzeros(A at s) · nonzeros(B at s)``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snn_eval.probe import kernels
from snn_eval.probe.counting import not_finite
from snn_eval.trace import MAX_LEVELS

__all__ = ["LevelSet", "PairCounts", "attention_values", "count_masked_pairs", "count_pairs"]

Int = NDArray[np.int64]
Float = NDArray[np.float64]


class LevelSet:
    """Distinct nonzero values of one operand, found as they come; ``collapsed`` once there are too many."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.values: list[float] = []
        self.collapsed = False
        self.minimum = np.inf
        self.maximum = -np.inf

    def learn(self, x: Tensor) -> NDArray[np.float64]:
        """Levels of the operand after looking at ``x``, empty if collapsed.

        Raises:
            NotFiniteError: a NaN or an infinity among the values.
        """
        if not bool(torch.isfinite(x).all()):
            raise not_finite(self.name)
        if x.numel():
            self.minimum = min(self.minimum, float(x.min()))
            self.maximum = max(self.maximum, float(x.max()))
        if not self.collapsed:
            for value in torch.unique(x).tolist():
                if value != 0 and value not in self.values:
                    self.values.append(float(value))
                if len(self.values) > MAX_LEVELS:
                    self.collapsed = True
                    break
        return self.known

    @property
    def known(self) -> Float:
        """Levels found so far, in order of discovery; none once collapsed."""
        return np.zeros(0) if self.collapsed else np.array(self.values)


@dataclass(slots=True)
class PairCounts:
    """``inputs[V+1,T,N]`` of the first operand, ``ops[V+1,W+1,T,N]``, Σ|a·b| and Σa ``[T,N]``; last row: others."""

    inputs: Int
    ops: Int
    weighted: Float
    total: Float


def _axis_counts(x_TNSF: Tensor, levels: NDArray[np.float64]) -> tuple[Int, Float]:
    """Nonzero elements along F, by level ``[V+1,T,N,S]``, and Σ|v| ``[T,N,S]``."""
    steps, samples, shared, free = x_TNSF.shape
    values = x_TNSF.to(torch.float64).reshape(steps * samples, shared, free).contiguous().numpy()
    counts = np.zeros((len(levels) + 1, steps * samples, shared), np.int64)
    weights = np.zeros((steps * samples, shared))
    kernels.axis_counts(values, levels, counts, weights)
    return counts.reshape(-1, steps, samples, shared), weights.reshape(steps, samples, shared)


def count_pairs(a_TNSF: Tensor, b_TNSF: Tensor, levels_a: LevelSet, levels_b: LevelSet) -> PairCounts:
    """Count pairs of nonzero operands that agree in the shared indices S (T or N of length 1 are broadcast)."""
    counts_a, weights_a = _axis_counts(a_TNSF, levels_a.learn(a_TNSF))
    counts_b, weights_b = _axis_counts(b_TNSF, levels_b.learn(b_TNSF))
    return PairCounts(
        inputs=counts_a.sum(axis=-1),
        ops=(counts_a[:, None] * counts_b[None]).sum(axis=-1),
        weighted=(weights_a * weights_b).sum(axis=-1),
        total=a_TNSF.to(torch.float64).sum(dim=(2, 3)).numpy(),
    )


def count_masked_pairs(
    query_TNHLD: Tensor, key_TNHSD: Tensor, allowed_TNHLS: Tensor, levels_a: LevelSet, levels_b: LevelSet
) -> PairCounts:
    """Pairs of nonzero query and key elements whose score the mask lets through."""
    known_a, known_b = levels_a.learn(query_TNHLD), levels_b.learn(key_TNHSD)
    masks_a, masks_b = _level_masks(query_TNHLD, known_a), _level_masks(key_TNHSD, known_b)
    steps, samples = query_TNHLD.shape[:2]
    allowed = allowed_TNHLS.to(torch.float64)
    ops = np.zeros((len(masks_a), len(masks_b), steps, samples), np.int64)
    for i, left in enumerate(masks_a):
        for j, right in enumerate(masks_b):
            # Counts below 2^53 are exact in float64.
            ops[i, j] = ((left @ right.transpose(-1, -2)) * allowed).sum(dim=(2, 3, 4)).to(torch.int64).numpy()
    size_a, size_b = query_TNHLD.to(torch.float64).abs(), key_TNHSD.to(torch.float64).abs()
    return PairCounts(
        inputs=np.stack([m.sum(dim=(2, 3, 4)).to(torch.int64).numpy() for m in masks_a]),
        ops=ops,
        weighted=((size_a @ size_b.transpose(-1, -2)) * allowed).sum(dim=(2, 3, 4)).numpy(),
        total=query_TNHLD.to(torch.float64).sum(dim=(2, 3, 4)).numpy(),
    )


def _level_masks(x: Tensor, levels: NDArray[np.float64]) -> list[Tensor]:
    """One mask a level, the last for other nonzero values, as float64."""
    values = x.to(torch.float64)
    masks = [values == level for level in levels]
    other = values != 0
    for mask in masks:
        other = other & ~mask
    return [m.to(torch.float64) for m in (*masks, other)]


def attention_values(allowed: Tensor, weights: Tensor, value: Tensor, levels: LevelSet) -> PairCounts:
    """Pairs of an allowed score and a nonzero value: for each key, the queries it may serve times its nonzero values.

    All are ``[T,N,H,…]``: ``allowed`` and ``weights`` by query and key, ``value`` by key and feature.
    """
    masks = _level_masks(value, levels.learn(value))
    values = value.to(torch.float64)
    serves = allowed.to(torch.float64).sum(dim=-2)
    ops = [(serves * m.sum(dim=-1)).sum(dim=(2, 3)).to(torch.int64).numpy() for m in masks]
    inputs = allowed.sum(dim=(2, 3, 4)).numpy().astype(np.int64)[None]
    weighted = (weights.sum(dim=-2) * values.abs().sum(dim=-1)).sum(dim=(2, 3)).numpy()
    return PairCounts(inputs, np.stack(ops)[None], weighted, weights.sum(dim=(2, 3, 4)).numpy())
