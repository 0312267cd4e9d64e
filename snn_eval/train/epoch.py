"""One pass over the training part, and the check on the validation part after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from snn_eval.data import ArrayDataset
from snn_eval.models.adapters import Framework
from snn_eval.suite import TrainSection
from snn_eval.train.augment import shifted
from snn_eval.train.losses import firing_rate, readout_loss

__all__ = ["Check", "check", "train_epoch"]


@dataclass(frozen=True, slots=True)
class Check:
    """Outcome on one part: loss, share of right answers, NASFR (spikes per neuron and step)."""

    loss: float
    accuracy: float
    firing_rate: float


@contextmanager
def _spikes_of(module: nn.Module, framework: Framework) -> Iterator[list[Tensor]]:
    """Outputs of all spiking layers since the list was last emptied."""
    spikes: list[Tensor] = []

    def hook_of(index: int) -> Callable[[nn.Module, Any, Any], None]:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            spikes.append(output[index] if isinstance(output, tuple) else output)

        return hook

    handles = []
    for part in module.modules():
        facts = framework.facts(part)
        if facts is not None and facts.neuron.has_threshold:
            handles.append(part.register_forward_hook(hook_of(facts.neuron.output_index)))
    try:
        yield spikes
    finally:
        for handle in handles:
            handle.remove()


def train_epoch(
    module: nn.Module,
    framework: Framework,
    data: ArrayDataset,
    config: TrainSection,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    after_step: Callable[[], None],
) -> float:
    """Train on every sample once, in an order drawn from ``generator``; returns the mean loss with its penalty.

    A last batch smaller than ``batch_size`` is left out: batch norm would take its few samples as seriously as many.
    """
    module.train()
    x, target = data.tensors()
    order = torch.randperm(len(target), generator=generator)
    total, batches = 0.0, max(1, len(order) // config.batch_size)
    with _spikes_of(module, framework) as spikes:
        for index in torch.split(order[: batches * config.batch_size], config.batch_size):
            framework.reset(module)
            spikes.clear()
            readout = module(shifted(x[index], config.shift, generator))
            loss = readout_loss(readout, target[index], tet=config.tet, label_smoothing=config.label_smoothing)
            if config.rate_penalty:
                loss = loss + config.rate_penalty * firing_rate(spikes)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            after_step()
            total += loss.item()
    framework.reset(module)
    return total / batches


def check(module: nn.Module, framework: Framework, data: ArrayDataset, batch_size: int) -> Check:
    """Loss of the mean readout, accuracy and firing rate on one part, in eval mode."""
    module.eval()
    loss, right, rates = 0.0, 0, 0.0
    with torch.no_grad(), _spikes_of(module, framework) as spikes:
        for chunk in data.chunks(batch_size):
            framework.reset(module)
            spikes.clear()
            readout = module(chunk.x)
            target = torch.from_numpy(chunk.target)
            loss += readout_loss(readout, target).item() * len(chunk)
            right += int((readout.mean(0).argmax(1) == target).sum())
            rates += firing_rate(spikes).item() * len(chunk)
    framework.reset(module)
    return Check(loss / len(data), right / len(data), rates / len(data))
