"""Shows a training's progress: a bar with remaining time on a terminal, lines elsewhere, or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.progress import Progress

    from snn_eval.train import Epoch, Watcher

__all__ = ["TrainingBar", "TrainingLines", "epoch_line", "watching_training"]

LINE_EVERY_S = 30.0
"""Without a terminal, a line within an epoch at most this often."""


@contextmanager
def watching_training(title: str, quiet: bool) -> Iterator[Watcher]:
    """The watcher that fits the place: silent, bar or lines. All of it goes to standard error."""
    import sys

    from snn_eval.train import Silent

    if quiet:
        yield Silent()
    elif sys.stderr.isatty():
        with _rich_progress() as progress:
            yield TrainingBar(title, progress)
    else:
        yield TrainingLines(title)


def _rich_progress() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("[dim]{task.fields[stage]}"),
        console=Console(stderr=True),
    )


def epoch_line(epoch: Epoch, best: Epoch, epochs: int) -> str:
    """An epoch in one line."""
    star = " (best)" if best.epoch == epoch.epoch else ""
    return (
        f"epoch {epoch.epoch}/{epochs}: loss {epoch.train_loss:.4f}, "
        f"validation accuracy {epoch.validation_accuracy:.2%}{star}, "
        f"rate {epoch.validation_firing_rate:.3f}, {epoch.wall_time_s:.1f} s"
    )


class TrainingBar:
    """One bar over all epochs."""

    def __init__(self, title: str, progress: Progress) -> None:
        self._progress = progress
        self._epochs = 0
        self._task = progress.add_task(title, total=None, stage="")

    def begin(self, epochs: int, done: int, samples: int) -> None:
        """Set its length; the estimate begins at what was done before."""
        self._epochs = epochs
        self._progress.reset(self._task, total=epochs * samples, completed=done * samples)

    def advance(self, samples: int) -> None:
        """Move it."""
        self._progress.advance(self._task, samples)

    def end_of(self, epoch: Epoch, best: Epoch) -> None:
        """Show the epoch above it, the best one behind it."""
        self._progress.console.print(epoch_line(epoch, best, self._epochs), markup=False, highlight=False)
        self._progress.update(self._task, stage=f"best {best.validation_accuracy:.2%} in epoch {best.epoch}")


class TrainingLines:
    """A line after each epoch and now and then within it, with the time that is left of the whole training."""

    def __init__(self, title: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._title, self._clock = title, clock
        self._epochs = self._done_before = self._samples = 0
        self._epoch, self._done = 1, 0
        self._started = self._told = 0.0

    def begin(self, epochs: int, done: int, samples: int) -> None:
        """Say how much there is to do."""
        self._epochs, self._done_before, self._samples = epochs, done, samples
        self._epoch, self._done = done + 1, 0
        self._started = self._told = self._clock()
        going = f", going on after epoch {done}" if done else ""
        self._say(f"{self._title}: {epochs} epochs of {samples} samples{going}")

    def advance(self, samples: int) -> None:
        """Say how far the epoch is, not too often; its last line is that of :meth:`end_of`."""
        self._done += samples
        now = self._clock()
        if now - self._told < LINE_EVERY_S or self._done >= self._samples:
            return
        self._told = now
        before = (self._epoch - 1) * self._samples
        here = before - self._done_before * self._samples + self._done
        left = (now - self._started) / here * (self._epochs * self._samples - before - self._done)
        self._say(f"epoch {self._epoch}/{self._epochs}: {self._done}/{self._samples} samples, {left:.0f} s left")

    def end_of(self, epoch: Epoch, best: Epoch) -> None:
        """Say what the epoch brought and how long the rest takes."""
        self._told = self._clock()
        self._epoch, self._done = epoch.epoch + 1, 0
        spent = self._told - self._started
        left = spent / (epoch.epoch - self._done_before) * (self._epochs - epoch.epoch)
        rest = f", {left:.0f} s left" if epoch.epoch < self._epochs else ""
        self._say(epoch_line(epoch, best, self._epochs) + rest)

    def _say(self, text: str) -> None:
        click.echo(f"snn-eval: {text}", err=True)
