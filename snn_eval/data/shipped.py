"""Finds the suites and checkpoints that come with the project, in a checkout and in an installed copy alike."""

from __future__ import annotations

from pathlib import Path

import snn_eval
from snn_eval.errors import InputError

__all__ = ["shipped_folder"]


def shipped_folder(name: str) -> Path:
    """The folder ``suites`` or ``checkpoints``: beside the package in a checkout, else inside the package.

    Raises:
        InputError: neither is there.
    """
    package = Path(snn_eval.__file__).parent
    beside = package.parent / name
    # a folder of that name in site-packages belongs to someone else: only a checkout has this file
    if (package.parent / "pyproject.toml").is_file() and beside.is_dir():
        return beside
    inside = package / "_shipped" / name
    if inside.is_dir():
        return inside
    raise InputError(f"the folder {name} is missing from this installation; install snn-eval again")
