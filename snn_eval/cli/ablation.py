"""Shows an ablation's progress: a live line on a terminal, a line for each finished cell elsewhere, or nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import click

from snn_eval.cli.forecast import Forecast
from snn_eval.units import duration

if TYPE_CHECKING:
    from rich.progress import Progress

    from snn_eval.cell import CellRecord
    from snn_eval.run.ablate import AblationCell, AblationPlan

__all__ = ["AblationBar", "AblationLines", "AblationWatcher", "watching_ablation"]

LINE_EVERY_S = 60.0
"""Without a terminal, a line between finished cells at most this often."""


class AblationWatcher(Protocol):
    """Hears of an ablation's progress; shows it, or does not."""

    def told(self, cell: AblationCell, event: Mapping[str, Any]) -> None:
        """A cell's process told how far it is, see :mod:`snn_eval.run.ablate.tell`."""

    def ended(self, cell: AblationCell, record: CellRecord) -> None:
        """A cell is done or failed."""


@contextmanager
def watching_ablation(
    plan: AblationPlan, left: Sequence[AblationCell], jobs: int, quiet: bool
) -> Iterator[AblationWatcher]:
    """The watcher that fits the place: silent, a live line or lines. All of it goes to standard error."""
    import sys

    if quiet:
        yield _Silent()
        return
    click.echo(f"snn-eval: {_begin(plan, left, jobs)}", err=True)
    counted = _Counted(len(plan.cells), len(left), Forecast(left, jobs))
    if left and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        with _rich_progress() as progress:
            yield AblationBar(counted, progress)
    else:
        yield AblationLines(counted)


def _begin(plan: AblationPlan, left: Sequence[AblationCell], jobs: int) -> str:
    rows = len({cell.row.name for cell in plan.cells})
    stored = len(plan.cells) - len(left)
    there = f", {stored} stored before" if stored else ""
    trainings = len({cell.training for cell in left})
    work = f"; {trainings} trainings, {min(jobs, len(left))} at a time" if left else ""
    return f"{plan.suite.name}: {len(plan.cells)} cells of {rows} rows{there}{work}"


class _Silent:
    def told(self, cell: AblationCell, event: Mapping[str, Any]) -> None:
        pass

    def ended(self, cell: AblationCell, record: CellRecord) -> None:
        pass


class _Counted:
    """How many cells there are, how many are there, and how long the others take."""

    def __init__(self, cells: int, left: int, forecast: Forecast) -> None:
        self.cells, self.done, self.forecast = cells, cells - left, forecast
        self.stages: dict[str, str] = {}

    def told(self, cell: AblationCell, event: Mapping[str, Any]) -> None:
        self.forecast.told(cell, event)
        stage = event.get("stage", "starting" if not event else None)
        if stage == "training":
            stage = f"epoch {event['epoch']}/{event['epochs']}"
        if stage is not None:
            self.stages[cell.title] = stage

    def ended(self, cell: AblationCell, record: CellRecord) -> str:
        self.done += 1
        self.stages.pop(cell.title, None)
        self.forecast.ended(cell)
        return f"[{self.done}/{self.cells}] {cell.title}: {_outcome(record)}"

    @property
    def now(self) -> str:
        return "; ".join(f"{title}: {stage}" for title, stage in self.stages.items())

    @property
    def left(self) -> str:
        seconds = self.forecast.seconds_left()
        return "" if seconds is None or self.done == self.cells else f"about {duration(seconds)} left"


def _outcome(record: CellRecord) -> str:
    if record.status == "failed":
        return f"failed: {record.error}"
    found = next((m for m in record.measurements if m.metric == "accuracy"), None)
    told = [] if found is None else [f"accuracy {found.value:.2%}"]
    if record.uses_exit and record.exit is not None:
        chosen = record.exit.chosen
        told.append(f"with exit {chosen.accuracy:.2%} after {chosen.mean_step:.2f} of {record.time_steps} steps")
    return ", ".join(told) or "done"


class AblationBar:
    """One bar over all cells; finished ones are lines above it."""

    def __init__(self, counted: _Counted, progress: Progress) -> None:
        self._counted, self._progress = counted, progress
        self._task = progress.add_task("cells", total=counted.cells, completed=counted.done, stage="", left="")

    def told(self, cell: AblationCell, event: Mapping[str, Any]) -> None:
        """Show what is worked on."""
        self._counted.told(cell, event)
        self._progress.update(self._task, stage=self._counted.now, left=self._counted.left)

    def ended(self, cell: AblationCell, record: CellRecord) -> None:
        """Move the bar and leave a line."""
        self._progress.console.print(self._counted.ended(cell, record), markup=False, highlight=False)
        counted = self._counted
        self._progress.update(self._task, completed=counted.done, stage=counted.now, left=counted.left)


class AblationLines:
    """A line for each finished cell, and now and then one between them."""

    def __init__(self, counted: _Counted, clock: Callable[[], float] = time.monotonic) -> None:
        self._counted, self._clock = counted, clock
        self._told = clock()

    def told(self, cell: AblationCell, event: Mapping[str, Any]) -> None:
        """Say what is worked on, not too often."""
        self._counted.told(cell, event)
        if event.get("stage") and self._clock() - self._told >= LINE_EVERY_S:
            self._say(self._counted.now)

    def ended(self, cell: AblationCell, record: CellRecord) -> None:
        """Say what came of it."""
        self._say(self._counted.ended(cell, record))

    def _say(self, text: str) -> None:
        self._told = self._clock()
        left = self._counted.left
        click.echo(f"snn-eval: {text}{'; ' if left else ''}{left}", err=True)


def _rich_progress() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.table import Column

    return Progress(
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
        TextColumn("[dim]{task.fields[stage]}", table_column=Column(no_wrap=True, overflow="ellipsis")),
        console=Console(stderr=True),
    )
