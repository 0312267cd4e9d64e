"""Tables, figures and claims of an ablation, from the records of its cells alone."""

from __future__ import annotations

from snn_eval.report.ablation.files import LARGEST_PAGE, regenerate, write_published, write_tables

__all__ = ["LARGEST_PAGE", "regenerate", "write_published", "write_tables"]
