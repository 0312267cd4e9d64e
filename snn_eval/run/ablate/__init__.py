"""Ablations: every row of a suite, trained, corrected and measured over seeds or folds, cell by cell.

    <folder>/trained/<hash>/                  a training, shared by all cells whose values ask for the same one
    <folder>/cells/<row>[/<axes>]/<seed>/     ``corrected.pt``, ``run/`` with the run's folder, and last ``cell.json``

Each cell is worked on in a process of its own with one thread. Whatever is killed goes on where it was: trainings by
epoch, runs by chunk, ablations by cell.
"""

from __future__ import annotations

from snn_eval.run.ablate.plan import AblationCell, AblationPlan, AblationRequest, planned
from snn_eval.run.ablate.pool import Ended, Told, worked_off
from snn_eval.run.ablate.state import State, forget, state_of, stored_cells

__all__ = [
    "AblationCell",
    "AblationPlan",
    "AblationRequest",
    "Ended",
    "State",
    "Told",
    "forget",
    "planned",
    "state_of",
    "stored_cells",
    "worked_off",
]
