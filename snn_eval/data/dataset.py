"""A part of a data set in memory: samples with fixed ids, cut into chunks that are the same in every run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from snn_eval.data.chunk import Chunk
from snn_eval.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ArrayDataset", "fingerprint"]


@dataclass(frozen=True, slots=True)
class ArrayDataset:
    """Samples of one part of a data set.

    Attributes:
        name: of the data set.
        split: name of the part: ``train``, ``validation`` or ``test``.
        id: ``[N]``, number of each sample in the whole data set; the same in every split and run.
        x: ``[N,…]`` float32.
        target: ``[N]``, class of each sample.
        classes: names of the classes, K of them.
        fingerprint: hash of the whole data set and its split; the same for every part.
    """

    name: str
    split: str
    id: NDArray[np.int64]
    x: NDArray[np.float32]
    target: NDArray[np.int64]
    classes: tuple[str, ...]
    fingerprint: str

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
        import torch  # here, so that suites are read and listed without it

        end = len(self) if limit is None else min(limit, len(self))
        for index, start in enumerate(range(0, end, batch_size)):
            part = slice(start, min(start + batch_size, end))
            yield Chunk(index, self.id[part], torch.from_numpy(self.x[part].copy()), self.target[part])

    def tensors(self) -> tuple[Tensor, Tensor]:
        """All samples ``[N,…]`` and targets ``[N]``, copied."""
        import torch

        return torch.from_numpy(self.x.copy()), torch.from_numpy(self.target.copy())


def fingerprint(arrays: Sequence[NDArray[np.generic]], split: NDArray[np.str_]) -> str:
    """SHA-256 over each array's dtype, shape and bytes and over the split of every sample, as hexadecimal digits.

    Args:
        arrays: the data as read, before any scaling.
        split: ``[N]``, the part each sample belongs to.
    """
    digest = hashlib.sha256()
    for array in arrays:
        little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(f"{little.dtype.str}{little.shape}".encode())
        digest.update(little.tobytes())
    digest.update("\n".join(split.tolist()).encode())
    return digest.hexdigest()
