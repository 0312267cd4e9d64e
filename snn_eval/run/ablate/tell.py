"""How a cell's process tells the one that started it how far it is: lines of JSON.

``{"stage": "training", "epoch": 3, "epochs": 8, "seconds": 12.1}`` after each epoch (``seconds`` of that epoch,
none for the line before the first), ``{"trained": true}`` when the training's folder is free for others, then
``{"stage": …}``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from snn_eval.run.listener import Silent as SilentListener
from snn_eval.train import Epoch

__all__ = ["Tell", "TellRun", "TellTraining"]

Tell = Callable[[dict[str, Any]], None]


class TellTraining:
    """Tells of every epoch."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._epochs = 0

    def begin(self, epochs: int, done: int, samples: int) -> None:
        """See Watcher."""
        self._epochs = epochs
        self._tell({"stage": "training", "epoch": done, "epochs": epochs})

    def advance(self, samples: int) -> None:
        """Nothing within an epoch."""

    def end_of(self, epoch: Epoch, best: Epoch) -> None:
        """See Watcher."""
        told = {"stage": "training", "epoch": epoch.epoch, "epochs": self._epochs}
        self._tell({**told, "seconds": epoch.wall_time_s, "accuracy": epoch.validation_accuracy})


class TellRun(SilentListener):
    """Tells of each stage of the measuring."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def stage(self, text: str) -> None:
        """See Listener."""
        self._tell({"stage": f"measuring: {text}"})
