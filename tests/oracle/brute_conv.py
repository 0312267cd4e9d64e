"""Convolutions, plain and transposed, by brute force: each walked from the inputs and from the outputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from brute import Count, begin, grid, meet
from numpy.typing import NDArray

__all__ = ["ConvGeometry", "conv_gather", "conv_scatter", "conv_transpose_gather", "conv_transpose_scatter"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ConvGeometry:
    """Stride, zero padding, dilation per dimension, groups, and (transposed only) output padding."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = 1
    output_padding: tuple[int, ...] = ()

    def conv_out(self, size: Sequence[int], kernel: Sequence[int]) -> tuple[int, ...]:
        """Output size of a convolution: floor((s + 2p − d(k−1) − 1) / stride) + 1."""
        return tuple(
            (s + 2 * p - d * (k - 1) - 1) // st + 1
            for s, k, st, p, d in zip(size, kernel, self.stride, self.padding, self.dilation, strict=True)
        )

    def transpose_out(self, size: Sequence[int], kernel: Sequence[int]) -> tuple[int, ...]:
        """Output size of a transposed convolution: (s − 1)·stride − 2p + d(k−1) + output_padding + 1."""
        extra = self.output_padding or (0,) * len(self.stride)
        return tuple(
            (s - 1) * st - 2 * p + d * (k - 1) + e + 1
            for s, k, st, p, d, e in zip(size, kernel, self.stride, self.padding, self.dilation, extra, strict=True)
        )


def conv_scatter(x: Array, w: Array, g: ConvGeometry) -> Count:
    """Convolution of ``x [C,*size]`` with ``w [O,C/groups,*kernel]``: which outputs does each input element reach?"""
    count = begin(x)
    size, kernel = x.shape[1:], w.shape[2:]
    out = g.conv_out(size, kernel)
    per_in, per_out = w.shape[1], w.shape[0] // g.groups
    for c in range(x.shape[0]):
        group, c_in = divmod(c, per_in)
        weights = w[group * per_out : (group + 1) * per_out, c_in]
        for position in grid(size):
            v = float(x[(c, *position)])
            for tap in grid(kernel):
                reach = [
                    divmod(i + p - k * d, s)
                    for i, p, k, d, s in zip(position, g.padding, tap, g.dilation, g.stride, strict=True)
                ]
                if all(rest == 0 and 0 <= o < n for (o, rest), n in zip(reach, out, strict=True)):
                    for wt in weights[(slice(None), *tap)].tolist():
                        meet(count, v, wt)
    count.dense_border = math.prod(out) * w.size
    return count


def conv_gather(x: Array, w: Array, g: ConvGeometry) -> Count:
    """The same, asked from the outputs: which input element does each tap of each output read?"""
    count = begin(x)
    size, kernel = x.shape[1:], w.shape[2:]
    per_in, per_out = w.shape[1], w.shape[0] // g.groups
    for o in range(w.shape[0]):
        group = o // per_out
        for position in grid(g.conv_out(size, kernel)):
            for c_in in range(per_in):
                for tap in grid(kernel):
                    count.dense_border += 1
                    at = tuple(
                        y * s - p + k * d
                        for y, s, p, k, d in zip(position, g.stride, g.padding, tap, g.dilation, strict=True)
                    )
                    if all(0 <= i < n for i, n in zip(at, size, strict=True)):
                        meet(count, float(x[(group * per_in + c_in, *at)]), float(w[(o, c_in, *tap)]))
    return count


def conv_transpose_scatter(x: Array, w: Array, g: ConvGeometry) -> Count:
    """Transposed convolution of ``x [C,*size]`` with ``w [C,O/groups,*kernel]``: each input spreads over the output."""
    count = begin(x)
    size, kernel = x.shape[1:], w.shape[2:]
    out = g.transpose_out(size, kernel)
    for c in range(x.shape[0]):
        for position in grid(size):
            v = float(x[(c, *position)])
            for tap in grid(kernel):
                at = [
                    i * s - p + k * d
                    for i, s, p, k, d in zip(position, g.stride, g.padding, tap, g.dilation, strict=True)
                ]
                weights = w[(c, slice(None), *tap)].tolist()
                count.dense_border += len(weights)
                if all(0 <= o < n for o, n in zip(at, out, strict=True)):
                    for wt in weights:
                        meet(count, v, wt)
    return count


def conv_transpose_gather(x: Array, w: Array, g: ConvGeometry) -> Count:
    """The same, asked from the outputs: which inputs land on each output?"""
    count = begin(x)
    size, kernel = x.shape[1:], w.shape[2:]
    per_in = x.shape[0] // g.groups
    for group in range(g.groups):
        for o in range(w.shape[1]):
            for position in grid(g.transpose_out(size, kernel)):
                for tap in grid(kernel):
                    source = [
                        divmod(y + p - k * d, s)
                        for y, p, k, d, s in zip(position, g.padding, tap, g.dilation, g.stride, strict=True)
                    ]
                    if all(rest == 0 and 0 <= i < n for (i, rest), n in zip(source, size, strict=True)):
                        at = tuple(i for i, _ in source)
                        for c in range(group * per_in, (group + 1) * per_in):
                            meet(count, float(x[(c, *at)]), float(w[(c, o, *tap)]))
    count.dense_border = math.prod(size) * w.size
    return count
