"""Measures a cell's network on the test part, with early exit chosen on the validation part."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from snn_eval.energy import energy_model
from snn_eval.errors import CountError, RefusedError, SuiteError
from snn_eval.metrics.metric import RuleKind
from snn_eval.record import Measurement, Record
from snn_eval.run.ablate.plan import AblationCell
from snn_eval.run.execute import execute
from snn_eval.run.exit import exit_summary, truncated
from snn_eval.run.listener import Listener
from snn_eval.run.plan import Cell, Request, cell_of
from snn_eval.store import RunFolder, list_runs
from snn_eval.suite import Suite, with_tables_beside, with_values
from snn_eval.trace_file import read_trace

__all__ = ["measured", "measured_cell"]


def measured(cell: AblationCell, checkpoint: Path, listener: Listener) -> dict[str, Any]:
    """The fields of the cell's record that are measured.

    Raises:
        CountError: a count is impossible; the run's folder is kept.
        InputError: checkpoint, data or network cannot be used, or a file not be written.
    """
    output = cell.folder / "run"
    run_cell = measured_cell(cell, checkpoint)
    outcome = execute(run_cell, output, listener)
    if outcome.record.status == "failed":
        raise CountError(outcome.record.error or "the run failed")
    for run in list_runs(output):
        if run.path != outcome.run.path:  # of another checkpoint, or failed before
            shutil.rmtree(run.path, ignore_errors=True)
    return {
        "samples": run_cell.samples,
        "checkpoint_sha256": run_cell.checkpoint_sha256,
        "measurements": _kept(outcome.record),
        **_early(run_cell.suite, outcome.run),
    }


def _early(suite: Suite, run: RunFolder) -> dict[str, Any]:
    """What the network does when it is stopped early: after every number of steps, and by the rule of its exit.

    A network that cannot be stopped early has the reason in place of it.

    Raises:
        CountError: a kind of operation that occurs has no cost.
    """
    test, energy, chosen = read_trace(run.trace), _energy_model(suite), suite.evaluate
    try:
        stopped = truncated(test, energy)  # refuses where there is no validation trace, too: see recorded_validation
        validation = read_trace(run.validation)
        kind: RuleKind = "confidence" if chosen.exit == "none" else chosen.exit
        summary = exit_summary(test, validation, kind, chosen.exit_tolerance, energy)
    except RefusedError as error:
        return {"exit_refused": str(error)}
    return {"truncated": stopped, "exit": summary}


def _energy_model(suite: Suite) -> str:
    """The first of the suite's energy models by which operations of single samples can be paid.

    Raises:
        SuiteError: there is none.
    """
    for name in suite.evaluate.energy:
        if energy_model(name).kind == "compute":
            return name
    raise SuiteError(f"{suite.name}: expected an energy model of kind compute in evaluate.energy, found none")


def measured_cell(cell: AblationCell, checkpoint: Path) -> Cell:
    """What is measured: the test part; an exit is tried in every row."""
    suite = with_tables_beside(cell.suite)
    if suite.evaluate.exit == "none":  # a control: what it would do with an exit is measured, too
        suite = with_values(suite, {"evaluate.exit": "confidence"})
    options = cell.options
    request = Request(
        device=cell.device,
        limit=cell.samples,
        data_dir=options.folder,
        partial_data=options.partial,
        download=options.download,
    )
    return cell_of(suite, checkpoint, request)


def _kept(record: Record) -> list[Measurement]:
    """What is small enough to be kept beside many others; layers and classes are in the run's folder."""
    return [
        m
        for m in record.measurements
        if m.scope == "network"
        or m.scope.startswith("component:")
        or (m.scope.startswith("step:") and "/" not in m.scope)
    ]
