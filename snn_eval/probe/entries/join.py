"""Joining the counts of chunks into those of a layer: rows in order of level, samples side by side or summed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["by_level", "derived", "joined", "merged"]

Int = NDArray[np.int64]


def by_level(parts: Sequence[Int], rows: int, order: Int, summed: bool) -> Int:
    """Rows in ascending order of level, "other" last; chunks side by side (or summed)."""
    padded = [np.concatenate([p, np.zeros((max(rows - len(p), 0), *p.shape[1:]), np.int64)])[:rows] for p in parts]
    chunks = joined(padded, summed)
    return np.concatenate([chunks[1:][order], chunks[:1]])


def joined(parts: Sequence[NDArray[Any]], summed: bool) -> NDArray[Any]:
    """Chunks side by side along the samples (or summed)."""
    return np.asarray(np.sum(parts, axis=0)) if summed else np.concatenate(parts, axis=-1)


def derived(sums: NDArray[np.float64] | None, counts: Int, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Σ value · count where it follows from the levels (exact: the levels are short binary fractions)."""
    rows = min(len(counts) - 1, len(values))
    from_levels = np.tensordot(values[:rows], counts[1 : rows + 1].astype(np.float64), axes=(0, 0))
    return from_levels if sums is None else np.where(np.isnan(sums), from_levels, sums)


def merged(counts: Int, keep: NDArray[np.bool_]) -> Int:
    """Rows of the kept levels; what others held goes to "other"."""
    rest = counts[-1] + counts[:-1][~keep].sum(axis=0)
    return np.concatenate([counts[:-1][keep], rest[None]])
