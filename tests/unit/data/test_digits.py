"""The digits and their split: fixed, stratified, disjoint; chunks that never depend on what was asked before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from snn_eval.data import DATASETS, load_dataset
from snn_eval.data import digits as module
from snn_eval.data.dataset import fingerprint
from snn_eval.data.split import hash_split
from snn_eval.errors import DataError

PARTS = {split: load_dataset("digits", split) for split in ("train", "validation", "test")}


def test_split_is_disjoint_complete_and_of_the_stated_size() -> None:
    ids = np.concatenate([part.id for part in PARTS.values()])
    assert sorted(ids.tolist()) == list(range(1797))
    assert {split: len(part) for split, part in PARTS.items()} == {"train": 1168, "validation": 270, "test": 359}


def test_the_catalogue_says_what_is_there() -> None:
    assert dict(DATASETS["digits"].parts) == {split: len(part) for split, part in PARTS.items()}


def test_split_is_stratified() -> None:
    whole = np.bincount(np.concatenate([part.target for part in PARTS.values()]))
    for split, share in module.SHARES.items():
        # a share of each class, both ends of it rounded to a sample
        assert np.abs(np.bincount(PARTS[split].target) - share * whole).max() <= 1


def test_the_first_samples_never_change() -> None:
    assert PARTS["test"].id[:8].tolist() == [7, 9, 13, 17, 18, 22, 28, 31]
    assert PARTS["test"].fingerprint == module.FINGERPRINT


def test_values_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits

    bundled = load_digits()
    for part in PARTS.values():
        assert part.x.shape == (len(part), 1, 8, 8)
        assert part.x.dtype == np.float32
        np.testing.assert_array_equal(part.x[:, 0] * 16, bundled.images[part.id])
        np.testing.assert_array_equal(part.target, bundled.target[part.id])
    assert PARTS["test"].sample_shape == (1, 8, 8)


@pytest.mark.parametrize("batch_size", [1, 7, 64, 359, 1000])
def test_chunks_hold_every_sample_once_in_order(batch_size: int) -> None:
    part = PARTS["test"]
    chunks = list(part.chunks(batch_size))
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    assert all(len(chunk) == batch_size for chunk in chunks[:-1])
    np.testing.assert_array_equal(np.concatenate([chunk.id for chunk in chunks]), part.id)
    np.testing.assert_array_equal(np.concatenate([chunk.target for chunk in chunks]), part.target)
    np.testing.assert_array_equal(np.concatenate([chunk.x.numpy() for chunk in chunks]), part.x)


def test_limit_cuts_the_same_chunks_off() -> None:
    whole, limited = list(PARTS["test"].chunks(64)), list(PARTS["test"].chunks(64, limit=100))
    assert [len(chunk) for chunk in limited] == [64, 100 - 64]
    np.testing.assert_array_equal(limited[0].id, whole[0].id)
    np.testing.assert_array_equal(limited[1].id, whole[1].id[:36])


def test_chunks_are_copies() -> None:
    before = PARTS["test"].x[0].copy()
    next(PARTS["test"].chunks(4)).x.zero_()
    PARTS["test"].tensors()[0].zero_()
    np.testing.assert_array_equal(PARTS["test"].x[0], before)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: load_dataset("digts", "test"), "expected one of digits.*did you mean 'digits'"),
        (lambda: load_dataset("digits", "tst"), "expected split train, validation, test, got 'tst'"),
        (lambda: list(PARTS["test"].chunks(0)), "batch_size: expected 1 or more"),
        (lambda: list(PARTS["test"].chunks(4, limit=0)), "limit: expected 1 or more"),
        (lambda: replace(PARTS["test"], id=np.arange(3)), "as many samples as ids"),
        (lambda: replace(PARTS["test"], classes=("a", "b")), "expected targets 0 … 1, got 9"),
        (lambda: hash_split(np.zeros(3, dtype=np.int64), {"a": 0.5}, "s"), "shares that add up to 1"),
    ],
)
def test_mistakes(call: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        call()


def test_other_data_than_expected_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FINGERPRINT", "0" * 64)
    with pytest.raises(DataError, match="expected data 000000000000…"):
        load_dataset("digits", "test")


def test_fingerprint_sees_every_change() -> None:
    array, split = np.arange(6, dtype=np.uint8), np.array(["a", "b"])
    base = fingerprint([array], split)
    others = [
        fingerprint([array.reshape(2, 3)], split),
        fingerprint([array.astype(np.int64)], split),
        fingerprint([array[::-1]], split),
        fingerprint([array], split[::-1]),
        fingerprint([array, array], split),
    ]
    assert base == fingerprint([array.copy()], split)
    assert len({base, *others}) == 1 + len(others)


def test_a_split_takes_its_shares_of_each_class() -> None:
    target = np.repeat(np.array([0, 1]), [10, 20])
    part = hash_split(target, {"test": 0.2, "train": 0.8}, "example-1")
    assert [(part[target == k] == "test").sum() for k in (0, 1)] == [0.2 * 10, 0.2 * 20]
    assert (hash_split(target, {"test": 0.2, "train": 0.8}, "example-2") != part).any()
