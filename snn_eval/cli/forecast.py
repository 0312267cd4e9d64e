"""How long the rest of an ablation takes, from the epochs and cells that were seen so far."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snn_eval.run.ablate import AblationCell

__all__ = ["Forecast"]


class Forecast:
    """Seconds left: epochs of each training that is still to be done, and what comes after it in each cell.

    An epoch takes the mean of those seen of its row, else of all; what comes after the training the mean of the cells
    that ended. Several at a time share the work evenly.
    """

    def __init__(self, cells: Sequence[AblationCell], jobs: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._jobs, self._clock = jobs, clock
        self._cells = {cell.title: cell for cell in cells}
        self._epochs: dict[Path, int] = {cell.training: cell.suite.train.epochs for cell in cells}
        self._seconds: defaultdict[str, list[float]] = defaultdict(list)
        self._after: list[float] = []
        self._trained: dict[str, float] = {}

    def told(self, cell: AblationCell, event: Mapping[str, Any]) -> None:
        """Hear of an epoch, or that a training is over."""
        if event.get("stage") == "training":
            self._epochs[cell.training] = event["epochs"] - event["epoch"]
            if "seconds" in event:
                self._seconds[cell.row.name].append(event["seconds"])
        if "trained" in event:
            self._epochs[cell.training] = 0
            self._trained[cell.title] = self._clock()

    def ended(self, cell: AblationCell) -> None:
        """Hear that a cell is over."""
        self._cells.pop(cell.title, None)
        self._epochs[cell.training] = 0
        began = self._trained.pop(cell.title, None)
        if began is not None:
            self._after.append(self._clock() - began)

    def seconds_left(self) -> float | None:
        """None until anything is known."""
        every = [second for seconds in self._seconds.values() for second in seconds]
        rows = {cell.training: cell.row.name for cell in self._cells.values()}
        if not every and (not self._after or any(self._epochs[training] for training in rows)):
            return None
        work = sum(
            self._epochs[training] * fmean(self._seconds[row] or every or [0.0]) for training, row in rows.items()
        )
        work += len(self._cells) * (fmean(self._after) if self._after else 0.0)
        return work / max(1, min(self._jobs, len(self._cells)))
