"""Where data sets lie: the data folder a user names, or the usual one of the system."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["VARIABLE", "data_folder"]

VARIABLE = "SNN_EVAL_DATA"
"""Environment variable that names the data folder."""


def data_folder(given: Path | None = None) -> Path:
    """``given``, else ``$SNN_EVAL_DATA``, else a folder of the user's; it need not exist.

    The last one is ``snn_eval`` in ``$XDG_DATA_HOME`` or ``~/.local/share`` (Linux), in
    ``~/Library/Application Support`` (macOS) or in ``%LOCALAPPDATA%`` (Windows).
    """
    if given is not None:
        return given
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser() if named else _of_system() / "snn_eval"


def _of_system() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
