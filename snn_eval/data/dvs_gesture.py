"""DVS128 Gesture: eleven gestures of 29 people before an event camera, as frames; its own split, by people."""

from __future__ import annotations

import re

from snn_eval.data.frame_folders import FrameFolders, Recording
from snn_eval.data.known import KnownDataset

__all__ = ["DVS_GESTURE"]

_GESTURES = (
    "hand_clapping",
    "right_hand_wave",
    "left_hand_wave",
    "right_arm_clockwise",
    "right_arm_counter_clockwise",
    "left_arm_clockwise",
    "left_arm_counter_clockwise",
    "arm_roll",
    "air_drums",
    "air_guitar",
    "other_gestures",
)
_LIGHTS = ("fluorescent", "fluorescent_led", "lab", "led", "natural")
_PEOPLE, _TRAINED = 29, 23
"""The first 23 are trained on."""
_MOST = 100
"""Recordings of one person under one light with one gesture are fewer."""

_VALIDATION = frozenset({5, 14, 23})
"""The first three of those 23 in the order of SHA-256 of ``dvs-gesture-1:<number>``."""


def _recording(folder: str, stem: str) -> Recording | None:
    """What ``user<person>_<light>_<number>`` says: ids count person, light, gesture and number, in that order."""
    found = re.fullmatch(rf"user(\d\d)_({'|'.join(_LIGHTS)})_(0|[1-9]\d?)", stem)
    person = int(found[1]) if found else 0
    if found is None or not 1 <= person <= _PEOPLE:
        return None
    place = ((person - 1) * len(_LIGHTS) + _LIGHTS.index(found[2])) * len(_GESTURES) + int(folder)
    part = "test" if person > _TRAINED else "validation" if person in _VALIDATION else "train"
    return Recording(place * _MOST + int(found[3]), part)


_FRAMES = FrameFolders(
    "dvs-gesture",
    root="DVS128Gesture",
    maker="DVS128Gesture",
    inside={"train": ("train", 1_176), "validation": ("train", 1_176), "test": ("test", 288)},
    # spikingjelly numbers folders from 0, and classes in the order of the folders' names as texts: 0, 1, 10, 2, …
    folders={str(number): _GESTURES[number] for number in sorted(range(len(_GESTURES)), key=str)},
    recording=_recording,
    names=f"user<person>_<light>_<number>.npz, people 01 … {_PEOPLE}, lights {', '.join(_LIGHTS)}",
)

DVS_GESTURE = KnownDataset(
    "dvs-gesture",
    {"train": 1_020, "validation": 156, "test": 288},
    licence="CC BY 4.0",
    source="Amir et al. 2017, research.ibm.com/interactive/dvsgesture",
    load=lambda split, options: _FRAMES.load(split, None, options),
    load_frames=_FRAMES.load,
    places=_FRAMES.places,
    fetched=False,
    shape=(2, 128, 128),
    classes=len(_GESTURES),
)
