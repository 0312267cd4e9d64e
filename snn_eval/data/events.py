"""Recordings of event cameras, kept as events and made into frames of counts where they are asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["BinnedEvents"]


@dataclass(frozen=True, slots=True)
class BinnedEvents:
    """Samples ``[N, bins, …]`` whose values are numbers of events; read like an array of float32.

    Attributes:
        place: ``[E]``, of each event in the frames of its recording, flattened.
        start: ``[N + 1]``, first event of each recording, and the end.
        frames: shape of one sample.
    """

    place: NDArray[np.int32]
    start: NDArray[np.int64]
    frames: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.start) - 1

    @property
    def shape(self) -> tuple[int, ...]:
        """``[N, bins, …]``."""
        return (len(self), *self.frames)

    def __getitem__(self, index: slice | NDArray[np.int64]) -> NDArray[np.float32]:
        """Frames of some recordings."""
        chosen = np.arange(len(self))[index]
        size = int(np.prod(self.frames))
        out = np.zeros((len(chosen), size), dtype=np.float32)
        for row, number in enumerate(chosen):
            events = self.place[self.start[number] : self.start[number + 1]]
            out[row] = np.bincount(events, minlength=size)
        return out.reshape(len(chosen), *self.frames)
