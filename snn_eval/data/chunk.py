"""What goes into the probe: samples in chunks of a fixed size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

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

    def __len__(self) -> int:
        return len(self.id)
