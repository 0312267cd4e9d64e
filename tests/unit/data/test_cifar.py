"""CIFAR: every batch split on its own, partial only when asked, unpacked and archived alike; real files too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.batches import PER_BATCH, batch, images, official, small_cifar
from helpers.shared import SHARED, needs

from snn_eval.data import DATASETS, DataOptions, load_dataset
from snn_eval.data.official import GivenOut
from snn_eval.errors import DataError

CLASSES = 4


def offline(folder: Path, partial: bool = False) -> DataOptions:
    return DataOptions(folder, partial, download=False)


def test_images_labels_and_ids(tmp_path: Path) -> None:
    files, _ = small_cifar(tmp_path, classes=CLASSES)
    parts = {split: files.load(split, offline(tmp_path)) for split in ("train", "validation", "test")}
    np.testing.assert_array_equal(parts["test"].x, images(2).reshape(-1, 3, 32, 32))  # R, G, B planes of 32 rows
    assert parts["test"].id.tolist() == list(range(2 * PER_BATCH, 3 * PER_BATCH))
    both = np.concatenate([images(0), images(1)])
    for split in ("train", "validation"):
        part = parts[split]
        np.testing.assert_array_equal(part.x.reshape(len(part), -1), both[part.id])
        assert part.target.tolist() == [(i % PER_BATCH + i // PER_BATCH) % CLASSES for i in part.id.tolist()]
    ids = np.concatenate([parts["train"].id, parts["validation"].id])
    assert sorted(ids.tolist()) == list(range(2 * PER_BATCH))
    assert len(parts["validation"]) == 2 * CLASSES * 1  # ten images of each class in each batch, a tenth of them
    assert len({part.fingerprint for part in parts.values()}) == 3


def test_values_are_scaled_when_they_are_used(tmp_path: Path) -> None:
    files, _ = small_cifar(tmp_path)
    part = files.load("test", offline(tmp_path))
    assert part.x.dtype == np.uint8
    expected = part.x.astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(next(part.chunks(PER_BATCH)).x.numpy(), expected)
    np.testing.assert_array_equal(part.batch(np.array([3, 1])).numpy(), expected[[3, 1]])
    np.testing.assert_array_equal(part.tensors()[0].numpy(), expected)


def test_an_archive_gives_the_same(tmp_path: Path) -> None:
    files, archive = small_cifar(tmp_path / "unpacked")
    packed = tmp_path / "packed"
    packed.mkdir()
    (packed / "small.tar.gz").write_bytes(archive)
    for split in ("train", "validation", "test"):
        ours, same = files.load(split, offline(packed)), files.load(split, offline(tmp_path / "unpacked"))
        assert ours.fingerprint == same.fingerprint
        np.testing.assert_array_equal(ours.x, same.x)
    assert sorted(path.name for path in packed.iterdir()) == ["small.tar.gz"]  # nothing is unpacked


def test_partial_data_only_when_asked_and_every_sample_in_its_part(tmp_path: Path) -> None:
    files, _ = small_cifar(tmp_path, classes=4)  # ten images of each class in a batch, one of them for validation
    whole = {split: files.load(split, offline(tmp_path)) for split in ("train", "validation")}
    (tmp_path / "small-py/data_batch_1").unlink()
    with pytest.raises(
        DataError, match=r"small.tar.gz \(or, unpacked, small-py/data_batch_1\) in .*--partial-data uses"
    ):
        files.load("train", offline(tmp_path))
    for split, all_of_it in whole.items():
        part = files.load(split, offline(tmp_path, partial=True))
        assert part.id.tolist() == [i for i in all_of_it.id.tolist() if i >= PER_BATCH]
        assert part.notes == (f"partial data: the {split} part is without data_batch_1 of small",)
        assert part.fingerprint != all_of_it.fingerprint
        assert all_of_it.notes == ()
    assert len(whole["validation"]) == 2 * 4
    assert files.load("test", offline(tmp_path)).notes == ()  # what is measured is whole


def test_partial_data_without_any_is_missing(tmp_path: Path) -> None:
    files, _ = small_cifar(tmp_path / "there")
    with pytest.raises(DataError, match=r"found none; put it there or name the folder it is in with --data-dir$"):
        files.load("train", offline(tmp_path, partial=True))


def test_another_file_is_refused(tmp_path: Path) -> None:
    files, archive = small_cifar(tmp_path)
    path = tmp_path / "small-py/test_batch"
    good = path.read_bytes()
    path.write_bytes(good[:-1])
    with pytest.raises(DataError, match=rf"test_batch is not the official file: expected {len(good):,} bytes, found"):
        files.load("test", offline(tmp_path))
    path.write_bytes(bytes((good[0], good[1] ^ 1)) + good[2:])
    with pytest.raises(DataError, match=r"expected sha256 [0-9a-f]{64}, found [0-9a-f]{64}; get it again"):
        files.load("test", offline(tmp_path))
    path.unlink()
    for damaged, message in [
        (archive[: len(archive) // 2], "expected a whole .tar.gz archive"),
        (b"no archive", "expected a whole .tar.gz archive"),
        (archive[:200] + b"xxxx" + archive[204:], "small.tar.gz"),
    ]:
        (tmp_path / "small.tar.gz").write_bytes(damaged)
        with pytest.raises(DataError, match=message):
            files.load("test", offline(tmp_path))


def test_an_archive_with_other_batches_is_refused(tmp_path: Path) -> None:
    files, archive = small_cifar(tmp_path / "a")
    (tmp_path / "small.tar.gz").write_bytes(archive)
    other = batch(images(7), [0] * PER_BATCH)
    changed = replace(files, test=(official("small-py/test_batch", other),))
    with pytest.raises(DataError, match=r"small.tar.gz: small-py/test_batch is not the official file"):
        changed.load("test", offline(tmp_path))
    missing = replace(files, test=(official("small-py/other", other),))
    with pytest.raises(DataError, match=r"small.tar.gz: expected small-py/other in it, found none"):
        missing.load("test", offline(tmp_path))


def test_md5_is_checked_where_nothing_stronger_is_known(tmp_path: Path) -> None:
    files, _ = small_cifar(tmp_path)
    weak = replace(files, test=(replace(files.test[0], size=None, sha256=None),))
    assert len(weak.load("test", offline(tmp_path))) == PER_BATCH
    (tmp_path / "small-py/test_batch").write_bytes(b"x")
    with pytest.raises(DataError, match=rf"expected md5 {files.test[0].md5}, found 9dd4e461268c8034f5c8564e155c67a6"):
        weak.load("test", offline(tmp_path))


def test_fine_labels_of_a_hundred_classes(tmp_path: Path) -> None:
    files, _ = small_cifar(tmp_path, classes=100, batches=1, key="fine_labels")
    part = files.load("test", offline(tmp_path))
    assert part.target.tolist() == [(n + 1) % 100 for n in range(PER_BATCH)]
    wrong = replace(files, archive=GivenOut(files.archive.file), classes=tuple("abc"))
    with pytest.raises(DataError, match="small-py/test_batch: expected labels 0 … 2, found 3"):
        wrong.load("test", offline(tmp_path))


def test_class_names_are_the_official_ones() -> None:
    from snn_eval.data import cifar

    assert len(set(cifar._CIFAR_100.classes)) == 100
    assert cifar._CIFAR_100.classes == tuple(sorted(cifar._CIFAR_100.classes))  # as in its own list


@needs("cifar-10-batches-py/test_batch", "cifar-10-batches-py/data_batch_3")
def test_real_files() -> None:
    options = offline(SHARED)
    test = load_dataset("cifar-10", "test", options)
    assert np.bincount(test.target).tolist() == [1000] * 10
    assert test.target[:8].tolist() == [3, 8, 8, 0, 6, 6, 1, 6]  # cat, ship, ship, airplane, frog, …
    assert (int(test.id[0]), test.x.shape) == (50_000, (10_000, 3, 32, 32))
    assert DATASETS["cifar-10"].parts["test"] == len(test)
    if DATASETS["cifar-10"].is_here("train", SHARED):
        return
    with pytest.raises(DataError, match=r"cifar-10-batches-py/data_batch_4, .*--partial-data"):
        load_dataset("cifar-10", "train", options)
    train = load_dataset("cifar-10", "train", replace(options, partial=True))
    validation = load_dataset("cifar-10", "validation", replace(options, partial=True))
    assert len(train) + len(validation) == 30_000
    assert not set(train.id.tolist()) & set(validation.id.tolist())
    # in each of the three batches a tenth of each class, rounded
    assert (
        np.abs(np.bincount(validation.target) - 0.1 * np.bincount(np.r_[train.target, validation.target])).max() <= 1.5
    )
