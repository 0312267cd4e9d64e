"""Data sets, each a fixed set of samples with fixed ids and splits, by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from snn_eval.data.chunk import Chunk
from snn_eval.data.dataset import ArrayDataset
from snn_eval.data.digits import load_digits
from snn_eval.errors import DataError

__all__ = ["DATASETS", "ArrayDataset", "Chunk", "load_dataset"]

DATASETS: dict[str, Callable[[str], ArrayDataset]] = {"digits": load_digits}
"""Name in a suite -> loader of one part."""


def load_dataset(name: str, split: str) -> ArrayDataset:
    """One part of a data set.

    Args:
        name: key of :data:`DATASETS`.
        split: name of the part.

    Raises:
        DataError: an unknown name, or what the loader of the set raises.
    """
    if name not in DATASETS:
        near = difflib.get_close_matches(name, DATASETS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise DataError(f"data set: expected one of {', '.join(DATASETS)}, got {name!r}{hint}")
    return DATASETS[name](split)
