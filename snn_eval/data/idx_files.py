"""Data sets of four idx files, images and labels of a training and a test part: the form of MNIST."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snn_eval.data.dataset import ArrayDataset
from snn_eval.data.idx import gunzip, read_idx
from snn_eval.data.known import TRAIN_SHARES, official_dataset
from snn_eval.data.obtain import obtained
from snn_eval.data.official import GivenOut, OfficialFile, find, read_official
from snn_eval.data.source import DataOptions
from snn_eval.data.split import hash_split
from snn_eval.errors import DataError

__all__ = ["IdxFile", "IdxFiles"]


@dataclass(frozen=True, slots=True)
class IdxFile:
    """One idx file of a given shape, in the forms it may lie there."""

    plain: OfficialFile
    packed: GivenOut
    shape: tuple[int, ...]

    @property
    def forms(self) -> tuple[OfficialFile, OfficialFile]:
        """The unpacked one first: it need not be unpacked again."""
        return self.plain, self.packed.file

    def read(self, folder: Path, form: OfficialFile) -> NDArray[np.uint8]:
        """The array in it.

        Raises:
            DataError: it is not the official file.
        """
        content, where = read_official(form, folder), str(folder / form.path)
        if form is not self.plain:
            content = gunzip(content, 4 + 4 * len(self.shape) + int(np.prod(self.shape)), where)
        return read_idx(content, self.shape, where)


@dataclass(frozen=True, slots=True)
class IdxFiles:
    """A data set of four idx files: images and labels of the official training and test part."""

    name: str
    train: tuple[IdxFile, IdxFile]
    test: tuple[IdxFile, IdxFile]
    classes: tuple[str, ...]

    def of(self, split: str) -> tuple[IdxFile, IdxFile]:
        """Images and labels a part is read from: measuring on the test part needs no training file."""
        return self.test if split == "test" else self.train

    def places(self, split: str, folder: Path) -> Mapping[str, bool]:
        """Each file of a part and whether it is there, in either form."""
        return {file.packed.file.path: find(folder, file.forms) is not None for file in self.of(split)}

    def load(self, split: str, options: DataOptions) -> ArrayDataset:
        """One part: ``[N,1,H,W]`` bytes; ids are places in the training file, test images counted on after it.

        Raises:
            DataError: a file is missing or is not the official one, or a label is no class.
        """
        arrays = []
        for file in self.of(split):
            folder, form = obtained(self.name, file.forms, file.packed, options)
            arrays.append(file.read(folder, form))
        images, labels = arrays
        target = labels.astype(np.int64)
        if target.max() >= len(self.classes):
            raise DataError(f"{self.name}: expected labels 0 … {len(self.classes) - 1}, found {target.max()}")
        if split == "test":
            place, first = np.arange(len(target)), self.train[0].shape[0]
        else:
            place, first = np.flatnonzero(hash_split(target, TRAIN_SHARES, f"{self.name}-1") == split), 0
        return official_dataset(self.name, split, images[place][:, None], target[place], place + first, self.classes)
