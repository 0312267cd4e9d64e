"""A fixed split of a data set that comes without one: by hash of the sample's number, class by class."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from snn_eval.errors import DataError

__all__ = ["hash_split"]


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
    for label in np.unique(target):
        numbers = sorted(np.flatnonzero(target == label).tolist(), key=lambda number: _order(salt, number))
        start, share_so_far = 0, 0.0
        for name, share in shares.items():
            share_so_far += share
            end = int(share_so_far * len(numbers) + 0.5)
            part[numbers[start:end]] = name
            start = end
    return part


def _order(salt: str, number: int) -> bytes:
    return hashlib.sha256(f"{salt}:{number}".encode()).digest()
