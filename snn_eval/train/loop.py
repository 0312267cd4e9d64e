"""Trains the network of a suite: keeps the last state and the one best on validation, and survives being killed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from snn_eval.data import DataOptions
from snn_eval.store import alone_in
from snn_eval.suite import Suite
from snn_eval.train.build import build, chosen_architecture
from snn_eval.train.keep import Keeper
from snn_eval.train.log import Epoch, best_of, is_finished
from snn_eval.train.memory import keep_freed_memory
from snn_eval.train.moving import MovingParts
from snn_eval.train.samples import load_samples
from snn_eval.train.watch import Silent, Watcher

__all__ = ["Trained", "train"]


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training left behind. ``best`` has the highest validation accuracy, of equals the lowest loss."""

    best: Epoch
    last: Epoch
    best_checkpoint: Path
    last_checkpoint: Path
    log: Path
    epochs: tuple[Epoch, ...]


def train(
    suite: Suite,
    folder: Path,
    *,
    seed: int = 0,
    arch: str | None = None,
    options: DataOptions | None = None,
    device: torch.device | None = None,
    fresh: bool = False,
    watcher: Watcher | None = None,
) -> Trained:
    """Train and keep ``best.pt``, ``last.pt``, ``log.csv``, TensorBoard events and ``state.pt`` in ``folder``.

    All are written after each epoch. A training found unfinished in ``folder`` is gone on with: what it leaves behind
    is the same bit for bit as if it had never stopped. Weights, order and augmentation follow from ``seed``; the
    caller's random state is left as it was. The test part is never read.

    Args:
        suite: the whole configuration; change it with :func:`snn_eval.suite.with_values`.
        folder: where to write; made if needed.
        seed: of this run.
        arch: architecture in place of the suite's: one of ours, or ``file.py:function``.
        options: where data come from.
        device: where to train; by default the CPU.
        fresh: begin anew, whatever the folder holds.
        watcher: told of progress.

    Raises:
        SuiteError: the suite names no architecture or no validation part.
        NetworkError: the network does not fit its data.
        DivergedError: the loss became infinite or NaN.
        RunError: the folder cannot be written, holds a training of another configuration, or another process works
            in it.
    """
    watcher = watcher or Silent()
    device = device or torch.device("cpu")
    architecture = chosen_architecture(suite, arch)
    samples = load_samples(suite, options)
    keeper = Keeper(folder, suite, architecture, samples, seed, device.type)
    keep_freed_memory()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        moving = MovingParts(build(suite, architecture, samples, device), samples, seed)
        keeper.begin()
        with alone_in(folder):
            if fresh:
                keeper.forget()
            epochs = keeper.resumed(moving)
            watcher.begin(suite.train.epochs, len(epochs), samples.batches * suite.train.batch_size)
            while not is_finished(epochs, suite.train):
                epochs.append(moving.epoch(len(epochs) + 1, watcher.advance))
                keeper.keep(epochs, moving)
                watcher.end_of(epochs[-1], best_of(epochs))
    return Trained(best_of(epochs), epochs[-1], keeper.best, keeper.last, keeper.log, tuple(epochs))
