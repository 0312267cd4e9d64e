"""The ablation table: accuracy and cost of each row, then training and size, and every number as CSV."""

from __future__ import annotations

from collections.abc import Sequence

from snn_eval.report.ablation.document import Section, Table
from snn_eval.report.ablation.groups import Group, reference_of
from snn_eval.report.ablation.quantities import ACCURACY, QUANTITIES
from snn_eval.report.ablation.summary import Summary, delta, summary
from snn_eval.report.ablation.words import accuracy_text, points, shown
from snn_eval.report.format import ABSENT
from snn_eval.report.grid import comma_separated

__all__ = ["cost_section", "digits", "fields", "size_section", "table_csv"]

_BY_KEY = {quantity.key: quantity for quantity in QUANTITIES}
_COST = ("time_steps", "mean_step", "spikes", "ac", "mac", "energy_total", "energy_synaptic", "nasfr")
_SIZE = (
    "epochs",
    "epochs_to_99",
    "epochs_to_target",
    "training_cpu_s",
    "parameters",
    "parameter_bytes",
    "state_bytes",
    "peak_memory",
)


def cost_section(groups: Sequence[Group], reference: str | None) -> Section:
    """One row a group: accuracy, difference to the reference, steps, spikes, operations, energy."""
    headers = ["row", "n", "accuracy (%)", "Δ (points)", *(_BY_KEY[key].title for key in _COST), "hidden / output"]
    rows = []
    for group in groups:
        base = reference_of(group, groups, reference)
        change = ABSENT if base is None or base is group else points(delta(base, group))
        costs = [shown(_BY_KEY[key], summary(_BY_KEY[key], group)) for key in _COST]
        split = " / ".join(_mean(group, key) for key in ("spikes_hidden", "spikes_output"))
        rows.append([group.title, _count(group), accuracy_text(summary(ACCURACY, group)), change, *costs, split])
    return Section("Accuracy and cost", _reading(groups, reference), Table.of(headers, rows), _gaps(groups))


def size_section(groups: Sequence[Group]) -> Section:
    """One row a group: epochs, parameters, bytes, and what is advisory."""
    quantities = [_BY_KEY[key] for key in _SIZE]
    headers = ["row", *(quantity.title for quantity in quantities)]
    rows = [[group.title, *(shown(quantity, summary(quantity, group)) for quantity in quantities)] for group in groups]
    targets = sorted({c.training.target for g in groups for c in g.done if c.training and c.training.target})
    told = f" (target: {', '.join(f'{100 * target:g} %' for target in targets)})" if targets else ""
    text = (
        "Epochs to 99 %: the first epoch whose validation accuracy is at least 99 % of the last one's; to target: the "
        f"first at least the suite's target{told}. Seconds and peak memory are advisory: they are this machine's.",
    )
    return Section("Training and size", text, Table.of(headers, rows))


def _mean(group: Group, key: str) -> str:
    quantity = _BY_KEY[key]
    found = summary(quantity, group)
    return ABSENT if found is None else shown(quantity, Summary(found.mean, 0.0, 1, 1))


def _count(group: Group) -> str:
    there = str(len(group.done))
    return f"{there} of {group.asked}" if group.gaps else there


def _reading(groups: Sequence[Group], reference: str | None) -> tuple[str, ...]:
    kinds = groups[0].kind
    drawn = "the samples drawn once for all seeds" if kinds == "seed" else "each fold's own samples drawn"
    lines = [
        f"Accuracy: mean over {kinds}s with the 95 % interval of a hierarchical bootstrap ({kinds}s and samples, "
        f"{drawn}) and the standard deviation over {kinds}s. Δ: to row "
        f"“{reference if reference is not None else groups[0].row}”, paired by {kinds} and sample, same bootstrap. "
        f"All else: mean (standard deviation over {kinds}s) per sample; operations under convention exact, energies "
        "under model horowitz-45nm-fp32, where neurons, traces, second states, thresholds and exit checks are in total."
    ]
    leaving = [group.title for group in groups if group.uses_exit]
    if leaving:
        lines.append(
            f"At the early exit chosen on validation: {', '.join(leaving)}; their accuracy, spikes, operations and "
            "energy are those up to the exit, checks included. T max stands beside the mean number of steps taken."
        )
    return tuple(lines)


def _gaps(groups: Sequence[Group]) -> tuple[str, ...]:
    return tuple(f"{group.title}: {group.gaps}." for group in groups if group.gaps)


def table_csv(groups: Sequence[Group], reference: str | None) -> str:
    """``table.csv``: one row a group; of every quantity mean, sd, low, high and n; base units, shares as shares."""
    axes = list(dict.fromkeys(key for group in groups for key in group.axes))
    rows = []
    for group in groups:
        row = {"row": group.row, **{key: str(group.axes.get(key, "")) for key in axes}}
        row |= {"components": " ".join(sorted(group.components)), "replicates": str(len(group.done))}
        row |= {"asked": str(group.asked), "gaps": group.gaps, "at_exit": str(group.uses_exit).lower()}
        base = reference_of(group, groups, reference)
        for quantity in QUANTITIES:
            row |= fields(quantity.key, summary(quantity, group))
            if quantity is ACCURACY:
                row |= fields("delta", None if base is None or base is group else delta(base, group))
        rows.append(row)
    return comma_separated(rows)


def fields(key: str, found: Summary | None) -> dict[str, str]:
    """A summary as columns of a CSV file; empty where there is nothing."""
    names = ("mean", "sd", "low", "high", "n")
    return {f"{key}_{name}": "" if found is None else digits(getattr(found, name)) for name in names}


def digits(value: float | int | None) -> str:
    """Ten significant digits: more than is known, and the same on every machine.

    >>> digits(0.1 + 0.2), digits(3), digits(None)
    ('0.3', '3', '')
    """
    return "" if value is None else f"{value:.10g}"
