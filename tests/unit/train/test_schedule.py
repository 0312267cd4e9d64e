"""Learning rates and decays by hand, which epoch is best, and when training ends."""

from __future__ import annotations

import csv
from typing import Any

import pytest
import torch

from snn_eval.suite import TrainSection, load_suite
from snn_eval.train.log import Epoch, as_csv, best_of, is_finished
from snn_eval.train.schedule import averaging_decay, learning_rate, make_optimizer


def rates(**values: Any) -> list[float]:
    config = TrainSection(learning_rate=8.0, **values)
    return [learning_rate(config, epoch) for epoch in range(1, config.epochs + 1)]


def epochs(*accuracies: float, loss: float = 1.0) -> list[Epoch]:
    return [Epoch(i + 1, 0.1, 1.0, loss, accuracy, 0.0, 1.0, 1.0) for i, accuracy in enumerate(accuracies)]


def test_half_a_cosine() -> None:
    # 8·(1 + cos(π·k/4))/2 for k = 0 … 3
    assert rates(epochs=4) == pytest.approx([8, 4 + 4 * 0.5**0.5, 4, 4 - 4 * 0.5**0.5])


def test_warm_up_is_linear_and_ends_at_the_top() -> None:
    # 8·1/4, 8·2/4, 8·3/4, then 8·(1 + cos(π·k/2))/2 for k = 0, 1
    assert rates(epochs=5, warmup_epochs=3) == pytest.approx([2, 4, 6, 8, 4])
    assert rates(epochs=2, warmup_epochs=3) == pytest.approx(rates(epochs=2, warmup_epochs=1))
    assert rates(epochs=1, warmup_epochs=1) == rates(epochs=1)


def test_optimizers() -> None:
    weight = [torch.nn.Parameter(torch.zeros(1))]
    sgd = make_optimizer(weight, TrainSection(optimizer="sgd", momentum=0.8, weight_decay=0.1))
    assert (type(sgd), sgd.defaults["momentum"], sgd.defaults["weight_decay"]) == (torch.optim.SGD, 0.8, 0.1)
    assert type(make_optimizer(weight, TrainSection())) is torch.optim.AdamW


def test_best_is_highest_accuracy_then_lowest_loss_then_first() -> None:
    log = [*epochs(0.5, 0.9), Epoch(3, 0.1, 1.0, 0.2, 0.9, 0.0, 1.0, 1.0), Epoch(4, 0.1, 1.0, 0.2, 0.9, 0.0, 1.0, 1.0)]
    assert best_of(log).epoch == 3
    assert best_of(log[:2]).epoch == 2


@pytest.mark.parametrize(
    ("log", "patience", "finished"),
    [
        ([], 1, False),
        (epochs(0.5, 0.6, 0.6), 0, False),
        (epochs(0.5, 0.6, 0.6), 1, True),
        (epochs(0.5, 0.6, 0.6), 2, False),
        (epochs(0.6, 0.5, 0.5), 2, True),
        (epochs(0.5, 0.6, 0.7), 1, False),
        (epochs(0.1, 0.2, 0.3, 0.4), 0, True),
    ],
)
def test_training_ends_after_its_epochs_or_its_patience(log: list[Epoch], patience: int, finished: bool) -> None:
    assert is_finished(log, TrainSection(epochs=4, patience=patience)) is finished


def test_log_has_a_line_for_each_epoch() -> None:
    rows = list(csv.DictReader(as_csv(epochs(0.25, 0.5)).splitlines()))
    assert [(row["epoch"], row["validation_accuracy"]) for row in rows] == [("1", "0.25"), ("2", "0.5")]


@pytest.mark.parametrize(
    ("name", "batches", "average"),
    [("digits", 18, 0.995), ("mnist", 843, 0.999), ("fashion-mnist", 843, 0.999), ("cifar-10", 421, 0.999)],
)
def test_shipped_trainings_average_with_the_decay_they_name(name: str, batches: int, average: float) -> None:
    config = load_suite(name).train
    assert averaging_decay(config, config.epochs * batches) == average


@pytest.mark.parametrize(("steps", "decay"), [(843, 1 - 8 / 843), (16, 0.5), (8, 0.0), (1, 0.0), (80_000, 0.999)])
def test_a_short_training_averages_with_a_smaller_decay(steps: int, decay: float) -> None:
    assert averaging_decay(TrainSection(average=0.999), steps) == decay
