"""Positions where both operands of a residual addition or a gate are nonzero."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from snn_eval.probe.counting import count_meetings
from snn_eval.probe.entries.join import joined
from snn_eval.probe.entries.view import View
from snn_eval.trace import ElementwiseOp

__all__ = ["MeetingEntry"]

Int = NDArray[np.int64]


@dataclass(slots=True)
class MeetingEntry:
    """A residual add or a gate: positions where both operands are nonzero; ``latest``: those of the last chunk."""

    op: ElementwiseOp
    view: View
    meetings: Int | None = None
    done: list[Int] = field(default_factory=list)
    latest: Int | None = None

    def begin(self, samples: int) -> None:
        """Start a chunk."""
        self.meetings = np.zeros((self.op.steps, 1 if self.view.layout is None else samples), np.int64)

    def add(self, a: Tensor, b: Tensor, samples: int, step: slice) -> None:
        """Count one call."""
        if self.meetings is None:
            return
        self.meetings[step] += count_meetings(self.view(a), self.view(b), self.meetings.shape[1])

    def finish_chunk(self) -> None:
        """Keep the chunk's counts."""
        if self.meetings is not None:
            self.done.append(self.meetings)
            self.latest, self.meetings = self.meetings, None

    def take(self) -> ElementwiseOp:
        """The operation with everything counted since the last call, if samples can be told apart."""
        done, self.done = self.done, []
        return replace(self.op, effective_TN=None if self.view.layout is None else joined(done, summed=False))
