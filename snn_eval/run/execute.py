"""Measures one cell: network, one recorded pass in resumable chunks, metrics, and everything that is kept of it."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

from snn_eval.data import load_dataset
from snn_eval.errors import CheckpointError, CountError, InputError, RunError, SnnEvalError
from snn_eval.models.checkpoint import file_sha256
from snn_eval.models.encoders import DEPEND_ON_TIME_STEPS
from snn_eval.probe import ProbeOptions, Recorder
from snn_eval.record import Record, write_record
from snn_eval.run.derive import derive
from snn_eval.run.files import run_files
from snn_eval.run.identity import first_record, same_conditions
from snn_eval.run.listener import Listener
from snn_eval.run.load import LoadedNetwork, load_network, torch_device
from snn_eval.run.passes import chunks_of, recorded, recorded_validation
from snn_eval.run.plan import Cell
from snn_eval.run.reuse import stored_run, take_over
from snn_eval.run.validation import validation_part
from snn_eval.store import Claim, RunFolder, claim_new, claim_unfinished, tidy
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
    cell = _with_validation(cell)
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
            trace = recorded(cell, device, recorder, run, listener)
            write_trace(run.trace, trace)  # before anything is derived: counts outlive a number that cannot be given
            validation = recorded_validation(cell, device, recorder, run, listener, trace)
            listener.stage("computing")
            status: Literal["done", "limited"] = "done" if cell.is_whole else "limited"
            record = derive(trace, _timed(record, started), status, validation=validation)
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


def _with_validation(cell: Cell) -> Cell:
    """The cell with its validation part, if it has an exit and was made without one."""
    if cell.validation is not None:
        return cell
    suite, request = cell.suite, cell.request
    part = validation_part(
        suite, request.limit, lambda name: load_dataset(suite.data_source, name, request.data_options())
    )
    return cell if part is None else replace(cell, validation=part)


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
