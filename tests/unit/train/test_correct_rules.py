"""The formulas of correction, each against a slow loop."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from snn_eval.train.correct.places import Place
from snn_eval.train.correct.prefix import updated
from snn_eval.train.correct.readout import readout_divergence, shares
from snn_eval.train.correct.work import channel_means, prefix_loss, prefix_means


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def test_prefix_means_and_their_loss() -> None:
    readout, target = torch.randn(5, 3, 4, dtype=torch.float64), torch.tensor([2, 0, 3])
    means = prefix_means(readout)
    losses = prefix_loss(readout, target)
    for n in range(3):
        total = 0.0
        for t in range(5):
            mean = [sum(float(readout[i, n, k]) for i in range(t + 1)) / (t + 1) for k in range(4)]
            assert means[t, n].tolist() == pytest.approx(mean)
            total += math.log(sum(math.exp(value) for value in mean)) - mean[int(target[n])]
        assert float(losses[n]) == pytest.approx(total / 5)


@pytest.mark.parametrize("shape", [(4, 3, 2), (4, 3, 2, 5, 6)])
def test_channel_means(shape: tuple[int, ...]) -> None:
    spikes = (torch.rand(shape) < 0.3).float()
    found = channel_means(spikes)
    for t in range(4):
        for c in range(2):
            values = spikes[t, :, c].numpy()
            assert float(found[t, c]) == pytest.approx(np.count_nonzero(values) / values.size)


@pytest.mark.parametrize("steps", [2, 5, 8])
def test_an_update_moves_early_rows_within_the_threshold(steps: int) -> None:
    bias, target = torch.randn(steps, 3, dtype=torch.float64), torch.rand(3, dtype=torch.float64)
    spikes, theta, eta = torch.rand(steps, 3, dtype=torch.float64), 0.8, 0.5
    found = updated(bias, target, spikes, Place("l", 3, theta), eta)
    for t in range(steps):
        for c in range(3):
            moved = float(bias[t, c]) + eta * (float(target[c]) - theta * float(spikes[t, c]))
            expected = max(-theta, min(theta, moved)) if t < steps / 2 else float(bias[t, c])
            assert float(found[t, c]) == pytest.approx(expected, abs=1e-12)


def test_divergence_is_zero_only_where_early_outputs_say_what_the_wanted_ones_say() -> None:
    wanted = torch.randn(2, 3, dtype=torch.float64)
    assert float(readout_divergence(wanted.expand(4, 2, 3) + 1.5, wanted)) == pytest.approx(0, abs=1e-12)
    readout = torch.randn(4, 2, 3, dtype=torch.float64)
    total = 0.0
    for n in range(2):
        p = np.exp(wanted[n].numpy()) / np.exp(wanted[n].numpy()).sum()
        for t in range(4):
            mean = readout[: t + 1, n].mean(0).numpy()
            q = np.exp(mean) / np.exp(mean).sum()
            total += float((p * np.log(p / q)).sum())
    assert float(readout_divergence(readout, wanted)) == pytest.approx(total / 8)


def test_what_is_learned_keeps_to_its_share() -> None:
    """Gains in order, then rows: the first step of the layers in order, then the second."""
    found = [Place("a", 3, 1.0), Place("b", 5, 1.0)]
    assert shares(found, 4, 2) == {"a": (False, 0), "b": (False, 0)}
    assert shares(found, 4, 3) == {"a": (True, 0), "b": (False, 0)}
    assert shares(found, 4, 8) == {"a": (True, 0), "b": (True, 0)}
    assert shares(found, 4, 3 + 5 + 3 + 5 + 3) == {"a": (True, 2), "b": (True, 1)}
    assert shares(found, 4, 1000) == {"a": (True, 4), "b": (True, 4)}
    for budget in range(60):
        learned = shares(found, 4, budget)
        assert sum(p.channels * (learned[p.path][0] + learned[p.path][1]) for p in found) <= budget
