"""Samples and classes of a user's own, refused with the reason where no number could be trusted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn_eval.data.dataset import ArrayDataset, part_fingerprint
from snn_eval.errors import DataError

__all__ = ["checked_dataset", "checked_target"]

_MOST_CLASSES = 1_000_000
"""A larger class is a damaged number, and as many names would fill the memory."""


def checked_target(target: NDArray[Any], where: str) -> NDArray[np.int64]:
    """Classes ``[N]`` as whole numbers from 0.

    Raises:
        DataError: another shape or type, none at all, or a negative one.
    """
    if target.ndim != 1 or target.dtype.kind not in "iu" or not len(target):
        raise DataError(f"{where}: expected classes [N] as whole numbers, got {_described(target)}")
    if target.min() < 0:
        raise DataError(f"{where}: expected classes from 0, got {target.min()}")
    if target.max() >= _MOST_CLASSES:
        raise DataError(f"{where}: expected fewer than {_MOST_CLASSES:,} classes, got {target.max()}")
    return target.astype(np.int64)


def checked_dataset(
    name: str,
    split: str,
    ids: NDArray[np.int64],
    x: NDArray[Any],
    target: NDArray[np.int64],
    classes: tuple[str, ...],
    where: str,
) -> ArrayDataset:
    """A part of a user's own data: bytes are scaled by 255 when they are used, floats are taken as they are.

    Args:
        name: of the kind of data.
        split: name of the part.
        ids: ``[N]``.
        x: ``[N,…]``, uint8 or floating point.
        target: ``[N]``.
        classes: their names.
        where: what the samples were read from, for messages.

    Raises:
        DataError: another shape or type, values that are not finite, or a class without a name.
    """
    if x.ndim < 2 or not x.size or (x.dtype != np.uint8 and x.dtype.kind != "f"):
        raise DataError(f"{where}: expected samples [N,…] as uint8 or floats, got {_described(x)}")
    if x.dtype != np.uint8:
        with np.errstate(over="ignore"):
            x = x.astype(np.float32)
        if not np.isfinite(x).all():
            raise DataError(f"{where}: expected finite values that fit into float32, got others")
    if len(target) and target.max() >= len(classes):
        raise DataError(f"{where}: expected classes 0 … {len(classes) - 1}, got {target.max()}")
    found = part_fingerprint(name, split, ids, [x, target])
    divisor = 255.0 if x.dtype == np.uint8 else 1.0
    return ArrayDataset(name, split, ids, x, target, classes, found, divisor)


def _described(array: NDArray[Any]) -> str:
    return f"{array.dtype} of shape {array.shape}"
