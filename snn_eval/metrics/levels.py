"""Classes of input values: which inputs cost an accumulate, which a multiply-accumulate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snn_eval.trace import SynapticLayer

__all__ = ["LayerClasses", "LevelClasses", "classify", "quantum"]

INTEGER_TOLERANCE = 2.0**-20
"""Relative rounding allowed when asking whether a level is an integer multiple: a few float32 roundings."""


@dataclass(frozen=True, slots=True)
class LevelClasses:
    """Classes of the values one operand takes.

    Attributes:
        quantum: q; None where the levels are not multiples of one value.
        multiples: ``[V+1]`` the integer k where a level is k·q; 0 for real values and for the last row (other values).
        seen: ``[V+1]`` which rows occur in this trace.
    """

    quantum: float | None
    multiples: NDArray[np.int64]
    seen: NDArray[np.bool_]

    @property
    def unit(self) -> NDArray[np.bool_]:
        """Rows of class ``unit``: ±q."""
        return np.asarray(np.abs(self.multiples) == 1)

    @property
    def integer(self) -> NDArray[np.bool_]:
        """Rows of class ``integer``: k·q with |k| ≥ 2."""
        return np.asarray(np.abs(self.multiples) >= 2)

    @property
    def real(self) -> NDArray[np.bool_]:
        """Rows of class ``real``: everything else."""
        return np.asarray(self.multiples == 0)

    @property
    def all_unit(self) -> bool:
        """Whether every nonzero value of the operand is of class ``unit`` (true of an operand always zero)."""
        return bool(self.unit[self.seen].all())


@dataclass(frozen=True, slots=True)
class LayerClasses:
    """Classes of a layer's input; for a product of two activations, of both operands."""

    left: LevelClasses
    right: LevelClasses | None = None

    def combine(self, left: NDArray[np.bool_], right: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
        """Rows (pairs, for a product) where the condition holds for the left or the right operand."""
        return left if right is None else left[:, None] | right[None, :]

    @property
    def unit(self) -> NDArray[np.bool_]:
        """Rows or pairs that cost one AC: the input, or one operand of the pair, is of class unit."""
        return self.combine(self.left.unit, None if self.right is None else self.right.unit)

    @property
    def integer(self) -> NDArray[np.bool_]:
        """Rows or pairs that are not unit and can be unrolled: one operand is an integer multiple."""
        return ~self.unit & self.combine(self.left.integer, None if self.right is None else self.right.integer)

    @property
    def real(self) -> NDArray[np.bool_]:
        """Rows or pairs that need a multiplication."""
        return ~self.unit & ~self.integer

    @property
    def additions(self) -> NDArray[np.int64]:
        """Accumulates each row or pair takes when unrolled: |k| of the operand that needs fewest; 0 for real."""
        big = np.iinfo(np.int64).max
        left = np.where(self.left.multiples == 0, big, np.abs(self.left.multiples))
        if self.right is not None:
            right = np.where(self.right.multiples == 0, big, np.abs(self.right.multiples))
            left = np.minimum(left[:, None], right[None, :])
        return np.where(left == big, 0, left)


def quantum(levels: NDArray[np.float64]) -> float | None:
    """The value q all levels are integer multiples of, if it is one of them.

    1 if all levels are integers; else the smallest magnitude if all levels are integer multiples of it; else None.

    Args:
        levels: ``[V]`` distinct nonzero values.

    >>> quantum(np.array([1.0, 2.0])), quantum(np.array([0.25, 0.5, 1.0])), quantum(np.array([0.3, 0.5]))
    (1.0, 0.25, None)
    """
    if len(levels) == 0:
        return None
    if np.array_equal(levels, np.rint(levels)):
        return 1.0
    smallest = float(np.abs(levels).min())
    ratio = levels / smallest
    whole = np.rint(ratio)
    return smallest if bool(np.all(np.abs(ratio - whole) <= INTEGER_TOLERANCE * np.abs(whole))) else None


def classify(layer: SynapticLayer) -> LayerClasses:
    """Classes of a layer's inputs, decided over the whole trace.

    Only levels that occur in the trace decide the quantum. The network's own input declared ``real`` is real whatever
    its values; other values (rows without a level) are real.

    Source: the classes unit / integer / real of ``docs/metrics.md``.
    """
    present = np.asarray(layer.inputs_VTN.any(axis=(1, 2)))
    left = _operand(layer.levels, present, real=layer.source == "real")
    if layer.partner_levels is None:
        return LayerClasses(left)
    paired = np.asarray(layer.ops_VTN.any(axis=(0, 2, 3)))
    return LayerClasses(left, _operand(layer.partner_levels, paired, real=False))


def _operand(levels: NDArray[np.float64], seen: NDArray[np.bool_], *, real: bool) -> LevelClasses:
    if real:  # declared real: its values do not decide
        seen = np.append(seen[:-1], True)
    used = levels[seen[:-1]]
    q = None if real else quantum(used)
    multiples = np.zeros(len(levels) + 1, np.int64)
    if q is not None:
        multiples[:-1][seen[:-1]] = np.rint(used / q).astype(np.int64)
    return LevelClasses(q, multiples, seen)
