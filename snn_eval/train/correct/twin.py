"""Correction of a network converted from an ANN towards the activations of that ANN."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial

import torch
from spikingjelly.activation_based import neuron as sj
from torch import Tensor, nn

from snn_eval.errors import NetworkError
from snn_eval.models.corrected import start_current
from snn_eval.train.correct.keeping import kept
from snn_eval.train.correct.places import Place
from snn_eval.train.correct.work import Work, channel_means

__all__ = ["Clipped", "correct_twin", "twin_means"]


class Clipped(nn.Module):
    """Activation of the ANN twin: ``min(max(x, 0), θ)``, what a neuron's θ·rate can be."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold = threshold

    def forward(self, current: Tensor) -> Tensor:
        """Activations of the currents, of the same shape."""
        return current.clamp(0, self.threshold)


def correct_twin(work: Work, *, batches: int) -> list[str]:
    """Bring the mean of θ·spikes of each channel to the mean activation of the ANN twin; returns the paths kept.

    Layer by layer from the input on, two rules, each kept only if the calibration loss of the held-out images falls::

        v0     ← v0 + (mean_ann − mean_snn) · T          the potential at the start, held as current of the first step
        c[t]   ← c[t] − (mean_snn − mean_ann)            for all t

    Means are over ``batches`` batches, all their positions and all steps. The twin is the same network with
    ``clip(relu(x), 0, θ)`` in place of each neuron and no correction.

    Raises:
        NetworkError: neurons other than IF with a soft reset, whose rates are no ANN's activations.
    """
    for place in work.found:
        neuron = work.neuron(place)
        if not isinstance(neuron, sj.IFNode) or neuron.v_reset is not None:
            raise NetworkError(
                f"twin: expected IF neurons with a soft reset, as a conversion makes them, got {type(neuron).__name__} "
                f"at {place.path}; use prefix for a trained network"
            )
    targets = twin_means(work, batches)
    loss, paths = work.loss(), []
    for place in work.found:
        before = loss
        for rule in ("potential", "bias"):
            with kept(work, place, loss) as judged:
                _move(work, place, targets[place.path] - _rates(work, place, batches), rule)
            loss = judged.loss
        paths += [place.path] if loss < before else []
    return paths


def _move(work: Work, place: Place, deficit: Tensor, rule: str) -> None:
    bias = work.correction(place).bias
    if bias is None:
        raise ValueError("a correction in work has a bias of every step")
    with torch.no_grad():
        if rule == "potential":
            bias[0].add_(start_current(work.neuron(place), deficit * work.time_steps).to(bias))
        else:
            bias.add_(deficit.to(bias))


def _rates(work: Work, place: Place, batches: int) -> Tensor:
    """Mean of θ·spikes over steps and batches, ``[C]``."""
    each = [means[place.path] for means in work.emitted(work.images.batches(batches), [place])]
    return place.threshold * torch.stack(each).mean((0, 1))


def twin_means(work: Work, batches: int) -> dict[str, Tensor]:
    """Mean activation of every layer of the twin, ``[C]`` float64, by path."""
    network = work.trainee.network
    module = copy.deepcopy(network.module)
    for place in work.found:
        holder, _, name = place.path.rpartition(".")
        setattr(module.get_submodule(holder), name, Clipped(place.threshold))
    sums: dict[str, Tensor] = {}
    for place in work.found:
        module.get_submodule(place.path).register_forward_hook(partial(_added, sums, place.path))
    twin, seen = replace(network, module=module), 0
    with torch.no_grad():
        for x, _target in work.images.batches(batches):
            twin.forward(x.to(work.trainee.device))
            seen += 1
    return {path: total / seen for path, total in sums.items()}


def _added(sums: dict[str, Tensor], path: str, _module: nn.Module, _inputs: object, output: Tensor) -> None:
    means = channel_means(output).mean(0)
    sums[path] = sums[path] + means if path in sums else means
