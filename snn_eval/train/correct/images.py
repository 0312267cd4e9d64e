"""The training images a correction is made from, and those it is judged on; nothing else is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snn_eval.errors import DataError
from snn_eval.train.samples import Samples

__all__ = ["Images"]

_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Images:
    """Places in the training part, drawn by a seed: ``fitted`` make a correction, ``held`` decide whether it is kept.

    Images are those of the training part as they are, un-augmented, in a fixed order; a third of the part at most is
    held out.
    """

    samples: Samples
    fitted: NDArray[np.int64]
    held: NDArray[np.int64]
    batch_size: int

    @classmethod
    def drawn(cls, samples: Samples, *, fitted: int, held: int, batch_size: int, seed: int) -> Images:
        """So many images, or as many as there are.

        Raises:
            DataError: fewer than two in the training part.
        """
        there = len(samples.training)
        if there < _FEWEST:
            raise DataError(f"correction: expected {_FEWEST} training images or more, found {there}")
        order = torch.randperm(there, generator=torch.Generator().manual_seed(seed)).numpy()
        held = max(1, min(held, there // 3))
        return cls(samples, order[held : held + fitted], order[:held], batch_size)

    @property
    def count(self) -> int:
        """How many different images are used."""
        return len(self.fitted) + len(self.held)

    def batches(self, limit: int | None = None) -> Iterator[tuple[Tensor, Tensor]]:
        """Input and class of the fitted images, in order; of the first ``limit`` batches only."""
        yield from self._cut(self.fitted[: None if limit is None else limit * self.batch_size])

    def shuffled(self, limit: int, generator: torch.Generator) -> Iterator[tuple[NDArray[np.int64], Tensor]]:
        """Places among the fitted images and their input, ``limit`` batches, each image once before any comes again."""
        made = 0
        while True:
            order = torch.randperm(len(self.fitted), generator=generator)
            for index in torch.split(order, self.batch_size):
                if made == limit:
                    return
                made += 1
                yield index.numpy(), self.samples.at(self.fitted[index.numpy()])[0]

    def held_out(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Input and class of the images a correction is judged on."""
        yield from self._cut(self.held)

    def _cut(self, places: NDArray[np.int64]) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(places), self.batch_size):
            yield self.samples.at(places[start : start + self.batch_size])
