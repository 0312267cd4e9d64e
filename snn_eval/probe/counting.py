"""Counts by value of one layer: which tier of kernel looks at a tensor, and where its counts are kept.

Tier 1 expects {0, 1} and proves it; where the proof fails the layer moves on to counting by level, and where more
than ``MAX_LEVELS`` values appear, to a plain sum. A layer remembers its tier, never more than it has seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snn_eval.errors import NotFiniteError
from snn_eval.probe import kernels, pool
from snn_eval.trace import MAX_LEVELS

__all__ = ["Counted", "Fan", "Grid", "ValueCounter", "can_be_plain", "count_meetings", "count_plain"]

Int = NDArray[np.int64]
Float = NDArray[np.float64]

_BLOCK = 4096
_LEVEL_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class _Format:
    """How a float type is read as bits: integer views of torch and numpy, bits of 1.0, all bits but the sign."""

    torch_int: torch.dtype
    unsigned: type[Any]
    one: Any
    magnitude: Any


_FORMATS = {
    torch.float32: _Format(torch.int32, np.uint32, np.uint32(0x3F800000), np.uint32(0x7FFFFFFF)),
    torch.float64: _Format(torch.int64, np.uint64, np.uint64(0x3FF << 52), np.uint64((1 << 63) - 1)),
    torch.float16: _Format(torch.int16, np.uint16, np.uint16(0x3C00), np.uint16(0x7FFF)),
    torch.bfloat16: _Format(torch.int16, np.uint16, np.uint16(0x3F80), np.uint16(0x7FFF)),
}


@dataclass(frozen=True, slots=True)
class Fan:
    """Fan-out of the M positions of a sample: a vector, or one number where all are equal.

    ``structural`` is None where no weight is zero (then it equals ``effective``).
    """

    effective: NDArray[np.int32] | int
    structural: NDArray[np.int32] | int | None
    block: int = _BLOCK

    @staticmethod
    def of(effective: Int, structural: Int | None) -> Fan:
        """Compress vectors of equal entries to a number; choose the block so that int32 sums cannot overflow."""
        largest = max(int(effective.max(initial=0)), 0 if structural is None else int(structural.max(initial=0)), 1)
        return Fan(
            _compressed(effective),
            None if structural is None else _compressed(structural),
            max(1, min(_BLOCK, (2**31 - 1) // largest)),
        )


def _compressed(fan: Int) -> NDArray[np.int32] | int:
    first = int(fan.flat[0]) if fan.size else 0
    if fan.size == 0 or bool((fan == first).all()) or int(fan.max()) >= 2**31:
        if fan.size and not bool((fan == first).all()):
            raise OverflowError(f"a fan-out of {int(fan.max())} does not fit 32 bits")
        return first
    return np.ascontiguousarray(fan.reshape(-1), dtype=np.int32)


def _vector(fan: NDArray[np.int32] | int | None) -> NDArray[np.int32] | None:
    return fan if isinstance(fan, np.ndarray) else None


def _bits(x: Tensor, form: _Format) -> Any:
    """The tensor's memory as unsigned integers (bfloat16 is no type of numpy's: through torch's integers)."""
    if x.dtype is torch.bfloat16:
        return x.view(form.torch_int).numpy().view(form.unsigned)
    return x.numpy().view(form.unsigned)


def count_meetings(x: Tensor, y: Tensor, n: int) -> Int:
    """Positions of ``x[T,N,M]`` and ``y[T,N,M]`` where both are nonzero, ``[T,n]``."""
    form = _FORMATS[x.dtype]
    out = np.zeros((x.shape[0], n), np.int64)
    if y.dtype != x.dtype:
        y = y.to(x.dtype)
    a, b = _bits(x, form), _bits(y, form)
    if pool.worth(a) and b.flags.c_contiguous:
        pool.meetings(a, b, n, out)
    else:
        kernels.meetings(a, b, 0, n, form.magnitude, out)
    return out


def can_be_plain(x: Tensor) -> bool:
    """Whether `count_plain` can read the tensor where it lies."""
    return x.dtype in _FORMATS and x.device.type == "cpu"


def count_plain(
    x: Tensor, shape: tuple[int, int, int], n: int, fan: Fan | None,
    inputs: Int, ops: Int, sops: Int | None, columns: NDArray[np.int32] | None,
) -> bool:  # fmt: skip
    """Tier 1 straight into ``[T,N]`` views that hold zeros; False (and the views spoiled) unless all is 0 or 1."""
    form = _FORMATS[x.dtype]
    bits = _bits(x, form).reshape(shape)
    effective = None if fan is None else _vector(fan.effective)
    structural = None if fan is None or fan.structural is None else _vector(fan.structural)
    block = _BLOCK if fan is None else fan.block
    if not _binary(bits, n, effective, structural, form, block, inputs, ops, sops, columns):
        return False
    if fan is not None:
        if effective is None:
            np.multiply(inputs, fan.effective, out=ops)
        if sops is not None and structural is None and fan.structural is not None:
            np.multiply(inputs, fan.structural, out=sops)
    return True


