"""A training that was stopped goes on as if it had not been: the same weights, log and checkpoints, bit for bit."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from snn_eval.errors import RunError
from snn_eval.suite import Suite, load_suite, with_values
from snn_eval.train import Epoch, Silent, Trained, train

TIMES = ("wall_time_s", "cpu_time_s")
NETWORK = """
from spikingjelly.activation_based import layer, neuron, surrogate
from torch import nn

def make(time_steps, width=6):
    shared = dict(surrogate_function=surrogate.ATan(), detach_reset=True, step_mode="m")
    return nn.Sequential(
        layer.Flatten(step_mode="m"), layer.Linear(64, width, step_mode="m"), neuron.LIFNode(**shared),
        nn.Dropout(0.3), layer.Linear(width, 10, step_mode="m"),
    )
"""


def small(**values: Any) -> Suite:
    suite = with_values(load_suite("digits"), {"model.config.channels": [3, 4], "input.time_steps": 2})
    base = {"epochs": 4, "batch_size": 96, "shift": 1, "cutout": 2, "average": 0.9, "learning_rate": 5e-3}
    return with_values(suite, {f"train.{key}": value for key, value in {**base, **values}.items()})


class _Stopping(Silent):
    """Stops a training by Ctrl-C in the middle of an epoch."""

    def __init__(self, epoch: int) -> None:
        self.left = epoch * 12 - 5  # 12 batches an epoch
        self.begun: list[tuple[int, int, int]] = []

    def begin(self, epochs: int, done: int, samples: int) -> None:
        self.begun.append((epochs, done, samples))

    def advance(self, samples: int) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def outcome(trained: Trained) -> tuple[bytes, bytes, list[dict[str, str]]]:
    with trained.log.open(newline="", encoding="utf-8") as file:
        rows = [{key: row[key] for key in row if key not in TIMES} for row in csv.DictReader(file)]
    return trained.best_checkpoint.read_bytes(), trained.last_checkpoint.read_bytes(), rows


@pytest.mark.parametrize("values", [{}, {"optimizer": "sgd", "gradient_clip": 1.0, "amp": True, "flip": True}])
def test_stopped_and_gone_on_with(values: dict[str, Any], tmp_path: Path) -> None:
    suite = small(**values)
    whole = train(suite, tmp_path / "whole", seed=3)
    for epoch in (3, 1):  # the second time one epoch further on
        with pytest.raises(KeyboardInterrupt):
            train(suite, tmp_path / "stopped", seed=3, watcher=_Stopping(epoch))
    watcher = _Stopping(100)
    resumed = train(suite, tmp_path / "stopped", seed=3, watcher=watcher)
    assert watcher.begun == [(4, 2, 12 * 96)]
    assert outcome(resumed) == outcome(whole)
    assert (resumed.best.epoch, resumed.last.epoch) == (whole.best.epoch, whole.last.epoch)


def test_a_network_of_the_users_that_draws(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NETWORK)
    suite = with_values(small(), {"model.arch": None, "model.config": {"width": 5}})
    arch = f"{tmp_path / 'net.py'}:make"
    whole = train(suite, tmp_path / "whole", arch=arch)
    with pytest.raises(KeyboardInterrupt):
        train(suite, tmp_path / "stopped", arch=arch, watcher=_Stopping(3))
    assert outcome(train(suite, tmp_path / "stopped", arch=arch)) == outcome(whole)
    (tmp_path / "net.py").write_text(NETWORK + "\n")
    with pytest.raises(RunError, match="holds another training \\(factory: "):
        train(suite, tmp_path / "whole", arch=arch)


def test_a_finished_training_is_told_again(tmp_path: Path) -> None:
    class Counting(Silent):
        epochs = 0

        def end_of(self, epoch: Epoch, best: Epoch) -> None:
            self.epochs += 1

    first = train(small(epochs=2), tmp_path)
    written = first.last_checkpoint.stat().st_mtime_ns
    counting = Counting()
    again = train(small(epochs=2), tmp_path, watcher=counting)
    assert (again.epochs, counting.epochs) == (first.epochs, 0)
    assert again.last_checkpoint.stat().st_mtime_ns == written
    train(small(epochs=2), tmp_path, fresh=True, watcher=counting)
    assert counting.epochs == 2


def test_patience_ends_it(tmp_path: Path) -> None:
    suite = small(epochs=40, patience=2, learning_rate=1e-9, average=0.0)
    trained = train(suite, tmp_path)
    assert trained.last.epoch == trained.best.epoch + 2 < 40
    assert train(suite, tmp_path).last == trained.last


def test_another_configuration_is_refused_with_what_differs(tmp_path: Path) -> None:
    train(small(epochs=1), tmp_path)
    with pytest.raises(RunError, match=r"another training \(train.epochs: 1 there, 2 now\); give another --output, or"):
        train(small(epochs=2), tmp_path)
    with pytest.raises(RunError, match=r"\(seed: 0 there, 5 now\)"):
        train(small(epochs=1), tmp_path, seed=5)
    with pytest.raises(RunError, match=r"\(input.time_steps: 2 there, 3 now and 1 more\)"):
        train(with_values(small(epochs=1), {"input.time_steps": 3, "train.shift": 0}), tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK", None])
def test_a_damaged_state_is_refused(content: bytes | None, tmp_path: Path) -> None:
    train(small(epochs=1), tmp_path)
    path = tmp_path / "state.pt"
    path.write_bytes(path.read_bytes()[:-200] if content is None else content)
    with pytest.raises(RunError, match="expected the state of a training, got a damaged file; --fresh begins anew"):
        train(small(epochs=1), tmp_path)


def test_events_can_be_read_and_a_repeated_epoch_replaces_itself(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with pytest.raises(KeyboardInterrupt):
        train(small(epochs=2), tmp_path, watcher=_Stopping(2))
    trained = train(small(epochs=2), tmp_path)
    events = EventAccumulator(str(tmp_path / "events"))
    events.Reload()
    found = [(event.step, event.value) for event in events.Scalars("validation_accuracy")]
    assert found == [(epoch.epoch, pytest.approx(epoch.validation_accuracy)) for epoch in trained.epochs]


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path: Path) -> None:
    values = ["train.epochs=9", "train.average=0.9", "input.time_steps=2", "model.config.channels=[3, 4]"]
    words = ["train", "digits", "--quiet", *(word for value in values for word in ("--set", value))]
    command = [sys.executable, "-m", "snn_eval", *words]
    subprocess.run([*command, "--output", str(tmp_path / "whole")], check=True, env=_one_thread(), capture_output=True)
    moments = random.Random(0)
    killed = [*command, "--output", str(tmp_path / "killed")]
    state = tmp_path / "killed" / "state.pt"
    for _ in range(2):
        before = state.stat().st_mtime_ns if state.exists() else 0
        process = subprocess.Popen(killed, env=_one_thread(), stdout=subprocess.DEVNULL)
        while process.poll() is None and (not state.exists() or state.stat().st_mtime_ns == before):
            time.sleep(0.002)
        time.sleep(moments.uniform(0, 0.1))  # somewhere in the next epoch, or while it is written
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(killed, check=True, env=_one_thread(), capture_output=True)
    for name in ("best.pt", "last.pt"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert _rows(tmp_path / "killed") == _rows(tmp_path / "whole")


def _one_thread() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open(newline="", encoding="utf-8") as file:
        return [{key: row[key] for key in row if key not in TIMES} for row in csv.DictReader(file)]
