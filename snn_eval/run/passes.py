"""The recorded passes of a run: over the test part, and over the validation part where early exit is chosen on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch

from snn_eval.data import Chunk
from snn_eval.errors import RefusedError
from snn_eval.metrics import require_prefix
from snn_eval.models.encoders import encode
from snn_eval.probe import Recorder
from snn_eval.run.listener import Listener
from snn_eval.run.plan import Cell
from snn_eval.store import Part, PartWriter, RunFolder, finished_chunks
from snn_eval.trace import Trace, concatenate
from snn_eval.trace_file import write_trace

__all__ = ["chunks_of", "recorded", "recorded_validation"]


def recorded(
    cell: Cell, device: torch.device, recorder: Recorder, run: RunFolder, listener: Listener, part: Part = "test"
) -> Trace:
    """Record every chunk of a part that is not there yet; the trace of them all, read back from the parts."""
    sound, damaged = run.sound_parts(part)
    if damaged:
        names = ", ".join(damaged)
        listener.warn(f"{cell.title}: {names} in {run.parts_of(part)} was damaged; its chunks are measured again")
    done, samples = finished_chunks(sound), cell.part(part)[1]
    size = cell.suite.evaluate.batch_size
    listener.stage("recording")
    listener.skip(sum(min(size, samples - index * size) for index in done))
    last: Chunk | None = None
    with PartWriter(run, part=part) as writer:
        for number, chunk in enumerate(chunks_of(cell, device, skip=done, part=part)):
            recorder.add(chunk)
            if number < recorder.options.timed_chunks and part == "test":
                recorder.time_bare(chunk)
            writer.add(_of_split(recorder.take(), part))
            listener.advance(len(chunk))
            last = chunk
    if last is not None:
        recorder.verify(last)
    return concatenate(run.load_parts(part))


def recorded_validation(
    cell: Cell, device: torch.device, recorder: Recorder, run: RunFolder, listener: Listener, test: Trace
) -> Trace | None:
    """Record the validation part with the same network and keep its trace in the run's folder.

    None where no exit is asked for, or where the test part shows that first steps mean nothing for this network.
    """
    if cell.validation is None:
        return None
    try:
        require_prefix(test, "early exit")
    except RefusedError:
        return None
    listener.end()
    listener.begin(f"{cell.title} {cell.suite.data.validation}", cell.validation.samples)
    trace = recorded(cell, device, recorder, run, listener, "validation")
    write_trace(run.validation, trace)
    return trace


def chunks_of(
    cell: Cell, device: torch.device, skip: frozenset[int] = frozenset(), part: Part = "test"
) -> Iterator[Chunk]:
    """Chunks of a part of the cell's data as the network takes them: encoded, on the device."""
    given = cell.suite.input
    data, samples = cell.part(part)
    for chunk in data.chunks(cell.suite.evaluate.batch_size, samples):
        if chunk.index not in skip:
            x = encode(given.encoding, chunk.x, given.time_steps, chunk.id, given.seed, **given.preparation)
            yield replace(chunk, x=x.to(device))


def _of_split(trace: Trace, part: Part) -> Trace:
    """The trace with the name early exit knows the validation part by, whatever its data set calls it."""
    return trace if part == "test" else replace(trace, samples=replace(trace.samples, split=part))
