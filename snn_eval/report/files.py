"""All files a finished run shows people: tables as CSV and Markdown, layers, figures."""

from __future__ import annotations

from snn_eval.record import Record
from snn_eval.report.layers import layers_csv
from snn_eval.report.tables import table_csv, table_md
from snn_eval.trace import Trace

__all__ = ["report_files"]


def report_files(record: Record, trace: Trace | None = None, *, figures: bool = True) -> dict[str, str | bytes]:
    """Content of ``table.csv``, ``table.md``, ``layers.csv`` and ``figures/…`` by file name.

    Args:
        record: of one cell.
        trace: the run's trace; without it (a failed cell) there are neither layers nor figures.
        figures: False leaves the figures out.

    Returns:
        What ``RunFolder.finish`` takes as ``files``. A figure whose numbers are refused is left out and named, with the
        reason, in the notes of ``table.md``.
    """
    if trace is None:
        return {"table.csv": table_csv([record]), "table.md": table_md([record])}
    files: dict[str, str | bytes] = {"table.csv": table_csv([record]), "layers.csv": layers_csv(trace, record)}
    missing: list[str] = []
    if figures:
        from snn_eval.report.figures import draw  # matplotlib is slow to import and not needed for tables

        drawn = draw(trace, record)
        files |= {f"figures/{name}": content for name, content in drawn.files.items()}
        missing = [f"no figure {name}: {reason}" for name, reason in drawn.left_out.items()]
    noted = record.model_copy(update={"notes": [*record.notes, *missing]})
    return files | {"table.md": table_md([noted], [trace])}
