"""Losses and random changes of images against sums written out."""

from __future__ import annotations

import math

import pytest
import torch

from snn_eval.suite import TrainSection
from snn_eval.train.augment import augmented, cut_out, flipped, shifted
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


@pytest.mark.parametrize("tet", [0.0, 0.25])
def test_squared_distance_to_the_smoothed_target(tet: float) -> None:
    # target 0 of K = 2 with 0.2 of its mass spread: (0.9, 0.1); the mean readout is (1, 0)
    mean = ((1 - 0.9) ** 2 + (0 - 0.1) ** 2) / 2
    every = (((2 - 0.9) ** 2 + 0.1**2) / 2 + (0.9**2 + 0.1**2) / 2) / 2
    found = readout_loss(READOUT, TARGET, loss="mse", tet=tet, label_smoothing=0.2)
    assert found.item() == pytest.approx((1 - tet) * mean + tet * every)


def test_flip_mirrors_about_half_of_the_images_and_is_its_own_inverse() -> None:
    x = torch.rand(400, 2, 3, 5, generator=torch.Generator().manual_seed(0))
    found = flipped(x, torch.Generator().manual_seed(1))
    mirrored = (found == x.flip(-1)).flatten(1).all(1)
    assert torch.equal(found[~mirrored], x[~mirrored])
    # five standard deviations of √(400·1/4) around 200
    assert abs(int(mirrored.sum()) - 200) < 5 * 10
    assert torch.equal(flipped(found, torch.Generator().manual_seed(1)), x)


def test_cutout_is_one_square_anywhere() -> None:
    found = cut_out(torch.ones(2000, 2, 4, 5), 3, torch.Generator().manual_seed(0))
    holes = {tuple(hole.flatten().tolist()) for hole in found[:, 0]}
    assert torch.equal(found[:, 0], found[:, 1])
    expected = set()
    for row in range(4):
        for column in range(5):
            hole = torch.ones(4, 5)
            hole[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2] = 0
            expected.add(tuple(hole.flatten().tolist()))
    assert holes == expected
    assert cut_out(found, 0, torch.Generator()) is found


def test_nothing_asked_for_draws_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    x = torch.rand(3, 7)
    assert augmented(x, TrainSection(), generator) is x
    assert torch.equal(generator.get_state(), before)
