"""Counts of a layer that multiplies two activations, by the levels of both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn_eval.probe.entries.join import joined
from snn_eval.probe.product import LevelSet, PairCounts
from snn_eval.trace import SynapticLayer

__all__ = ["ProductEntry"]

Int = NDArray[np.int64]
Float = NDArray[np.float64]


@dataclass(slots=True)
class ProductEntry:
    """A layer that multiplies two activations. ``facts`` are the constant fields of its `SynapticLayer`."""

    name: str
    steps: int
    facts: dict[str, Any]
    levels_a: LevelSet
    levels_b: LevelSet
    unattributed: bool = False
    pending: list[tuple[slice, PairCounts]] = field(default_factory=list)
    samples: int = 0
    done: list[tuple[int, list[tuple[slice, PairCounts]]]] = field(default_factory=list)

    def begin(self, samples: int) -> None:
        """Start a chunk."""
        self.samples, self.pending = (1 if self.unattributed else samples), []

    def add(self, counts: PairCounts, step: slice) -> None:
        """Keep one call's counts."""
        self.pending.append((step, counts))

    def finish_chunk(self) -> None:
        """Keep the chunk's counts."""
        if self.samples:
            self.done.append((self.samples, self.pending))
        self.samples = 0

    def take(self) -> SynapticLayer:
        """Everything counted since the last call."""
        done, self.done = self.done, []
        va, vb = self.levels_a.known, self.levels_b.known
        chunks = [self._chunk(n, calls, len(va), len(vb)) for n, calls in done]
        inputs, ops, weighted, total = (joined(parts, self.unattributed) for parts in zip(*chunks, strict=True))
        oa, ob = np.append(np.argsort(va), len(va)), np.append(np.argsort(vb), len(vb))
        return SynapticLayer(
            name=self.name, kind="product",
            levels=np.sort(va), partner_levels=np.sort(vb), partner_collapsed=self.levels_b.collapsed,
            inputs_VTN=inputs[oa], ops_VTN=ops[oa][:, ob], ops_weighted_TN=weighted, input_sum_TN=total,
            minimum=float(self.levels_a.minimum), maximum=float(self.levels_a.maximum),
            attributed=not self.unattributed, **self.facts,
        )  # fmt: skip

    def _chunk(
        self, samples: int, calls: list[tuple[slice, PairCounts]], rows: int, columns: int
    ) -> tuple[Int, Int, Float, Float]:
        """Counts of one chunk: inputs ``[V+1,T,N]``, ops ``[V+1,W+1,T,N]``, Σ|a·b| and Σa ``[T,N]``."""
        inputs = np.zeros((rows + 1, self.steps, samples), np.int64)
        ops = np.zeros((rows + 1, columns + 1, self.steps, samples), np.int64)
        weighted, total = np.zeros((self.steps, samples)), np.zeros((self.steps, samples))
        for step, c in calls:
            to_row, to_column = _rows(len(c.ops), rows), _rows(c.ops.shape[1], columns)
            np.add.at(inputs[:, step], to_row, c.inputs[..., :samples])
            spread = np.zeros((rows + 1, *c.ops.shape[1:3], samples), np.int64)
            np.add.at(spread, to_row, c.ops[..., :samples])
            np.add.at(ops[:, :, step].swapaxes(0, 1), to_column, spread.swapaxes(0, 1))
            weighted[step] += c.weighted[..., :samples]
            total[step] += c.total[..., :samples]
        return inputs, ops, weighted, total


def _rows(count: int, levels: int) -> Int:
    """Where a call's counts (levels known then, others last) go in the final table: others last (all, if collapsed)."""
    rows = np.arange(count)
    rows[-1] = levels
    return np.minimum(rows, levels)
