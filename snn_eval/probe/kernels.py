"""Counting kernels: exact integer counts of nonzero inputs and of the operations they cause, in one read.

Values are looked at as integer bit patterns, so every float type goes the same way and comparisons are exact.
All take ``x[T,N,M]`` (bits; M: all elements of one sample in one step), look at the first ``n`` samples only
(the rest is padding) and add to ``[T,N]`` views:

* ``inputs``: nonzero elements,
* ``ops``: Σ fan-out of the nonzero elements (``fan[M]`` int32; None: the caller multiplies by a constant),
* ``structural``: the same with a second fan-out vector, or None,
* ``columns[T,M]`` int32: nonzero elements per position, summed over samples, or None.

Sums run in int32 over blocks small enough not to overflow and are then added in int64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["axis_counts", "binary", "find_values", "graded", "levelled", "meetings"]

Array = NDArray[Any]

_ROWS = 4
"""Rows read together by `binary`: hides memory latency and touches ``columns`` once for four samples."""

_LEVEL_BLOCK = 1024
"""Elements kept in the first-level cache while each level is compared."""


@njit(nogil=True, cache=True)
def binary(x, n, fan, structural, one, magnitude, block, inputs, ops, sops, columns, m0, m1):  # type: ignore[no-untyped-def]
    """Count positions ``m0 ≤ m < m1`` of a tensor expected to hold only 0 and 1, and prove it.

    Returns False if any other value was seen; ``inputs`` and ``columns`` count nonzero elements and are right in
    either case. ``one``: bits of 1.0; ``magnitude``: all bits but the sign; ``block``: elements summed in int32.
    """
    bad = one ^ one
    for t in range(x.shape[0]):
        for j0 in range(m0, m1, block):
            size = min(m1, j0 + block) - j0
            if columns is not None:
                c = columns[t, j0 : j0 + size]
            if fan is not None:
                f = fan[j0 : j0 + size]
            if structural is not None:
                g = structural[j0 : j0 + size]
            i = 0
            while i + _ROWS <= n:
                r0 = x[t, i, j0 : j0 + size]
                r1 = x[t, i + 1, j0 : j0 + size]
                r2 = x[t, i + 2, j0 : j0 + size]
                r3 = x[t, i + 3, j0 : j0 + size]
                n0 = n1 = n2 = n3 = np.int32(0)
                s0 = s1 = s2 = s3 = np.int32(0)
                q0 = q1 = q2 = q3 = np.int32(0)
                for j in range(size):
                    b0, b1, b2, b3 = r0[j], r1[j], r2[j], r3[j]
                    p0 = np.int32((b0 & magnitude) != 0)
                    p1 = np.int32((b1 & magnitude) != 0)
                    p2 = np.int32((b2 & magnitude) != 0)
                    p3 = np.int32((b3 & magnitude) != 0)
                    n0 += p0
                    n1 += p1
                    n2 += p2
                    n3 += p3
                    if fan is not None:
                        s0 += f[j] & -p0
                        s1 += f[j] & -p1
                        s2 += f[j] & -p2
                        s3 += f[j] & -p3
                    if structural is not None:
                        q0 += g[j] & -p0
                        q1 += g[j] & -p1
                        q2 += g[j] & -p2
                        q3 += g[j] & -p3
                    if columns is not None:
                        c[j] += p0 + p1 + p2 + p3
                    # A nonzero value other than one leaves a bit behind.
                    bad |= (b0 ^ one if p0 else bad ^ bad) | (b1 ^ one if p1 else bad ^ bad)
                    bad |= (b2 ^ one if p2 else bad ^ bad) | (b3 ^ one if p3 else bad ^ bad)
                inputs[t, i] += n0
                inputs[t, i + 1] += n1
                inputs[t, i + 2] += n2
                inputs[t, i + 3] += n3
                if fan is not None:
                    ops[t, i] += s0
                    ops[t, i + 1] += s1
                    ops[t, i + 2] += s2
                    ops[t, i + 3] += s3
                if structural is not None:
                    sops[t, i] += q0
                    sops[t, i + 1] += q1
                    sops[t, i + 2] += q2
                    sops[t, i + 3] += q3
                i += _ROWS
            while i < n:
                r0 = x[t, i, j0 : j0 + size]
                n0 = s0 = q0 = np.int32(0)
                for j in range(size):
                    b0 = r0[j]
                    p0 = np.int32((b0 & magnitude) != 0)
                    n0 += p0
                    if fan is not None:
                        s0 += f[j] & -p0
                    if structural is not None:
                        q0 += g[j] & -p0
                    if columns is not None:
                        c[j] += p0
                    bad |= b0 ^ one if p0 else bad ^ bad
                inputs[t, i] += n0
                if fan is not None:
                    ops[t, i] += s0
                if structural is not None:
                    sops[t, i] += q0
                i += 1
    return bad == 0


@njit(nogil=True, cache=True)
def levelled(x, first, last, fan, structural, values, rows, magnitude, block, inputs, ops, sops, columns):  # type: ignore[no-untyped-def]
    """Count samples ``first ≤ i < last`` by value: element equal to ``values[v]`` goes to row ``rows[v]`` of ``inputs[R,T,N]`` and ``ops``.

    Returns the number of nonzero elements with none of the values (then the counts are incomplete).
    """
    unknown = np.int64(0)
    for t in range(x.shape[0]):
        for j0 in range(0, x.shape[2], block):
            size = min(x.shape[2], j0 + block) - j0
            for i in range(first, last):
                r = x[t, i, j0 : j0 + size]
                left = np.int32(0)
                for j in range(size):
                    left += np.int32((r[j] & magnitude) != 0)
                if columns is not None:
                    c = columns[t, j0 : j0 + size]
                    for j in range(size):
                        c[j] += np.int32((r[j] & magnitude) != 0)
                if left == 0:
                    continue
                for v in range(len(values)):
                    value = values[v]
                    count = np.int32(0)
                    s = np.int32(0)
                    q = np.int32(0)
                    if fan is not None and structural is not None:
                        f = fan[j0 : j0 + size]
                        g = structural[j0 : j0 + size]
                        for j in range(size):
                            p = np.int32(r[j] == value)
                            count += p
                            s += f[j] & -p
                            q += g[j] & -p
                    elif fan is not None:
                        f = fan[j0 : j0 + size]
                        for j in range(size):
                            p = np.int32(r[j] == value)
                            count += p
                            s += f[j] & -p
                    else:
                        for j in range(size):
                            count += np.int32(r[j] == value)
                        if structural is not None:
                            g = structural[j0 : j0 + size]
                            for j in range(size):
                                q += g[j] & -np.int32(r[j] == value)
                    left -= count
                    inputs[rows[v], t, i] += count
                    if fan is not None:
                        ops[rows[v], t, i] += s
                    if structural is not None:
                        sops[rows[v], t, i] += q
                    if left == 0:
                        break
                unknown += left
    return unknown


@njit(nogil=True, cache=True)
def find_values(x, n, known, magnitude, limit):  # type: ignore[no-untyped-def]
    """Nonzero values (bits) of ``x[T,N,M]`` not among ``known``, in order of appearance; stops after ``limit``."""
    found = np.empty(limit, x.dtype)
    count = 0
    last = magnitude ^ magnitude
    for t in range(x.shape[0]):
        for i in range(n):
            for j in range(x.shape[2]):
                b = x[t, i, j]
                if (b & magnitude) == 0 or b == last:
                    continue
                seen = False
                for v in known:
                    seen |= v == b
                for k in range(count):
                    seen |= found[k] == b
                last = b
                if not seen:
                    found[count] = b
                    count += 1
                    if count == limit:
                        return found
    return found[:count]


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


@njit(nogil=True, cache=True)
def axis_counts(x, values, counts, weights):  # type: ignore[no-untyped-def]
    """Nonzero elements of ``x[B,K,F]`` (values, not bits) along F: by value in ``counts[V+1,B,K]``, Σ|v| in ``weights[B,K]``."""
    others = len(values)
    for b in range(x.shape[0]):
        for k in range(x.shape[1]):
            weight = 0.0
            for f in range(x.shape[2]):
                v = x[b, k, f]
                if v == 0:
                    continue
                row = others
                for i in range(others):
                    if values[i] == v:
                        row = i
                counts[row, b, k] += 1
                weight += abs(np.float64(v))
            weights[b, k] = weight


@njit(nogil=True, cache=True)
def meetings(x, y, first, last, magnitude, out):  # type: ignore[no-untyped-def]
    """Positions of ``x[T,N,M]`` and ``y[T,N,M]`` (bits) where both are nonzero, of samples
    ``first ≤ i < last``, added to ``out[T,N]``."""
    for t in range(x.shape[0]):
        for i in range(first, last):
            a = x[t, i]
            b = y[t, i]
            for j0 in range(0, x.shape[2], 4096):
                size = min(x.shape[2], j0 + 4096) - j0
                p = a[j0 : j0 + size]
                q = b[j0 : j0 + size]
                count = np.int32(0)
                for j in range(size):
                    count += np.int32((p[j] & magnitude) != 0) & np.int32((q[j] & magnitude) != 0)
                out[t, i] += count
