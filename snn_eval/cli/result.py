"""Prints one result: what it is of, the table, what was left out, and last the folder it is in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from snn_eval.record import Record

__all__ = ["print_result"]


def print_result(record: Record, folder: Path) -> None:
    """Print a record and, as the last line, its folder."""
    from snn_eval.report import terminal

    if record.error is not None:
        click.echo(f"{record.identity.suite} {record.identity.model}: failed: {record.error}", err=True)
    else:
        click.echo(terminal(record))
    click.echo(str(folder))
