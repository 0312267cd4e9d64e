"""CIFAR10-DVS: images of CIFAR-10 moved before an event camera, as frames; the split that SEW-ResNet is known with."""

from __future__ import annotations

import re
from functools import cache

import numpy as np

from snn_eval.data.frame_folders import FrameFolders, Recording
from snn_eval.data.known import TRAIN_SHARES, KnownDataset
from snn_eval.data.split import hash_split

__all__ = ["CIFAR10_DVS"]

_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_EACH = 1_000
_TRAINED = 900
"""Of each class: the first 90 % in the order of the files' names, ``…_10`` before ``…_2``."""


def _recording(folder: str, stem: str) -> Recording | None:
    """What ``cifar10_<class>_<number>`` says: ids are 1000 · class + number."""
    found = re.fullmatch(rf"cifar10_{folder}_(0|[1-9]\d?\d?)", stem)
    return None if found is None else Recording(*_parts()[_EACH * _CLASSES.index(folder) + int(found[1])])


@cache
def _parts() -> list[tuple[int, str]]:
    """Id and part of every recording: which part depends on class and number alone, whatever else is there."""
    place = {int(number): place for place, number in enumerate(sorted(map(str, range(_EACH))))}
    drawn = hash_split(np.repeat(np.arange(len(_CLASSES)), _TRAINED), TRAIN_SHARES, "cifar10-dvs-1")
    return [
        (_EACH * label + number, str(drawn[_TRAINED * label + place[number]]) if place[number] < _TRAINED else "test")
        for label in range(len(_CLASSES))
        for number in range(_EACH)
    ]


_FRAMES = FrameFolders(
    "cifar10-dvs",
    root="CIFAR10DVS",
    maker="CIFAR10DVS",
    inside=dict.fromkeys(("train", "validation", "test"), ("", len(_CLASSES) * _EACH)),
    folders={name: name for name in _CLASSES},
    recording=_recording,
    names=f"cifar10_<class>_<number>.npz, numbers 0 … {_EACH - 1}",
)

CIFAR10_DVS = KnownDataset(
    "cifar10-dvs",
    {"train": 8_100, "validation": 900, "test": 1_000},
    licence="see figshare",
    source="Li, Liu, Ji, Li and Shi 2017, figshare.com/articles/dataset/CIFAR10-DVS_New/4724671",
    load=lambda split, options: _FRAMES.load(split, None, options),
    load_frames=_FRAMES.load,
    places=_FRAMES.places,
    fetched=False,
    shape=(2, 128, 128),
    classes=len(_CLASSES),
)
