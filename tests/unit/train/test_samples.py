"""Batches of training and validation: every sample once, scaled, normalised and encoded as it is measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from snn_eval.data import ArrayDataset
from snn_eval.errors import SuiteError
from snn_eval.suite import Suite, load_suite, with_values
from snn_eval.train import train
from snn_eval.train.samples import Samples


def suite(**values: Any) -> Suite:
    plain = {"train.shift": 0, "train.batch_size": 4, "input.time_steps": 5}
    return with_values(load_suite("digits"), {**plain, **{key.replace("__", "."): v for key, v in values.items()}})


def part(samples: int, first: int = 0) -> ArrayDataset:
    """Sample i has all its bytes equal to i, number 100 + i, class i mod 10."""
    places = np.arange(first, first + samples)
    x = np.broadcast_to(places[:, None, None, None], (samples, 1, 2, 2)).astype(np.uint8)
    return ArrayDataset("drawn", "train", places + 100, x, places % 10, tuple("0123456789"), "", divisor=255.0)


def shuffled(samples: Samples, epoch: int, seed: int = 0) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return list(samples.shuffled(epoch, torch.Generator().manual_seed(seed)))


def test_every_sample_once_less_the_last_batch_that_is_not_full() -> None:
    samples = Samples(suite(), part(11), part(3))
    batches = shuffled(samples, 1)
    values = [round(255 * float(x)) for batch, _ in batches for x in batch[:, 0, 0, 0]]
    assert [len(target) for _, target in batches] == [4, 4]
    assert samples.batches == 2
    assert len(set(values)) == 8
    assert set(values) <= set(range(11))
    assert [value % 10 for value in values] == [int(y) for _, target in batches for y in target]
    assert values != sorted(values)
    assert shuffled(samples, 1, seed=1)[0][1].tolist() != batches[0][1].tolist()


def test_a_part_smaller_than_a_batch_is_one_batch() -> None:
    samples = Samples(suite(), part(3), part(3))
    assert [len(target) for _, target in shuffled(samples, 1)] == [3]
    assert samples.batches == 1


def test_validation_is_in_order_and_normalised() -> None:
    samples = Samples(suite(input__mean=0.5, input__std=0.25), part(3), part(6, first=200))
    batches = list(samples.checked())
    assert [len(target) for _, target in batches] == [4, 2]
    expected = (torch.arange(200.0, 206) / 255 - 0.5) / 0.25
    torch.testing.assert_close(torch.cat([x for x, _ in batches])[:, 0, 0, 0], expected)


def test_an_encoder_draws_anew_in_every_epoch_and_never_for_validation() -> None:
    samples = Samples(suite(input__encoding="rate", train__batch_size=8), part(8, first=100), part(8, first=100))
    (first, _), (second, _) = shuffled(samples, 1)[0], shuffled(samples, 2)[0]
    assert first.shape == (5, 8, 1, 2, 2)
    assert set(first.unique().tolist()) == {0.0, 1.0}
    assert not torch.equal(first, second)
    assert torch.equal(first, shuffled(samples, 1)[0][0])
    (once, _), (again, _) = next(samples.checked()), next(samples.checked())
    assert torch.equal(once, again)


def test_images_are_changed_only_where_there_are_images(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x=np.zeros((40, 6), np.float32), y=np.arange(40) % 2)
    (tmp_path / "suite.toml").write_text(
        '[suite]\nname = "flat"\nversion = 1\n[data]\narrays = "data.npz"\n'
        'shares = { train = 0.5, validation = 0.25, test = 0.25 }\n[input]\nkind = "real"\ntime_steps = 2\n'
        '[model]\narch = "spiking-conv-net"\n[train]\nflip = true\n'
    )
    with pytest.raises(SuiteError, match=r"flat: train.shift, flip and cutout expect images C×H×W, got samples of 6"):
        train(load_suite(tmp_path / "suite.toml"), tmp_path / "out")
