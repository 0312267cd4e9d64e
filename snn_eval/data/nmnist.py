"""N-MNIST: the digits of MNIST before a moving event camera, 34×34 pixels; the official files of one recording each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snn_eval.data.dataset import ArrayDataset, part_fingerprint
from snn_eval.data.events import BinnedEvents
from snn_eval.data.known import KnownDataset
from snn_eval.data.place import data_folder
from snn_eval.data.source import DataOptions
from snn_eval.errors import DataError

__all__ = ["BINS", "BIN_US", "NMNIST", "read_recording"]

BIN_US = 1_000
BINS = 300
"""A frame is a millisecond, a sample the first 300: three saccades of about 100 ms."""

_SIDE = 34
_EVENT_BYTES = 5
_MARK, _MARK_US = 240, 2**13
"""An event whose y is 240 is none: the camera's clock ran over, and all later times are so much later."""

_OFFICIAL = {"Train": 60_000, "Test": 10_000}
_CLASSES = tuple("0123456789")

Recording = tuple[int, int, Path]
"""Number in the official part from 1, class, file."""


def read_recording(content: bytes, where: str) -> tuple[NDArray[np.int64], ...]:
    """Columns x, y, polarity (1: brighter) and time in µs of the events of a recording.

    Five bytes an event: x, y, then one bit of polarity and 23 bits of time, the highest first.

    Raises:
        DataError: a number of bytes that is no number of events, or a pixel outside 34×34.
    """
    if len(content) % _EVENT_BYTES:
        raise DataError(f"{where}: expected events of {_EVENT_BYTES} bytes, got {len(content)} bytes; a damaged file")
    raw = np.frombuffer(content, dtype=np.uint8).reshape(-1, _EVENT_BYTES).astype(np.int64)
    x, y, polarity = raw[:, 0], raw[:, 1], raw[:, 2] >> 7
    time = ((raw[:, 2] & 127) << 16 | raw[:, 3] << 8 | raw[:, 4]) + _MARK_US * np.cumsum(y == _MARK)
    real = y != _MARK
    x, y, polarity, time = x[real], y[real], polarity[real], time[real]
    if len(x) and max(x.max(), y.max()) >= _SIDE:
        raise DataError(f"{where}: expected pixels 0 … {_SIDE - 1}, got {max(x.max(), y.max())}; not of N-MNIST")
    return x, y, polarity, time


def _load(split: str, options: DataOptions) -> ArrayDataset:
    """One part: ``[N, 300, 2, 34, 34]`` counts (channel 1: brighter); ids are official places, test after train.

    Raises:
        DataError: recordings are missing (and ``options.partial`` is not set), or one is damaged.
    """
    official = "Test" if split == "test" else "Train"
    folder = data_folder(options.folder) / "N-MNIST" / official
    found = _recordings(folder)
    expected = _OFFICIAL[official]
    if not found or (len(found) < expected and not options.partial):
        hint = "--partial-data uses those that are there" if found else "unpack Train.zip and Test.zip there"
        raise DataError(f"nmnist: expected {expected:,} recordings in {folder}, found {len(found):,}; {hint}")
    chosen = [recording for recording in found if split == "test" or _part(recording[0]) == split]
    if not chosen:
        raise DataError(f"nmnist: expected recordings of part {split} in {folder}, found none")
    x, late, total = _read(chosen)
    target = np.array([label for _, label, _ in chosen], dtype=np.int64)
    first = _OFFICIAL["Train"] if split == "test" else 0
    ids = np.array([number for number, _, _ in chosen], dtype=np.int64) - 1 + first
    notes = [f"events after {BIN_US * BINS // 1000} ms are left out: {late:,} of {total:,}"]
    if len(found) < expected:
        notes.insert(0, f"partial data: {len(found):,} of the {expected:,} recordings of N-MNIST's {official}")
    fingerprint = part_fingerprint("nmnist", split, ids, [x.place, x.start, np.array(x.frames), target])
    return ArrayDataset("nmnist", split, ids, x, target, _CLASSES, fingerprint, notes=tuple(notes))


def _recordings(folder: Path) -> list[Recording]:
    """Recordings of ``<class>/<number>.bin``, by number.

    Raises:
        DataError: a number that is none of the official part's, or is there twice.
    """
    found: dict[int, Recording] = {}
    for label in range(len(_CLASSES)):
        for path in (folder / str(label)).glob("*.bin"):
            number = int(path.stem) if path.stem.isdecimal() else 0
            if not 1 <= number <= _OFFICIAL[folder.name] or number in found:
                why = f"also in {found[number][2].parent.name}" if number in found else "no number of a recording"
                raise DataError(f"{path}: expected <class>/<number>.bin, each number once, got {path.name}: {why}")
            found[number] = (number, label, path)
    return [found[number] for number in sorted(found)]


def _read(recordings: list[Recording]) -> tuple[BinnedEvents, int, int]:
    """The events in their bins, how many come too late, and how many there are."""
    places, start, total = [], [0], 0
    for _, _, path in recordings:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(f"{path}: expected a readable file, got {error.strerror or error}") from error
        x, y, polarity, time = read_recording(content, str(path))
        total += len(x)
        place = ((time // BIN_US * 2 + polarity) * _SIDE + y) * _SIDE + x
        place = place[time < BIN_US * BINS].astype(np.int32)
        places.append(place)
        start.append(start[-1] + len(place))
    binned = BinnedEvents(np.concatenate(places), np.array(start, dtype=np.int64), (BINS, 2, _SIDE, _SIDE))
    return binned, total - start[-1], total


def _part(number: int) -> str:
    """Part of a training recording: of every ten in the official order one, drawn by hash, is for validation.

    It depends on the number alone, so that each recording is in its part whatever else is there.
    """
    block, place = divmod(number - 1, 10)
    drawn = int.from_bytes(hashlib.sha256(f"nmnist-1:{block}".encode()).digest()[:8], "big") % 10
    return "validation" if place == drawn else "train"


def _places(split: str, folder: Path) -> Mapping[str, bool]:
    official = "Test" if split == "test" else "Train"
    return {f"N-MNIST/{official}": (folder / "N-MNIST" / official).is_dir()}


NMNIST = KnownDataset(
    "nmnist",
    {"train": 54_000, "validation": 6_000, "test": 10_000},
    licence="CC BY-SA 4.0",
    source="Orchard, Jayawant, Cohen and Thakor 2015, garrickorchard.com/datasets/n-mnist",
    load=_load,
    places=_places,
    fetched=False,
    shape=(2, 34, 34),
    classes=10,
)
