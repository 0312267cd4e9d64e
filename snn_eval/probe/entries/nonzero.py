"""Nonzero elements of a tensor that is neither spikes nor a layer's input: the last sum of a residual network, say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from snn_eval.probe.counting import count_meetings
from snn_eval.probe.entries.view import View

__all__ = ["NonzeroEntry"]

Int = NDArray[np.int64]


@dataclass(slots=True)
class NonzeroEntry:
    """Nonzero elements ``[T,N]`` of one chunk."""

    name: str
    steps: int
    view: View
    counts: Int | None = None

    def begin(self, samples: int) -> None:
        """Start a chunk."""
        self.counts = np.zeros((self.steps, samples), np.int64)

    def add(self, x: Tensor, samples: int, step: slice) -> None:
        """Count one call."""
        if self.counts is not None:
            rows = x.cpu().contiguous().reshape(self.view.rows_of(x))
            self.counts[step] += count_meetings(rows, rows, samples)

    def nonzero(self, step: slice) -> tuple[Int, None] | None:
        """Nonzero elements at these steps (their sum is not known)."""
        return None if self.counts is None else (self.counts[step], None)
