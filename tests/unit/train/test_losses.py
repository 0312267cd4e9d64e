"""Losses and random shifts against sums written out."""

from __future__ import annotations

import math

import pytest
import torch

from snn_eval.train.augment import shifted
from snn_eval.train.losses import firing_rate, readout_loss

READOUT = torch.tensor([[[2.0, 0.0]], [[0.0, 0.0]]])  # T = 2, N = 1, K = 2
TARGET = torch.tensor([0])


def cross_entropy(first: float, second: float) -> float:
    return -first + math.log(math.exp(first) + math.exp(second))


def test_loss_of_the_mean_readout() -> None:
    assert readout_loss(READOUT, TARGET).item() == pytest.approx(cross_entropy((2 + 0) / 2, 0))


@pytest.mark.parametrize("tet", [0.25, 1.0])
def test_loss_of_every_step(tet: float) -> None:
    mean, every = cross_entropy(1, 0), (cross_entropy(2, 0) + cross_entropy(0, 0)) / 2
    assert readout_loss(READOUT, TARGET, tet=tet).item() == pytest.approx((1 - tet) * mean + tet * every)


def test_label_smoothing_spreads_over_all_classes() -> None:
    right, wrong = cross_entropy(1, 0), cross_entropy(0, 1)
    expected = (1 - 0.1 + 0.1 / 2) * right + 0.1 / 2 * wrong
    assert readout_loss(READOUT, TARGET, label_smoothing=0.1).item() == pytest.approx(expected)


def test_firing_rate_weighs_every_neuron_the_same() -> None:
    big, small = torch.zeros(4, 2, 10), torch.ones(4, 2, 1)
    big[0, 0, 0] = 1
    assert firing_rate([big, small]).item() == pytest.approx((1 + 4 * 2) / (4 * 2 * (10 + 1)))
    assert firing_rate([]).item() == 0


def test_shift_moves_each_image_by_itself() -> None:
    x = torch.zeros(200, 1, 5, 5)
    x[:, 0, 2, 2] = 1
    moved = shifted(x, 1, torch.Generator().manual_seed(0))
    assert moved.shape == x.shape
    assert moved.sum((1, 2, 3)).eq(1).all()
    places = {tuple(place) for place in moved[:, 0].nonzero()[:, 1:].tolist()}
    assert places == {(row, column) for row in (1, 2, 3) for column in (1, 2, 3)}
    assert torch.equal(shifted(x, 1, torch.Generator().manual_seed(0)), moved)


def test_shift_keeps_the_picture_and_moves_zeros_in() -> None:
    x = torch.arange(1.0, 19).reshape(1, 2, 3, 3)
    found = {tuple(shifted(x, 1, torch.Generator().manual_seed(seed)).flatten().tolist()) for seed in range(200)}
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1))
    expected = {
        tuple(padded[:, :, row : row + 3, column : column + 3].flatten().tolist())
        for row in range(3)
        for column in range(3)
    }
    assert found == expected


def test_no_shift_is_the_input_itself() -> None:
    x = torch.ones(1, 1, 2, 2)
    assert shifted(x, 0, torch.Generator()) is x
