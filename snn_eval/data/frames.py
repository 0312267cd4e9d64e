"""Event recordings that were made into frames beforehand, one file each; read where they are asked for."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn_eval.data.reason import reason
from snn_eval.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FrameFiles", "opened_frames"]

_MEMBER = "frames.npy"


class _Facts(NamedTuple):
    """What a file says of its frames before they are read: shape, type, and the checksum of their bytes."""

    shape: tuple[int, ...]
    dtype: str
    crc: int


@dataclass(frozen=True, slots=True)
class FrameFiles:
    """Samples ``[N,T',2,H,W]`` whose values are numbers of events, each in a file; read like an array of float32.

    Attributes:
        paths: ``.npz`` files with the key ``frames``.
        frames: shape of one sample.
        checksums: ``[N]``, CRC-32 of each file's frames with their header, which their reading checks.
    """

    paths: tuple[Path, ...]
    frames: tuple[int, ...]
    checksums: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def shape(self) -> tuple[int, ...]:
        """``[N,T',2,H,W]``."""
        return (len(self), *self.frames)

    def __getitem__(self, index: slice | NDArray[np.int64]) -> NDArray[np.float32]:
        """Frames of some recordings.

        Raises:
            DataError: a file is damaged or has been changed, or its values are no numbers of events.
        """
        chosen = np.arange(len(self))[index]
        out = np.empty((len(chosen), *self.frames), dtype=np.float32)
        for row, number in enumerate(chosen):
            out[row] = self._read(number)
        return out

    def _read(self, number: int) -> NDArray[np.generic]:
        path = self.paths[number]
        with _member(path) as (file, info):
            facts = _facts(file, info)
            if (facts.shape, facts.crc) != (self.frames, self.checksums[number]):
                raise DataError(f"{path}: expected the frames it had when the data were opened, found others")
        with _member(path) as (file, _):
            values = np.lib.format.read_array(file, allow_pickle=False)
        if not (np.isfinite(values).all() and (values >= 0).all() and (values == np.rint(values)).all()):
            raise DataError(f"{path}: expected numbers of events, whole and not negative, found other values")
        return values


def opened_frames(paths: Sequence[Path], frames: int) -> FrameFiles:
    """Files of frames, each looked into without being read.

    Args:
        paths: one or more ``.npz`` files.
        frames: T', how many each holds.

    Raises:
        DataError: a file is damaged, has no ``frames``, or they are not ``[T',2,H,W]`` of the size of the first file.
    """
    shape: tuple[int, ...] = ()
    checksums = []
    for path in paths:
        with _member(path) as (file, info):
            facts = _facts(file, info)
        if len(facts.shape) != 4 or facts.shape[:2] != (frames, 2) or facts.dtype[1] not in "fiu":
            raise DataError(
                f"{path}: expected frames [{frames},2,H,W] of numbers, got {facts.dtype} {list(facts.shape)}"
            )
        shape = shape or facts.shape
        if facts.shape != shape:
            raise DataError(f"{path}: expected frames {list(shape)} as in {paths[0].name}, got {list(facts.shape)}")
        checksums.append(facts.crc)
    return FrameFiles(tuple(paths), shape, np.array(checksums, dtype=np.int64))


@contextmanager
def _member(path: Path) -> Iterator[tuple[IO[bytes], zipfile.ZipInfo]]:
    """The frames of a file, as bytes; every failure in one line."""
    try:
        with zipfile.ZipFile(path) as archive:
            if _MEMBER not in archive.namelist():
                held = ", ".join(name.removesuffix(".npy") for name in archive.namelist()) or "nothing"
                raise DataError(f"{path}: expected an .npz file with the key frames, found {held}")
            info = archive.getinfo(_MEMBER)
            with archive.open(info) as file:
                yield file, info
    except DataError:
        raise
    except Exception as error:  # zip, zlib and numpy each fail in their own ways
        raise DataError(f"{path}: expected a readable .npz file of frames, got {reason(error)}") from error


def _facts(file: IO[bytes], info: zipfile.ZipInfo) -> _Facts:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return _Facts(tuple(shape), dtype.str, info.CRC)
