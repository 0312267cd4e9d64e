"""What is known of each epoch: which one is best, when to stop, the log as CSV and as TensorBoard events."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from snn_eval.atomic import cannot_write, write_atomic
from snn_eval.suite import TrainSection

__all__ = ["Epoch", "as_csv", "best_of", "is_finished", "write_events"]


@dataclass(frozen=True, slots=True)
class Epoch:
    """One row of the training log. Rates are NASFR in spikes per neuron and step; times in seconds."""

    epoch: int
    learning_rate: float
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    validation_firing_rate: float
    wall_time_s: float
    cpu_time_s: float


def best_of(epochs: Sequence[Epoch]) -> Epoch:
    """The epoch of highest validation accuracy, of equals the lowest loss, of equals the first."""
    return max(epochs, key=lambda epoch: (epoch.validation_accuracy, -epoch.validation_loss))


def is_finished(epochs: Sequence[Epoch], config: TrainSection) -> bool:
    """Whether all epochs are done, or the best one lies ``patience`` epochs back."""
    if not epochs:
        return False
    waited = len(epochs) - best_of(epochs).epoch
    return len(epochs) >= config.epochs or 0 < config.patience <= waited


def as_csv(epochs: Sequence[Epoch]) -> str:
    """The log, a header and one line for each epoch."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Epoch)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(epoch) for epoch in epochs)
    return text.getvalue()


def write_events(folder: Path, epoch: Epoch) -> None:
    """Write an epoch's curves for TensorBoard, a file for each epoch: whole or not at all, and once only.

    Raises:
        RunError: it cannot be written.
    """
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    values = [Summary.Value(tag=key, simple_value=value) for key, value in asdict(epoch).items() if key != "epoch"]
    now = time.time()
    content = io.BytesIO()
    records = RecordWriter(content)
    for event in (
        Event(wall_time=now, file_version="brain.Event:2"),
        Event(wall_time=now, step=epoch.epoch, summary=Summary(value=values)),
    ):
        records.write(event.SerializeToString())
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
    write_atomic(folder / f"events.out.tfevents.{epoch.epoch:010d}", content.getvalue())
