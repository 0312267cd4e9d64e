"""Normalisation of samples before they are encoded: by one number or by channel, and ranges are checked after it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from snn_eval.errors import SuiteError
from snn_eval.models.encoders import encode, normalised

X = torch.from_numpy(np.random.default_rng(0).random((3, 2, 4, 5), dtype=np.float32))
ID = np.arange(3)


def test_each_channel_has_its_numbers() -> None:
    x = normalised(X, [0.5, 0.25], [2.0, 0.5])
    for channel, (mean, std) in enumerate([(0.5, 2.0), (0.25, 0.5)]):
        np.testing.assert_array_equal(
            x[:, channel].numpy(), (X[:, channel].numpy() - np.float32(mean)) / np.float32(std)
        )


def test_one_number_is_of_every_channel() -> None:
    np.testing.assert_array_equal(normalised(X, [0.5], [2.0]), normalised(X, [0.5, 0.5], [2.0, 2.0]))
    vectors = X.flatten(1)
    np.testing.assert_array_equal(normalised(vectors, [0.5], [2.0]), (vectors - 0.5) / 2)


def test_without_numbers_samples_are_as_they_were() -> None:
    assert normalised(X, [0.0], [1.0]) is X
    assert encode("direct", X, 4, ID) is X


@pytest.mark.parametrize("values", [{"mean": [0.1, 0.2, 0.3]}, {"std": [1.0, 2.0, 3.0]}])
def test_another_number_of_channels(values: dict[str, list[float]]) -> None:
    (name,) = values
    with pytest.raises(SuiteError, match=rf"input.{name}: expected 1 number or 2, one for each channel, got 3"):
        encode("direct", X, 4, ID, **values)


@pytest.mark.parametrize("name", ["rate", "latency"])
def test_ranges_are_checked_after_it(name: str) -> None:
    with pytest.raises(SuiteError, match=rf"input.encoding {name}: expected values in 0 … 1, got -0\.\d+ … 0\.\d+"):
        encode(name, X, 4, ID, mean=[0.5])
    scaled = encode(name, X * 255, 4, ID, std=[255.0])
    np.testing.assert_array_equal(scaled, encode(name, X * 255 / 255, 4, ID))
