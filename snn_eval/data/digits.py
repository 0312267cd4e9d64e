"""Handwritten digits that come with scikit-learn: a real data set that needs no download.

1,797 images of 8×8 pixels with values 0 … 16, ten classes: the test part of the UCI set "Optical Recognition of
Handwritten Digits" (E. Alpaydin, C. Kaynak, 1998; CC BY 4.0), 13 writers. It has no split of its own. Ours, version 1:
in each class 20 % test, 15 % validation, 65 % training (359, 270 and 1,168 images) by hash of the sample's number, see
:func:`snn_eval.data.split.hash_split`. Every choice (weights, when to stop, thresholds) is made on training and
validation; test is only reported.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn_eval.data.dataset import ArrayDataset, fingerprint
from snn_eval.data.known import KnownDataset
from snn_eval.data.split import Fold, fold_split, hash_split
from snn_eval.errors import DataError

__all__ = ["DIGITS", "FINGERPRINT", "SHARES", "load_digits"]

SHARES = {"test": 0.20, "validation": 0.15, "train": 0.65}
_SPLIT = "digits-1"

FINGERPRINT = "5c576b7e4a68567224f6e9d4dbdac217865641d4a3809eac89c9d9a751af8ea1"
"""Of the data this project was tested with; a different one is another data set and refused."""


def load_digits(split: str, fold: Fold | None = None) -> ArrayDataset:
    """One part of the digits: ``x`` is ``[N,1,8,8]``, pixel value / 16, in 0 … 1.

    Args:
        split: ``train``, ``validation`` or ``test``.
        fold: of a cross-validation, in place of our split.

    Raises:
        DataError: an unknown part, scikit-learn is missing, or it brings other data than expected.
    """
    if split not in SHARES:
        raise DataError(f"digits: expected split {', '.join(SHARES)}, got {split!r}")
    images, target, part, found = _all()
    if found != FINGERPRINT:
        raise DataError(f"digits: expected data {FINGERPRINT[:12]}…, got {found[:12]}…; use another scikit-learn")
    if fold is not None:
        part = fold_split(target, fold, _SPLIT)
        found = fingerprint([images, target], part)
    ids = np.flatnonzero(part == split).astype(np.int64)
    x = (images[ids] / np.float32(16)).astype(np.float32)[:, None]
    return ArrayDataset("digits", split, ids, x, target[ids], tuple("0123456789"), found)


@lru_cache(maxsize=1)
def _all() -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.str_], str]:
    try:
        from sklearn.datasets import load_digits as load
    except ImportError as error:
        raise DataError("digits: expected scikit-learn to be installed; run pip install scikit-learn") from error
    bundled: Any = load()
    images = bundled.images.astype(np.uint8)
    target = bundled.target.astype(np.int64)
    part = hash_split(target, SHARES, _SPLIT)
    return images, target, part, fingerprint([images, target], part)


DIGITS = KnownDataset(
    "digits",
    {"train": 1168, "validation": 270, "test": 359},
    licence="CC BY 4.0",
    source="Alpaydin and Kaynak 1998, UCI; comes with scikit-learn",
    load=lambda split, options: load_digits(split),
    load_fold=lambda split, fold, options: load_digits(split, fold),
    shape=(1, 8, 8),
    classes=10,
)
