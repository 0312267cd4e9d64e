"""Folders of frames as spikingjelly leaves them: found by their number of frames, listed by class, recordings named."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snn_eval.data.dataset import ArrayDataset, part_fingerprint
from snn_eval.data.frames import opened_frames
from snn_eval.data.place import data_folder
from snn_eval.data.source import DataOptions
from snn_eval.errors import DataError

__all__ = ["FrameFolders", "Recording"]

_FOLDER = re.compile(r"frames_number_([1-9]\d*)_split_by_number")
_RAW = ("extract", "events_np", "download", *("*.aedat*", "*.events", "*.zip", "*.tar.gz"))
_SIDE = 128
"""Pixels of the camera in each direction."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording by what its name says: its number in the whole data set and the part it belongs to."""

    id: int
    part: str


@dataclass(frozen=True, slots=True)
class FrameFolders:
    """A data set of frames in ``<root>/frames_number_<T>_split_by_number/[<part>/]<class>/<recording>.npz``.

    Attributes:
        name: of the data set.
        root: its folder in the data folder.
        maker: spikingjelly's class that makes the frames.
        inside: part -> folder of its classes inside that of the frames, and how many recordings that folder has.
        folders: name of each class's folder -> name of the class, in the order of the classes.
        recording: name of a class's folder and of a file, without its ending -> what it says; None if it is none.
        names: how recordings are named, for messages.
    """

    name: str
    root: str
    maker: str
    inside: Mapping[str, tuple[str, int]]
    folders: Mapping[str, str]
    recording: Callable[[str, str], Recording | None]
    names: str

    def load(self, split: str, frames: int | None, options: DataOptions) -> ArrayDataset:
        """One part, ``[N,T',2,H,W]`` numbers of events (channel 1: brighter), of the frames of that number.

        Raises:
            DataError: there is no such folder, recordings are missing (and ``options.partial`` is not set), a name is
                none of this data set, or a file is damaged.
        """
        top = self._folder(data_folder(options.folder) / self.root, frames)
        number = int(_FOLDER.fullmatch(top.name)[1])  # type: ignore[index]
        inside, expected = self.inside[split]
        found = self._recordings(top / inside)
        if not found or (len(found) < expected and not options.partial):
            hint = "--partial-data uses those that are there" if found else f"spikingjelly's {self.maker} makes them"
            raise DataError(
                f"{self.name}: expected {expected:,} recordings in {top / inside}, found {len(found):,}; {hint}"
            )
        chosen = sorted((entry for entry in found if entry[0].part == split), key=lambda entry: entry[0].id)
        if not chosen:
            raise DataError(f"{self.name}: expected recordings of part {split} in {top / inside}, found none")
        x = opened_frames([path for _, _, path in chosen], number)
        ids = np.array([recording.id for recording, _, _ in chosen], dtype=np.int64)
        target = np.array([label for _, label, _ in chosen], dtype=np.int64)
        notes = []
        if len(found) < expected:
            notes.append(
                f"partial data: {len(found):,} of the {expected:,} recordings of {self.root}/{inside}".rstrip("/")
            )
        if x.frames[2:] != (_SIDE, _SIDE):
            notes.append(f"frames of {x.frames[2]}×{x.frames[3]} pixels, the camera has {_SIDE}×{_SIDE}")
        made = part_fingerprint(self.name, split, ids, [np.array(x.frames), x.checksums, target])
        return ArrayDataset(self.name, split, ids, x, target, tuple(self.folders.values()), made, notes=tuple(notes))

    def places(self, split: str, folder: Path) -> Mapping[str, bool]:
        """Where frames of a part are looked for, and whether there are some."""
        there = any((path / self.inside[split][0]).is_dir() for path in self._found(folder / self.root))
        return {f"{self.root}/frames_number_T_split_by_number": there}

    def _found(self, root: Path) -> Sequence[Path]:
        return sorted(path for path in root.glob("frames_number_*") if _FOLDER.fullmatch(path.name) and path.is_dir())

    def _folder(self, root: Path, frames: int | None) -> Path:
        """The folder of that number of frames, or the only one."""
        found = self._found(root)
        wanted = f"frames_number_{frames or 'T'}_split_by_number"
        for path in found:
            if path.name == wanted or (frames is None and len(found) == 1):
                if (path.with_name(f"{path.name}.building")).exists():
                    raise DataError(f"{path}: expected all frames, they were not finished; make them anew")
                return path
        if found and frames is None:
            raise DataError(f"{self.name}: expected data.frames to choose from {', '.join(p.name for p in found)}")
        raw = any(next(root.glob(pattern), None) for pattern in _RAW)
        held = ", ".join(path.name for path in found) or (
            "recordings as events, which are not read yet" if raw else "none"
        )
        make = f"{self.maker}(root, {self._train}data_type='frame', frames_number={frames or 'T'}, split_by='number')"
        raise DataError(
            f"{self.name}: expected frames in {root / wanted}, found {held}; spikingjelly makes them: {make}"
        )

    @property
    def _train(self) -> str:
        return "train, " if self.inside["test"][0] else ""

    def _recordings(self, folder: Path) -> list[tuple[Recording, int, Path]]:
        """What each file is: recording, class, path.

        Raises:
            DataError: a class or a file of another name, or a recording that is there twice.
        """
        found: dict[int, tuple[Recording, int, Path]] = {}
        labels = {name: label for label, name in enumerate(self.folders)}
        for path in _listed(folder):
            if path.name not in labels:
                raise DataError(f"{path}: expected folders {', '.join(labels)} in {folder}, found {path.name}")
            for file in _listed(path):
                recording = self.recording(path.name, file.stem) if file.suffix == ".npz" else None
                if recording is None or recording.id in found:
                    raise DataError(f"{file}: expected {self.names}, each once, got {file.name}")
                found[recording.id] = (recording, labels[path.name], file)
        return list(found.values())


def _listed(folder: Path) -> list[Path]:
    """What is in a folder, by name; nothing where it is none."""
    return sorted(path for path in folder.iterdir() if path.name[0] != ".") if folder.is_dir() else []
