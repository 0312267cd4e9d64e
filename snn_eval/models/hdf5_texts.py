"""Reads the texts of an HDF5 file in a process of its own first: in damaged ones HDF5's library crashes, not raises."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from snn_eval.errors import CheckpointError

__all__ = ["refuse_crashing"]

_SECONDS = 60

_READ = """
import sys
import h5py

def read(name, part):
    if isinstance(part, h5py.Dataset) and part.dtype.kind not in "fiub":
        part[()]

with h5py.File(sys.argv[1], "r") as file:
    file.visititems(read)
"""


def refuse_crashing(path: Path) -> None:
    """Refuse a file whose texts (of any length, kept apart from their array) cannot be read without a crash.

    What only raises an error there is left to whoever reads the file and can say more.

    Raises:
        CheckpointError: the process that read them ended otherwise than by itself, or not within a minute.
    """
    command = [sys.executable, "-I", "-c", _READ, str(path.resolve())]
    try:
        code = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False).returncode
    except subprocess.TimeoutExpired:
        code = -1
    if code not in (0, 1):
        raise CheckpointError(f"{path}: expected a whole HDF5 file, got a damaged one that its library cannot read")
