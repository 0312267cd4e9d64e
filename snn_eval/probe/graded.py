"""The counting kernel of real values: how many are nonzero, the operations they cause, and exact-order float sums."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["graded"]

Array = NDArray[Any]


@njit(nogil=True, cache=True, fastmath={"nnan", "nsz"})
def _extent(row):  # type: ignore[no-untyped-def]
    lo = row[0]
    hi = row[0]
    for v in row:
        lo = min(lo, v)
        hi = max(hi, v)
    return np.float64(lo), np.float64(hi)


@njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _graded_rows(x, n, fan, structural, block, inputs, ops, sops, weighted, total, low, high):  # type: ignore[no-untyped-def]
    for i in range(n):
        for t in range(x.shape[0]):
            nonzero = np.int64(0)
            sum_ops = np.int64(0)
            sum_structural = np.int64(0)
            sum_weighted = 0.0
            sum_values = 0.0
            for j0 in range(0, x.shape[2], block):
                size = min(x.shape[2], j0 + block) - j0
                r = x[t, i, j0 : j0 + size]
                count = np.int32(0)
                w = 0.0
                s = 0.0
                if fan is not None:
                    f = fan[j0 : j0 + size]
                    o = np.int32(0)
                    for j in range(size):
                        p = np.int32(r[j] != 0.0)
                        count += p
                        o += f[j] & -p
                    for j in range(size):
                        v = np.float64(r[j])
                        s += v
                        w += abs(v) * f[j]
                    sum_ops += o
                else:
                    for j in range(size):
                        count += np.int32(r[j] != 0.0)
                    for j in range(size):
                        v = np.float64(r[j])
                        s += v
                        w += abs(v)
                if structural is not None:
                    g = structural[j0 : j0 + size]
                    q = np.int32(0)
                    for j in range(size):
                        q += g[j] & -np.int32(r[j] != 0.0)
                    sum_structural += q
                nonzero += count
                sum_weighted += w
                sum_values += s
            inputs[t, i] += nonzero
            if fan is not None:
                ops[t, i] += sum_ops
            if structural is not None:
                sops[t, i] += sum_structural
            weighted[t, i] = sum_weighted
            total[t, i] = sum_values
            lo, hi = _extent(x[t, i])
            low[i] = min(low[i], lo)
            high[i] = max(high[i], hi)


@njit(nogil=True, cache=True)
def _column_counts(x, n, columns):  # type: ignore[no-untyped-def]
    for t in range(x.shape[0]):
        c = columns[t]
        for i in range(n):
            r = x[t, i]
            for j in range(x.shape[2]):
                c[j] += np.int32(r[j] != 0)


def graded(
    x: Array,
    n: int,
    fan: Array | None,
    structural: Array | None,
    block: int,
    inputs: Array,
    ops: Array,
    sops: Array | None,
    weighted: Array,
    total: Array,
    columns: Array | None,
) -> tuple[float, float, bool]:
    """Count real values ``x[T,N,M]`` (float32 or float64) without telling them apart.

    Sets ``weighted`` = Σ|v|·fan-out (Σ|v| without ``fan``) and ``total`` = Σv of each row, in float64 and in an
    order that depends only on M, so a sample's sums do not depend on its batch.

    Returns:
        smallest value, largest value, whether all values were finite.
    """
    low = np.full(max(n, 1), np.inf)
    high = np.full(max(n, 1), -np.inf)
    if x.shape[2]:
        _graded_rows(x, n, fan, structural, block, inputs, ops, sops, weighted, total, low, high)
    if columns is not None:
        _column_counts(x, n, columns)
    # Sums of |v| are finite exactly if every value is (they cannot cancel).
    return float(low.min()), float(high.max()), bool(np.isfinite(weighted[:, :n]).all())
