"""Controls: the base network stopped after every step, with early exit, and co-optimised networks without it."""

from __future__ import annotations

from collections.abc import Sequence

from snn_eval.cell import CellRecord, ExitPoint, Truncated
from snn_eval.report.ablation.document import Section, Table
from snn_eval.report.ablation.groups import Group
from snn_eval.report.ablation.main_table import digits
from snn_eval.report.ablation.outcomes import chosen_right, right_after
from snn_eval.report.ablation.quantities import QUANTITIES
from snn_eval.report.ablation.summary import Summary, of_outcomes, of_replicates
from snn_eval.report.ablation.words import accuracy_text, shown
from snn_eval.report.grid import comma_separated

__all__ = ["control_section", "curves_csv", "networks", "prefix_section"]

_COSTS = ("spikes", "ac", "mac", "energy_synaptic", "energy_total")
_BY_KEY = {quantity.key: quantity for quantity in QUANTITIES}
_SHOWN = ("mean_step", "spikes", "ac", "mac", "energy_total")

Point = Truncated | ExitPoint


def networks(groups: Sequence[Group]) -> list[Group]:
    """Groups whose networks differ: rows that differ by the exit alone are one trained network measured twice."""
    seen: set[tuple[str | None, ...]] = set()
    kept = []
    for group in groups:
        key = tuple(cell.checkpoint_sha256 for cell in group.done)
        if group.done and (None in key or key not in seen):
            kept.append(group)
            seen.add(key)
    return kept


def control_section(groups: Sequence[Group]) -> Section:
    """Every network with all steps and with its exit; those without a component also stopped after each step."""
    rows, notes = [], []
    for group in networks(groups):
        last = max(cell.time_steps for cell in group.done)
        stops = range(1, last + 1) if not group.components else [last]
        for t in stops:
            name = "all steps" if t == last else f"stopped after {t}"
            rows += _stopped(group, t, name)
        rows += _leaving(group)
        refused = dict.fromkeys(cell.exit_refused for cell in group.done if cell.exit_refused)
        notes += [f"{group.title}: no early exit, {reason}" for reason in refused]
    headers = ["row", "setting", "accuracy (%)", *(_BY_KEY[key].title for key in _SHOWN)]
    text = (
        "What a network gives when all its steps are taken, when it leaves at the threshold chosen on validation, and, "
        "for the base, when it is simply stopped. Costs are up to that step; exits pay for their checks.",
    )
    return Section("Controls", text, Table.of(headers, rows, left=2), tuple(notes))


def _stopped(group: Group, t: int, name: str) -> list[list[str]]:
    found = [(cell, point) for cell in group.done for point in cell.truncated if point.time_steps == t]
    if not found:
        return []
    outcomes = [right_after(cell, t) for cell, _ in found]
    accuracy = of_outcomes([o for o in outcomes if o is not None], len(group.done), shared=group.shared)
    return [[group.title, name, accuracy_text(accuracy), *_costs(group, [point for _, point in found])]]


def _leaving(group: Group) -> list[list[str]]:
    found = [(cell, cell.exit) for cell in group.done if cell.exit is not None]
    if not found:
        return []
    outcomes = [chosen_right(cell, exit) for cell, exit in found]
    known = [o for o in outcomes if o is not None]
    asked = len(group.done)
    if len(known) == len(found):
        accuracy = of_outcomes(known, asked, shared=group.shared)
    else:
        accuracy = of_replicates([exit.chosen.accuracy for _, exit in found], asked)
    points = [exit.chosen for _, exit in found]
    return [[group.title, f"exit, {found[0][1].kind}", accuracy_text(accuracy), *_costs(group, points)]]


def _costs(group: Group, points: Sequence[Point]) -> list[str]:
    texts = []
    for key in _SHOWN:
        found: Summary | None = of_replicates([_cost(point, key) for point in points], len(group.done))
        texts.append(shown(_BY_KEY[key], found))
    return texts


def _cost(point: Point, key: str) -> float:
    if key == "mean_step" and isinstance(point, Truncated):
        return float(point.time_steps)
    return float(getattr(point, key))


def prefix_section(groups: Sequence[Group]) -> Section:
    """Accuracy after the first t steps, a column for each t."""
    found = networks(groups)
    steps = sorted({point.time_steps for group in found for cell in group.done for point in cell.truncated})
    rows = []
    for group in found:
        rows.append([group.title, *(_accuracy(group, t) for t in steps)])
    text = ("Accuracy (%) of the mean readout over the first t steps of the test part, mean (standard deviation).",)
    return Section("Accuracy after t steps", text, Table.of(["row", *(f"t = {t}" for t in steps)], rows))


def _accuracy(group: Group, t: int) -> str:
    values = [point.accuracy for cell in group.done for point in cell.truncated if point.time_steps == t]
    found = of_replicates(values, len(group.done))
    if found is None:
        return "–"
    return f"{100 * found.mean:.2f}" + (f" ({100 * found.sd:.2f})" if found.n > 1 else "")


def curves_csv(groups: Sequence[Group]) -> str:
    """``curves.csv``: every point of every network: stopped after t steps, and each exit threshold, test and
    validation."""
    axes = list(dict.fromkeys(key for group in groups for key in group.axes))
    rows: list[dict[str, str]] = []
    for group in groups:
        for cell in group.done:
            start = {"row": group.row, **{key: str(group.axes.get(key, "")) for key in axes}}
            start |= {group.kind: str(cell.replicate.value)}
            rows += [start | point for point in _points(cell)]
    return comma_separated(rows) if rows else ""


def _points(cell: CellRecord) -> list[dict[str, str]]:
    def line(kind: str, part: str, at: float, point: Point, chosen: bool = False) -> dict[str, str]:
        return {
            "setting": kind,
            "part": part,
            "at": digits(at),
            "chosen": str(chosen).lower(),
            "accuracy": digits(point.accuracy),
            "mean_step": digits(_cost(point, "mean_step")),
            **{key: digits(_cost(point, key)) for key in _COSTS},
        }

    lines = [line("stopped", "test", point.time_steps, point) for point in cell.truncated]
    if cell.exit is not None:
        for part, points in (("test", cell.exit.test), ("validation", cell.exit.validation)):
            lines += [
                line("exit", part, point.threshold, point, point.threshold == cell.exit.chosen.threshold)
                for point in points
            ]
    return lines
