"""Metrics: pure functions of a trace, listed in one dictionary."""

from __future__ import annotations

from snn_eval.metrics.accuracy import confusion, correct
from snn_eval.metrics.cost import EnergyRow, energy_rows
from snn_eval.metrics.early_exit import ExitCurve, ExitPoint, early_exit_curve
from snn_eval.metrics.exit_rule import THRESHOLDS, choose_threshold, exit_steps, fit_temperature
from snn_eval.metrics.firing import LayerRates, firing_rates, spikes_per_sample, spiking_layers
from snn_eval.metrics.levels import LayerClasses, LevelClasses, classify
from snn_eval.metrics.measure import measure
from snn_eval.metrics.metric import Derived, ExitRule, Metric, Value
from snn_eval.metrics.operations import CONVENTIONS, Convention, operations
from snn_eval.metrics.registry import METRICS

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
    "Value",
    "choose_threshold",
    "classify",
    "confusion",
    "correct",
    "early_exit_curve",
    "energy_rows",
    "exit_steps",
    "firing_rates",
    "fit_temperature",
    "measure",
    "operations",
    "spikes_per_sample",
    "spiking_layers",
]
