"""``snn-eval train``: what it prints is what the user can run next; mistakes are one line; progress fits its place."""

from __future__ import annotations

import io
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from snn_eval.cli.training import TrainingBar, TrainingLines, watching_training
from snn_eval.models.checkpoint import load_checkpoint
from snn_eval.record import read_record
from snn_eval.train import Epoch, Silent, Watcher

TINY = ("--set", "model.config.channels=[3, 4]", "--set", "input.time_steps=2", "--set", "train.epochs=2")
NETWORK = """
import snntorch
from spikingjelly.activation_based import layer, neuron, surrogate
from torch import nn

def make(time_steps):
    spiking = neuron.IFNode(surrogate_function=surrogate.ATan(), detach_reset=True, step_mode="m")
    first, last = layer.Linear(64, 32, step_mode="m"), layer.Linear(32, 10, step_mode="m")
    return nn.Sequential(layer.Flatten(step_mode="m"), first, spiking, last)

def leaky():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), snntorch.Leaky(beta=0.9, init_hidden=True), nn.Linear(32, 10))

def plain():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 12), nn.ReLU(), nn.Linear(12, 10))

def seven(time_steps):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 7))

def fixed(time_steps):
    return nn.Sequential(nn.Flatten(), nn.Linear(5, 10))
"""

FIRST = Epoch(1, 0.1, 1.5, 1.0, 0.5, 0.02, 3.0, 3.0)
SECOND = Epoch(2, 0.05, 1.25, 1.0, 0.25, 0.03, 5.0, 3.0)


def test_the_line_it_ends_with_measures_what_it_trained(snn_eval: Callable[..., Any]) -> None:
    answer = snn_eval("train", "digits", *TINY, "--quiet")
    assert (answer.code, answer.err) == (0, "")
    best, last, line, path = answer.out.splitlines()
    assert best.startswith("best: epoch ")
    assert last.startswith("last: epoch 2 of 2, validation accuracy ")
    assert path == "reports/trained/digits-0/best.pt"
    words = shlex.split(line.removeprefix("try: "))
    assert words == ["snn-eval", "run", "--models", "digits", path, "--time-steps", "2"]
    measured = snn_eval(*words[1:], "--limit", "20", "--quiet")
    assert measured.code == 0, measured.err
    assert read_record(measured.last / "record.json").identity.samples == 20


def test_settings_reach_the_checkpoint(snn_eval: Callable[..., Any]) -> None:
    values = ("train.optimizer=sgd", "train.learning_rate=5e-2", "train.loss='mse'", "input.encoding=latency")
    answer = snn_eval("train", "digits", *TINY, "--quiet", *(word for value in values for word in ("--set", value)))
    assert answer.code == 0, answer.err
    stored = load_checkpoint(answer.last)
    assert (stored.config or {})["channels"] == [3, 4]
    train = stored.provenance["suite"]["train"]
    assert (train["optimizer"], train["learning_rate"], train["loss"]) == ("sgd", 0.05, "mse")
    assert stored.provenance["suite"]["input"]["encoding"] == "latency"


