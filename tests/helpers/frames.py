"""Frames of event recordings as spikingjelly leaves them on disk, small ones, for tests of what reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["GESTURE", "IMAGES", "drawn", "write_frames"]

IMAGES, GESTURE = "CIFAR10DVS", "DVS128Gesture"
"""Folders of CIFAR10-DVS and DVS128 Gesture in a data folder."""


def drawn(seed: int, steps: int = 4, side: int = 16) -> NDArray[np.float64]:
    """Numbers of events ``[T,2,H,W]``, 0 … 3."""
    return np.random.default_rng(seed).integers(0, 4, (steps, 2, side, side)).astype(np.float64)


def write_frames(path: Path, frames: NDArray[Any], *, packed: bool = False) -> None:
    """One recording, ``.npz`` with the key ``frames``; the folders it needs are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    (np.savez_compressed if packed else np.savez)(path, frames=frames)
