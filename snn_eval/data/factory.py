"""A user's own data from a function in a file of theirs, called with the name of a part; what it returns is checked."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from snn_eval.data.checked import checked_dataset, checked_target
from snn_eval.data.dataset import ArrayDataset, part_fingerprint
from snn_eval.data.reason import reason
from snn_eval.data.source import DataSource
from snn_eval.errors import DataError, SnnEvalError

__all__ = ["load_from_factory"]


def load_from_factory(source: DataSource, split: str) -> ArrayDataset:
    """One part: what ``factory(split)`` returns, ``(x, target)`` as arrays or tensors, or an :class:`ArrayDataset`.

    The samples are numbered from 0 in the test part, and from a number of its own in each other part.

    Raises:
        DataError: the function fails, or returns something else.
    """
    factory: Callable[[str], Any] = source.factory  # type: ignore[assignment]  # of a source of this kind
    where = f"data.factory {getattr(factory, '__name__', 'function')}({split!r})"
    if source.fold is not None:
        raise DataError(f"{where}: expected no data.fold, a factory gives parts of its own; use seeds")
    try:
        given = factory(split)
    except SnnEvalError:
        raise
    except (Exception, SystemExit) as error:  # the user's code raises what it likes
        raise DataError(f"{where}: failed: {type(error).__name__}: {reason(error)}") from error
    if isinstance(given, ArrayDataset):
        return _of_theirs(given, split, where)
    try:
        x, target = (np.asarray(array) for array in given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{where}: expected (x, target), got {type(given).__name__}") from error
    y = checked_target(target, f"{where}: target")
    if len(x) != len(y):
        raise DataError(f"{where}: expected as many samples as classes, got {len(x)} and {len(y)}")
    classes = source.classes or tuple(map(str, range(1 + int(y.max()))))
    ids = np.arange(len(y), dtype=np.int64) + _first(split)
    return checked_dataset("factory", split, ids, x, y, classes, f"{where}: x")


def _of_theirs(given: ArrayDataset, split: str, where: str) -> ArrayDataset:
    if given.split != split or not len(given):
        raise DataError(f"{where}: expected samples of part {split!r}, got {len(given)} of part {given.split!r}")
    if len(np.unique(given.id)) != len(given):
        raise DataError(f"{where}: expected each id once, got some twice")
    # theirs may be anything; a result is found again only by what the samples are
    found = part_fingerprint(given.name, split, given.id, [np.asarray(given.x), given.target])
    return replace(given, fingerprint=found)


def _first(split: str) -> int:
    """Number of the first sample: far from those of other parts, whose sizes are not known here."""
    return 0 if split == "test" else (1 + zlib.crc32(split.encode())) << 30
