"""A user's own images: a folder for each class, in folders for the parts or split by shares."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snn_eval.data.checked import checked_dataset
from snn_eval.data.dataset import ArrayDataset
from snn_eval.data.parts import Parts
from snn_eval.data.reason import reason
from snn_eval.data.source import DataSource
from snn_eval.errors import DataError

__all__ = ["ENDINGS", "load_images"]

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff")
_PARTS = ("train", "validation", "test")
_LITTER = ("Thumbs.db", "desktop.ini")
"""Files that systems put beside images."""
_CHANNELS = {"1": "L", "L": "L", "LA": "L", "P": "RGB", "RGB": "RGB", "RGBA": "RGB", "CMYK": "RGB", "YCbCr": "RGB"}
"""Pillow's mode of a file -> grey or colour; transparency is left out."""


def load_images(source: DataSource, split: str) -> ArrayDataset:
    """One part of a folder of images: ``[N,1,H,W]`` (grey) or ``[N,3,H,W]`` (colour) bytes.

    The folder holds ``<class>/<file>``, split by ``source.shares``, or ``<part>/<class>/<file>``. Where it has a part
    ``train`` and none named ``validation``, a tenth of ``train`` is the validation part. Only the images of the part
    are read; files in all of them are counted.

    Raises:
        DataError: no such folder, no images, a damaged one (named), or images of several sizes or kinds.
    """
    root = source.path(str(source.images))
    try:
        files = _files(root)
    except OSError as error:
        raise DataError(f"data.images: expected a readable folder {root}, got {error.strerror or error}") from error
    classes = _classes(source, files, root)
    paths = {part: [path for name in classes for path in by_class.get(name, ())] for part, by_class in files.items()}
    targets = {
        part: np.repeat(np.arange(len(classes)), [len(by_class.get(name, ())) for name in classes])
        for part, by_class in files.items()
    }
    found = Parts("images", targets, source.shares, source.fold).of(split)
    x = _read([paths[found.own][place] for place in found.place.tolist()], source.size)
    return checked_dataset("images", split, found.id, x, found.target, classes, str(root))


def _files(root: Path) -> Mapping[str, Mapping[str, Sequence[Path]]]:
    """Part (``""`` if there are none) -> class -> image files, all in order of their names."""
    if not root.is_dir():
        raise DataError(f"data.images: expected the folder {root}, found {'a file' if root.exists() else 'none'}")
    folders = _folders(root)
    if folders and all(folder.name in _PARTS for folder in folders):
        return {part.name: {folder.name: _images(folder) for folder in _folders(part)} for part in folders}
    by_class = {folder.name: _images(folder) for folder in folders}
    empty = next((name for name, images in by_class.items() if not images), None)
    if not by_class or empty is not None:
        where = root / (empty or "<class>")
        raise DataError(f"data.images: expected images in {where}, found none ({', '.join(ENDINGS)})")
    return {"": by_class}


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def _images(folder: Path) -> list[Path]:
    found = [path for path in folder.iterdir() if not path.name.startswith(".") and path.name not in _LITTER]
    for path in found:
        if path.is_dir():
            raise DataError(
                f"{folder}: expected images, found the folder {path.name}; parts are named {', '.join(_PARTS)}"
            )
        if path.suffix.lower() not in ENDINGS:
            raise DataError(f"{path}: expected an image ({', '.join(ENDINGS)}); move it elsewhere")
    return sorted(found)


def _classes(source: DataSource, files: Mapping[str, Mapping[str, Sequence[Path]]], root: Path) -> tuple[str, ...]:
    there = sorted({name for by_class in files.values() for name in by_class})
    if source.classes and sorted(source.classes) != there:
        raise DataError(
            f"data.classes: expected the folders of {root}, {', '.join(there)}; got {', '.join(source.classes)}"
        )
    return source.classes or tuple(there)


def _read(paths: Sequence[Path], size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """All images ``[N,C,H,W]``; the first one decides kind and size."""
    first = _image(paths[0], size)
    x = np.empty((len(paths), *first.shape), np.uint8)
    x[0] = first
    for place, path in enumerate(paths[1:], start=1):
        image = _image(path, size)
        if image.shape != first.shape:
            raise DataError(
                f"{path}: expected {_shape(first)} like {paths[0].name}, got {_shape(image)}; "
                "data.size = [height, width] resizes, and all must be grey or all in colour"
            )
        x[place] = image
    return x


def _image(path: Path, size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """One image ``[C,H,W]``, turned as its file says, the first one of an animation."""
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as file:
                kind = _CHANNELS.get(file.mode)
                if kind is None:
                    raise DataError(f"{path}: expected 8 bits a channel, grey or RGB, got mode {file.mode}")
                image = ImageOps.exif_transpose(file).convert(kind)
                if size is not None:
                    image = image.resize(size[::-1], Image.Resampling.BILINEAR)
    except DataError:
        raise
    except Exception as error:  # a damaged image fails in many ways
        raise DataError(
            f"{path}: expected an image, got a damaged one ({type(error).__name__}: {reason(error)})"
        ) from error
    pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _shape(image: NDArray[np.uint8]) -> str:
    channels, height, width = image.shape
    return f"{height}×{width} {'grey' if channels == 1 else 'colour'}"
