"""Fixed splits of a data set that comes without one, and its folds: by hash of the sample's number, class by class."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snn_eval.errors import DataError

__all__ = ["FOLD_PARTS", "Fold", "fold_split", "hash_split"]

FOLD_PARTS = ("test", "validation", "train")
"""Parts of a fold of a cross-validation."""


@dataclass(frozen=True, slots=True)
class Fold:
    """Fold ``number`` (from 0) of ``folds``."""

    number: int
    folds: int


def hash_split(target: NDArray[np.int64], shares: Mapping[str, float], salt: str) -> NDArray[np.str_]:
    """Name of the part each sample belongs to: stratified, and the same on every machine and for every seed.

    Within each class samples are ordered by SHA-256 of ``"<salt>:<number>"``; the parts take their shares in that
    order, each boundary rounded to the nearest sample (halves up).

    Args:
        target: ``[N]``, class of each sample; its number is its place here.
        shares: part -> share of each class; they add up to 1.
        salt: name and version of the split.

    Returns:
        ``[N]`` names of parts.

    Raises:
        DataError: shares that are negative or do not add up to 1.

    Example:
        >>> hash_split(np.zeros(4, dtype=np.int64), {"test": 0.25, "train": 0.75}, "example-1").tolist().count("test")
        1
    """
    if any(share < 0 for share in shares.values()) or abs(sum(shares.values()) - 1) > 1e-9:
        raise DataError(f"split {salt}: expected shares that add up to 1, got {dict(shares)}")
    part = np.empty(len(target), dtype=f"<U{max(map(len, shares))}")
    for numbers in _in_order(target, salt):
        start, share_so_far = 0, 0.0
        for name, share in shares.items():
            share_so_far += share
            end = int(share_so_far * len(numbers) + 0.5)
            part[numbers[start:end]] = name
            start = end
    return part


def fold_split(target: NDArray[np.int64], fold: Fold, salt: str) -> NDArray[np.str_]:
    """Part of each sample in one fold of a cross-validation: k is ``test``, k+1 ``validation``, the others ``train``.

    Each class is cut into folds of equal size, each boundary rounded to the nearest sample (halves up), in the order
    of :func:`hash_split`: the first fold of five tests what a split with a fifth for ``test`` tests if that comes
    first. What is for validation in the last fold is fold 0.

    Args:
        target: ``[N]``, class of each sample; its number is its place here.
        fold: which one.
        salt: name and version of the split.

    Returns:
        ``[N]`` names of parts, see :data:`FOLD_PARTS`.

    Raises:
        DataError: a class has fewer samples than there are folds.
    """
    part = np.full(len(target), "train", dtype="<U10")
    for numbers in _in_order(target, salt):
        if len(numbers) < fold.folds:
            label, found = target[numbers[0]], len(numbers)
            raise DataError(f"data.folds: expected at least {fold.folds} samples of each class, got {found} of {label}")
        for name, number in (("test", fold.number), ("validation", (fold.number + 1) % fold.folds)):
            start, end = ((2 * k * len(numbers) + fold.folds) // (2 * fold.folds) for k in (number, number + 1))
            part[numbers[start:end]] = name
    return part


def _in_order(target: NDArray[np.int64], salt: str) -> Iterator[list[int]]:
    """Numbers of the samples of each class, ordered by hash."""
    for label in np.unique(target):
        yield sorted(np.flatnonzero(target == label).tolist(), key=lambda number: _order(salt, number))


def _order(salt: str, number: int) -> bytes:
    return hashlib.sha256(f"{salt}:{number}".encode()).digest()
