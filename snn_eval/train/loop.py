"""Trains the network of a suite: a plain loop that keeps the last state and the one best on validation."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from snn_eval.atomic import write_atomic
from snn_eval.data import ArrayDataset, DataOptions, load_dataset
from snn_eval.errors import SuiteError
from snn_eval.models.adapters import framework_of
from snn_eval.models.checkpoint import Checkpoint, save_checkpoint
from snn_eval.models.networks import build_network
from snn_eval.suite import Suite, TrainSection
from snn_eval.train.epoch import check, train_epoch

__all__ = ["Epoch", "Trained", "train"]


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


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training left behind. ``best`` has the highest validation accuracy, of equals the lowest loss."""

    best: Epoch
    last: Epoch
    best_checkpoint: Path
    last_checkpoint: Path
    log: Path
    epochs: tuple[Epoch, ...]
    wall_time_s: float


def train(
    suite: Suite,
    folder: Path,
    *,
    seed: int = 0,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    options: DataOptions | None = None,
) -> Trained:
    """Train from fresh weights and write ``best.pt``, ``last.pt`` and ``log.csv`` into ``folder``.

    Weights, order and shifts all follow from ``seed``; the caller's random state is left as it was. The test part is
    never read.

    Args:
        suite: the whole configuration; change it with :func:`snn_eval.suite.with_values`.
        folder: where to write; made if needed.
        seed: of this run.
        on_epoch: called after every epoch.
        options: where data come from.

    Raises:
        SuiteError: the suite names no architecture of ours, no validation part, or an encoding other than direct.
        RunError: the folder cannot be written.
    """
    training, validation = _parts(suite, options)
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = build_network(str(suite.model.arch), suite.input.time_steps, suite.model.config)
    started = time.perf_counter()
    run = _Run(module, suite.train, seed)
    epochs: list[Epoch] = []
    for number in range(1, suite.train.epochs + 1):
        epochs.append(run.epoch(number, training, validation))
        if max(epochs, key=_merit) is epochs[-1]:
            _save(run.measured, suite, seed, epochs[-1], folder / "best.pt")
        on_epoch(epochs[-1])
    _save(run.measured, suite, seed, epochs[-1], folder / "last.pt")
    write_atomic(folder / "log.csv", _as_csv(epochs))
    return Trained(
        best=max(epochs, key=_merit),
        last=epochs[-1],
        best_checkpoint=folder / "best.pt",
        last_checkpoint=folder / "last.pt",
        log=folder / "log.csv",
        epochs=tuple(epochs),
        wall_time_s=time.perf_counter() - started,
    )


class _Run:
    """The moving parts of one training: weights, their average, optimizer, schedule, random order."""

    def __init__(self, module: nn.Module, config: TrainSection, seed: int) -> None:
        self.module = module
        self.config = config
        self.framework = framework_of(module)
        self.generator = torch.Generator().manual_seed(seed)
        self.optimizer = _optimizer(module, config)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, config.epochs)
        self.average = (
            AveragedModel(module, multi_avg_fn=_ema(config.average), use_buffers=True) if config.average else None
        )

    @property
    def measured(self) -> nn.Module:
        """The module that is checked and saved: the average where there is one."""
        return self.module if self.average is None else self.average.module

    def epoch(self, number: int, training: ArrayDataset, validation: ArrayDataset) -> Epoch:
        started = time.perf_counter()
        rate = self.optimizer.param_groups[0]["lr"]
        loss = train_epoch(
            self.module, self.framework, training, self.config, self.optimizer, self.generator, self._after_step
        )
        self.schedule.step()
        found = check(self.measured, self.framework, validation, self.config.batch_size)
        seconds = time.perf_counter() - started
        return Epoch(number, rate, loss, found.loss, found.accuracy, found.firing_rate, seconds)

    def _after_step(self) -> None:
        if self.average is not None:
            self.average.update_parameters(self.module)


def _parts(suite: Suite, options: DataOptions | None) -> tuple[ArrayDataset, ArrayDataset]:
    if suite.model.arch is None:
        raise SuiteError(f"{suite.name}: expected model.arch, one of our architectures, to train; found none")
    if suite.input.encoding != "direct":
        raise SuiteError(f"{suite.name}: training expects input.encoding 'direct', got {suite.input.encoding!r}")
    if suite.data.validation is None:
        raise SuiteError(f"{suite.name}: expected data.validation to choose the best epoch on, found none")
    source = suite.data_source
    return load_dataset(source, suite.data.train, options), load_dataset(source, suite.data.validation, options)


def _optimizer(module: nn.Module, config: TrainSection) -> torch.optim.Optimizer:
    if config.optimizer == "sgd":
        return torch.optim.SGD(
            module.parameters(), config.learning_rate, momentum=config.momentum, weight_decay=config.weight_decay
        )
    return torch.optim.AdamW(module.parameters(), config.learning_rate, weight_decay=config.weight_decay)


def _ema(decay: float) -> Any:
    return get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]


def _merit(epoch: Epoch) -> tuple[float, float]:
    return epoch.validation_accuracy, -epoch.validation_loss


def _save(module: nn.Module, suite: Suite, seed: int, epoch: Epoch, path: Path) -> None:
    provenance = {  # nothing that changes from run to run: a seed gives the same file again
        "seed": seed,
        "epoch": epoch.epoch,
        "validation_accuracy": epoch.validation_accuracy,
        "validation_loss": epoch.validation_loss,
        "torch": str(torch.__version__),
        "suite": suite.model_dump(mode="json"),
    }
    checkpoint = Checkpoint(
        state_dict=module.state_dict(),
        arch=suite.model.arch,
        config=suite.model.model_dump(mode="json")["config"],
        time_steps=suite.input.time_steps,
        suite=suite.name,
        suite_version=suite.suite.version,
        provenance=provenance,
    )
    save_checkpoint(path, checkpoint)


def _as_csv(epochs: list[Epoch]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Epoch)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(epoch) for epoch in epochs)
    return text.getvalue()
