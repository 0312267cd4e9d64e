"""Makes one cell of an ablation: trains, corrects, measures, and keeps a record of it."""

from __future__ import annotations

from collections.abc import Sequence

from snn_eval.cell import CellRecord, Training
from snn_eval.models.learned import learned_values
from snn_eval.run.ablate.correct import corrected
from snn_eval.run.ablate.identity import training_suite
from snn_eval.run.ablate.measure import measured
from snn_eval.run.ablate.plan import AblationCell
from snn_eval.run.ablate.state import begin, identity, keep
from snn_eval.run.ablate.tell import Tell, TellRun, TellTraining
from snn_eval.run.load import restored, torch_device
from snn_eval.train import Epoch, train

__all__ = ["make", "training_facts"]


def make(cell: AblationCell, tell: Tell) -> CellRecord:
    """Make a cell, going on with what is there of it, and keep its record.

    Args:
        cell: which one.
        tell: called with each step, see :mod:`snn_eval.run.ablate.tell`.

    Raises:
        SnnEvalError: it cannot be trained, corrected or measured, or a file not be written.
    """
    begin(cell)
    device = torch_device(cell.device)
    trained = train(
        training_suite(cell.suite),
        cell.training,
        seed=cell.replicate.value,
        options=cell.options,
        device=device,
        watcher=TellTraining(tell),
    )
    tell({"trained": True})
    checkpoint, correction = trained.best_checkpoint, None
    if cell.suite.correct.is_asked_for:
        tell({"stage": "correcting"})
        checkpoint, correction = corrected(cell, checkpoint, device)
    tell({"stage": "measuring"})
    found = measured(cell, checkpoint, TellRun(tell))
    record = CellRecord(
        status="done",
        uses_exit=cell.suite.evaluate.exit != "none",
        training=training_facts(trained.epochs, cell.suite.ablate.target),
        correction=correction,
        learned=learned_values(restored(cell.suite, checkpoint)),
        **identity(cell),
        **found,
    )
    keep(cell, record)
    return record


def training_facts(epochs: Sequence[Epoch], target: float | None) -> Training:
    """What a training's log says: epochs until 99 % of the last validation accuracy, and until ``target``."""
    accuracy = [epoch.validation_accuracy for epoch in epochs]
    best = max(epochs, key=lambda epoch: (epoch.validation_accuracy, -epoch.validation_loss))
    return Training(
        epochs=len(epochs),
        best_epoch=best.epoch,
        validation_accuracy=accuracy,
        epochs_to_99=_first_at_least(accuracy, 0.99 * accuracy[-1]),
        target=target,
        epochs_to_target=None if target is None else _first_at_least(accuracy, target),
        wall_s=round(sum(epoch.wall_time_s for epoch in epochs), 3),
        cpu_s=round(sum(epoch.cpu_time_s for epoch in epochs), 3),
    )


def _first_at_least(accuracy: Sequence[float], wanted: float) -> int | None:
    """Number of the first epoch, from 1, that is as good."""
    return next((number for number, found in enumerate(accuracy, start=1) if found >= wanted), None)
