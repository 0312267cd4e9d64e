"""A user's own data by part: own parts, a split by hash, numbers that never collide."""

from __future__ import annotations

import numpy as np
import pytest

from snn_eval.data.parts import Parts
from snn_eval.errors import DataError


def ten(classes: int) -> np.ndarray:
    return np.arange(10 * classes) % classes


def test_without_parts_samples_are_split_by_shares() -> None:
    parts = Parts("images", {"": ten(3)}, {"test": 0.2, "validation": 0.3, "train": 0.5})
    found = {name: parts.of(name) for name in ("test", "validation", "train")}
    assert {name: np.bincount(part.target).tolist() for name, part in found.items()} == {
        "test": [2, 2, 2],
        "validation": [3, 3, 3],
        "train": [5, 5, 5],
    }
    assert sorted(i for part in found.values() for i in part.id.tolist()) == list(range(30))
    assert all((part.place == part.id).all() and part.own == "" and part.available == 30 for part in found.values())


def test_parts_of_their_own_are_numbered_test_first() -> None:
    targets = {"train": ten(2), "test": ten(1), "validation": ten(3)}
    parts = Parts("images", targets)
    assert parts.of("test").id.tolist() == list(range(10))
    assert parts.of("validation").id.tolist() == list(range(10, 40))
    assert parts.of("train").id.tolist() == list(range(40, 60))
    more = Parts("images", targets | {"train": ten(5)})
    assert more.of("test").id.tolist() == list(range(10))  # training data do not change what is measured


def test_validation_is_a_tenth_of_train_where_there_is_none() -> None:
    parts = Parts("arrays", {"train": ten(2), "test": ten(2)})
    train, validation = parts.of("train"), parts.of("validation")
    assert np.bincount(validation.target).tolist() == [1, 1]
    assert sorted([*train.id.tolist(), *validation.id.tolist()]) == list(range(20, 40))
    assert (train.own, validation.own) == ("train", "train")


@pytest.mark.parametrize(
    ("parts", "split", "message"),
    [
        (Parts("images", {"": ten(1)}, {"test": 0.5}), "test", "expected shares that add up to 1"),
        (Parts("images", {"": ten(1)}, {"a": 1.0}), "test", "data.shares: expected a share of 'test', got a"),
        (Parts("images", {"": ten(1)}, {"test": 0.0, "train": 1.0}), "test", "samples in part 'test' of the images"),
        (Parts("images", {"train": ten(1)}), "test", "data: expected a part 'test', the images have train"),
        (Parts("images", {"test": ten(1)}, {"test": 1.0}), "test", "data.shares: expected none, the images have parts"),
        (Parts("images", {"test": ten(1)[:0]}), "test", "expected samples in part 'test' of the images, found none"),
    ],
)
def test_mistakes(parts: Parts, split: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parts.of(split)
