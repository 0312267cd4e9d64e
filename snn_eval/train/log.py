"""What is known of each epoch: which one is best, when to stop, the log as CSV and as TensorBoard events."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

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
    """Append an epoch's curves as TensorBoard events; where it was written before, the later one holds."""
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder), purge_step=epoch.epoch) as writer:
        for name, value in asdict(epoch).items():
            if name != "epoch":
                writer.add_scalar(name, value, epoch.epoch)
