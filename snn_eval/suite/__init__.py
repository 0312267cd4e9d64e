"""Suites: standard benchmarks written as TOML, read into one frozen, fully checked value."""

from __future__ import annotations

from snn_eval.suite.reading import load_suite, suite_names, with_tables_beside
from snn_eval.suite.rows import Row, ablation_rows
from snn_eval.suite.sections import (
    AblateSection,
    Ablation,
    CorrectSection,
    DataSection,
    EvaluateSection,
    InputSection,
    ModelSection,
    Published,
    Suite,
    SuiteSection,
    TrainSection,
)
from snn_eval.suite.values import with_values

__all__ = [
    "AblateSection",
    "Ablation",
    "CorrectSection",
    "DataSection",
    "EvaluateSection",
    "InputSection",
    "ModelSection",
    "Published",
    "Row",
    "Suite",
    "SuiteSection",
    "TrainSection",
    "ablation_rows",
    "load_suite",
    "suite_names",
    "with_tables_beside",
    "with_values",
]
