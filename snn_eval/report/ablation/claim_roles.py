"""Which claims an ablation can speak of: those whose components, by name, and goal it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from snn_eval.report.ablation.claim_files import Found
from snn_eval.report.ablation.groups import CODING, COOPTIMISED, CORRECTION, Group
from snn_eval.report.ablation.verdicts import unjudged

__all__ = ["stated"]

_COMPONENTS: Mapping[str, frozenset[str]] = {
    "a": frozenset({COOPTIMISED}),
    "b": frozenset({CORRECTION}),
    "c": frozenset({CODING, CORRECTION, COOPTIMISED}),
    "d": frozenset({CODING, CORRECTION, COOPTIMISED}),
}
"""Components that a claim is about; the last one is about a goal, too."""


def stated(found: Found, groups: Sequence[Group], goal: float | None, *, quick: bool) -> Found:
    """The claims whose components are on in some row at the same axes (and whose goal is there), unjudged if ``quick``.

    ``goal``: the suite's; a target of the trainings stands for it.
    """
    kept = [(axes, claim) for axes, claim in found if _COMPONENTS[claim.key] <= _components(groups, axes)]
    kept = [(axes, claim) for axes, claim in kept if claim.key != "d" or goal is not None or _targets(groups, axes)]
    return [(axes, unjudged(claim)) for axes, claim in kept] if quick else kept


def _components(groups: Sequence[Group], axes: Mapping[str, Any]) -> set[str]:
    return {component for group in groups if group.axes == axes for component in group.components}


def _targets(groups: Sequence[Group], axes: Mapping[str, Any]) -> set[float]:
    cells = [cell for group in groups if group.axes == axes for cell in group.done]
    return {c.training.target for c in cells if c.training is not None and c.training.target is not None}
