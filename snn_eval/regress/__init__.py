"""Regression gate: an accepted result against a new one, verdicts for each metric; needs neither torch nor data."""

from __future__ import annotations

from snn_eval.regress.baseline import baseline_name, read_baseline, write_baseline
from snn_eval.regress.compare import Comparison, Options, Row, compare, failures
from snn_eval.regress.find import find, list_baselines, pair
from snn_eval.regress.gates import Gate, parse_gate, parse_gates
from snn_eval.regress.judge import Finding, Verdict
from snn_eval.regress.machine import json_report, junit_report
from snn_eval.regress.outcomes import Outcomes, outcomes_of
from snn_eval.regress.side import Side
from snn_eval.regress.tables import markdown_report, text_report

__all__ = [
    "Comparison",
    "Finding",
    "Gate",
    "Options",
    "Outcomes",
    "Row",
    "Side",
    "Verdict",
    "baseline_name",
    "compare",
    "failures",
    "find",
    "json_report",
    "junit_report",
    "list_baselines",
    "markdown_report",
    "outcomes_of",
    "pair",
    "parse_gate",
    "parse_gates",
    "read_baseline",
    "text_report",
    "write_baseline",
]
