"""Data sets of pickled batches of 32×32 colour images, unpacked or in their archive: the form of CIFAR."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snn_eval.data.dataset import ArrayDataset
from snn_eval.data.known import TRAIN_SHARES, official_dataset
from snn_eval.data.obtain import obtained
from snn_eval.data.official import GivenOut, OfficialFile, read_archived, read_official
from snn_eval.data.pickled import read_batch
from snn_eval.data.place import data_folder
from snn_eval.data.source import DataOptions
from snn_eval.data.split import hash_split

__all__ = ["CifarFiles"]

_CHANNELS, _SIDE = 3, 32

Batch = tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]
"""Images, classes, ids."""


@dataclass(frozen=True, slots=True)
class CifarFiles:
    """A data set of pickled batches.

    Attributes:
        name: of the data set.
        archive: as it is given out.
        train, test: batches of the official parts.
        per_batch: images in each training batch.
        labels: key the classes stand under.
        classes: their names.
    """

    name: str
    archive: GivenOut
    train: tuple[OfficialFile, ...]
    test: tuple[OfficialFile, ...]
    per_batch: int
    labels: str
    classes: tuple[str, ...]

    def of(self, split: str) -> tuple[OfficialFile, ...]:
        """Files a part is read from: measuring on the test part needs no training batch."""
        return self.test if split == "test" else self.train

    def places(self, split: str, folder: Path) -> Mapping[str, bool]:
        """Each file of a part and whether it is there, unpacked or in the archive."""
        packed = (folder / self.archive.file.path).is_file()
        return {file.path: packed or (folder / file.path).is_file() for file in self.of(split)}

    def load(self, split: str, options: DataOptions) -> ArrayDataset:
        """One part: ``[N,3,32,32]`` bytes; ids are places in the training batches one after another, test images after.

        A training part of which batches are missing is used as far as it is there under ``options.partial``; each
        sample is in the part it always is in, because every batch is split on its own.

        Raises:
            DataError: a file is missing, not the official one, or no batch.
        """
        files = self.of(split)
        first = len(self.train) * self.per_batch if split == "test" else 0
        batches = {
            file.path: self._batch(split, file, content, first + files.index(file) * self.per_batch)
            for file, content in self._contents(split, options)
        }
        there = [file for file in files if file.path in batches]
        images, target, ids = (np.concatenate(arrays) for arrays in zip(*(batches[f.path] for f in there), strict=True))
        notes = self._notes(split, [file.name for file in files if file not in there])
        return official_dataset(self.name, split, images, target, ids, self.classes, notes)

    def _batch(self, split: str, file: OfficialFile, content: bytes, first: int) -> Batch:
        values = _CHANNELS * _SIDE * _SIDE
        x, target = read_batch(content, self.labels, len(self.classes), values, file.path)
        place = np.arange(len(x))
        if split != "test":
            place = np.flatnonzero(hash_split(target, TRAIN_SHARES, f"{self.name}-1:{file.name}") == split)
        return x[place].reshape(-1, _CHANNELS, _SIDE, _SIDE), target[place], place + first

    def _contents(self, split: str, options: DataOptions) -> Iterator[tuple[OfficialFile, bytes]]:
        """The files of a part and their contents: all of them, or with ``partial`` those that are there."""
        folder, files = data_folder(options.folder), self.of(split)
        there = [file for file in files if (folder / file.path).is_file()]
        packed = (folder / self.archive.file.path).is_file()
        if there == list(files) or (there and options.partial and not packed):
            for file in there:
                yield file, read_official(file, folder)
            return
        missing = ", ".join(file.path for file in files if file not in there)
        otherwise = "; --partial-data uses the batches that are there" if there else ""
        folder, _ = obtained(self.name, [self.archive.file], self.archive, options, missing, otherwise)
        contents = read_archived(self.archive.file, files, folder)
        yield from ((file, contents[file.path]) for file in files)

    def _notes(self, split: str, missing: Sequence[str]) -> tuple[str, ...]:
        if not missing:
            return ()
        return (f"partial data: the {split} part is without {', '.join(missing)} of {self.name}",)
