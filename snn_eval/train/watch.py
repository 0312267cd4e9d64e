"""Who is told how a training goes."""

from __future__ import annotations

from typing import Protocol

from snn_eval.train.log import Epoch

__all__ = ["Silent", "Watcher"]


class Watcher(Protocol):
    """Hears of a training's progress; shows it, or does not."""

    def begin(self, epochs: int, done: int, samples: int) -> None:
        """It begins, or goes on after ``done`` epochs: as many ``epochs`` at most, ``samples`` in each."""

    def advance(self, samples: int) -> None:
        """That many more samples were trained on."""

    def end_of(self, epoch: Epoch, best: Epoch) -> None:
        """An epoch is over and kept; ``best`` is the best one so far."""


class Silent:
    """Shows nothing."""

    def begin(self, epochs: int, done: int, samples: int) -> None:
        """Nothing to do."""

    def advance(self, samples: int) -> None:
        """Nothing to do."""

    def end_of(self, epoch: Epoch, best: Epoch) -> None:
        """Nothing to do."""
