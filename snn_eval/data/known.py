"""What is common to the data sets this project knows by name: parts, ids, split, licence, and where they come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snn_eval.data.dataset import ArrayDataset, part_fingerprint
from snn_eval.data.source import DataOptions
from snn_eval.data.split import Fold
from snn_eval.errors import DataError

__all__ = ["TRAIN_SHARES", "KnownDataset", "official_dataset"]

TRAIN_SHARES = {"validation": 0.1, "train": 0.9}
"""Of an official training part, class by class."""


@dataclass(frozen=True, slots=True)
class KnownDataset:
    """A data set with a name.

    Attributes:
        name: in a suite.
        parts: name of each part -> its samples.
        licence, source: as its authors say.
        load: gives one part.
        places: files of a part -> where each would be looked for in a data folder, and whether it is there. Empty where
            the data come with an installed package.
        fetched: whether missing files can be downloaded.
        load_fold: gives one part of a fold, where the data come as one pool.
        load_frames: gives one part of recordings that lie there as frames, of the folder of that number of frames.
        shape, classes: of a sample (of events, at one step): channels, rows, columns; and how many classes there are.
    """

    name: str
    parts: Mapping[str, int]
    licence: str
    source: str
    load: Callable[[str, DataOptions], ArrayDataset]
    places: Callable[[str, Path], Mapping[str, bool]] = field(default=lambda split, folder: {})
    fetched: bool = True
    load_fold: Callable[[str, Fold, DataOptions], ArrayDataset] | None = None
    load_frames: Callable[[str, int | None, DataOptions], ArrayDataset] | None = None
    shape: tuple[int, ...] = ()
    classes: int = 0

    def folded(self, split: str, fold: Fold, options: DataOptions) -> ArrayDataset:
        """One part of a fold.

        Raises:
            DataError: the data have parts of their own, or what the loader raises.
        """
        if self.load_fold is None:
            raise DataError(f"{self.name}: expected no data.fold, these data have parts of their own; use seeds")
        return self.load_fold(split, fold, options)

    def of_frames(self, split: str, frames: int, options: DataOptions) -> ArrayDataset:
        """One part with that many frames a recording.

        Raises:
            DataError: the data are no frames made beforehand, or what the loader raises.
        """
        if self.load_frames is None:
            raise DataError(f"{self.name}: expected no data.frames, these data do not lie there as frames")
        return self.load_frames(split, frames, options)

    def is_here(self, split: str, folder: Path) -> bool:
        """Whether a part can be read without a download."""
        return all(self.places(split, folder).values())

    def state(self, folder: Path) -> str:
        """Whether its files are in the data folder, or which are not."""
        files = {path: there for split in self.parts for path, there in self.places(split, folder).items()}
        missing = [path.rpartition("/")[2] for path, there in files.items() if not there]
        if not missing:
            return "here"
        if len(missing) == len(files):
            return "downloaded at first use" if self.fetched else "not here; downloaded by hand"
        return f"here, without {', '.join(missing)}"

    def check_part(self, split: str) -> None:
        """Refuse a part the data set does not have.

        Raises:
            DataError: it has none of that name.
        """
        if split not in self.parts:
            raise DataError(f"{self.name}: expected split {', '.join(self.parts)}, got {split!r}")


def official_dataset(
    name: str,
    split: str,
    images: NDArray[np.uint8],
    target: NDArray[np.int64],
    ids: NDArray[np.int64],
    classes: tuple[str, ...],
    notes: tuple[str, ...] = (),
) -> ArrayDataset:
    """A part of official images ``[N,C,H,W]`` of bytes; values are scaled by 255 when they are used."""
    found = part_fingerprint(name, split, ids, [images, target])
    return ArrayDataset(name, split, ids, images, target, classes, found, divisor=255.0, notes=notes)
