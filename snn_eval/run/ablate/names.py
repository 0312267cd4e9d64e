"""Names of an ablation's folders: readable, safe on every file system, different for different rows and axes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["axes_folder", "row_folders", "slug"]

_MOST = 60


def slug(text: str) -> str:
    """The text in small letters, digits and dashes; a long one ends with a hash of it.

    >>> slug("B0 + early exit")
    'b0-early-exit'
    """
    plain = re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")
    return plain if 0 < len(plain) <= _MOST else f"{plain[: _MOST - 9]}-{_hash(text)}".lstrip("-")


def row_folders(names: Sequence[str]) -> dict[str, str]:
    """Folder of each row; of two whose slugs are equal both get a hash of their names.

    >>> row_folders(["A b", "a-b", "c"])
    {'A b': 'a-b-a760b0e1', 'a-b': 'a-b-d44362d6', 'c': 'c'}
    """
    slugs = [slug(name) for name in names]
    return {
        name: made if slugs.count(made) == 1 else f"{made}-{_hash(name)}"
        for name, made in zip(names, slugs, strict=True)
    }


def axes_folder(axes: Mapping[str, Any]) -> str:
    """Folder of one choice of the axes; empty where there are none.

    >>> axes_folder({"input.time_steps": 4, "train.tet": 0.5})
    'input.time-steps-4-train.tet-0.5'
    """
    told = ",".join(f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in axes.items())
    made = slug(told) if told else ""
    shown = re.fullmatch(r"[a-z0-9._=,]*", told) and len(told) <= _MOST  # a sign or a bracket is lost in the slug
    return made if shown else f"{made}-{_hash(told)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
