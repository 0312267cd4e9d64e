"""From a few observed runs to the plan of the pass: which call fills which entry, at which step, in which layout."""

from __future__ import annotations

from snn_eval.probe.planning.make import make_plan
from snn_eval.probe.planning.plan import Plan, PlannedCall, PlannedInput, PlannedMeeting, PlannedPart, PlannedSpikes
from snn_eval.probe.planning.runs import Runs

__all__ = [
    "Plan",
    "PlannedCall",
    "PlannedInput",
    "PlannedMeeting",
    "PlannedPart",
    "PlannedSpikes",
    "Runs",
    "make_plan",
]
