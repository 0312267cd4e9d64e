"""Prints results: one in full, several side by side, and last the folder they are in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from snn_eval.cli.terminal import terminal_columns

if TYPE_CHECKING:
    from snn_eval.record import Record
    from snn_eval.store import RunFolder

__all__ = ["print_result", "print_results"]


def print_result(record: Record, run: RunFolder) -> None:
    """Print everything of one record and, as the last line, its folder."""
    from snn_eval.report.card import card
    from snn_eval.trace_file import read_trace

    trace = read_trace(run.trace) if run.trace.is_file() else None
    click.echo(card(record, trace, columns=terminal_columns()))
    click.echo(f"\n{run.path}")


def print_results(results: Sequence[tuple[Record, RunFolder]], output: Path) -> None:
    """Print one result in full; of several the table, what failed, and each one's folder."""
    from snn_eval.report.tables import headline_text

    if len(results) == 1:
        print_result(*results[0])
        return
    measured = [record for record, _ in results if record.status != "failed"]
    if measured:
        click.echo(headline_text(measured, terminal_columns()) + "\n")
    for record, run in results:
        failed = f": failed: {record.error}" if record.error is not None else ""
        identity = record.identity
        limited = f" · limited: first {identity.samples} samples" if record.status == "limited" else ""
        click.echo(f"{identity.suite} {identity.model} · T = {identity.time_steps}{limited}{failed}\n  {run.path}")
    click.echo(str(output))
