"""The files beside a record: tables, a row for each layer, figures."""

from __future__ import annotations

from snn_eval.record import Record
from snn_eval.report.layers import layers_csv
from snn_eval.report.tables import table_csv, table_md
from snn_eval.trace import Trace

__all__ = ["run_files"]


def run_files(trace: Trace, record: Record) -> dict[str, str | bytes]:
    """Content of every file of a run folder but trace and record, by its name there."""
    return {
        "table.csv": table_csv([record]),
        "table.md": table_md([record], [trace]),
        "layers.csv": layers_csv(trace, record),
    }
