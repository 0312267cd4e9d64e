"""The checkpoints that come with the project: which there are, that they are unchanged, what they must measure."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from snn_eval.data.shipped import shipped_folder
from snn_eval.errors import CheckpointError

__all__ = ["ShippedCheckpoint", "load_manifest", "shipped_checkpoint"]


class ShippedCheckpoint(BaseModel):
    """One entry of ``checkpoints/MANIFEST.toml``.

    ``row`` is that of the suite's ablation it is a checkpoint of; the suite's own network where there is none.
    ``expected`` maps measurements to values, ``command`` with ``seed`` makes the checkpoint again, ``training_time_s``
    and ``training_cpu_time_s`` are what that took (advisory).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    file: str
    sha256: str
    suite: str
    suite_version: int
    row: str | None = None
    arch: str
    time_steps: int
    parameter_count: int
    seed: int
    command: str
    training_time_s: float
    training_cpu_time_s: float | None = None
    expected: dict[str, float | int] = Field(default_factory=dict)
    note: str = ""


def load_manifest(folder: Path | None = None) -> dict[str, ShippedCheckpoint]:
    """Entries by file name.

    Args:
        folder: where ``MANIFEST.toml`` lies; by default the one of the project.

    Raises:
        CheckpointError: no manifest, or a wrong one.
    """
    path = (folder or shipped_folder("checkpoints")) / "MANIFEST.toml"
    try:
        tables: Any = tomllib.loads(path.read_text(encoding="utf-8")).get("checkpoint", [])
        if not isinstance(tables, list):
            raise ValueError(f"checkpoint is no list of tables but {type(tables).__name__}")
        entries = [ShippedCheckpoint.model_validate(table) for table in tables]
    except (OSError, ValueError, RecursionError) as error:  # ValueError: also of TOML, UTF-8 and pydantic
        raise CheckpointError(f"{path}: expected a valid manifest: {str(error).splitlines()[0]}") from error
    return {entry.file: entry for entry in entries}


def shipped_checkpoint(name: str, folder: Path | None = None) -> tuple[Path, ShippedCheckpoint]:
    """Path and manifest entry of a shipped checkpoint, its content checked against the manifest.

    Raises:
        CheckpointError: unknown, missing, or not the file the manifest speaks of.
    """
    from snn_eval.models.digest import file_sha256  # torch; listing the manifest does without

    folder = folder or shipped_folder("checkpoints")
    entries = load_manifest(folder)
    if name not in entries:
        raise CheckpointError(f"checkpoint {name!r}: expected one of {', '.join(entries) or 'none'}")
    path = folder / name
    found = file_sha256(path)
    if found != entries[name].sha256:
        raise CheckpointError(
            f"{path}: expected content {entries[name].sha256[:12]}…, got {found[:12]}…; restore the file"
        )
    return path, entries[name]
