"""Reports: records and traces to tables and figures; needs neither torch nor data."""

from __future__ import annotations

from snn_eval.report.card import card
from snn_eval.report.layers import layers_csv, layers_text
from snn_eval.report.lookup import Results
from snn_eval.report.notes import notes
from snn_eval.report.remarks import layer_notes
from snn_eval.report.tables import headline_text, table_csv, table_md

__all__ = [
    "Results",
    "card",
    "headline_text",
    "layer_notes",
    "layers_csv",
    "layers_text",
    "notes",
    "table_csv",
    "table_md",
]
