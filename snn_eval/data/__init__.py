"""Data sets, each a fixed set of samples with fixed ids and splits, by name."""

from __future__ import annotations

import difflib

from snn_eval.data.chunk import Chunk
from snn_eval.data.cifar import CIFAR_10, CIFAR_100
from snn_eval.data.cifar10_dvs import CIFAR10_DVS
from snn_eval.data.dataset import ArrayDataset
from snn_eval.data.digits import DIGITS
from snn_eval.data.dvs_gesture import DVS_GESTURE
from snn_eval.data.known import KnownDataset
from snn_eval.data.mnist import FASHION_MNIST, MNIST
from snn_eval.data.nmnist import NMNIST
from snn_eval.data.place import data_folder
from snn_eval.data.source import DataOptions, DataSource
from snn_eval.data.split import Fold
from snn_eval.errors import DataError

__all__ = [
    "DATASETS",
    "ArrayDataset",
    "Chunk",
    "DataOptions",
    "DataSource",
    "Fold",
    "KnownDataset",
    "data_folder",
    "is_here",
    "load_dataset",
]

DATASETS: dict[str, KnownDataset] = {
    known.name: known for known in (DIGITS, MNIST, FASHION_MNIST, CIFAR_10, CIFAR_100, NMNIST, CIFAR10_DVS, DVS_GESTURE)
}
"""Name in a suite -> what is known of the data set."""


def load_dataset(source: DataSource | str, split: str, options: DataOptions | None = None) -> ArrayDataset:
    """One part of a data set.

    Args:
        source: where it comes from, or only a key of :data:`DATASETS`.
        split: name of the part.
        options: of the caller: data folder, download, partial data.

    Raises:
        DataError: an unknown name, a fold of data that have parts of their own, files that are missing or wrong, or
            what the loader of the set raises.
    """
    if isinstance(source, DataSource) and source.name is None:
        return _of_user(source, split)
    known, options = _known(source), options or DataOptions()
    known.check_part(split)
    if isinstance(source, DataSource) and source.fold is not None:
        return known.folded(split, source.fold, options)
    if isinstance(source, DataSource) and source.frames is not None:
        return known.of_frames(split, source.frames, options)
    return known.load(split, options)


def is_here(source: DataSource | str, split: str, options: DataOptions | None = None) -> bool:
    """Whether a part can be read without a download."""
    if isinstance(source, DataSource) and source.name is None:
        file = source.images or source.arrays
        return file is None or source.path(file).exists()
    return _known(source).is_here(split, data_folder((options or DataOptions()).folder))


def _of_user(source: DataSource, split: str) -> ArrayDataset:
    """A part of the user's own data; each reader is imported where it is needed."""
    if source.images is not None:
        from snn_eval.data.images import load_images

        return load_images(source, split)
    if source.arrays is not None:
        from snn_eval.data.arrays import load_arrays

        return load_arrays(source, split)
    from snn_eval.data.factory import load_from_factory

    return load_from_factory(source, split)


def _known(source: DataSource | str) -> KnownDataset:
    name = source if isinstance(source, str) else source.name
    if name not in DATASETS:
        near = difflib.get_close_matches(str(name), DATASETS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise DataError(f"data set: expected one of {', '.join(DATASETS)}, got {name!r}{hint}")
    return DATASETS[name]
