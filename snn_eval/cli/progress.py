"""Shows a run's progress: a bar with remaining time on a terminal, plain lines elsewhere, nothing with ``--quiet``."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from snn_eval.run.listener import Listener

__all__ = ["Bar", "Lines", "watching"]

WIDE, NARROW = 100, 70
"""Terminals at least this wide have the long bar, and room for the stage behind a short one."""

LINE_EVERY_S = 5.0
"""Without a terminal, a line of progress at most this often."""


@contextmanager
def watching(quiet: bool) -> Iterator[Listener]:
    """The listener that fits the place: silent, bar or lines. All of it goes to standard error."""
    import sys

    from snn_eval.run.listener import Silent

    if quiet:
        yield Silent()
    elif sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        with _rich_progress() as progress:
            yield Bar(progress)
    else:
        yield Lines()


def _rich_progress() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.table import Column

    console = Console(stderr=True)
    wide = console.width >= WIDE
    columns: list[ProgressColumn] = [
        TextColumn("{task.description}"),
        BarColumn(bar_width=30 if wide else 8),
        MofNCompleteColumn(),
        *([TextColumn("samples")] if wide else []),
        TimeRemainingColumn(elapsed_when_finished=True),
    ]
    if console.width >= NARROW:
        stage = Column(max_width=max(12, console.width - (80 if wide else 60)), no_wrap=True, overflow="ellipsis")
        columns.append(TextColumn("[dim]{task.fields[stage]}", table_column=stage))
    return Progress(*columns, console=console)


class Bar:
    """One bar for each cell."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def begin(self, title: str, samples: int) -> None:
        """Add the cell's bar."""
        self._task = self._progress.add_task(title, total=samples, stage="")

    def stage(self, text: str) -> None:
        """Show the stage behind the bar."""
        if self._task is not None:
            self._progress.update(self._task, stage=text)

    def skip(self, samples: int) -> None:
        """Move the bar, and let the estimate begin here."""
        if self._task is not None:
            self._progress.reset(self._task, completed=samples)

    def advance(self, samples: int) -> None:
        """Move the bar."""
        if self._task is not None:
            self._progress.advance(self._task, samples)

    def end(self) -> None:
        """Leave the bar as it is."""
        self.stage("")
        self._task = None

    def warn(self, text: str) -> None:
        """Print above the bars."""
        self._progress.console.print(f"snn-eval: {text}", markup=False, highlight=False)


class Lines:
    """A line when a stage begins and every few seconds, for logs."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._title = ""
        self._samples = self._done = self._skipped = 0
        self._started = self._told = 0.0

    def begin(self, title: str, samples: int) -> None:
        """Name the cell."""
        self._title, self._samples, self._done, self._skipped = title, samples, 0, 0
        self._started = self._told = self._clock()
        self._say(f"{title}: {samples} samples")

    def stage(self, text: str) -> None:
        """Name the stage."""
        self._say(f"{self._title}: {text}")

    def skip(self, samples: int) -> None:
        """Say what an earlier run recorded; the estimate begins here."""
        self._done = self._skipped = samples
        self._started = self._told = self._clock()
        if samples:
            self._say(f"{self._title}: going on, {samples} of {self._samples} samples were recorded before")

    def advance(self, samples: int) -> None:
        """Say how far it is and how long the rest takes, not too often."""
        self._done += samples
        now = self._clock()
        if now - self._told < LINE_EVERY_S and self._done < self._samples:
            return
        self._told = now
        spent = now - self._started
        left = spent / (self._done - self._skipped) * (self._samples - self._done)
        rest = f", {left:.0f} s left" if self._done < self._samples else f" in {spent:.1f} s"
        self._say(f"{self._title}: {self._done}/{self._samples} samples{rest}")

    def end(self) -> None:
        """Nothing more to say."""

    def warn(self, text: str) -> None:
        """Say it."""
        self._say(text)

    def _say(self, text: str) -> None:
        click.echo(f"snn-eval: {text}", err=True)