@dataclass(slots=True)
class Counted:
    """Counts of one tensor: row 0 for values not told apart, then a row a level; ``[R,T,N]`` over real samples.

    ``weighted`` (Σ|v|·fan-out) and ``total`` (Σv) are None where they follow exactly from the levels.
    """

    inputs: Int
    ops: Int
    sops: Int | None
    weighted: Float | None = None
    total: Float | None = None

    @property
    def nonzero(self) -> Int:
        """Nonzero elements ``[T,N]``."""
        if len(self.inputs) == 2:
            return self.inputs[0] + self.inputs[1]
        return self.inputs.sum(axis=0)


class Grid:
    """Counts of one layer over one chunk, filled call by call; rows as in `Counted`.

    ``weighted`` and ``total`` are NaN where they follow from the levels.
    """

    def __init__(self, steps: int, samples: int, rows: int = 2) -> None:
        self.inputs: Int = np.zeros((rows, steps, samples), np.int64)
        self.ops: Int = np.zeros((rows, steps, samples), np.int64)
        self.sops: Int | None = None
        self.weighted: Float = np.full((steps, samples), np.nan)
        self.total: Float = np.full((steps, samples), np.nan)

    def add(self, counted: Counted, step: slice) -> None:
        """Add the counts of one call made at ``step``."""
        rows = len(counted.inputs)
        if rows > len(self.inputs):
            self._grow(rows)
        if counted.sops is not None:
            self.structural()
        self.inputs[:rows, step] += counted.inputs
        self.ops[:rows, step] += counted.ops
        if self.sops is not None:
            self.sops[:rows, step] += counted.ops if counted.sops is None else counted.sops
        if counted.weighted is not None:
            self.weighted[step] = counted.weighted
            self.total[step] = counted.total

    def structural(self) -> Int:
        """Structural counts; before the first zero weight they equal the effective ones."""
        if self.sops is None:
            self.sops = self.ops.copy()
        return self.sops

    def _grow(self, rows: int) -> None:
        more = np.zeros((rows - len(self.inputs), *self.inputs.shape[1:]), np.int64)
        self.inputs = np.concatenate([self.inputs, more])
        self.ops = np.concatenate([self.ops, more])
        if self.sops is not None:
            self.sops = np.concatenate([self.sops, more])


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

    def _levels(self, dtype: torch.dtype, form: _Format) -> tuple[Any, bool]:
        """Bits of the levels, and whether sums follow exactly from their counts."""
        known = self._known
        if known is None or known[0] is not dtype or known[1] != len(self.values):
            bits = _bits_of(self.values, dtype, form)
            self._known = known = (dtype, len(self.values), bits, all(_short_dyadic(v) for v in self.values))
        return known[2], known[3]

    def count(self, x: Tensor, n: int, fan: Fan | None, columns: NDArray[np.int32] | None = None) -> Counted:
        """Count ``x[T,N,M]`` (contiguous, on the CPU), its first ``n`` samples only.

        Without ``fan`` only inputs are counted. ``columns[T,M]`` gains the nonzero elements per position.

        Raises:
            NotFiniteError: a NaN or an infinity among the values.
        """
        if x.dtype not in _FORMATS:
            x = x.to(torch.float64)
        form = _FORMATS[x.dtype]
        bits = _bits(x, form)
        if not self.collapsed:
            if self.plain:
                counted = self._binary(bits, n, fan, form, columns)
                if counted is not None:
                    return counted
                columns = None
            counted = self._levelled(x, bits, n, fan, form, columns)
            if counted is not None:
                return counted
            columns = None
        return self._graded(x, n, fan, columns)

    def _binary(self, bits: Any, n: int, fan: Fan | None, form: _Format, columns: Any) -> Counted | None:
        """Tier 1; None if the proof failed (``columns`` are right all the same)."""
        counts = np.zeros((3, 2, bits.shape[0], n), np.int64)
        effective = None if fan is None else _vector(fan.effective)
        structural = None if fan is None else _vector(fan.structural)
        block = _BLOCK if fan is None else fan.block
        inputs, ops, sops = counts[:, 1]
        if not _binary(bits, n, effective, structural, form, block, inputs, ops, sops, columns):
            return None
        if fan is None:
            return Counted(counts[0], counts[1], None)
        if effective is None:
            ops += inputs * fan.effective
        if fan.structural is None:
            return Counted(counts[0], counts[1], None)
        if structural is None:
            sops += inputs * fan.structural
        return Counted(counts[0], counts[1], counts[2])

    def _levelled(self, x: Tensor, bits: Any, n: int, fan: Fan | None, form: _Format, columns: Any) -> Counted | None:
        """Count by level; None if there turned out to be too many (the layer is then collapsed)."""
        effective = None if fan is None else _vector(fan.effective)
        structural = None if fan is None else _vector(fan.structural)
        block = _LEVEL_BLOCK if fan is None else min(_LEVEL_BLOCK, fan.block)
        while True:
            rows = 1 + len(self.values)
            counts = np.zeros((3, rows, bits.shape[0], n), np.int64)
            known, derivable = self._levels(x.dtype, form)
            unknown = _by_level(bits, n, effective, structural, known, form, block, counts, columns)
            if unknown == 0:
                break
            columns = None
            if not self._discover(x, bits, n, known, form):
                return None
        if fan is not None and effective is None:
            counts[1] = counts[0] * fan.effective
        if fan is not None and fan.structural is not None and structural is None:
            counts[2] = counts[0] * fan.structural
        has_structural = fan is not None and fan.structural is not None
        counted = Counted(counts[0], counts[1], counts[2] if has_structural else None)
        if not derivable:
            sums = self._graded(x, n, fan, None)
            counted.weighted, counted.total = sums.weighted, sums.total
        return counted

    def _discover(self, x: Tensor, bits: Any, n: int, known: Any, form: _Format) -> bool:
        """Learn the values not known yet; False if there are now more than ``MAX_LEVELS``."""
        found = kernels.find_values(bits, n, known, form.magnitude, MAX_LEVELS + 2)
        values = [float(v) for v in torch.from_numpy(found.view(_SIGNED[form.unsigned])).view(x.dtype).double()]
        if not np.isfinite(values).all():
            raise _not_finite(self.name)
        self.values += values
        self.plain = False
        # One more than is kept: the level 1 may never have been seen.
        self.collapsed = len(self.values) > MAX_LEVELS + 1
        return not self.collapsed

    def _graded(self, x: Tensor, n: int, fan: Fan | None, columns: Any) -> Counted:
        """Count without telling values apart."""
        values = (x if x.dtype in (torch.float32, torch.float64) else x.float()).numpy()
        effective = None if fan is None else _vector(fan.effective)
        structural = None if fan is None else _vector(fan.structural)
        shape = (values.shape[0], n)
        counts = np.zeros((3, 1, *shape), np.int64)
        weighted, total = np.zeros(shape), np.zeros(shape)
        block = _LEVEL_BLOCK if fan is None else min(_LEVEL_BLOCK, fan.block)
        low, high, finite = kernels.graded(
            values, n, effective, structural, block, counts[0, 0], counts[1, 0], counts[2, 0], weighted, total, columns
        )
        if not finite:
            raise _not_finite(self.name)
        self.minimum, self.maximum = min(self.minimum, low), max(self.maximum, high)
        if fan is None:
            return Counted(counts[0], counts[1], None, weighted, total)
        if effective is None:
            counts[1] = counts[0] * fan.effective
            weighted *= fan.effective
        if fan.structural is not None and structural is None:
            counts[2] = counts[0] * fan.structural
        return Counted(counts[0], counts[1], None if fan.structural is None else counts[2], weighted, total)


