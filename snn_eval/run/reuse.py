"""What was measured before and need not be measured again: a whole run, or the whole chunks of a shorter one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from snn_eval.errors import RunError
from snn_eval.record import Record, read_record
from snn_eval.run.identity import same_conditions
from snn_eval.store import PARTS, Part, PartWriter, RunFolder, finished_chunks, list_runs
from snn_eval.trace_file import read_trace

__all__ = ["chunks_there", "shorter_run", "stored_run", "take_over"]


def stored_run(output: Path, record: Record) -> tuple[RunFolder, Record] | None:
    """The latest finished run of the same cell under the same conditions."""
    for run in reversed(list_runs(output)):
        with contextlib.suppress(RunError):
            stored = read_record(run.record)
            if stored.status in ("done", "limited") and run.trace.is_file() and same_conditions(stored, record):
                return run, stored
    return None


def shorter_run(output: Path, record: Record) -> tuple[RunFolder, Record] | None:
    """The longest finished run of the same cell that has fewer samples and ends with a whole chunk.

    Such a run is a set of the wanted one's chunks. One that ends within a chunk is not: sums over samples, such as the
    spikes of each neuron, cannot be parted again.
    """
    found: list[tuple[RunFolder, Record]] = []
    for run in list_runs(output):
        with contextlib.suppress(RunError):
            stored = read_record(run.record)
            samples, size = stored.identity.samples, stored.provenance.batch_size or 0
            whole = size > 0 and samples % size == 0 and samples < record.identity.samples
            if stored.status == "limited" and whole and same_conditions(stored, record, samples=False):
                found.append((run, stored))
    return max(found, key=lambda pair: pair[1].identity.samples, default=None)


def chunks_there(output: Path, record: Record) -> int:
    """How many chunks of this run are there already: of an interrupted one, else of a shorter one."""
    for run in reversed(list_runs(output)):
        with contextlib.suppress(RunError):
            stored = read_record(run.record)
            if stored.status == "partial" and same_conditions(stored, record):
                return sum(len(finished_chunks(run.load_parts(part))) for part in PARTS)
    shorter = shorter_run(output, record)
    return 0 if shorter is None else sum(-(-samples // size) for _, samples, size in _whole_chunks(*shorter, record))


def take_over(run: RunFolder, output: Path, record: Record) -> None:
    """Begin a new run with the chunks of a shorter one, if there is one whose trace is sound.

    Raises:
        RunError: the part cannot be written.
    """
    shorter = shorter_run(output, record)
    if shorter is None:
        return
    for part, _, _ in _whole_chunks(*shorter, record):
        try:
            trace = read_trace(shorter[0].trace_of(part))
        except RunError:  # damaged since: everything is measured
            continue
        with PartWriter(run, part=part) as writer:
            writer.add(trace)


def _whole_chunks(run: RunFolder, stored: Record, wanted: Record) -> Iterator[tuple[Part, int, int]]:
    """Parts of a shorter run that are whole chunks of the wanted one: their name, samples, and samples of a chunk."""
    size = stored.provenance.batch_size or 1
    yield "test", stored.identity.samples, size
    if stored.exit is not None and wanted.exit is not None and run.validation.is_file():
        samples = stored.exit.samples
        if samples == wanted.exit.samples or samples % size == 0:
            yield "validation", samples, size
