"""What a killed command left: how far it was, whether every file is sound, whether the end is as if undisturbed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from snn_eval.atomic import TEMPORARY_SUFFIX
from snn_eval.errors import SnnEvalError
from snn_eval.record import read_record
from snn_eval.trace_file import read_trace

__all__ = ["compare_runs", "compare_trainings", "differences", "run_stage", "train_stage", "unsound"]

_TIMES = {"bare_forward_s": (), "wall_s": 0.0, "peak_memory_bytes": 0}
_CHANGES_FROM_RUN_TO_RUN = ("started", "wall_s", "host", "argv", "commit", "dirty")

_ENDS = {".png": b"IEND\xaeB`\x82", ".svg": b"</svg>\n", ".csv": b"\n", ".md": b"\n"}
"""How a whole file ends."""


def unsound(folder: Path) -> list[str]:
    """Files under ``folder`` that cannot be read, other than those still being written under another name."""
    return [f"{path.relative_to(folder)}: {why}" for path in folder.rglob("*") for why in _damage(path)]


def _damage(path: Path) -> Iterator[str]:
    if path.is_dir() or path.name.endswith(TEMPORARY_SUFFIX) or path.name == "lock" or "events" in path.parts:
        return  # curves for TensorBoard are appended to, and it reads them to the last whole entry
    content = path.read_bytes()
    if not content:
        yield "empty"
    try:
        if path.suffix == ".h5":
            read_trace(path)
        elif path.name == "record.json":
            read_record(path)
        elif path.name == "state.pt":
            from snn_eval.train.state import read_state

            read_state(path)
        elif path.suffix == ".pt":
            from snn_eval.models.checkpoint import read_values

            read_values(path)
        elif not content.endswith(_ENDS.get(path.suffix, b"")):
            yield "cut off"
    except SnnEvalError as error:
        yield str(error)


def run_stage(folder: Path) -> str:
    """How far a run was."""
    runs = [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    if not runs:
        return "nothing yet"
    (run, *others) = sorted(runs)
    if others:
        return "several folders"
    if not (run / "record.json").is_file():
        return "a folder without record"
    if read_record(run / "record.json").status != "partial":
        return "all written"
    if (run / "trace.h5").is_file():
        return "trace, no results"
    return "parts" if any(run.glob("parts/*.h5")) else "no parts yet"


def train_stage(folder: Path) -> str:
    """How far a training was."""
    if not (folder / "state.pt").is_file():
        return "a file of the first epoch" if any(folder.rglob("*.pt")) else "nothing yet"
    return f"{len((folder / 'log.csv').read_text().splitlines()) - 1} epochs in the log"


def compare_runs(sound: Path, other: Path) -> list[str]:
    """Where what two run folders hold differs, and what should not be there."""
    (one,) = sound.iterdir()
    found = sorted(other.iterdir())
    if len(found) != 1:
        return [f"expected one run, found {[path.name for path in found]}"]
    (two,) = found
    names = [{p.relative_to(run).as_posix() for p in run.rglob("*")} for run in (one, two)]
    wrong = [f"{name}: only in one" for name in sorted(names[0] ^ names[1])]
    traces = [_without_times(read_trace(run / "trace.h5")) for run in (one, two)]
    records = [_lasting(run / "record.json") for run in (one, two)]
    wrong += differences(*traces)
    wrong += [f"record: {key}" for key in records[0] if records[0][key] != records[1][key]]
    return wrong


def _without_times(trace: Any) -> Any:
    return replace(trace, facts=replace(trace.facts, **_TIMES))


def _lasting(path: Path) -> dict[str, Any]:
    """A record without what changes from run to run: times, place, and measurements that are times."""
    content = json.loads(path.read_bytes())
    del content["seal"]
    content["measurements"] = [m for m in content["measurements"] if m["kind"] != "advisory"]
    for name in _CHANGES_FROM_RUN_TO_RUN:
        content["provenance"].pop(name)
    return content


def differences(one: Any, other: Any, path: str = "trace") -> list[str]:
    """Where two traces differ, bit for bit and in type."""
    if is_dataclass(one) and type(one) is type(other):
        pairs = [(f.name, getattr(one, f.name), getattr(other, f.name)) for f in fields(one)]
    elif isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        pairs = [(str(i), a, b) for i, (a, b) in enumerate(zip(one, other, strict=True))]
    elif isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        same = one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
        return [] if same else [f"{path} differs"]
    else:
        return [] if type(one) is type(other) and one == other else [f"{path}: {one!r} and {other!r}"]
    return [line for name, a, b in pairs for line in differences(a, b, f"{path}.{name}")]


def compare_trainings(sound: Path, other: Path) -> list[str]:
    """Where what two trainings left differs: weights byte for byte, the log but for its times."""
    wrong = [f"{name} differs" for name in ("best.pt", "last.pt") if _bytes(sound / name) != _bytes(other / name)]
    logs = [[line.split(",")[:-2] for line in (f / "log.csv").read_text().splitlines()] for f in (sound, other)]
    wrong += ["log.csv differs"] if logs[0] != logs[1] else []
    names = [{p.name for p in folder.rglob("*") if "events" not in p.name} for folder in (sound, other)]
    return wrong + [f"{name}: only in one" for name in sorted(names[0] ^ names[1])]


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""
