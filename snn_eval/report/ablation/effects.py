"""What each component does: main effects and interactions of a factorial, and rows that differ by one component."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

from snn_eval.report.ablation.contrasts import early_accuracy, log_contrast, number_contrast, outcome_contrast
from snn_eval.report.ablation.groups import CODING, COOPTIMISED, CORRECTION, Group, find, without
from snn_eval.report.ablation.outcomes import right, right_after
from snn_eval.report.ablation.quantities import QUANTITIES
from snn_eval.report.ablation.summary import Summary

__all__ = ["LABELS", "Effect", "Effects", "axes_of", "factorial_effects", "measured_effect", "single_effects"]

LABELS: Mapping[str, str] = {
    CODING: "dynamic coding",
    CORRECTION: "dynamic correction",
    COOPTIMISED: "co-optimisation",
}

_BY_KEY = {quantity.key: quantity for quantity in QUANTITIES}


@dataclass(frozen=True, slots=True)
class Effect:
    """What something does: to accuracy at the headline, with all steps and at early ones (shares), to energy (a
    factor), to mean steps (a difference). ``where`` says between which rows."""

    name: str
    where: str
    components: tuple[str, ...]
    accuracy: Summary | None
    accuracy_all_steps: Summary | None
    early_accuracy: Summary | None
    energy: Summary | None
    mean_step: Summary | None


@dataclass(frozen=True, slots=True)
class Effects:
    """All effects of an ablation: factorials with the axes they are at, and pairs of rows."""

    factorial: tuple[tuple[Mapping[str, Any], tuple[Effect, ...]], ...]
    pairs: tuple[Effect, ...]

    @classmethod
    def of(cls, groups: Sequence[Group]) -> Effects:
        """Every effect the rows tell of."""
        found = [(axes, tuple(factorial_effects(groups, axes))) for axes in axes_of(groups)]
        return cls(tuple((axes, effects) for axes, effects in found if effects), tuple(single_effects(groups)))


def axes_of(groups: Sequence[Group]) -> list[Mapping[str, Any]]:
    """Every combination of axes that occurs, once."""
    found: list[Mapping[str, Any]] = []
    for group in groups:
        if group.axes not in found:
            found.append(group.axes)
    return found


def measured_effect(
    name: str, where: str, components: tuple[str, ...], weighted: Sequence[tuple[float, Group]]
) -> Effect:
    """The effect that a weighted sum of rows is."""
    return Effect(
        name,
        where,
        components,
        outcome_contrast(weighted, right),
        outcome_contrast(weighted, lambda cell: right_after(cell, cell.time_steps)),
        outcome_contrast(weighted, early_accuracy),
        log_contrast(weighted, _BY_KEY["energy_total"].read),
        number_contrast(weighted, _BY_KEY["mean_step"].read),
    )


def factorial_effects(groups: Sequence[Group], axes: Mapping[str, Any]) -> list[Effect]:
    """Main effects and interactions of two, where all eight combinations of the three components are there; else none.

    With y the value of a combination, s = ±1 whether a component is on in it, the effect of A is Σ s_A·y / 4: the mean
    over the other two of y with A less y without. The interaction A × B is Σ s_A·s_B·y / 2: the effect of A where B is
    on less the effect of A where it is off. Energy enters by its logarithm.
    """
    names = tuple(LABELS)
    cube: dict[frozenset[str], Group] = {}
    for on in product((False, True), repeat=len(names)):
        chosen = {name for name, there in zip(names, on, strict=True) if there}
        group = find(groups, chosen, axes, at_exit=COOPTIMISED in chosen)
        if group is None:
            return []
        cube[frozenset(chosen)] = group
    found = []
    for members in [*combinations(names, 1), *combinations(names, 2)]:
        scale = 4.0 if len(members) == 1 else 2.0
        weighted = [(_sign(on, members) / scale, group) for on, group in cube.items()]
        label = " × ".join(LABELS[name] for name in members)
        found.append(measured_effect(label, "all eight combinations", members, weighted))
    return found


def _sign(on: frozenset[str], members: tuple[str, ...]) -> float:
    return -1.0 if sum(name not in on for name in members) % 2 else 1.0


def single_effects(groups: Sequence[Group]) -> list[Effect]:
    """For every row and component whose row without it is there: the row less that one."""
    found = []
    for group in groups:
        for component in sorted(group.components):
            base = without(group, component, groups) if group.done else None
            if base is not None:
                label = LABELS.get(component, component)
                where = f"{group.title} − {base.title}"
                found.append(measured_effect(label, where, (component,), [(1.0, group), (-1.0, base)]))
    return found
