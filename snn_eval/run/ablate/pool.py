"""Works off cells, several processes at a time, and never lets two train the same network at once."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import snn_eval
from snn_eval.cell import CellRecord
from snn_eval.run.ablate.plan import AblationCell
from snn_eval.run.ablate.spec import to_line
from snn_eval.run.ablate.state import begin, failed, keep, kept

__all__ = ["Ended", "Told", "worked_off"]

_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Told:
    """A cell's process told how far it is, see :mod:`snn_eval.run.ablate.tell`; an empty event as it starts."""

    cell: AblationCell
    event: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ended:
    """A cell is done or failed."""

    cell: AblationCell
    record: CellRecord


def worked_off(cells: Sequence[AblationCell], jobs: int) -> Iterator[Told | Ended]:
    """Make cells, ``jobs`` at a time, in their order as far as shared trainings allow it; tells as they go on.

    A cell whose process dies is a failed one. Leaving the iterator, by an exception too, ends all processes.

    Raises:
        RunError: a record cannot be written.
    """
    waiting, told = list(cells), queue.Queue[tuple[_Child, dict[str, Any] | None]]()
    running: list[_Child] = []
    try:
        while waiting or running:
            for cell in _startable(waiting, running, jobs):
                waiting.remove(cell)
                running.append(_Child.started(cell, told))
                yield Told(cell, {})
            child, event = told.get()
            if event is None:
                running.remove(child)
                yield Ended(child.cell, child.outcome())
                continue
            child.trains = child.trains and "trained" not in event
            yield Told(child.cell, event)
    finally:
        for child in running:
            child.end()


def _startable(waiting: Sequence[AblationCell], running: Sequence[_Child], jobs: int) -> list[AblationCell]:
    """Cells for the free places, none of which trains what another one is training."""
    busy = {child.cell.training for child in running if child.trains}
    found: list[AblationCell] = []
    for cell in waiting:
        if len(running) + len(found) == jobs:
            break
        if cell.training not in busy:
            busy.add(cell.training)
            found.append(cell)
    return found


@dataclass(eq=False, slots=True)
class _Child:
    """The process of a cell."""

    cell: AblationCell
    process: subprocess.Popen[bytes]
    errors: IO[bytes] = field(repr=False)
    trains: bool = True

    @classmethod
    def started(cls, cell: AblationCell, told: queue.Queue[tuple[_Child, dict[str, Any] | None]]) -> _Child:
        package = str(Path(snn_eval.__file__).parent.parent)
        paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | dict.fromkeys(_ONE_THREAD, "1") | {"PYTHONPATH": os.pathsep.join(paths)}
        errors = tempfile.TemporaryFile()  # noqa: SIM115  # read when the process has ended
        command = [sys.executable, "-P", "-m", "snn_eval.run.ablate.worker"]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment
        )
        child = cls(cell, process, errors)
        threading.Thread(target=child._hear, args=(told,), daemon=True).start()
        return child

    def _hear(self, told: queue.Queue[tuple[_Child, dict[str, Any] | None]]) -> None:
        given, output = self.process.stdin, self.process.stdout
        if given is not None and output is not None:
            try:
                given.write(to_line(self.cell))
                given.flush()  # and it stays open: its end is what tells the process that we are gone
            except OSError:  # it died before it read
                pass
            with output:
                for line in output:
                    event = _event(line)
                    if event is not None:
                        told.put((self, event))
        self.process.wait()
        told.put((self, None))

    def outcome(self) -> CellRecord:
        """The record the process left behind, or one that says how it died."""
        code, told = self.process.returncode, self._errors()
        self._close()
        record = kept(self.cell) if code == 0 else None
        if record is None:
            cause = f"its process was ended by {_signal(-code)}" if code < 0 else f"its process ended with {code}"
            last = told.splitlines()[-1].strip()[:300] if told else ""
            record = failed(self.cell, f"{cause}{': ' if last else ''}{last}")
            begin(self.cell)
            keep(self.cell, record, told)
        return record

    def end(self) -> None:
        """End the process now; what it has kept so far is gone on with by the next call."""
        self.process.kill()
        self.process.wait()
        self._close()

    def _close(self) -> None:
        for file in (self.process.stdin, self.errors):
            if file is not None:
                with contextlib.suppress(OSError):
                    file.close()

    def _errors(self) -> str:
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace").strip()


def _event(line: bytes) -> dict[str, Any] | None:
    """What a line tells; None for one that somebody's code printed."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
