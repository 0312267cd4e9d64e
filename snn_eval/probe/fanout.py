"""Fan-out: how many weights each input element really meets, in integers, for every kind of weighted call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FanOut", "Geometry", "fan_out", "pair_fan_out"]

Int = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where weights meet inputs: everything of a call but the values.

    ``kind`` ∈ {conv, conv_transpose, linear, recurrent}; ``features`` is the shape of one input row
    (``[C,*spatial]`` or ``[in]``), ``outputs`` the spatial size that came out. Tuples are empty for a linear map.
    ``padding`` is what stands before the first element; what is padded behind follows from ``outputs``.
    """

    kind: str
    features: tuple[int, ...]
    stride: tuple[int, ...] = ()
    padding: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    output_padding: tuple[int, ...] = ()
    groups: int = 1
    outputs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FanOut:
    """Fan-out maps of one call.

    Attributes:
        effective: nonzero weights met, of shape ``features``.
        structural: weights met, zeros too.
        dense_ops: Σ structural. dense_ops_with_border: taps that fall on padding counted in.
        nonzero_weights, weight_count: of the weight tensor.
    """

    effective: Int
    structural: Int
    dense_ops: int
    dense_ops_with_border: int
    nonzero_weights: int
    weight_count: int

    @property
    def has_zero_weights(self) -> bool:
        """Whether effective and structural counts can differ."""
        return self.nonzero_weights != self.weight_count


def fan_out(weight: NDArray[Any], geometry: Geometry) -> FanOut:
    """Count the weights each input element meets.

    A convolution's input at position p meets tap k if some output o in range has ``o·stride - padding +
    k·dilation = p``; a transposed one's if ``o = p·stride - padding + k·dilation`` is in range. Then
    ``fan[c,p] = Σ_k nnz[c,k] · Π_d meets_d[k_d,p_d]`` with ``nnz[c,k]`` the weights of input channel c at tap k.
    """
    nonzero = weight != 0
    if geometry.kind in ("linear", "recurrent"):
        effective = nonzero.sum(axis=0, dtype=np.int64)
        structural = np.full_like(effective, weight.shape[0])
        dense = int(structural.sum())
        return FanOut(effective, structural, dense, dense, int(nonzero.sum()), weight.size)
    per_tap, out_channels = _weights_per_tap(nonzero, geometry)
    kernel = weight.shape[2:]
    meets = [_meets(geometry, d, kernel[d]) for d in range(len(kernel))]
    effective = _spread(per_tap, meets)
    structural = _spread(np.full_like(per_tap, out_channels // geometry.groups), meets)
    applied_at = geometry.outputs if geometry.kind == "conv" else geometry.features[1:]
    positions = int(np.prod(applied_at, dtype=np.int64))
    with_border = positions * weight.size
    return FanOut(effective, structural, int(structural.sum()), with_border, int(nonzero.sum()), weight.size)


def _weights_per_tap(nonzero: NDArray[np.bool_], geometry: Geometry) -> tuple[Int, int]:
    """Nonzero weights of each input channel at each tap ``[C,*kernel]``, and the number of output channels."""
    kernel = nonzero.shape[2:]
    if geometry.kind == "conv_transpose":  # weight[C_in, C_out/groups, *kernel]
        return nonzero.sum(axis=1, dtype=np.int64), nonzero.shape[1] * geometry.groups
    grouped = nonzero.reshape(geometry.groups, -1, nonzero.shape[1], *kernel)  # [G, C_out/G, C_in/G, *kernel]
    return grouped.sum(axis=1, dtype=np.int64).reshape(-1, *kernel), nonzero.shape[0]


def _meets(geometry: Geometry, d: int, kernel: int) -> Int:
    """``[kernel, size]``: 1 where the tap at that input position contributes to an output in range."""
    taps = np.arange(kernel, dtype=np.int64)[:, None] * geometry.dilation[d]
    positions = np.arange(geometry.features[1 + d], dtype=np.int64)[None, :]
    outputs = geometry.outputs[d]
    if geometry.kind == "conv":
        shifted = positions + geometry.padding[d] - taps
        out, rest = np.divmod(shifted, geometry.stride[d])
        inside = (rest == 0) & (out >= 0) & (out < outputs)
    else:
        out = positions * geometry.stride[d] - geometry.padding[d] + taps
        inside = (out >= 0) & (out < outputs)
    meets: Int = inside.astype(np.int64)
    return meets


_SPREAD: dict[int, Callable[[Int, Sequence[Int]], Int]] = {
    1: lambda taps, m: np.einsum("ci,ix->cx", taps, m[0], optimize=True),
    2: lambda taps, m: np.einsum("cij,ix,jy->cxy", taps, m[0], m[1], optimize=True),
    3: lambda taps, m: np.einsum("cijk,ix,jy,kz->cxyz", taps, m[0], m[1], m[2], optimize=True),
}


def _spread(per_tap: Int, meets: Sequence[Int]) -> Int:
    spread: Int = _SPREAD[len(meets)](per_tap, meets)
    return spread


def pair_fan_out(weight: NDArray[Any], labels_a: str, labels_b: str, shape_a: tuple[int, ...]) -> FanOut:
    """Weights met by each element of ``a`` in an index equation ``a, b``, where ``b`` is the weight.

    An element meets all of ``b`` that agrees with it in the labels both have: a sum over the labels ``b`` has alone,
    spread over the shared ones. The maps have the axes of ``a``, of length 1 where nothing depends on them.
    """
    nonzero = weight != 0
    own = tuple(i for i, label in enumerate(labels_b) if label not in labels_a)
    shared = [label for label in labels_b if label in labels_a]
    met = int(np.prod([nonzero.shape[i] for i in own], dtype=np.int64))
    by_label = np.asarray(nonzero.sum(axis=own, dtype=np.int64))
    in_order = by_label.transpose(sorted(range(len(shared)), key=lambda i: labels_a.index(shared[i])))
    effective = in_order.reshape([shape_a[i] if label in shared else 1 for i, label in enumerate(labels_a)])
    structural = np.full_like(effective, met)
    dense = int(structural.sum())
    return FanOut(effective, structural, dense, dense, int(nonzero.sum()), nonzero.size)
