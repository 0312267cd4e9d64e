"""Finds runs on disk: all of them, and the one a user means."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

from snn_eval.errors import RunError
from snn_eval.store.folder import RunFolder

__all__ = ["find_run", "list_runs"]


def list_runs(root: Path) -> list[RunFolder]:
    """Every run under ``root``, oldest first; none where the folder does not exist."""
    if not root.is_dir():
        return []
    return [RunFolder(path) for path in sorted(root.iterdir(), key=_by_age) if _is_run(path)]


def find_run(root: Path, name: str = "latest") -> RunFolder:
    """The run a user means: ``latest`` (of the finished ones, if any), a name, its beginning, a word in it, or a path.

    Raises:
        RunError: none or several fit; the nearest are named.
    """
    path = Path(name)
    for candidate in (path, path.parent if path.name in ("record.json", "trace.h5") else path):
        if _is_run(candidate):
            return RunFolder(candidate)
    runs = list_runs(root)
    if not runs:
        raise RunError(f"no runs in {root}; make one with `snn-eval run`")
    if name == "latest":
        return ([run for run in runs if run.trace.is_file()] or runs)[-1]
    for fits in (str.__eq__, str.startswith, str.__contains__):
        found = [run for run in runs if fits(run.name, name)]
        if len(found) == 1:
            return found[0]
        if found:
            raise RunError(f"{len(found)} runs fit {name!r}: {_few(found)}; give more of the name")
    raise RunError(f"no run {name!r} in {root}; nearest: {_few(_nearest(runs, name))}; `snn-eval ls` lists all")


def _is_run(path: Path) -> bool:
    return (path / "record.json").is_file() or (path / "trace.h5").is_file()


def _by_age(path: Path) -> list[tuple[int, str]]:
    """Names begin with the time; numbers within them compare as numbers (``…-10`` comes after ``…-2``)."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", path.name) if part]


def _nearest(runs: Sequence[RunFolder], name: str) -> list[RunFolder]:
    """The runs most like ``name``, in whole or in one word; the latest ones where nothing is like it."""

    def likeness(run: RunFolder) -> float:
        words = [run.name, *run.name.split("-")]
        return max(difflib.SequenceMatcher(None, name.lower(), word.lower()).ratio() for word in words)

    like = [run for run in sorted(runs, key=likeness, reverse=True) if likeness(run) >= 0.5]
    return like or list(reversed(runs))


def _few(runs: Sequence[RunFolder], count: int = 3) -> str:
    return ", ".join(run.name for run in runs[:count]) + (", …" if len(runs) > count else "")
