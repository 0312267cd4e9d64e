"""Which samples of a user's own data are in which part: parts of their own, or a split by hash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snn_eval.data.known import TRAIN_SHARES
from snn_eval.data.split import FOLD_PARTS, Fold, fold_split, hash_split
from snn_eval.errors import DataError

__all__ = ["SHARES", "Part", "Parts"]

SHARES = {"test": 0.2, "validation": 0.1, "train": 0.7}
"""Of samples that have no parts of their own, where the suite names no shares."""

_ORDER = ("test", "validation", "train")
"""Samples are numbered in this order: a test sample's number does not change with the training data."""


@dataclass(frozen=True, slots=True)
class Part:
    """Samples of one part: ``place`` in what they are stored as, which is ``own`` (a part of the data's own) or all.

    ``available`` counts the samples stored there.
    """

    own: str
    place: NDArray[np.int64]
    id: NDArray[np.int64]
    target: NDArray[np.int64]
    available: int


@dataclass(frozen=True, slots=True)
class Parts:
    """All samples of a data set by where they are stored.

    Attributes:
        name: of the kind of data, and of its split.
        targets: part of the data's own -> class of each of its samples; ``""`` alone if they have no parts.
        shares: of a split by hash; None is :data:`SHARES`.
        fold: of a cross-validation, in place of shares.
    """

    name: str
    targets: Mapping[str, NDArray[np.int64]]
    shares: Mapping[str, float] | None = None
    fold: Fold | None = None

    def of(self, split: str) -> Part:
        """The samples of a part.

        Raises:
            DataError: there is no such part, or it is empty, shares do not add up to 1, or a fold is asked for of data
                that have parts.
        """
        if self.fold is not None:
            found = self._folded(self.fold, split)
        elif "" in self.targets:
            found = self._hashed("", split, self.shares or SHARES)
        elif self.shares is not None:
            raise DataError(
                f"data.shares: expected none, the {self.name} have parts: {', '.join(sorted(self.targets))}"
            )
        elif "train" in self.targets and "validation" not in self.targets and split in TRAIN_SHARES:
            found = self._hashed("train", split, TRAIN_SHARES)
        elif split in self.targets:
            found = self._at(split, np.arange(len(self.targets[split])))
        else:
            raise DataError(f"data: expected a part {split!r}, the {self.name} have {', '.join(sorted(self.targets))}")
        if not len(found.place):
            raise DataError(f"data: expected samples in part {split!r} of the {self.name}, found none")
        return found

    def _folded(self, fold: Fold, split: str) -> Part:
        if "" not in self.targets:
            parts = ", ".join(sorted(self.targets))
            raise DataError(f"data.fold: expected none, the {self.name} have parts: {parts}; use seeds")
        if self.shares is not None:
            raise DataError("data.shares: expected none beside data.fold, which splits the data anew")
        if split not in FOLD_PARTS:
            raise DataError(f"data.fold: expected one of the parts {', '.join(FOLD_PARTS)}, got {split!r}")
        part = fold_split(self.targets[""], fold, f"{self.name}-1")
        return self._at("", np.flatnonzero(part == split))

    def _hashed(self, own: str, split: str, shares: Mapping[str, float]) -> Part:
        if split not in shares:
            raise DataError(f"data.shares: expected a share of {split!r}, got {', '.join(shares)}")
        part = hash_split(self.targets[own], shares, f"{self.name}-1")
        return self._at(own, np.flatnonzero(part == split))

    def _at(self, own: str, place: NDArray[np.int64]) -> Part:
        target = self.targets[own]
        return Part(own, place, place + self._first(own), target[place], len(target))

    def _first(self, own: str) -> int:
        names = [*_ORDER, *sorted(set(self.targets) - set(_ORDER))]
        return sum(len(self.targets[name]) for name in names[: names.index(own)] if name in self.targets)
