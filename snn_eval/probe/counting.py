"""Counts by value of one layer: which tier of kernel looks at a tensor.

Tier 1 expects {0, 1} and proves it; where the proof fails the layer moves on to counting by level, and where more
than ``MAX_LEVELS`` values appear, to a plain sum. A layer remembers its tier, never more than it has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snn_eval.errors import NotFiniteError
from snn_eval.probe import kernels
from snn_eval.probe.bits import FORMATS, bits_of, bits_of_values, values_of_bits
from snn_eval.probe.graded import graded
from snn_eval.probe.jobs import BINARY, LEVELLED, MEETINGS, Job, work_off, worth
from snn_eval.probe.tally import BLOCK, Counted, Fan
from snn_eval.trace import MAX_LEVELS

__all__ = [
    "ValueCounter",
    "can_be_job",
    "can_be_plain",
    "count_meetings",
    "count_plain",
    "level_block",
    "not_finite",
    "same_at_each_step",
]

Int = NDArray[np.int64]
Columns = NDArray[np.int32] | None

_LEVEL_BLOCK = 1024
"""Elements kept in the first-level cache while each level is compared."""


def not_finite(name: str) -> NotFiniteError:
    """The error of a layer whose input holds a NaN or an infinity."""
    return NotFiniteError(
        f"layer {name}: NaN or infinity in its input; expected finite values. "
        "Check the checkpoint's weights and the normalisation of the data"
    )


def count_meetings(x: Tensor, y: Tensor, n: int) -> Int:
    """Positions of ``x[T,N,M]`` and ``y[T,N,M]`` where both are nonzero, ``[T,n]``."""
    out = np.zeros((x.shape[0], n), np.int64)
    a, b = bits_of(x), bits_of(y.to(x.dtype))
    if worth(a) and b.flags.c_contiguous:
        steps, samples, size = a.shape
        job = Job(MEETINGS, a.ctypes.data, steps, samples, size, n, 0, b.ctypes.data, inputs=out.ctypes.data)
        work_off([job])
    else:
        kernels.meetings(a, b, 0, n, FORMATS[x.dtype].magnitude, out)
    return out


def same_at_each_step(rows: Tensor) -> bool:
    """Whether ``rows[T,N,M]`` (contiguous, on the CPU) holds the same bits at every step."""
    if rows.dtype not in FORMATS:
        return torch.equal(rows[1:], rows[:-1])
    bits = bits_of(rows)
    return bool(np.array_equal(bits[1:], bits[:-1]))


def can_be_plain(x: Tensor) -> bool:
    """Whether `count_plain` can read the tensor where it lies."""
    return x.dtype in FORMATS and x.device.type == "cpu"


def can_be_job(x: Tensor) -> bool:
    """Whether the tensor can be counted together with others, see `jobs`."""
    return x.dtype is torch.float32 and x.is_cpu and x.is_contiguous()


def count_plain(
    x: Tensor, shape: tuple[int, int, int], n: int, fan: Fan | None,
    inputs: Int, ops: Int, sops: Int | None, columns: Columns,
) -> bool:  # fmt: skip
    """Tier 1 straight into ``[T,N]`` views that hold zeros; False (and the views spoiled) unless all is 0 or 1.

    Args:
        x: the tensor, in the memory order of ``shape`` = ``(T, N, M)``.
        shape: see ``x``.
        n: the first so many samples count.
        fan: fan-out of the M positions; None: only inputs are counted.
        inputs, ops, sops: nonzero inputs, effective and structural operations; ``sops`` None where they are equal.
        columns: ``[T,M]``, gains the nonzero elements per position, right in either case; None: not wanted.
    """
    form = FORMATS[x.dtype]
    bits = bits_of(x).reshape(shape)
    effective, structural = (None, None) if fan is None else fan.vectors
    block = BLOCK if fan is None else fan.block
    proven: bool | np.bool_
    if structural is None and worth(bits) and (columns is None or columns.flags.c_contiguous):
        job = Job(
            BINARY, bits.ctypes.data, shape[0], shape[1], shape[2], n, block,
            0 if effective is None or fan is None else fan.address, 0, 0 if columns is None else columns.ctypes.data,
            inputs.ctypes.data, 0 if effective is None else ops.ctypes.data,
        )  # fmt: skip
        proven = work_off([job])[0] == 0
    else:
        proven = kernels.binary(
            bits, n, effective, structural, form.one, form.magnitude, block, inputs, ops, sops, columns, 0, shape[2]
        )
    if proven and fan is not None:
        fan.fill_constants(inputs, ops, sops)
    return bool(proven)


class ValueCounter:
    """Levels and tier of one layer.

    ``values`` are the levels in order of discovery (row 1, 2, …), the first one assumed before it is seen; a level
    found late had zeros before. ``plain``: nothing but 0 and 1 has been seen.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.values: list[float] = [1.0]
        self.plain = True
        self.collapsed = False
        self.minimum = np.inf
        self.maximum = -np.inf
        self._known: tuple[torch.dtype, int, Any, bool] | None = None
        self._positive: NDArray[np.float64] | None = None

    def count(self, x: Tensor, n: int, fan: Fan | None, columns: Columns = None) -> Counted:
        """Count ``x[T,N,M]`` (contiguous, on the CPU), its first ``n`` samples only.

        Without ``fan`` only inputs are counted. ``columns[T,M]`` gains the nonzero elements per position.

        Raises:
            NotFiniteError: a NaN or an infinity among the values.
        """
        if x.dtype not in FORMATS:
            x = x.to(torch.float64)
        for tier in self._tiers():
            counted = tier(x, n, fan, columns)
            if counted is not None:
                return counted
            columns = None  # a tier that gives up has counted them all the same
        return self._graded(x, n, fan, columns)

    def _tiers(self) -> Iterator[Callable[[Tensor, int, Fan | None, Columns], Counted | None]]:
        """Tiers to try before values are no longer told apart, each only if it can still succeed."""
        if self.plain and not self.collapsed:
            yield self._binary
        if not self.collapsed:
            yield self._levelled

    def _binary(self, x: Tensor, n: int, fan: Fan | None, columns: Columns) -> Counted | None:
        """Tier 1; None if the proof failed (``columns`` are right all the same)."""
        counts = np.zeros((3, 2, x.shape[0], n), np.int64)
        inputs, ops, sops = counts[:, 1]
        steps, samples, size = x.shape
        has_structural = fan is not None and fan.structural is not None
        if not count_plain(x, (steps, samples, size), n, fan, inputs, ops, sops if has_structural else None, columns):
            return None
        return Counted(counts[0], counts[1], counts[2] if has_structural else None)

    def _levelled(self, x: Tensor, n: int, fan: Fan | None, columns: Columns) -> Counted | None:
        """Count by level; None if there turned out to be too many (the layer is then collapsed)."""
        bits = bits_of(x)
        while True:
            counts = np.zeros((3, 1 + len(self.values), x.shape[0], n), np.int64)
            known, derivable = self._levels(x.dtype)
            if _by_level(bits, n, fan, known, FORMATS[x.dtype].magnitude, counts, columns) == 0:
                break
            columns = None
            if not self._discover(x, bits, n, known):
                return None
        has_structural = fan is not None and fan.structural is not None
        if fan is not None:
            fan.fill_constants(counts[0], counts[1], counts[2])
        counted = Counted(counts[0], counts[1], counts[2] if has_structural else None)
        if not derivable:
            sums = self._graded(x, n, fan, None)
            counted.weighted, counted.total = sums.weighted, sums.total
        return counted

    def _levels(self, dtype: torch.dtype) -> tuple[Any, bool]:
        """Bits of the levels, and whether sums follow exactly from their counts."""
        known = self._known
        if known is None or known[0] is not dtype or known[1] != len(self.values):
            exact = all(_short_dyadic(v) for v in self.values)
            self._known = known = (dtype, len(self.values), bits_of_values(self.values, dtype), exact)
        return known[2], known[3]

    def known_float32(self) -> Any | None:
        """Bits of the levels, if tensors of them can be counted as jobs; else None."""
        if self.collapsed:
            return None
        bits, exact = self._levels(torch.float32)
        return bits if exact else None

    def positive_levels(self) -> NDArray[np.float64] | None:
        """The levels, if all values seen are among them, above 0, and such that sums of them are exact."""
        if self.collapsed:
            return None
        known = self._positive
        if known is None or len(known) != len(self.values):
            if min(self.values) <= 0 or not all(map(_short_dyadic, self.values)):
                return None
            self._positive = known = np.array(self.values)
        return known

    def _discover(self, x: Tensor, bits: Any, n: int, known: Any) -> bool:
        """Learn the values not known yet; False if there are now more than ``MAX_LEVELS``."""
        found = kernels.find_values(bits, n, known, FORMATS[x.dtype].magnitude, MAX_LEVELS + 2)
        values = values_of_bits(found, x.dtype)
        if not np.isfinite(values).all():
            raise not_finite(self.name)
        self.values += values
        self.plain = False
        # One more than is kept: the level 1 may never have been seen.
        self.collapsed = len(self.values) > MAX_LEVELS + 1
        return not self.collapsed

    def _graded(self, x: Tensor, n: int, fan: Fan | None, columns: Columns) -> Counted:
        """Count without telling values apart."""
        values = (x if x.dtype in (torch.float32, torch.float64) else x.float()).numpy()
        effective, structural = (None, None) if fan is None else fan.vectors
        counts = np.zeros((3, 1, values.shape[0], n), np.int64)
        inputs, ops, sops = counts[:, 0]
        weighted, total = np.zeros(inputs.shape), np.zeros(inputs.shape)
        low, high, finite = graded(
            values, n, effective, structural, level_block(fan), inputs, ops, sops, weighted, total, columns
        )
        if not finite:
            raise not_finite(self.name)
        self.minimum, self.maximum = min(self.minimum, low), max(self.maximum, high)
        if fan is None:
            return Counted(counts[0], counts[1], None, weighted, total)
        fan.fill_constants(inputs, ops, sops)
        if isinstance(fan.effective, int):
            weighted *= fan.effective
        return Counted(counts[0], counts[1], None if fan.structural is None else counts[2], weighted, total)


