"""A part of a data set in memory: samples with fixed ids, cut into chunks that are the same in every run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from snn_eval.data.chunk import Chunk
from snn_eval.data.events import BinnedEvents
from snn_eval.data.frames import FrameFiles
from snn_eval.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ArrayDataset", "fingerprint", "part_fingerprint"]


@dataclass(frozen=True, slots=True)
class ArrayDataset:
    """Samples of one part of a data set.

    Attributes:
        name: of the data set.
        split: name of the part: ``train``, ``validation`` or ``test``.
        id: ``[N]``, number of each sample in the whole data set; the same in every split and run.
        x: ``[N,…]`` float32, bytes, which take a quarter of the memory, events, or files of frames.
        target: ``[N]``, class of each sample.
        classes: names of the classes, K of them.
        fingerprint: hash of the content and the split, of this part or (digits) of the whole data set.
        divisor: what ``x`` is divided by on its way into a network: 255 for bytes, 1 for values as they are.
        notes: what a reader of the numbers must know, for the record.
    """

    name: str
    split: str
    id: NDArray[np.int64]
    x: NDArray[np.float32] | NDArray[np.uint8] | BinnedEvents | FrameFiles
    target: NDArray[np.int64]
    classes: tuple[str, ...]
    fingerprint: str
    divisor: float = 1.0
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.id) == len(self.x) == len(self.target):
            raise DataError(
                f"{self.name}: expected as many samples as ids and targets, "
                f"got {len(self.x)}, {len(self.id)} and {len(self.target)}"
            )
        if len(self.target) and not 0 <= self.target.min() <= self.target.max() < len(self.classes):
            raise DataError(f"{self.name}: expected targets 0 … {len(self.classes) - 1}, got {self.target.max()}")

    def __len__(self) -> int:
        return len(self.id)

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return self.x.shape[1:]

    def chunks(self, batch_size: int, limit: int | None = None) -> Iterator[Chunk]:
        """The samples in order, ``batch_size`` at a time, the last chunk shorter.

        Args:
            batch_size: samples of a chunk. Chunk i always holds the samples i·batch_size …, so a limited or resumed
                run sees the same chunks as a whole one.
            limit: only the first that many samples.

        Raises:
            DataError: batch_size or limit below 1.
        """
        if batch_size < 1:
            raise DataError(f"batch_size: expected 1 or more, got {batch_size}")
        if limit is not None and limit < 1:
            raise DataError(f"limit: expected 1 or more, got {limit}")
        end = len(self) if limit is None else min(limit, len(self))
        for index, start in enumerate(range(0, end, batch_size)):
            part = slice(start, min(start + batch_size, end))
            yield Chunk(index, self.id[part], self.batch(part), self.target[part])

    def batch(self, index: slice | NDArray[np.int64] | Tensor) -> Tensor:
        """Samples at some places, ``[n,…]`` float32 (bytes divided by ``divisor``), copied.

        Args:
            index: places in this part, ``[n]`` (not ids).
        """
        import torch  # here, so that suites are read and listed without it

        places = index if isinstance(index, slice) else np.asarray(index)
        values = self.x[places].astype(np.float32)  # a copy: what is done to a batch never reaches the data
        if self.divisor != 1:
            values /= np.float32(self.divisor)
        return torch.from_numpy(values)

    def tensors(self) -> tuple[Tensor, Tensor]:
        """All samples ``[N,…]`` float32 and targets ``[N]``, copied: four times the memory of a part kept as bytes."""
        import torch

        return self.batch(slice(None)), torch.from_numpy(self.target.copy())


def fingerprint(arrays: Sequence[NDArray[np.generic]], split: NDArray[np.str_]) -> str:
    """SHA-256 over each array's dtype, shape and bytes and over the split of every sample, as hexadecimal digits.

    Args:
        arrays: the data as read, before any scaling.
        split: ``[N]``, the part each sample belongs to.
    """
    digest = hashlib.sha256()
    for array in arrays:
        _update(digest, array)
    digest.update("\n".join(split.tolist()).encode())
    return digest.hexdigest()


def part_fingerprint(name: str, split: str, ids: NDArray[np.int64], arrays: Sequence[NDArray[np.generic]]) -> str:
    """SHA-256 over the names of data set and part, the samples' ids and each array, as hexadecimal digits.

    Two parts of equal fingerprint hold the same samples in the same order; the other parts need not be read for it.
    """
    digest = hashlib.sha256(f"{name}/{split}\n".encode())
    for array in (ids, *arrays):
        _update(digest, array)
    return digest.hexdigest()


def _update(digest: hashlib._Hash, array: NDArray[np.generic]) -> None:
    little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
    digest.update(f"{little.dtype.str}{little.shape}".encode())
    digest.update(little.data)
