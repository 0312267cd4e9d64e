"""A user's own arrays, from an ``.npz`` or ``.h5`` file: parts by the names of their keys, or split by shares."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn_eval.data.checked import checked_dataset, checked_target
from snn_eval.data.dataset import ArrayDataset
from snn_eval.data.parts import Parts
from snn_eval.data.reason import reason
from snn_eval.data.source import DataSource
from snn_eval.errors import DataError

__all__ = ["load_arrays"]

Read = Callable[[str], NDArray[Any]]


def load_arrays(source: DataSource, split: str) -> ArrayDataset:
    """One part of a file of arrays.

    Keys are ``x_<part>`` and ``y_<part>`` for each part, or ``x`` and ``y``, split by ``source.shares``. Where the file
    has a part ``train`` and none named ``validation``, a tenth of ``train`` is the validation part.

    Raises:
        DataError: the file is missing or damaged, lacks a key, or its arrays are no samples and classes.
    """
    path = source.path(str(source.arrays))
    with _opened(path) as (keys, read):
        targets = {name: checked_target(read(f"y{name}"), f"{path}: y{name}") for name in _parts(path, keys)}
        classes = source.classes or tuple(map(str, range(1 + max(int(y.max()) for y in targets.values() if len(y)))))
        found = Parts(
            "arrays", {name.removeprefix("_"): y for name, y in targets.items()}, source.shares, source.fold
        ).of(split)
        whole = f"x_{found.own}" if found.own else "x"
        x = read(whole)
        if len(x) != found.available:
            raise DataError(f"{path}: expected as many samples as labels, got {len(x)} in {whole}, {found.available}")
        return checked_dataset("arrays", split, found.id, x[found.place], found.target, classes, f"{path}: {whole}")


def _parts(path: Path, keys: list[str]) -> list[str]:
    """Endings of the keys: ``_train``, ``_test``, … or only the empty one."""
    endings = sorted({key[1:] for key in keys if re.fullmatch("[xy](_.+)?", key)})
    lacking = [f"{letter}{ending}" for ending in endings for letter in "xy" if f"{letter}{ending}" not in keys]
    if not endings or lacking or (len(endings) > 1 and "" in endings):
        raise DataError(
            f"{path}: expected arrays x and y, or x_train, y_train, x_test, y_test, found {', '.join(keys) or 'none'}"
        )
    return endings


@contextmanager
def _opened(path: Path) -> Iterator[tuple[list[str], Read]]:
    """Keys of the file, and a function that reads one; every failure of the file in one line."""
    if path.suffix not in _OPENERS:
        raise DataError(f"{path}: expected a file that ends in {', '.join(_OPENERS)}")
    if not path.is_file():
        raise DataError(f"{path}: expected a file of arrays, found {'a folder' if path.is_dir() else 'none'}")
    try:
        with _OPENERS[path.suffix](path) as file:
            yield list(file), lambda key: np.asarray(file[key][()])
    except DataError:
        raise
    except Exception as error:  # zip, zlib, numpy and HDF5 each fail in their own ways
        raise DataError(f"{path}: expected readable arrays, got {reason(error)}") from error


@contextmanager
def _npz(path: Path) -> Iterator[Any]:
    # an array of objects would be a pickle, and a pickle runs code
    with open(path, "rb") as file, zipfile.ZipFile(file), np.load(file, allow_pickle=False) as arrays:
        yield arrays


@contextmanager
def _h5(path: Path) -> Iterator[Any]:
    import h5py

    with h5py.File(path, "r") as file:
        yield file


_OPENERS: Mapping[str, Callable[[Path], AbstractContextManager[Any]]] = {".npz": _npz, ".h5": _h5, ".hdf5": _h5}
