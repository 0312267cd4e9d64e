"""A network while it is corrected: its corrections, what its layers fire, and the loss that decides what is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from snn_eval.models.corrected import CurrentCorrection, corrections
from snn_eval.train.correct.images import Images
from snn_eval.train.correct.places import Place
from snn_eval.train.trainee import Trainee

__all__ = ["Work", "channel_means", "prefix_accuracy", "prefix_loss", "prefix_means"]


def prefix_means(readout_TNK: Tensor) -> Tensor:
    """``m[t] = 1/(t+1)·Σ_{i≤t} z[i]``, ``[T,N,K]``: what the network answers after each number of steps."""
    steps = torch.arange(1, len(readout_TNK) + 1, device=readout_TNK.device, dtype=readout_TNK.dtype)
    return readout_TNK.cumsum(0) / steps.view(-1, 1, 1)


def prefix_loss(readout_TNK: Tensor, target: Tensor) -> Tensor:
    """Calibration loss of each sample, ``[N]``: the mean over t of the cross-entropy of ``m[t]``."""
    means = prefix_means(readout_TNK)
    each = functional.cross_entropy(means.flatten(0, 1), target.repeat(len(means)), reduction="none")
    return each.view(len(means), -1).mean(0)


def channel_means(values: Tensor) -> Tensor:
    """Mean over samples and positions of ``[T,N,C,…]``, in float64: ``[T,C]``."""
    return values.double().transpose(1, 2).flatten(2).mean(2)


@dataclass(frozen=True, slots=True)
class Work:
    """What the rules of correction are given; they change the corrections in place."""

    trainee: Trainee
    found: Sequence[Place]
    images: Images

    @property
    def time_steps(self) -> int:
        """T."""
        return self.trainee.network.time_steps

    def correction(self, place: Place) -> CurrentCorrection:
        """What corrects the current of a layer."""
        return corrections(self.trainee.module)[place.path]

    def neuron(self, place: Place) -> nn.Module:
        """The neurons themselves."""
        return self.trainee.module.get_submodule(f"{place.path}.neuron")

    def loss(self) -> float:
        """Mean calibration loss on the held-out images."""
        total, seen = 0.0, 0
        for readout, target in self.readouts(self.images.held_out()):
            total += float(prefix_loss(readout, target).double().sum())
            seen += len(target)
        return total / seen

    def readouts(self, batches: Iterable[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
        """Readout ``[T,N,K]`` and class of each batch, without gradients."""
        for x, target in batches:
            with torch.no_grad(), self.trainee.fused():
                readout = self.trainee.readout(x)
            yield readout, target.to(readout.device)

    def emitted(self, batches: Iterable[tuple[Tensor, Tensor]], chosen: Sequence[Place]) -> Iterator[dict[str, Tensor]]:
        """For each batch, channel means of the spikes of some layers, ``[T,C]`` each, by path."""
        for batch in batches:
            with self._listening(chosen) as means:
                next(self.readouts([batch]))
            yield means

    @contextmanager
    def _listening(self, chosen: Sequence[Place]) -> Iterator[dict[str, Tensor]]:
        means: dict[str, Tensor] = {}
        handles = []
        for place in chosen:
            index = self.trainee.network.facts[f"{place.path}.neuron"].neuron.output_index
            handles.append(self.neuron(place).register_forward_hook(_kept(means, place.path, index)))
        try:
            yield means
        finally:
            for handle in handles:
                handle.remove()


def _kept(means: dict[str, Tensor], path: str, index: int) -> Any:
    def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
        means[path] = channel_means((output[index] if isinstance(output, tuple) else output).detach())

    return hook


def prefix_accuracy(trainee: Trainee, batches: Iterable[tuple[Tensor, Tensor]]) -> list[float]:
    """Share of right answers after each number of steps."""
    right, seen = torch.zeros(0), 0
    for x, target in batches:
        with torch.no_grad(), trainee.fused():
            readout = trainee.readout(x)
        hits = (prefix_means(readout).argmax(2) == target.to(readout.device)).sum(1).double().cpu()
        right = hits if not seen else right + hits
        seen += len(target)
    return [float(hits) / seen for hits in right]
