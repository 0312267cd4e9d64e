"""Removes what killed processes left behind: run folders that never came into use, parts of runs that have ended."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from snn_eval.atomic import TEMPORARY_SUFFIX
from snn_eval.errors import RunError
from snn_eval.record import read_record
from snn_eval.store.folder import RunFolder

__all__ = ["sweep"]

_RUN_NAME = re.compile(r"[0-9]{8}-[0-9]{6}-")
_NOT_YET_USED = re.compile(rf"parts|lock|\.record\.json\.[0-9a-f]+{re.escape(TEMPORARY_SUFFIX)}")
"""All that a run folder may hold before its record is there; with anything else in it, it is not ours to remove."""


def sweep(root: Path, claim: Callable[[RunFolder], AbstractContextManager[object]]) -> None:
    """Tidy the run folders under ``root`` that no process works on; what cannot be removed stays.

    To be called by a process that knows no other one makes a run folder at this moment.
    """
    for path in root.iterdir():
        run = RunFolder(path)
        if not _RUN_NAME.match(path.name) or (run.record.exists() and not run.parts.is_dir()):
            continue
        with contextlib.suppress(RunError, OSError):
            if run.record.exists():
                _tidy(run, claim)
            elif path.is_dir() and all(_NOT_YET_USED.fullmatch(found.name) for found in path.rglob("*")):
                with claim(run) if run.parts.is_dir() else contextlib.nullcontext():
                    shutil.rmtree(path)


def _tidy(run: RunFolder, claim: Callable[[RunFolder], AbstractContextManager[object]]) -> None:
    """Remove the parts of a run that has ended."""
    if read_record(run.record).status != "partial":
        with claim(run):
            if read_record(run.record).status != "partial":
                run.remove_parts()
