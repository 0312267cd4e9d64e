"""Folds of a cross-validation: disjoint, complete, stratified, the same everywhere; data with parts refuse them."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from snn_eval.data import ArrayDataset, DataSource, Fold, load_dataset
from snn_eval.data.digits import load_digits
from snn_eval.data.split import fold_split
from snn_eval.errors import DataError
from snn_eval.suite import load_suite, with_values

PARTS = ("test", "validation", "train")


def digits(number: int, part: str) -> ArrayDataset:
    return load_dataset(DataSource(name="digits", fold=Fold(number, 5)), part)


def test_every_sample_is_tested_once_and_for_validation_once() -> None:
    for part in ("test", "validation"):
        ids = np.concatenate([digits(k, part).id for k in range(5)])
        assert sorted(ids.tolist()) == list(range(1797))
    for k in range(5):
        ids = np.concatenate([digits(k, part).id for part in PARTS])
        assert sorted(ids.tolist()) == list(range(1797))
        assert digits(k, "validation").id.tolist() == digits((k + 1) % 5, "test").id.tolist()


def test_each_class_is_cut_into_equal_folds() -> None:
    target = np.repeat(np.arange(3), [10, 11, 14])
    part = [fold_split(target, Fold(k, 5), "salt") for k in range(5)]
    tested = [np.bincount(target[p == "test"], minlength=3).tolist() for p in part]
    assert tested == [[2, 2, 3], [2, 2, 3], [2, 3, 2], [2, 2, 3], [2, 2, 3]]  # ends at 2.2, 4.4, 6.6, 8.8 of 11 samples
    assert [int((p == "train").sum()) for p in part] == [21, 21, 21, 21, 21]


def test_they_are_the_same_on_every_machine() -> None:
    target = np.arange(20) % 2
    even, odd = (sorted(range(c, 20, 2), key=lambda n: sha256(f"salt:{n}".encode()).digest()) for c in (0, 1))
    found = np.flatnonzero(fold_split(target, Fold(1, 5), "salt") == "test").tolist()
    assert found == sorted(even[2:4] + odd[2:4]) == [1, 6, 12, 13]


def test_the_first_of_five_folds_tests_what_the_suite_tests() -> None:
    fold, usual = digits(0, "test"), load_digits("test")
    assert fold.id.tolist() == usual.id.tolist()
    assert (fold.x == usual.x).all()
    assert len({usual.fingerprint, *(digits(k, "test").fingerprint for k in range(5))}) == 6


def test_arrays_without_parts_have_folds_and_others_refuse(tmp_path: Path) -> None:
    x, y = np.zeros((30, 4), np.float32), np.arange(30) % 3
    x[:, 0] = np.arange(30)
    np.savez(tmp_path / "pool.npz", x=x, y=y)
    np.savez(tmp_path / "parts.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    found = [load_dataset(DataSource(arrays="pool.npz", folder=tmp_path, fold=Fold(k, 3)), "test") for k in range(3)]
    assert sorted(np.concatenate([part.id for part in found]).tolist()) == list(range(30))
    assert all((part.x[:, 0] == part.id).all() for part in found)
    assert len({part.fingerprint for part in found}) == 3
    with pytest.raises(DataError, match="have parts: test, train; use seeds"):
        load_dataset(DataSource(arrays="parts.npz", folder=tmp_path, fold=Fold(0, 3)), "test")
    with pytest.raises(DataError, match=r"expected none beside data\.fold"):
        load_dataset(DataSource(arrays="pool.npz", folder=tmp_path, fold=Fold(0, 3), shares={"test": 1.0}), "test")
    with pytest.raises(DataError, match=r"mnist: expected no data\.fold"):
        load_dataset(DataSource(name="mnist", fold=Fold(0, 3)), "test")
    with pytest.raises(DataError, match="a factory gives parts of its own"):
        load_dataset(DataSource(factory=lambda part: None, fold=Fold(0, 3)), "test")
    with pytest.raises(DataError, match="expected at least 11 samples of each class, got 10 of 0"):
        load_dataset(DataSource(arrays="pool.npz", folder=tmp_path, fold=Fold(0, 11)), "test")


def test_a_suite_names_its_fold() -> None:
    suite = load_suite("digits")
    assert suite.data_source.fold is None
    assert with_values(suite, {"data.fold": 2, "data.folds": 4}).data_source.fold == Fold(2, 4)
