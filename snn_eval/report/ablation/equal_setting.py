"""Components compared at equal setting: both rows with all their steps, or both at their exits; and exits as such."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from snn_eval.cell import CellRecord
from snn_eval.report.ablation.contrasts import early_accuracy, log_contrast, number_contrast, outcome_contrast
from snn_eval.report.ablation.controls import networks
from snn_eval.report.ablation.effects import LABELS, Effect
from snn_eval.report.ablation.groups import Group, find, leaving
from snn_eval.report.ablation.outcomes import Right, chosen_right, right_after
from snn_eval.report.ablation.quantities import measured
from snn_eval.report.ablation.summary import difference, of_replicates

__all__ = ["Comparison", "Setting", "comparisons", "energy_of", "exits", "steps_of"]

Setting = Literal["all steps", "exit"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A row less the same without one component, both at one setting; of an exit as such, a row at its exit less
    itself with all steps (``base`` is ``new``)."""

    component: str
    new: Group
    base: Group
    setting: Setting
    effect: Effect


def comparisons(groups: Sequence[Group]) -> list[Comparison]:
    """For each network and component whose network without it is there: with all steps, and each at its exit."""
    found = []
    for new in networks(groups):
        for component in sorted(new.components):
            less = set(new.components) - {component}
            base = find(groups, less, new.axes)
            if base is not None:
                found.append(_compared(component, new, base, "all steps"))
            base = leaving(groups, less, new.axes)
            if base is not None and any(cell.exit is not None for cell in new.done):
                found.append(_compared(component, new, base, "exit"))
    return found


def exits(groups: Sequence[Group]) -> list[Comparison]:
    """For each network that can be left early: at its exit less with all its steps."""
    found = []
    for group in networks(groups):
        there = [cell for cell in group.done if cell.exit is not None]
        if not there:
            continue
        sides = [(_right_with_all_steps(cell), _right_at_exit(cell)) for cell in there]
        pairs = [(before, after) for before, after in sides if before is not None and after is not None]
        energies = [(energy_of(cell, "all steps"), energy_of(cell, "exit")) for cell in there]
        logs = [math.log(after / before) for before, after in energies if before and after]
        ratio = of_replicates(logs, len(logs))
        effect = Effect(
            "early exit as such",
            group.title,
            (),
            difference([b for b, _ in pairs], [a for _, a in pairs], len(pairs), shared=group.shared),
            None,
            None,
            None if ratio is None else ratio.factor,
            of_replicates([(steps_of(cell, "exit") or 0.0) - cell.time_steps for cell in there], len(there)),
        )
        found.append(Comparison("", group, group, "exit", effect))
    return found


def _compared(component: str, new: Group, base: Group, setting: Setting) -> Comparison:
    """Both at one setting; early accuracy is told with all steps, mean T at exits, for neither varies in the other."""
    weighted, leaves = [(1.0, new), (-1.0, base)], setting == "exit"
    effect = Effect(
        LABELS.get(component, component),
        f"{new.title} − {base.title}",
        (component,),
        outcome_contrast(weighted, _right_at_exit if leaves else _right_with_all_steps),
        None,
        None if leaves else outcome_contrast(weighted, early_accuracy),
        log_contrast(weighted, _reading(energy_of, setting)),
        number_contrast(weighted, _reading(steps_of, setting)) if leaves else None,
    )
    return Comparison(component, new, base, setting, effect)


def energy_of(cell: CellRecord, setting: Setting) -> float | None:
    """Total energy (J/sample) with all steps or at the chosen exit."""
    if setting == "all steps":
        return measured(cell, "energy_total")
    return None if cell.exit is None else cell.exit.chosen.energy_total


def steps_of(cell: CellRecord, setting: Setting) -> float | None:
    """Mean number of steps taken."""
    if setting == "all steps":
        return float(cell.time_steps)
    return None if cell.exit is None else cell.exit.chosen.mean_step


def _reading(
    read: Callable[[CellRecord, Setting], float | None], setting: Setting
) -> Callable[[CellRecord], float | None]:
    return lambda cell: read(cell, setting)


def _right_with_all_steps(cell: CellRecord) -> Right | None:
    return right_after(cell, cell.time_steps)


def _right_at_exit(cell: CellRecord) -> Right | None:
    return None if cell.exit is None else chosen_right(cell, cell.exit)
