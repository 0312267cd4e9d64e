"""Tables, figures and claims of an ablation, from the records of its cells alone."""

from __future__ import annotations

from snn_eval.report.ablation.files import regenerate, write_published, write_tables

__all__ = ["regenerate", "write_published", "write_tables"]
