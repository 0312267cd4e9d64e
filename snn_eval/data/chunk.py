"""What goes into the probe: samples in chunks of a fixed size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from snn_eval.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Chunk"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Up to ``batch_size`` samples, ready to be fed: ``x`` has them on the network's ``sample_axis``.

    ``group_id`` is the recording each clip belongs to (default: the id itself); ``valid_steps`` how many of the
    T steps hold data (default: all). ``index`` numbers the chunk within the data set.
    """

    index: int
    id: NDArray[np.int64]
    x: Tensor
    target: NDArray[np.int64]
    group_id: NDArray[np.int64] | None = None
    valid_steps: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        """Refuse facts that are not of every sample.

        Raises:
            DataError: ids and targets (or groups, valid steps) of different numbers of samples.
        """
        for name in ("target", "group_id", "valid_steps"):
            given = getattr(self, name)
            if given is not None and len(given) != len(self.id):
                raise DataError(f"chunk {self.index}: expected {name} of {len(self.id)} samples, got {len(given)}")

    def __len__(self) -> int:
        return len(self.id)
