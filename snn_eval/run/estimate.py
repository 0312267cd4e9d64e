"""How long a cell would take and how much disk, found by measuring its first chunks and writing nothing."""

from __future__ import annotations

import contextlib
import shutil
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from snn_eval.errors import CountError, RefusedError, RunError
from snn_eval.metrics import require_prefix
from snn_eval.run.derive import derive
from snn_eval.run.execute import chunks_of, prepared
from snn_eval.run.files import run_files
from snn_eval.run.identity import first_record
from snn_eval.run.listener import Silent
from snn_eval.run.load import torch_device
from snn_eval.run.plan import Cell
from snn_eval.run.reuse import chunks_there, stored_run
from snn_eval.trace import Trace, concatenate
from snn_eval.trace_file import trace_bytes
from snn_eval.units import duration, format_value

__all__ = ["Estimate", "estimate"]

_CHUNKS = 3
"""Chunks measured: the first one bears what is done once, such as compiled kernels that are loaded."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a cell would take.

    Attributes:
        seconds: from the start of the command to its end.
        disk_bytes: kept in the run folder.
        most_bytes: there while it runs, parts and results together.
        free_bytes: on the disk now.
        how: what the estimate was made from.
    """

    seconds: float
    disk_bytes: int
    most_bytes: int
    free_bytes: int
    how: str

    def __str__(self) -> str:
        if not self.most_bytes:
            return self.how
        short = "" if self.most_bytes < self.free_bytes else ": NOT ENOUGH"
        return (
            f"about {duration(self.seconds)} ({self.how}), {_size(self.disk_bytes)} on disk and "
            f"{_size(self.most_bytes)} while it runs ({_size(self.free_bytes)} free{short})"
        )


def estimate(cell: Cell, output: Path, *, fresh: bool = False) -> Estimate:
    """Time and disk a cell would take: loading and examining the network, its first chunks, figures of these.

    Args:
        cell: what would be measured.
        output: where its run folder would be; what is stored there would be used.
        fresh: as if nothing were stored.

    Raises:
        InputError: the cell could not be measured.
    """
    device = torch_device(cell.request.device)
    record = first_record(cell, device, ())
    stored = None if fresh else stored_run(output, record)
    if stored is not None:
        return Estimate(
            0.0, 0, 0, _free(output), f"measured before, in {stored[0].path}; --fresh would measure it again"
        )
    started = time.perf_counter()
    try:
        _, recorder = prepared(cell, device, Silent())
    except CountError as error:
        return Estimate(0.0, 0, 0, _free(output), f"would fail: {error}")
    traces: list[Trace] = []
    per_chunk = 0.0
    for chunk in islice(chunks_of(cell, device), _CHUNKS):
        began = time.perf_counter()
        recorder.add(chunk)
        traces.append(recorder.take())
        per_chunk = time.perf_counter() - began
    files_bytes = 0
    with contextlib.suppress(CountError):  # then it fails at its end, and says so there
        files, _ = run_files(concatenate(traces), derive(concatenate(traces), record))
        files_bytes = sum(map(len, files.values()))
    once = time.perf_counter() - started - per_chunk * len(traces)
    of_parts = _chunks(cell, traces[0])
    chunks = sum(of_parts)
    left = chunks - (0 if fresh else chunks_there(output, record))
    trace = sum(_scaled(traces, count) for count in of_parts)
    how = f"by {len(traces)} of {chunks} chunks: {per_chunk:.2g} s each for {left} of them, {once:.2g} s besides"
    kept = trace + files_bytes
    return Estimate(once + per_chunk * left, kept, kept + trace, _free(output), how)


def _chunks(cell: Cell, first: Trace) -> list[int]:
    """Chunks of the test part, and of the validation part where early exit will be chosen on it."""
    samples = [cell.samples]
    if cell.validation is not None:
        with contextlib.suppress(RefusedError):
            require_prefix(first, "early exit")
            samples.append(cell.validation.samples)
    return [-(-count // cell.suite.evaluate.batch_size) for count in samples]


def _scaled(traces: list[Trace], chunks: int) -> int:
    """Bytes of the whole trace: what one chunk takes, and what every further one adds."""
    first = trace_bytes(traces[0])
    if len(traces) == 1:
        return first
    return first + (trace_bytes(concatenate(traces)) - first) * (chunks - 1) // (len(traces) - 1)


def _free(output: Path) -> int:
    place = next(path for path in (output.absolute(), *output.absolute().parents) if path.exists())
    try:
        return shutil.disk_usage(place).free
    except OSError as error:
        raise RunError(f"cannot read {place}: {error.strerror}; choose another folder") from error


def _size(count: int) -> str:
    return format_value(count, "B")
