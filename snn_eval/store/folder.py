"""A run's folder: its files, making it, and closing it when all is measured."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from snn_eval.atomic import TEMPORARY_SUFFIX, cannot_write, write_atomic
from snn_eval.errors import RunError
from snn_eval.record import Record, write_record
from snn_eval.trace import Trace

__all__ = ["PARTS", "Part", "RunFolder", "make_folder", "make_run"]

Part = Literal["test", "validation"]
"""Parts of the data a run records: what is measured, and what early exit is chosen on."""

PARTS: tuple[Part, ...] = ("test", "validation")
"""All of them, in the order they are recorded."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run's folder and the files it holds."""

    path: Path

    @property
    def name(self) -> str:
        """``<time>-<suite>-<model>``."""
        return self.path.name

    @property
    def trace(self) -> Path:
        """The trace of all samples, there once the run is finished."""
        return self.path / "trace.h5"

    @property
    def record(self) -> Path:
        """The record; its status is ``partial`` until the run is finished."""
        return self.path / "record.json"

    @property
    def parts(self) -> Path:
        """Traces of finished chunks, there until the run is finished."""
        return self.path / "parts"

    @property
    def validation(self) -> Path:
        """The trace of the validation part, there once it is recorded in a run with early exit."""
        return self.path / "validation.h5"

    def trace_of(self, part: Part) -> Path:
        """The trace of a part of the data."""
        return self.trace if part == "test" else self.validation

    def parts_of(self, part: Part) -> Path:
        """Where traces of finished chunks of a part of the data are: of the test part in :attr:`parts` itself."""
        return self.parts if part == "test" else self.parts / part

    @property
    def figures(self) -> Path:
        """Folder of the figures."""
        return self.path / "figures"

    def load_parts(self, part: Part = "test") -> list[Trace]:
        """Traces of the chunks of a part of the data finished so far, by their first sample; none is no mistake.

        Raises:
            RunError: a part is damaged.
        """
        from snn_eval.trace_file import read_trace

        return [read_trace(path) for path in self._part_files(part)]

    def sound_parts(self, part: Part = "test") -> tuple[list[Trace], list[str]]:
        """As ``load_parts``, but a damaged part is removed, so that its chunks are measured again; and their names.

        Raises:
            RunError: a damaged part cannot be removed.
        """
        from snn_eval.trace_file import read_trace

        sound, damaged = [], []
        for path in self._part_files(part):
            try:
                sound.append(read_trace(path))
            except RunError:
                damaged.append(path.name)
                try:
                    path.unlink()
                except OSError as error:
                    raise cannot_write(path, error) from error
        return sound, damaged

    def _part_files(self, part: Part) -> list[Path]:
        return sorted(self.parts_of(part).glob("[0-9]*.h5"))

    def write_bytes(self, name: str, data: bytes) -> None:
        """Write ``data`` to the file ``name`` in this folder, whole or not at all."""
        path = self.path / name
        make_folder(path.parent)
        write_atomic(path, data)

    def finish(self, trace: Trace, record: Record, files: Mapping[str, str | bytes] | None = None) -> None:
        """Write the whole trace, further files, and last the record; only then remove the parts.

        Args:
            trace: of all samples.
            record: what was measured; its status is what marks the run as finished.
            files: by name in this folder (``table.csv``, ``figures/energy.png``), their content.

        Raises:
            RunError: a file cannot be written; the parts are still there.
        """
        from snn_eval.trace_file import write_trace

        write_trace(self.trace, trace)
        for name, content in (files or {}).items():
            self.write_bytes(name, content.encode() if isinstance(content, str) else content)
        write_record(self.record, record)
        self.remove_parts()

    def remove_parts(self) -> None:
        """Remove the parts of a finished run, and what a killed process left half-written."""
        try:
            for leftover in list(self.path.rglob(f".*{TEMPORARY_SUFFIX}")):
                leftover.unlink(missing_ok=True)
            if self.parts.exists():  # last: as long as they are there, a later run knows that something is left to do
                shutil.rmtree(self.parts)
        except OSError as error:
            raise cannot_write(self.parts, error) from error


def make_run(
    root: Path, record: Record, now: datetime | None = None, before_record: Callable[[RunFolder], None] = lambda _: None
) -> RunFolder:
    """Make a new run folder under ``root`` and keep ``record`` in it, with status ``partial``.

    Args:
        root: where run folders are.
        record: identity and provenance of what will be measured.
        now: the moment in the folder's name.
        before_record: called when the folder is there and its record, by which others know it, is not.

    Raises:
        RunError: the folder cannot be made or written; nothing is left of it.
    """
    moment = (now or datetime.now(UTC)).strftime("%Y%m%d-%H%M%S")
    name = f"{moment}-{_slug(record.identity.suite)}-{_slug(record.identity.model)}"
    make_folder(root)
    for attempt in range(1, 10_000):
        path = root / (name if attempt == 1 else f"{name}-{attempt}")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        except OSError as error:
            raise cannot_write(path, error) from error
        run = RunFolder(path)
        try:
            make_folder(run.parts)
            before_record(run)
            write_record(run.record, record.model_copy(update={"status": "partial"}))
        except RunError:
            shutil.rmtree(path, ignore_errors=True)
            raise
        return run
    raise RunError(f"cannot make a run folder {name} in {root}: 9999 are there; choose another --output")


def _slug(name: str) -> str:
    """A name as part of a folder's name."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-.")[:60] or "unnamed"


def make_folder(folder: Path) -> None:
    """Make a folder and those above it; there already is as good.

    Raises:
        RunError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error
