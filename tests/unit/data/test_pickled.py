"""Pickled batches: read as numpy would, and never run."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.batches import batch, images
from helpers.shared import SHARED, needs

from snn_eval.data.pickled import read_batch
from snn_eval.errors import DataError

X = images(0, 4)
LABELS = [0, 9, 3, 3]


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_batch_is_what_was_pickled(protocol: int, order: Any) -> None:
    x, target = read_batch(batch(X.copy(order), LABELS, protocol=protocol), "labels", 10, 3072, "f")
    np.testing.assert_array_equal(x, X)
    assert x.dtype == np.uint8
    assert target.tolist() == LABELS


class Hostile:
    def __init__(self, ran: Path) -> None:
        self.ran = ran

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.ran),)


@pytest.mark.parametrize("where", ["data", "labels", "filenames", "other"])
def test_a_hostile_pickle_is_not_run(where: str, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    content = batch(X, LABELS, more={where: Hostile(ran)})
    with pytest.raises(DataError, match=r"f: .*it asks for posix.mkdir, which no image batch needs; nothing was run"):
        read_batch(content, "labels", 10, 3072, "f")
    assert not ran.exists()
    pickle.loads(content)  # it would have run
    assert ran.exists()


class Lying:
    """An array that claims to hold objects, its bytes to be taken for their addresses."""

    def __reduce__(self) -> Any:
        state = (1, (1, 3072), np.dtype("O"), False, bytes(3072 * 8))
        return np.array([]).__reduce__()[0], (np.ndarray, (0,), b"b"), state


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "f: expected a pickled batch of images, got Ran out of input"),
        (b"no pickle", "expected a pickled batch"),
        (b"Pnumber\n.", "got A load persistent id instruction was encountered, but no persistent_load function"),
        (batch(X, LABELS)[:-40], "expected a pickled batch"),
        (pickle.dumps([1]), "f: expected a dictionary, found list"),
        (batch(X, LABELS, key="fine_labels"), "f: expected an entry 'labels', found none"),
        (batch(X, [0, 1]), "f: expected 4 labels for as many images, found 2"),
        (batch(X, [0, 1, 2, 10]), "f: expected labels 0 … 9, found 10"),
        (batch(X, [0, 1, 2, -1]), "f: expected labels 0 … 9, found -1"),
        (batch(X, [0, 1, 2, True]), "expected a list of whole numbers as labels"),
        (batch(X, LABELS, more={"labels": "abcd"}), "expected a list of whole numbers as labels"),
        (batch(X[:, :3071], LABELS), r"f: expected bytes \[N,3072\] as data, found \(4, 3071\)"),
        (batch(X.astype(np.int16), LABELS), r"expected bytes \[N,3072\] as data, found \(4, 3072\) of type 'i2'"),
        (batch(X[0], LABELS), "f: expected an array of images as data"),
        (batch(X, LABELS, more={"data": [1, 2]}), "f: expected an array of images as data"),
        (
            batch(X, LABELS, more={"data": Lying()}),
            r"expected bytes \[N,3072\] as data, found \(1, 3072\) of type 'O8'",
        ),
    ],
)
def test_damage(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_batch(content, "labels", 10, 3072, "f")


def test_every_cut_and_flipped_byte_is_an_error_or_a_batch() -> None:
    content = batch(X[:1], [3])
    places = [p for p in range(len(content)) if not 100 < p < len(content) - 100]  # around the pixels
    for place in places:
        for damaged in (content[:place], content[:place] + bytes((content[place] ^ 0x55,)) + content[place + 1 :]):
            try:
                x, target = read_batch(damaged, "labels", 10, 3072, "f")
            except DataError:
                continue
            assert x.shape == (1, 3072)
            assert 0 <= target[0] < 10


@needs("cifar-10-batches-py/test_batch")
def test_a_real_batch_is_what_pickle_makes_of_it() -> None:
    content = (SHARED / "cifar-10-batches-py/test_batch").read_bytes()
    expected = pickle.loads(content, encoding="bytes")
    x, target = read_batch(content, "labels", 10, 3072, "f")
    np.testing.assert_array_equal(x, expected[b"data"])
    assert target.tolist() == expected[b"labels"]
