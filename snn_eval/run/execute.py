"""Measures one cell: network, one recorded pass in resumable chunks, metrics, and everything that is kept of it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from snn_eval.data import Chunk
from snn_eval.errors import CheckpointError, CountError, InputError, RunError, SnnEvalError
from snn_eval.models.checkpoint import file_sha256
from snn_eval.models.encoders import DEPEND_ON_TIME_STEPS, encode
from snn_eval.probe import ProbeOptions, Recorder
from snn_eval.record import Record, write_record
from snn_eval.run.derive import derive
from snn_eval.run.files import run_files
from snn_eval.run.identity import first_record, same_conditions
from snn_eval.run.listener import Listener
from snn_eval.run.load import LoadedNetwork, load_network, torch_device
from snn_eval.run.plan import Cell
from snn_eval.run.reuse import stored_run, take_over
from snn_eval.store import Claim, PartWriter, RunFolder, claim_new, claim_unfinished, finished_chunks, tidy
from snn_eval.trace import Trace, concatenate
from snn_eval.trace_file import write_trace

__all__ = ["Outcome", "chunks_of", "execute", "prepared"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a cell; ``reused`` where it had been measured before under the same conditions."""

    cell: Cell
    run: RunFolder
    record: Record
    reused: bool = False


def execute(
    cell: Cell, output: Path, listener: Listener, *, argv: tuple[str, ...] = (), fresh: bool = False
) -> Outcome:
    """Measure a cell, going on with an interrupted run of it, or return what is stored of it.

    Args:
        cell: what to measure.
        output: where run folders are.
        listener: told how far it is.
        argv: the command, for the record.
        fresh: measure again, and do not go on with an interrupted run.

    Returns:
        The outcome; its record's status is ``failed``, with the cause, where a count was impossible.

    Raises:
        InputError: checkpoint, data or network cannot be used (nothing is left behind), or a file not be written.
    """
    started = time.perf_counter()
    device = torch_device(cell.request.device)
    record = first_record(cell, device, argv)
    tidy(output)
    stored = None if fresh else stored_run(output, record)
    if stored is not None:
        return Outcome(cell, *stored, reused=True)
    listener.begin(cell.title, cell.samples)
    try:
        loaded, recorder = prepared(cell, device, listener)
    except CountError as error:
        with claim_new(output, record) as claimed:
            return Outcome(cell, claimed.run, _failed(claimed.run, record, error, started))
    record = record.model_copy(update={"notes": [*cell.data.notes, *cell.notes, *loaded.notes]})
    with _claimed(output, record, fresh) as claimed:
        run = claimed.run
        try:
            if claimed.made_now and not fresh:
                take_over(run, output, record)
            trace = _recorded(cell, device, recorder, run, listener)
            write_trace(run.trace, trace)  # before anything is derived: counts outlive a number that cannot be given
            listener.stage("computing")
            record = derive(trace, _timed(record, started), "done" if cell.samples == cell.available else "limited")
            listener.stage("writing tables and figures")
            files, record = run_files(trace, record)
            run.finish(trace, record, files)
            listener.end()
        except RunError:
            raise  # a full disk, say: what was measured is kept, and the next run goes on from it
        except InputError:
            if claimed.made_now:
                shutil.rmtree(run.path, ignore_errors=True)
            raise
        except SnnEvalError as error:
            record = _failed(run, record, error, started)
    return Outcome(cell, run, record)


def prepared(cell: Cell, device: torch.device, listener: Listener) -> tuple[LoadedNetwork, Recorder]:
    """The network, and the recorder after its experiments; whatever cannot be measured fails here."""
    torch.manual_seed(cell.suite.input.seed)  # for networks that draw
    listener.stage(f"loading {cell.checkpoint.name}")
    first = next(chunks_of(cell, device))
    loaded = load_network(
        cell.suite,
        cell.checkpoint,
        first.x,
        classes=len(cell.data.classes),
        arch=cell.request.arch,
        trust=cell.request.trust,
        device=device,
    )
    options = ProbeOptions(
        batch_size=cell.suite.evaluate.batch_size,
        input_kind=cell.suite.input.kind,
        split=cell.data.split,
        strict=cell.request.strict,
        encoding_depends_on_time_steps=cell.suite.input.encoding in DEPEND_ON_TIME_STEPS,
    )
    recorder = Recorder(loaded.network, options)
    if file_sha256(cell.checkpoint) != cell.checkpoint_sha256:
        raise CheckpointError(f"{cell.checkpoint}: changed since the command began; run it again when it is whole")
    listener.stage("examining the network")
    recorder.prepare(first)
    return loaded, recorder


def _recorded(cell: Cell, device: torch.device, recorder: Recorder, run: RunFolder, listener: Listener) -> Trace:
    """Record every chunk that is not there yet; the trace of them all, read back from the parts."""
    sound, damaged = run.sound_parts()
    if damaged:
        listener.warn(f"{cell.title}: {', '.join(damaged)} in {run.parts} was damaged; its chunks are measured again")
    done = finished_chunks(sound)
    size = cell.suite.evaluate.batch_size
    listener.stage("recording")
    listener.skip(sum(min(size, cell.samples - index * size) for index in done))
    last: Chunk | None = None
    with PartWriter(run) as writer:
        for number, chunk in enumerate(chunks_of(cell, device, skip=done)):
            recorder.add(chunk)
            if number < recorder.options.timed_chunks:
                recorder.time_bare(chunk)
            writer.add(recorder.take())
            listener.advance(len(chunk))
            last = chunk
    if last is not None:
        recorder.verify(last)
    return concatenate(run.load_parts())


def chunks_of(cell: Cell, device: torch.device, skip: frozenset[int] = frozenset()) -> Iterator[Chunk]:
    """The cell's chunks as the network takes them: encoded, on the device."""
    given = cell.suite.input
    for chunk in cell.data.chunks(cell.suite.evaluate.batch_size, cell.samples):
        if chunk.index not in skip:
            x = encode(given.encoding, chunk.x, given.time_steps, chunk.id, given.seed, **given.preparation)
            yield replace(chunk, x=x.to(device))


def _claimed(output: Path, record: Record, fresh: bool) -> Claim:
    """The run folder, this process's own: an interrupted run under the same conditions is gone on with."""
    found = None if fresh else claim_unfinished(output, lambda stored: same_conditions(stored, record))
    return found or claim_new(output, record)


def _failed(run: RunFolder, record: Record, error: SnnEvalError, started: float) -> Record:
    """Keep the cause in the run's record, and the trace if it was complete; the parts are of no use any more."""
    kept = f"; the counts are kept in {run.trace.name}" if run.trace.is_file() else ""
    failed = _timed(record, started).model_copy(update={"status": "failed", "error": f"{error}{kept}"})
    write_record(run.record, failed)
    run.remove_parts()
    return failed


def _timed(record: Record, started: float) -> Record:
    wall_s = round(time.perf_counter() - started, 3)
    return record.model_copy(update={"provenance": record.provenance.model_copy(update={"wall_s": wall_s})})