def _short_dyadic(value: float) -> bool:
    """Whether sums of |value| · count are exact in float64 in any order (so they may be derived from counts)."""
    return abs(value) <= 1024 and value * 64 == int(value * 64)


def level_block(fan: Fan | None) -> int:
    """Elements looked at together while values are told apart."""
    return _LEVEL_BLOCK if fan is None else min(_LEVEL_BLOCK, fan.block)


def _by_level(bits: Any, n: int, fan: Fan | None, known: Any, magnitude: Any, counts: Int, columns: Columns) -> int:
    """Tier 2 into ``counts[3,R,T,N]`` (inputs, effective, structural); how many values were none of the known."""
    rows = np.arange(1, counts.shape[1])
    effective, structural = (None, None) if fan is None else fan.vectors
    block, (inputs, ops, sops) = level_block(fan), counts
    if fan is not None and effective is not None and structural is None and columns is None and worth(bits):
        steps, samples, size = bits.shape
        job = Job(
            LEVELLED, bits.ctypes.data, steps, samples, size, n, block, fan.address, inputs=inputs[1].ctypes.data,
            ops=ops[1].ctypes.data, row=inputs[0].size, values=known.ctypes.data, levels=len(known),
        )  # fmt: skip
        return int(work_off([job])[0])
    return int(
        kernels.levelled(bits, 0, n, effective, structural, known, rows, magnitude, block, inputs, ops, sops, columns)
    )
