"""MNIST and its kind: packed and unpacked files alike, split fixed, damage refused; real files where there are."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.batches import official
from helpers.shared import SHARED, needs

from snn_eval.data import DATASETS, DataOptions, load_dataset
from snn_eval.data.idx_files import IdxFile, IdxFiles
from snn_eval.data.official import GivenOut
from snn_eval.errors import DataError

TRAIN, TEST = 40, 8


def idx(array: np.ndarray) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes((0, 0, 8, array.ndim)) + sizes + array.astype(np.uint8).tobytes()


def arrays(samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(seed).integers(0, 256, (samples, 4, 4))
    return x, np.arange(samples) % 2


def small(folder: Path, packed: bool = True) -> IdxFiles:
    """Training images of two classes, twenty each, and test images, in ``folder``."""
    found: list[IdxFile] = []
    for part, samples in (("train", TRAIN), ("t10k", TEST)):
        for kind, array in zip(("images", "labels"), arrays(samples, len(found)), strict=True):
            content, path = idx(array), f"Small/raw/{part}-{kind}"
            gz = gzip.compress(content)
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / (f"{path}.gz" if packed else path)).write_bytes(gz if packed else content)
            found.append(IdxFile(official(path, content), GivenOut(official(f"{path}.gz", gz)), array.shape))
    return IdxFiles("small", (found[0], found[1]), (found[2], found[3]), ("even", "odd"))


def offline(folder: Path) -> DataOptions:
    return DataOptions(folder, download=False)


@pytest.mark.parametrize("packed", [True, False])
def test_parts(packed: bool, tmp_path: Path) -> None:
    files = small(tmp_path, packed)
    train, validation, test = (files.load(split, offline(tmp_path)) for split in ("train", "validation", "test"))
    x, target = arrays(TRAIN, 0)
    assert sorted([*train.id.tolist(), *validation.id.tolist()]) == list(range(TRAIN))
    assert np.bincount(validation.target).tolist() == [2, 2]  # a tenth of twenty
    for part in (train, validation):
        np.testing.assert_array_equal(part.x[:, 0], x[part.id])
        np.testing.assert_array_equal(part.target, target[part.id])
    assert test.id.tolist() == list(range(TRAIN, TRAIN + TEST))
    np.testing.assert_array_equal(test.x[:, 0], arrays(TEST, 2)[0])


def test_packed_and_unpacked_are_the_same_data(tmp_path: Path) -> None:
    packed = small(tmp_path / "a").load("test", offline(tmp_path / "a"))
    assert packed.fingerprint == small(tmp_path / "b", packed=False).load("test", offline(tmp_path / "b")).fingerprint


def test_measuring_needs_no_training_file(tmp_path: Path) -> None:
    files = small(tmp_path)
    (tmp_path / "Small/raw/train-images.gz").unlink()
    assert len(files.load("test", offline(tmp_path))) == TEST
    with pytest.raises(DataError, match=r"small: expected the file Small/raw/train-images.gz in .*, found none"):
        files.load("validation", offline(tmp_path))


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_another_file_is_refused(ending: str, tmp_path: Path) -> None:
    files = small(tmp_path, packed=bool(ending))
    path = tmp_path / f"Small/raw/t10k-labels{ending}"
    good = path.read_bytes()
    path.write_bytes(good[:-1])
    with pytest.raises(DataError, match=rf"t10k-labels{ending} is not the official file: expected {len(good)} bytes"):
        files.load("test", offline(tmp_path))
    path.write_bytes(good[:-1] + bytes((good[-1] ^ 1,)))
    with pytest.raises(DataError, match=r"expected sha256 [0-9a-f]{64}, found [0-9a-f]{64}"):
        files.load("test", offline(tmp_path))


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    files = small(tmp_path)
    path = tmp_path / "Small/raw/t10k-labels.gz"
    path.unlink()
    path.mkdir()
    with pytest.raises(DataError, match="found none"):
        files.load("test", offline(tmp_path))


def test_a_label_that_is_no_class(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="small: expected labels 0 … 0, found 1"):
        replace(small(tmp_path), classes=("one",)).load("test", offline(tmp_path))


def test_the_data_folder_is_named_in_three_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from snn_eval.data.place import data_folder

    monkeypatch.setenv("SNN_EVAL_DATA", "/named")
    assert data_folder(tmp_path) == tmp_path
    assert data_folder() == Path("/named")
    monkeypatch.delenv("SNN_EVAL_DATA")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", "/xdg")
    assert data_folder() == Path("/xdg/snn_eval")
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", "/someone")
    assert data_folder() == Path("/someone/.local/share/snn_eval")
    monkeypatch.setattr("sys.platform", "darwin")
    assert data_folder() == Path("/someone/Library/Application Support/snn_eval")


REAL = {"mnist": ("MNIST", [7, 2, 1, 0, 4, 1, 4, 9]), "fashion-mnist": ("FashionMNIST", [9, 2, 1, 1, 6, 1, 4, 6])}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name, marks=needs(f"{folder}/raw/train-images-idx3-ubyte.gz", f"{folder}/raw/t10k-images-idx3-ubyte.gz")
        )
        for name, (folder, _) in REAL.items()
    ],
)
def test_real_files(name: str) -> None:
    test, validation = (load_dataset(name, split, offline(SHARED)) for split in ("test", "validation"))
    assert test.target[:8].tolist() == REAL[name][1]
    assert test.x.shape == (10_000, 1, 28, 28)
    assert (test.x.min(), test.x.max()) == (0, 255)
    assert {"test": len(test), "validation": len(validation)}.items() <= DATASETS[name].parts.items()
    assert validation.id.max() < 60_000 == test.id.min()
    assert DATASETS[name].is_here("train", SHARED)
