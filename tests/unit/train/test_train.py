"""The training loop: a seed repeats it, the best epoch is chosen on validation, the test part is never read."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import torch

from snn_eval.data import ArrayDataset, DataOptions, DataSource, load_dataset
from snn_eval.errors import SuiteError
from snn_eval.models.adapters import adapt
from snn_eval.models.checkpoint import load_checkpoint, load_weights
from snn_eval.models.networks import build_network
from snn_eval.suite import Suite, load_suite, with_values
from snn_eval.train import Trained, train
from snn_eval.train.epoch import check
from snn_eval.train.samples import Samples
from snn_eval.train.trainee import Trainee


def tiny(**values: Any) -> Suite:
    base = {"epochs": 3, "learning_rate": 5e-3, "rate_penalty": 0.0, "label_smoothing": 0.0, "average": 0.0}
    suite = with_values(load_suite("digits"), {"model.config.channels": [4, 8], "input.time_steps": 3})
    return with_values(suite, {**{f"train.{key}": value for key, value in base.items()}, **values})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(tiny(), tmp_path_factory.mktemp("first"), seed=1)


def test_a_seed_repeats_the_training(trained: Trained, tmp_path: Path) -> None:
    torch.manual_seed(99)
    before = torch.get_rng_state()
    again = train(tiny(), tmp_path, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert again.best_checkpoint.read_bytes() == trained.best_checkpoint.read_bytes()
    assert again.last_checkpoint.read_bytes() == trained.last_checkpoint.read_bytes()
    assert [epoch.train_loss for epoch in again.epochs] == [epoch.train_loss for epoch in trained.epochs]


def test_another_seed_is_another_training(trained: Trained, tmp_path: Path) -> None:
    other = train(tiny(**{"train.epochs": 1}), tmp_path, seed=2)
    assert other.epochs[0].train_loss != trained.epochs[0].train_loss


def test_it_learns(trained: Trained) -> None:
    assert trained.epochs[-1].train_loss < trained.epochs[0].train_loss
    assert trained.best.validation_accuracy > 0.5


def test_best_is_the_best_on_validation(trained: Trained) -> None:
    assert trained.best.validation_accuracy == max(epoch.validation_accuracy for epoch in trained.epochs)
    assert trained.last is trained.epochs[-1]
    assert [epoch.epoch for epoch in trained.epochs] == [1, 2, 3]


@pytest.mark.parametrize("name", ["best", "last"])
def test_the_checkpoint_measures_what_the_log_says(trained: Trained, name: str) -> None:
    checkpoint = load_checkpoint(getattr(trained, f"{name}_checkpoint"))
    epoch = getattr(trained, name)
    assert (checkpoint.suite, checkpoint.suite_version, checkpoint.time_steps) == ("digits", 1, 3)
    assert (checkpoint.provenance["seed"], checkpoint.provenance["epoch"]) == (1, epoch.epoch)
    module = build_network(str(checkpoint.arch), 3, dict(checkpoint.config or {}))
    load_weights(module, checkpoint)
    samples = Samples(tiny(), load_dataset("digits", "train"), load_dataset("digits", "validation"))
    found = check(Trainee(adapt(module, 3), samples.example(), 10, torch.device("cpu")), samples)
    assert (found.accuracy, found.loss) == (epoch.validation_accuracy, epoch.validation_loss)
    assert found.firing_rate == pytest.approx(epoch.validation_firing_rate)


def test_log(trained: Trained) -> None:
    rows = list(csv.DictReader(trained.log.read_text(encoding="utf-8").splitlines()))
    assert [float(row["train_loss"]) for row in rows] == [epoch.train_loss for epoch in trained.epochs]
    # cosine from the learning rate to 0 in three epochs: (1 + cos(π·e/3))/2
    assert [float(row["learning_rate"]) / 5e-3 for row in rows] == pytest.approx([1, 0.75, 0.25])


def test_the_test_part_is_never_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def watched(source: DataSource, split: str, options: DataOptions | None) -> ArrayDataset:
        asked.append(split)
        return load_dataset(source, split, options)

    monkeypatch.setattr("snn_eval.train.samples.load_dataset", watched)
    train(tiny(**{"train.epochs": 1}), tmp_path)
    assert asked == ["train", "validation"]


def test_the_penalty_lowers_the_firing_rate(trained: Trained, tmp_path: Path) -> None:
    quiet = train(tiny(**{"train.rate_penalty": 20.0}), tmp_path, seed=1)
    assert quiet.last.validation_firing_rate < 0.7 * trained.last.validation_firing_rate


def test_averaged_weights_are_what_is_kept(trained: Trained, tmp_path: Path) -> None:
    averaged = train(tiny(**{"train.average": 0.9}), tmp_path, seed=1)
    # the average only watches: the weights that are trained stay the same
    assert [epoch.train_loss for epoch in averaged.epochs] == [epoch.train_loss for epoch in trained.epochs]
    key = "stem.conv.weight"
    last, plain = load_checkpoint(averaged.last_checkpoint), load_checkpoint(trained.last_checkpoint)
    assert not torch.equal(last.state_dict[key], plain.state_dict[key])


def test_a_short_training_forgets_its_first_weights(tmp_path: Path) -> None:
    # of its 3·18 steps 0.999 would keep 95 % of the first weights; 1 − 8/54 keeps 0.02 %
    kept = [
        load_checkpoint(train(tiny(**{"train.average": average}), tmp_path / str(average), seed=1).last_checkpoint)
        for average in (0.999, 1 - 8 / 54)
    ]
    assert all(torch.equal(kept[0].state_dict[key], tensor) for key, tensor in kept[1].state_dict.items())


def test_sgd(tmp_path: Path) -> None:
    run = train(tiny(**{"train.optimizer": "sgd", "train.learning_rate": 0.05, "train.epochs": 2}), tmp_path)
    assert run.epochs[1].train_loss < run.epochs[0].train_loss


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model.arch": None}, "expected model.arch or model.factory"),
        ({"data.validation": None}, "expected data.validation"),
    ],
)
def test_suites_that_cannot_be_trained(values: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=message):
        train(tiny(**values), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_half_precision_is_the_rounded_checkpoint(trained: Trained, tmp_path: Path) -> None:
    half = train(tiny(**{"train.stored": "float16"}), tmp_path, seed=1)
    assert [epoch.train_loss for epoch in half.epochs] == [epoch.train_loss for epoch in trained.epochs]
    small, whole = load_checkpoint(half.last_checkpoint), load_checkpoint(trained.last_checkpoint)
    for key, weight in whole.state_dict.items():
        expected = weight.to(torch.float16) if weight.dim() > 1 else weight
        assert small.state_dict[key].dtype == expected.dtype
        assert torch.equal(small.state_dict[key], expected)
    module = build_network(str(small.arch), 3, dict(small.config or {}))
    load_weights(module, small)
    assert {weight.dtype for weight in module.parameters()} == {torch.float32}
