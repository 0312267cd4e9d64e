"""Keeps finished chunks while a run goes on, so that a kill loses seconds and the next run goes on from there."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from types import TracebackType
from typing import Any

import numpy as np

from snn_eval.errors import RunError
from snn_eval.store.folder import Part, RunFolder, make_folder
from snn_eval.trace import Trace, concatenate

__all__ = ["PART_INTERVAL_S", "PartWriter", "finished_chunks"]

PART_INTERVAL_S = 10.0
"""A killed run loses at most this many seconds of measuring."""

_PART_BYTES = 2**27  # traces waiting to be written are joined and written before they take more memory than this


class PartWriter:
    """Writes finished chunks to a run's ``parts/``, several to a file, at least every ``interval_s`` seconds.

    ``part`` is the part of the data they are of. A context manager: it writes what is waiting when it is left, by an
    error too. The run is this process's own (:func:`snn_eval.store.claim`).

    Raises:
        RunError: a file cannot be written.
    """

    def __init__(
        self,
        run: RunFolder,
        interval_s: float = PART_INTERVAL_S,
        clock: Callable[[], float] = time.monotonic,
        part: Part = "test",
    ) -> None:
        self._folder, self._interval_s, self._clock = run.parts_of(part), interval_s, clock
        self._waiting: list[Trace] = []
        self._waiting_bytes = 0
        self._last = clock()

    def __enter__(self) -> PartWriter:
        make_folder(self._folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()

    def add(self, part: Trace) -> None:
        """Take the trace of one finished chunk; it is on disk after at most the interval and the chunk after it."""
        self._waiting.append(part)
        self._waiting_bytes += _bytes(part)
        if self._clock() - self._last >= self._interval_s:
            self.flush()
        elif self._waiting_bytes > _PART_BYTES:  # maps per neuron add up: joined they take as much as one
            self._waiting = [concatenate(self._waiting)]
            self._waiting_bytes = _bytes(self._waiting[0])
            if self._waiting_bytes > _PART_BYTES // 2:
                self.flush()

    def flush(self) -> None:
        """Write what is waiting as one part, named by its first chunk."""
        from snn_eval.trace_file import write_trace

        if self._waiting:
            part = concatenate(self._waiting)
            path = self._folder / f"{int(part.samples.batch.min()):06d}.h5"
            if path.exists():
                raise RunError(f"{path} is there already: its chunk was measured twice; run again with --fresh")
            write_trace(path, part)
            self._waiting, self._waiting_bytes = [], 0
        self._last = self._clock()


def finished_chunks(parts: Sequence[Trace]) -> frozenset[int]:
    """Indices of the chunks these parts hold; they need not be measured again."""
    return frozenset(int(index) for part in parts for index in np.unique(part.samples.batch))


def _bytes(trace: Trace) -> int:
    """Memory a trace's arrays take."""
    layers: tuple[Any, ...] = (*trace.synaptic, *trace.neurons, *trace.elementwise, trace.samples, trace.output)
    arrays = (getattr(layer, f.name) for layer in layers for f in fields(layer))
    return sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))