_SIGNED: dict[type[Any], type[Any]] = {np.uint16: np.int16, np.uint32: np.int32, np.uint64: np.int64}


def _bits_of(values: Sequence[float], dtype: torch.dtype, form: _Format) -> Any:
    return torch.tensor(values, dtype=torch.float64).to(dtype).view(form.torch_int).numpy().view(form.unsigned)


def _short_dyadic(value: float) -> bool:
    """Whether sums of |value| · count are exact in float64 in any order (so they may be derived from counts)."""
    return abs(value) <= 1024 and value * 64 == int(value * 64)


def _not_finite(name: str) -> NotFiniteError:
    return NotFiniteError(
        f"layer {name}: NaN or infinity in its input; expected finite values. "
        "Check the checkpoint's weights and the normalisation of the data"
    )


def _binary(
    bits: Any, n: int, effective: Any, structural: Any, form: _Format, block: int,
    inputs: Int, ops: Int, sops: Int | None, columns: Any,
) -> bool:  # fmt: skip
    """Tier 1 on all threads where that pays, else on this one: integer sums, so equal counts."""
    if structural is None and pool.worth(bits) and (columns is None or columns.flags.c_contiguous):
        return pool.binary(bits, n, effective, block, inputs, ops, columns)
    return bool(
        kernels.binary(
            bits, n, effective, structural, form.one, form.magnitude, block,
            inputs, ops, sops, columns, 0, bits.shape[2],
        )
    )  # fmt: skip


def _by_level(
    bits: Any, n: int, effective: Any, structural: Any, known: Any, form: _Format, block: int, counts: Int, columns: Any
) -> int:
    """Tier 2 into ``counts[3,R,T,N]`` (inputs, effective, structural); how many values were none of the known."""
    rows = np.arange(1, counts.shape[1])
    if structural is None and columns is None and effective is not None and pool.worth(bits):
        return pool.levelled(bits, n, effective, known, rows, block, counts[0], counts[1])
    return int(
        kernels.levelled(
            bits, 0, n, effective, structural, known, rows, form.magnitude, block,
            counts[0], counts[1], counts[2], columns,
        )
    )  # fmt: skip
