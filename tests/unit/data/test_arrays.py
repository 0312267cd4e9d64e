"""Arrays and factories of the user's own: values as they are, parts by key, each mistake in one line."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from snn_eval.data import ArrayDataset, DataSource, load_dataset
from snn_eval.errors import DataError

X = np.random.default_rng(0).integers(0, 256, (20, 1, 2, 3), dtype=np.uint8)
Y = np.arange(20) % 2


def save(path: Path, **arrays: np.ndarray) -> DataSource:
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file[name] = array
    return DataSource(arrays=path.name, folder=path.parent)


@pytest.mark.parametrize("name", ["data.npz", "data.h5", "data.hdf5"])
def test_parts_by_key(name: str, tmp_path: Path) -> None:
    source = save(tmp_path / name, x_train=X, y_train=Y, x_test=X[::-1], y_test=Y[::-1] + 1)
    test, train, validation = (load_dataset(source, split) for split in ("test", "train", "validation"))
    np.testing.assert_array_equal(test.x, X[::-1])
    assert test.target.tolist() == (Y[::-1] + 1).tolist()
    assert test.classes == train.classes == ("0", "1", "2")  # of all parts
    assert (len(train), len(validation)) == (18, 2)
    np.testing.assert_array_equal(train.x, X[train.id - 20])
    np.testing.assert_array_equal(test.batch(slice(0, 1)).numpy(), X[::-1][:1].astype(np.float32) / np.float32(255))


def test_split_by_shares(tmp_path: Path) -> None:
    save(tmp_path / "data.npz", x=X, y=Y)
    source = DataSource(arrays="data.npz", folder=tmp_path, shares={"test": 0.5, "train": 0.5}, classes=("a", "b"))
    test = load_dataset(source, "test")
    assert len(test) == 10
    np.testing.assert_array_equal(test.x, X[test.id])
    assert test.classes == ("a", "b")


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_floats_are_taken_as_they_are(kind: Any, tmp_path: Path) -> None:
    values = np.linspace(-2, 2, 8, dtype=kind).reshape(4, 2)
    part = load_dataset(save(tmp_path / "d.npz", x_test=values, y_test=Y[:4]), "test")
    assert part.x.dtype == np.float32
    np.testing.assert_array_equal(part.batch(slice(None)).numpy(), values.astype(np.float32))


class Code:
    def __reduce__(self) -> Any:
        return print, ("ran",)


NAN = np.array([[0.0], [np.nan]])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "expected arrays x and y, or x_train, .*, found none"),
        ({"a": X}, "expected arrays x and y, .*, found a"),
        ({"x": X}, "expected arrays x and y"),
        ({"x": X, "y": Y, "x_test": X, "y_test": Y}, "expected arrays x and y"),
        ({"x_test": X, "y_train": Y}, "expected arrays x and y"),
        ({"x_train": X, "y_train": Y}, "data: expected a part 'test', the arrays have train"),
        ({"x_test": X[:-1], "y_test": Y}, "expected as many samples as labels, got 19 in x_test, 20"),
        ({"x_test": X, "y_test": Y.astype(float)}, "y_test: expected classes .N. as whole numbers, got float64"),
        (
            {"x_test": X, "y_test": np.eye(20, dtype=int)},
            r"y_test: expected classes .* got .* \(20, 20\)",
        ),
        ({"x_test": X, "y_test": Y - 1}, "y_test: expected classes from 0, got -1"),
        ({"x_test": X.astype(int), "y_test": Y}, "x_test: expected samples .* as uint8 or floats, got int64"),
        ({"x_test": X[:, 0, 0, 0], "y_test": Y}, r"x_test: expected samples .*, got uint8 of shape \(20,\)"),
        ({"x_test": X[:0], "y_test": Y[:0]}, "y_test: expected classes"),
        ({"x_test": NAN, "y_test": Y[:2]}, "x_test: expected finite values"),
        ({"x_test": NAN * 0 + 1e300, "y_test": Y[:2]}, "x_test: expected finite values"),
        (
            {"x_test": np.array([[Code()]] * 2, dtype=object), "y_test": Y[:2]},
            "expected readable arrays, got Object arrays",
        ),
    ],
)
def test_mistakes(arrays: dict[str, np.ndarray], message: str, tmp_path: Path, capfd: Any) -> None:
    with pytest.raises(DataError, match=message) as error:
        load_dataset(save(tmp_path / "data.npz", **arrays), "test")
    assert "\n" not in str(error.value)
    assert "ran" not in capfd.readouterr().out


def test_a_class_without_a_name(tmp_path: Path) -> None:
    save(tmp_path / "data.npz", x=X, y=Y)
    with pytest.raises(DataError, match=r"data.npz: x: expected classes 0 … 0, got 1"):
        load_dataset(DataSource(arrays="data.npz", folder=tmp_path, classes=("a",)), "test")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("data.npz", b"no zip", "expected readable arrays, got"),
        ("data.npz", b"", "expected readable arrays, got"),
        ("data.h5", b"no hdf5", "expected readable arrays, got"),
        ("data.txt", b"", "expected a file that ends in .npz, .h5, .hdf5"),
        ("data.npz", None, "expected a file of arrays, found none"),
    ],
)
def test_files_that_cannot_be_read(name: str, content: bytes | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_dataset(DataSource(arrays=name, folder=tmp_path), "test")


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    for name in ("data.npz", "data.h5"):
        source = save(tmp_path / name, x_test=X, y_test=Y)
        content = (tmp_path / name).read_bytes()
        for end in range(0, len(content) - 1, max(1, len(content) // 40)):
            (tmp_path / name).write_bytes(content[:end])
            with pytest.raises(DataError, match=name):
                load_dataset(source, "test")


def test_a_changed_byte_in_a_zip_is_seen(tmp_path: Path) -> None:
    source = save(tmp_path / "data.npz", x_test=X, y_test=Y)
    with zipfile.ZipFile(tmp_path / "data.npz") as file:
        start = file.getinfo("x_test.npy").header_offset
    content = bytearray((tmp_path / "data.npz").read_bytes())
    content[start + 200] ^= 1  # a pixel
    (tmp_path / "data.npz").write_bytes(bytes(content))
    with pytest.raises(DataError, match="Bad CRC-32"):
        load_dataset(source, "test")


def theirs(split: str) -> Any:
    return X, Y


def test_a_factory_gives_arrays_or_tensors() -> None:
    test = load_dataset(DataSource(factory=theirs), "test")
    np.testing.assert_array_equal(test.x, X)
    assert test.id.tolist() == list(range(20))
    train = load_dataset(DataSource(factory=lambda split: (torch.from_numpy(X) / 255, torch.from_numpy(Y))), "train")
    np.testing.assert_array_equal(train.x, X.astype(np.float32) / np.float32(255))
    assert not set(train.id.tolist()) & set(test.id.tolist())
    assert train.fingerprint != test.fingerprint
    assert load_dataset(DataSource(factory=theirs, classes=("a", "b", "c")), "test").classes == ("a", "b", "c")


def test_a_factory_gives_a_data_set() -> None:
    own = ArrayDataset("mine", "test", np.arange(20), X, Y, ("a", "b"), "no hash", divisor=16.0)
    part = load_dataset(DataSource(factory=lambda _: own), "test")
    assert (part.name, part.divisor, len(part.fingerprint)) == ("mine", 16.0, 64)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, r"data.factory give\('test'\): expected \(x, target\), got NoneType"),
        ((X,), r"expected \(x, target\), got tuple"),
        ((X, Y[:3]), "expected as many samples as classes, got 20 and 3"),
        ((X, Y * 1.0), "target: expected classes .N. as whole numbers, got float64"),
        ((X.tolist(), ["a"] * 20), "target: expected classes"),
        ((X.astype(int), Y), "x: expected samples .N,…. as uint8 or floats"),
        (ArrayDataset("m", "train", np.arange(2), X[:2], Y[:2], ("a", "b"), ""), "part 'test', got 2 of part 'train'"),
        (ArrayDataset("m", "test", np.zeros(2, int), X[:2], Y[:2], ("a", "b"), ""), "expected each id once"),
    ],
)
def test_what_a_factory_returns_is_checked(given: Any, message: str) -> None:
    def give(split: str) -> Any:
        return given

    with pytest.raises(DataError, match=message):
        load_dataset(DataSource(factory=give), "test")


def test_a_factory_that_fails() -> None:
    def fail(split: str) -> Any:
        raise KeyError(split)

    with pytest.raises(DataError, match=r"data.factory fail\('test'\): failed: KeyError: 'test'"):
        load_dataset(DataSource(factory=fail), "test")


def test_exactly_one_source() -> None:
    with pytest.raises(DataError, match="expected exactly one of name, images, arrays, factory, got name, arrays"):
        DataSource(name="digits", arrays="x.npz")
    with pytest.raises(DataError, match="got none"):
        DataSource()
