"""Temporal bias correction of a trained network towards its own rates once it has settled."""

from __future__ import annotations

import torch
from torch import Tensor

from snn_eval.train.correct.keeping import kept
from snn_eval.train.correct.places import Place
from snn_eval.train.correct.work import Work

__all__ = ["correct_prefix", "settled_rates", "updated"]


def correct_prefix(work: Work, *, batches: int, eta: float) -> list[str]:
    """Correct the transient from rest, layer by layer from the input on, forward only; returns the paths kept.

    Target of layer l is its own mean of θ·spikes for each channel over the second half of the steps, of the network
    without this correction::

        a_l    = mean over t ≥ T/2 of θ_l · s_l[t]
        c_l[t] ← clamp(c_l[t] + η · (a_l − θ_l · s_l[t]), −θ_l, θ_l)    for t < T/2, once a batch

    ``s_l[t]`` is the mean of the batch's spikes for each channel. A layer's rows are kept only if the calibration loss
    of the held-out images falls; layers behind it are corrected with what was kept.

    Args:
        work: network and images.
        batches: at most so many are used, and for each layer the same.
        eta: η.
    """
    targets = settled_rates(work, batches)
    paths = []
    loss = work.loss()
    for place in work.found:
        with kept(work, place, loss) as judged:
            bias = work.correction(place).bias
            for means in work.emitted(work.images.batches(batches), [place]):
                _set(bias, updated(_value(bias), targets[place.path], means[place.path], place, eta))
        loss = judged.loss
        paths += [place.path] if judged.is_kept else []
    return paths


def settled_rates(work: Work, batches: int) -> dict[str, Tensor]:
    """``a_l`` of every layer, ``[C]`` float64, by path."""
    start = (work.time_steps + 1) // 2
    sums: dict[str, Tensor] = {}
    seen = 0
    for means in work.emitted(work.images.batches(batches), work.found):
        seen += 1
        for place in work.found:
            rates = place.threshold * means[place.path][start:].mean(0)
            sums[place.path] = sums[place.path] + rates if place.path in sums else rates
    return {path: total / seen for path, total in sums.items()}


def updated(bias: Tensor, target: Tensor, spikes: Tensor, place: Place, eta: float) -> Tensor:
    """One update of c ``[T,C]`` towards ``target`` ``[C]`` given the spikes ``[T,C]``; rows of t ≥ T/2 stay."""
    early = (len(spikes) + 1) // 2
    moved = bias.clone()
    moved[:early] += eta * (target - place.threshold * spikes[:early])
    moved[:early].clamp_(-place.threshold, place.threshold)
    return moved


def _value(bias: Tensor | None) -> Tensor:
    if bias is None:
        raise ValueError("a correction in work has a bias of every step")
    return bias.detach().double()


def _set(bias: Tensor | None, value: Tensor) -> None:
    if bias is not None:
        with torch.no_grad():
            bias.copy_(value)
