"""NIR graphs (the neuromorphic intermediate representation): read, built as a network, written."""

from __future__ import annotations

from pathlib import Path

__all__ = ["is_nir"]


def is_nir(path: Path) -> bool:
    """Whether a file is a NIR graph by its name."""
    return path.suffix == ".nir"
