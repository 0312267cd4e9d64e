"""Where counts of one tensor are kept: the fan-out it meets, one call's counts, and a chunk's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn_eval.errors import CountError

__all__ = ["BLOCK", "Counted", "Fan", "Grid"]

Int = NDArray[np.int64]
Float = NDArray[np.float64]
Vector = NDArray[np.int32]

BLOCK = 4096
"""Elements summed in int32 before they are added in int64, unless the fan-out is large."""


@dataclass(frozen=True, slots=True)
class Fan:
    """Fan-out of the M positions of a sample: a vector, or one number where all are equal.

    ``structural`` is None where no weight is zero (then it equals ``effective``); ``address`` is where the effective
    vector lies, 0 for a number.
    """

    effective: Vector | int
    structural: Vector | int | None
    block: int = BLOCK
    address: int = 0

    @property
    def constant(self) -> int:
        """The number where all fan-outs are equal, else 0."""
        return self.effective if isinstance(self.effective, int) else 0

    @property
    def vectors(self) -> tuple[Vector | None, Vector | None]:
        """Effective and structural fan-out where they are vectors, else None."""
        effective, structural = self.effective, self.structural
        return (
            None if isinstance(effective, int) else effective,
            structural if isinstance(structural, np.ndarray) else None,
        )

    def fill_constants(self, inputs: Int, ops: Int, sops: Int | None) -> None:
        """Where all fan-outs are one number, operations are that multiple of the inputs."""
        if isinstance(self.effective, int):
            np.multiply(inputs, self.effective, out=ops)
        if sops is not None and isinstance(self.structural, int):
            np.multiply(inputs, self.structural, out=sops)

    @staticmethod
    def of(effective: Int, structural: Int | None) -> Fan:
        """Compress vectors of equal entries to a number; choose the block so that int32 sums cannot overflow."""
        largest = max(int(effective.max(initial=0)), 0 if structural is None else int(structural.max(initial=0)), 1)
        met = _compressed(effective)
        return Fan(
            met,
            None if structural is None else _compressed(structural),
            max(1, min(BLOCK, (2**31 - 1) // largest)),
            0 if isinstance(met, int) else met.ctypes.data,
        )


def _compressed(fan: Int) -> Vector | int:
    """One number where all are equal, else a vector.

    Raises:
        CountError: an entry does not fit 32 bits.
    """
    first = int(fan.flat[0]) if fan.size else 0
    if bool((fan == first).all()):
        return first
    if int(fan.max()) >= 2**31:
        raise CountError(f"an input meets {int(fan.max())} weights; expected fewer than 2^31")
    return np.ascontiguousarray(fan.reshape(-1), dtype=np.int32)


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

    def at_each_of(self, steps: int) -> Counted:
        """The counts of one step, at each of several steps that hold the same values."""

        def again(counts: NDArray[Any] | None) -> Any:
            return None if counts is None else np.repeat(counts, steps, axis=-2)

        return Counted(*(again(c) for c in (self.inputs, self.ops, self.sops, self.weighted, self.total)))

    @property
    def nonzero(self) -> Int:
        """Nonzero elements ``[T,N]``."""
        nonzero: Int = self.inputs[0] + self.inputs[1] if len(self.inputs) == 2 else self.inputs.sum(axis=0)
        return nonzero


class Grid:
    """Counts of one layer over one chunk, filled call by call; rows as in `Counted`.

    ``weighted`` and ``total`` are NaN where they follow from the levels, None where all do.
    """

    def __init__(self, steps: int, samples: int, rows: int = 2) -> None:
        self._hold(np.zeros((2, rows, steps, samples), np.int64))
        self._forget_sums()

    def _hold(self, counts: Int) -> None:
        self._counts, self.address = counts, counts.ctypes.data
        self.inputs, self.ops = counts

    def _forget_sums(self) -> None:
        self.sops: Int | None = None
        self.weighted: Float | None = None
        self.total: Float | None = None

    def holds(self, samples: int, rows: int) -> bool:
        """Whether it has room for a chunk of so many samples and so many rows."""
        return self.inputs.shape[2] == samples and len(self.inputs) >= rows

    def moved_out(self) -> Counted:
        """The counts, for good; the grid stays where it is, for the next chunk."""
        inputs, ops = self._counts.copy()
        taken = Counted(inputs, ops, self.sops, self.weighted, self.total)
        self._counts.fill(0)
        self._forget_sums()
        return taken

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
            if self.weighted is None or self.total is None:
                self.weighted, self.total = np.full((2, *self.inputs.shape[1:]), np.nan)
            self.weighted[step] = counted.weighted
            self.total[step] = counted.total

    def structural(self) -> Int:
        """Structural counts; before the first zero weight they equal the effective ones."""
        if self.sops is None:
            self.sops = self.ops.copy()
        return self.sops

    def place(self, time_step: int) -> tuple[int, int, int]:
        """Addresses of the first value's inputs and operations at a step, and words from one value to the next."""
        _, steps, samples = self.inputs.shape
        inputs = self.address + 8 * samples * (steps + time_step)
        return inputs, inputs + self.inputs.nbytes, steps * samples

    def _grow(self, rows: int) -> None:
        more = np.zeros((rows - len(self.inputs), *self.inputs.shape[1:]), np.int64)
        self._hold(np.stack([np.concatenate([counts, more]) for counts in (self.inputs, self.ops)]))
        if self.sops is not None:
            self.sops = np.concatenate([self.sops, more])
