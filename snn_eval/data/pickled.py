"""Reads the pickled batches of CIFAR without running code from them.

A pickle is a program. Here it may only build plain values and arrays, and nothing it names is looked up: the four names
such a batch needs are answered by stand-ins that keep what they are given, and the bytes become an array afterwards.
"""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn_eval.data.reason import reason
from snn_eval.errors import DataError

__all__ = ["read_batch"]


class _Kept:
    """What a pickle says an array or its type is."""

    def __init__(self, *given: Any) -> None:
        self.given = given
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


def _encoded(text: str, encoding: str) -> bytes:
    """Bytes as Python 3 writes them into pickles of old protocols."""
    return text.encode("latin1" if encoding == "latin1" else "utf-8")


_NAMES: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _Kept,
    ("numpy._core.multiarray", "_reconstruct"): _Kept,
    ("numpy", "ndarray"): _Kept,
    ("numpy", "dtype"): _Kept,
    ("_codecs", "encode"): _encoded,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _NAMES:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no image batch needs; nothing was run")
        return _NAMES[module, name]


def read_batch(
    content: bytes, labels: str, classes: int, values: int, where: str
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images ``[N,values]`` and classes ``[N]`` of a pickled batch.

    Args:
        content: of the file.
        labels: key the classes stand under: ``labels`` or ``fine_labels``.
        classes: K.
        values: of one image.
        where: the file, for messages.

    Raises:
        DataError: not a pickled batch, a pickle that asks for code, other shapes, or a label out of range.

    Source:
        A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009; layout of the Python version.
    """
    try:
        tree = _Unpickler(io.BytesIO(content), encoding="bytes").load()
    except Exception as error:  # a damaged pickle fails in many ways, and each means the same
        raise DataError(
            f"{where}: expected a pickled batch of images, got {reason(error)}; get the file again"
        ) from error
    if not isinstance(tree, dict):
        raise DataError(f"{where}: expected a dictionary, found {type(tree).__name__}")
    x = _array(_entry(tree, "data", where), values, where)
    target = _entry(tree, labels, where)
    if not isinstance(target, list) or not all(type(label) is int for label in target):
        raise DataError(f"{where}: expected a list of whole numbers as {labels}, found something else")
    if len(target) != len(x):
        raise DataError(f"{where}: expected {len(x):,} labels for as many images, found {len(target):,}")
    wrong = next((label for label in target if not 0 <= label < classes), None)
    if wrong is not None:
        raise DataError(f"{where}: expected labels 0 … {classes - 1}, found {wrong}")
    return x, np.array(target, dtype=np.int64)


def _entry(tree: dict[Any, Any], key: str, where: str) -> Any:
    found = tree.get(key.encode(), tree.get(key))
    if found is None:
        raise DataError(f"{where}: expected an entry {key!r}, found none")
    return found


def _array(kept: Any, values: int, where: str) -> NDArray[np.uint8]:
    """The array of bytes a pickle describes: state is (version, shape, type, Fortran order?, bytes)."""
    try:
        _, shape, kind, fortran, content = kept.state
        letters = kind.given[0]
        rows, columns = shape
        whole = isinstance(content, bytes) and len(content) == math.prod(shape)
    except (AttributeError, TypeError, ValueError, IndexError) as error:
        raise DataError(f"{where}: expected an array of images as data, found something else") from error
    if letters not in ("u1", b"u1", "|u1", b"|u1") or columns != values or not rows > 0 or not whole:
        raise DataError(f"{where}: expected bytes [N,{values}] as data, found {shape} of type {letters!r}")
    return np.frombuffer(content, np.uint8).reshape(shape, order="F" if fortran else "C")
