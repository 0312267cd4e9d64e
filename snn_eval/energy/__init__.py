"""Counts to joules: costs in TOML with their source, and the formulas that use them."""

from __future__ import annotations

from snn_eval.energy.lemaire import LEMAIRE_PARTS, LemaireRow, lemaire_energy
from snn_eval.energy.model import (
    Cost,
    EnergyModel,
    energy_model,
    energy_model_names,
    energy_pj,
    energy_pj_per_step,
)
from snn_eval.energy.stored import labelled_model, models_of, with_tables
from snn_eval.energy.work import KINDS, SYNAPTIC, Work, elementwise_work, neuron_work, other_work

__all__ = [
    "KINDS",
    "LEMAIRE_PARTS",
    "SYNAPTIC",
    "Cost",
    "EnergyModel",
    "LemaireRow",
    "Work",
    "elementwise_work",
    "energy_model",
    "energy_model_names",
    "energy_pj",
    "energy_pj_per_step",
    "labelled_model",
    "lemaire_energy",
    "models_of",
    "neuron_work",
    "other_work",
    "with_tables",
]
