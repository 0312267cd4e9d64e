"""Counting kernels: exact integer counts of nonzero inputs and of the operations they cause, in one read.

Values are looked at as integer bit patterns, so every float type goes the same way and comparisons are exact.
All take ``x[T,N,M]`` (bits; M: all elements of one sample in one step), look at the first ``n`` samples only
(the rest is padding) and add to ``[T,N]`` views:

* ``inputs``: nonzero elements,
* ``ops``: Σ fan-out of the nonzero elements (``fan[M]`` int32; None: the caller multiplies by a constant),
* ``structural``: the same with a second fan-out vector, or None,
* ``columns[T,M]`` int32: nonzero elements per position, summed over samples, or None.

Sums run in int32 over blocks small enough not to overflow and are then added in int64. The kernels are long on purpose:
each is one loop a compiler can vectorise, its cases told apart by which arguments are None when it is compiled.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["axis_counts", "binary", "find_values", "levelled", "meetings"]

_ROWS = 4
"""Rows read together by `binary`: hides memory latency and touches ``columns`` once for four samples."""


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
    """Count samples ``first ≤ i < last`` by value: ``values[v]`` goes to row ``rows[v]`` of ``inputs[R,T,N]``, ``ops``.

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


@njit(nogil=True, cache=True)
def axis_counts(x, values, counts, weights):  # type: ignore[no-untyped-def]
    """Nonzero elements of ``x[B,K,F]`` (values, not bits) along F: ``counts[V+1,B,K]`` by value, ``weights`` Σ|v|."""
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
