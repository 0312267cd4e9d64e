"""SHA-256 of a checkpoint, without the frameworks it would take to read it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from snn_eval.errors import CheckpointError

__all__ = ["file_sha256"]


def file_sha256(path: Path) -> str:
    """SHA-256 of a file as hexadecimal digits.

    Raises:
        CheckpointError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path}: expected a readable file, got {error.strerror or error}") from error
