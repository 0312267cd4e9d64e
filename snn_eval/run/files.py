"""The files beside a record: tables, a row for each layer, figures."""

from __future__ import annotations

from snn_eval.record import Record
from snn_eval.report.figures import draw
from snn_eval.report.layers import layers_csv
from snn_eval.report.notes import condition
from snn_eval.report.tables import table_csv, table_md
from snn_eval.trace import Trace

__all__ = ["run_files"]


def run_files(trace: Trace, record: Record) -> tuple[dict[str, str | bytes], Record]:
    """Every file of a run folder but trace and record, by its name there; the record, with figures that are missing.

    A figure whose numbers the record refuses already is not mentioned again.
    """
    drawn = draw(trace, record)
    told = {condition(reason) for reason in record.refused.values()}
    missing = [
        f"no figure {name}: {reason}" for name, reason in drawn.left_out.items() if condition(reason) not in told
    ]
    record = record.model_copy(update={"notes": list(dict.fromkeys([*record.notes, *missing]))})
    files: dict[str, str | bytes] = {f"figures/{name}": content for name, content in drawn.files.items()}
    files |= {
        "table.csv": table_csv([record]),
        "table.md": table_md([record], [trace]),
        "layers.csv": layers_csv(trace, record),
    }
    return files, record