@pytest.mark.parametrize("function", ["make", "leaky", "plain"])
def test_a_network_of_the_users_is_trained_and_measured(function: str, snn_eval: Callable[..., Any]) -> None:
    Path("net.py").write_text(NETWORK)
    arch = f"net.py:{function}"
    words = (
        "--epochs",
        "3",
        "--set",
        "train.average=0",
        "--set",
        "train.rate_penalty=0",
        "--quiet",
        "--output",
        "mine",
    )
    answer = snn_eval("train", "digits", "--arch", arch, *words)
    assert answer.code == 0, answer.err
    told = shlex.split(answer.out.splitlines()[-2].removeprefix("try: "))
    assert told == ["snn-eval", "run", "--models", "digits", "mine/best.pt", "--arch", arch]
    stored = torch.load("mine/best.pt", weights_only=True)
    assert stored["provenance"]["validation_accuracy"] > 0.2  # of ten classes: it learns
    assert load_checkpoint(Path("mine/best.pt")).arch is None  # the file names no code
    measured = snn_eval(*told[1:], "--limit", "20", "--quiet")
    assert measured.code == 0, measured.err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--set", "train.epoch=3"), 2, "command line: unknown key 'train.epoch'; did you mean 'epochs'?"),
        (("--set", "trian.epochs=3"), 2, "command line: unknown key 'trian'; did you mean 'train'?"),
        (("--set", "train.epochs"), 2, "--set: expected KEY=VALUE, got 'train.epochs' (snn-eval train --help)"),
        (("--set", "train.epochs=many"), 2, "got 'many'"),
        (("--set", "train.amp=yes please"), 2, "got 'yes please'"),
        (("--set", "train.learning_rate=inf"), 2, "got inf"),
        (("--set", "model.config.channel=[3]"), 2, "unexpected keyword argument 'channel'"),
        (("--set", "model.config.kernels=[3]"), 2, "expected as many kernels as channels, got 1 and 2"),
        (("--set", "model.config.kernels=[3, 4]"), 2, "odd kernels"),
        (("--set", "model.config.pools=[8, 2]"), 2, "an image of 8 pixels is too small"),
        (("--set", "model.config.classes=7"), 2, "the data has 10 classes, the network's readout 7"),
        (("--set", "model.config.in_channels=3"), 2, "the network does not take input of shape (2, 1, 8, 8)"),
        (
            ("--arch", "resnet"),
            2,
            "--arch: expected file.py:function, package.module:function or one of spiking-conv-net, ",
        ),
        (("--arch", "net.py:seven"), 2, "the data has 10 classes, the network's readout 7"),
        (("--arch", "net.py:fixed"), 2, "the network does not take input of shape (2, 1, 8, 8)"),
        (("--device", "cuda:99"), 2, "expected cuda:99"),
        (
            ("--set", "train.learning_rate=1e30"),
            3,
            "epoch 1: expected a finite loss, got nan; "
            "try --set train.learning_rate below 1e+30, or train.gradient_clip=1",
        ),
    ],
)
def test_mistakes_are_one_line(words: tuple[str, ...], code: int, told: str, snn_eval: Callable[..., Any]) -> None:
    Path("net.py").write_text(NETWORK)
    answer = snn_eval("train", "digits", *TINY, "--quiet", "--output", "out", *words)
    assert (answer.code, answer.out, answer.err.count("\n")) == (code, "", 1)
    assert told in answer.err
    assert not list(Path("out").glob("*.pt"))


def watch(watcher: Watcher) -> None:
    """Four epochs of 10 samples, one of them done before."""
    watcher.begin(4, 1, 10)
    watcher.advance(10)
    watcher.end_of(SECOND, FIRST)


def test_lines_estimate_the_rest_from_this_run_alone(capsys: pytest.CaptureFixture[str]) -> None:
    clock = iter([100.0, 105.0, 106.0])  # one epoch in 6 s, two left
    watch(TrainingLines("digits", lambda: next(clock)))
    assert capsys.readouterr().err.splitlines() == [
        "snn-eval: digits: 4 epochs of 10 samples, going on after epoch 1",
        "snn-eval: epoch 2/4: loss 1.2500, validation accuracy 25.00%, rate 0.030, 5.0 s, 12 s left",
    ]


def test_lines_within_a_long_epoch_are_half_a_minute_apart(capsys: pytest.CaptureFixture[str]) -> None:
    # 3 epochs of 1,000 samples, one done before; begin, then the ends of steps of 100 samples each
    clock = iter([0.0, 29.0, 40.0, 69.9, 80.0, 100.0, 100.0, 109.9, 110.0, 200.0])
    lines = TrainingLines("mnist", lambda: next(clock))
    lines.begin(3, 1, 1000)
    for _ in range(4):
        lines.advance(100)
    lines.advance(600)
    lines.end_of(SECOND, FIRST)
    for samples in (100, 150, 600):
        lines.advance(samples)
    assert list(clock) == []
    assert capsys.readouterr().err.splitlines()[1:] == [
        "snn-eval: epoch 2/3: 200/1000 samples, 360 s left",  # 40 s for 200, 1,800 more
        "snn-eval: epoch 2/3: 400/1000 samples, 320 s left",  # 80 s for 400, 1,600 more
        "snn-eval: epoch 2/3: loss 1.2500, validation accuracy 25.00%, rate 0.030, 5.0 s, 100 s left",
        "snn-eval: epoch 3/3: 850/1000 samples, 16 s left",  # 200 s for 1,850, 150 more; 9.9 and 10 s were too soon
    ]


def test_bar_moves_over_all_epochs() -> None:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(file=io.StringIO(), width=120)) as progress:
        watch(TrainingBar("digits", progress))
        assert [(task.total, task.completed) for task in progress.tasks] == [(40, 20)]
        assert progress.tasks[0].fields["stage"] == "best 50.00% in epoch 1"
        assert "epoch 2/4: loss 1.2500" in progress.console.file.getvalue()  # type: ignore[attr-defined]


def test_quiet_is_silent_and_a_file_gets_lines() -> None:
    with watching_training("digits", True) as watcher:
        assert isinstance(watcher, Silent)
    with watching_training("digits", False) as watcher:
        assert isinstance(watcher, TrainingLines)
