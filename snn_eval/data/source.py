"""Names a data set and says where to look for it: what a suite asks for, and what the command line adds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from snn_eval.data.split import Fold
from snn_eval.errors import DataError

__all__ = ["DataOptions", "DataSource"]


@dataclass(frozen=True, slots=True)
class DataSource:
    """A data set: exactly one of ``name``, ``images``, ``arrays`` and ``factory``.

    Attributes:
        name: a data set this project knows.
        images: folder of images of the user's.
        arrays: ``.npz`` or ``.h5`` file of the user's.
        factory: function of the user's, called with the name of a part; returns samples and classes.
        classes: names of the classes; found or numbered if empty.
        shares: part -> share, for images and arrays without parts of their own.
        size: height and width images are resized to; None leaves them as they are.
        fold: of a cross-validation, for data that come as one pool; None is their usual parts.
        frames: how many frames a recording was made into, for data of ours that lie there as such.
        folder: what a relative path starts from; None is the current folder.
    """

    name: str | None = None
    images: str | None = None
    arrays: str | None = None
    factory: Callable[[str], object] | None = None
    classes: tuple[str, ...] = ()
    shares: Mapping[str, float] | None = None
    size: tuple[int, int] | None = None
    fold: Fold | None = None
    frames: int | None = None
    folder: Path | None = None

    def __post_init__(self) -> None:
        kinds = ("name", "images", "arrays", "factory")
        given = [kind for kind in kinds if getattr(self, kind) is not None]
        if len(given) != 1:
            raise DataError(f"data: expected exactly one of {', '.join(kinds)}, got {', '.join(given) or 'none'}")
        if self.frames is not None and self.name is None:
            raise DataError(f"data.frames: expected a data set by name, got {given[0]}")

    def path(self, relative: str) -> Path:
        """A path of this source, from ``folder`` where it is relative."""
        return (self.folder or Path()) / relative


def _nobody(text: str) -> None:
    """Where nobody listens."""


@dataclass(frozen=True, slots=True)
class DataOptions:
    """What decides where data come from, and never which numbers they give.

    Attributes:
        folder: the data folder; None is ``$SNN_EVAL_DATA``, else a folder of the user's (see
            :func:`snn_eval.data.place.data_folder`).
        partial: a training part of which files are missing is used as far as it is there.
        download: what is missing is fetched from the official mirrors.
        tell: called with a line about a download, for whoever watches.
    """

    folder: Path | None = None
    partial: bool = False
    download: bool = True
    tell: Callable[[str], None] = field(default=_nobody, compare=False)
