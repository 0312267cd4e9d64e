"""Metrics: pure functions of a trace, listed in one dictionary."""

from __future__ import annotations

from snn_eval.metrics.accuracy import confusion, correct
from snn_eval.metrics.cost import EnergyRow, energy_rows
from snn_eval.metrics.early_exit import ExitCurve, ExitPoint, early_exit_curve
from snn_eval.metrics.exit_rule import (
    THRESHOLDS,
    choose_threshold,
    chosen_rule,
    exit_correct,
    exit_steps,
    fit_temperature,
)
from snn_eval.metrics.firing import LayerRates, firing_rates, spikes_per_sample, spiking_layers
from snn_eval.metrics.levels import LayerClasses, LevelClasses, classify
from snn_eval.metrics.measure import measure
from snn_eval.metrics.metric import Derived, ExitRule, Metric, Value
from snn_eval.metrics.operations import CONVENTIONS, Convention, operations
from snn_eval.metrics.readout import prefix_predictions, require_prefix
from snn_eval.metrics.registry import METRICS
from snn_eval.metrics.spent import Spent, spent_by_step

__all__ = [
    "CONVENTIONS",
    "METRICS",
    "THRESHOLDS",
    "Convention",
    "Derived",
    "EnergyRow",
    "ExitCurve",
    "ExitPoint",
    "ExitRule",
    "LayerClasses",
    "LayerRates",
    "LevelClasses",
    "Metric",
    "Spent",
    "Value",
    "choose_threshold",
    "chosen_rule",
    "classify",
    "confusion",
    "correct",
    "early_exit_curve",
    "energy_rows",
    "exit_correct",
    "exit_steps",
    "firing_rates",
    "fit_temperature",
    "measure",
    "operations",
    "prefix_predictions",
    "require_prefix",
    "spent_by_step",
    "spikes_per_sample",
    "spiking_layers",
]
