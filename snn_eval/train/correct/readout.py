"""Fits biases and gains so that what the network says after few steps is what it says after all of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from snn_eval.train.correct.places import Place
from snn_eval.train.correct.work import Work, prefix_means

__all__ = ["Share", "correct_readout", "final_outputs", "readout_divergence", "shares"]

_CHECKS = 4
"""How often while fitting the held-out images are asked."""

Share = tuple[bool, int]
"""What is learned in a layer: its gain, and rows of its bias."""


def shares(found: Sequence[Place], time_steps: int, budget: int) -> dict[str, Share]:
    """What is learned in each layer with at most ``budget`` numbers in all, by path.

    Gains of the layers in order, as long as they fit; then the rows of the first step of the layers in order, of the
    second step, and so on: the earliest outputs have the most to gain.
    """
    left = budget
    gains: dict[str, bool] = {}
    rows = {place.path: 0 for place in found}
    for place in found:
        gains[place.path] = left >= place.channels
        left -= place.channels if gains[place.path] else 0
    for step in range(time_steps):
        for place in found:
            if rows[place.path] == step and left >= place.channels:
                rows[place.path] += 1
                left -= place.channels
    return {path: (gain, rows[path]) for path, gain in gains.items()}


def readout_divergence(readout_TNK: Tensor, wanted_NK: Tensor) -> Tensor:
    """``1/T·Σ_t KL(softmax(wanted) ‖ softmax(m[t]))``, m[t] the mean of the first t + 1 readouts; mean over samples."""
    log_p = functional.log_softmax(wanted_NK, dim=1)
    log_q = functional.log_softmax(prefix_means(readout_TNK), dim=2)
    return (log_p.exp() * (log_p - log_q)).sum(2).mean()


def final_outputs(work: Work) -> Tensor:
    """Mean readout of all steps for the fitted images, ``[n,K]`` in their order."""
    return torch.cat([readout.mean(0) for readout, _target in work.readouts(work.images.batches())])


def correct_readout(
    work: Work, wanted_nK: Tensor, *, iterations: int, learning_rate: float, budget: int, seed: int
) -> list[str]:
    """Learn gains and biases by Adam, everything else frozen; returns the paths changed, none if it did not help.

    Minimises :func:`readout_divergence` from the outputs of all steps that the network had before. |c| ≤ θ. Of the
    states met at a quarter, half, three quarters and the end of the iterations, and the one before, the one with the
    lowest calibration loss on the held-out images is kept.

    Args:
        work: network and images.
        wanted_nK: outcome of :func:`final_outputs`.
        iterations: steps, a batch each.
        learning_rate: of Adam.
        budget: at most so many numbers are learned.
        seed: of the order of images.
    """
    learned = shares(work.found, work.time_steps, budget)
    chosen = [place for place in work.found if learned[place.path] != (False, 0)]
    for weight in work.trainee.module.parameters():
        weight.requires_grad_(False)
    parameters = [weight for place in chosen for weight in work.correction(place).parameters()]
    if not parameters:
        return []
    for weight in parameters:
        weight.requires_grad_(True)
    optimizer = torch.optim.Adam(parameters, lr=learning_rate)
    batches = work.images.shuffled(iterations, torch.Generator().manual_seed(seed))
    loss, changed = work.loss(), False
    best = [weight.detach().clone() for weight in parameters]
    for number, (index, x) in enumerate(batches, 1):
        _step(work, optimizer, x, wanted_nK[torch.from_numpy(index)], learned)
        if number % max(1, iterations // _CHECKS) == 0 or number == iterations:
            now = work.loss()
            if now < loss:
                loss, changed, best = now, True, [weight.detach().clone() for weight in parameters]
    with torch.no_grad():
        for weight, value in zip(parameters, best, strict=True):
            weight.copy_(value)
    return [place.path for place in chosen] if changed else []


def _step(work: Work, optimizer: torch.optim.Optimizer, x: Tensor, wanted: Tensor, learned: dict[str, Share]) -> None:
    with work.trainee.fused():
        divergence = readout_divergence(work.trainee.readout(x), wanted)
    optimizer.zero_grad()
    divergence.backward()  # type: ignore[no-untyped-call]
    for place in work.found:
        (gain, rows), part = learned[place.path], work.correction(place)
        if part.gain is not None and part.gain.grad is not None and not gain:
            part.gain.grad.zero_()
        if part.bias is not None and part.bias.grad is not None:
            part.bias.grad[rows:] = 0
    optimizer.step()
    with torch.no_grad():
        for place in work.found:
            bias = work.correction(place).bias
            if bias is not None:
                bias.clamp_(-place.threshold, place.threshold)
