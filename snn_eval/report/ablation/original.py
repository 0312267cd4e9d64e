"""The table in the shape of the original's README, Accuracy, Epoch, T, Spikes Count: ours beside what was published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from snn_eval.report.ablation.document import Section, Table
from snn_eval.report.ablation.groups import CODING, COOPTIMISED, CORRECTION, Group
from snn_eval.report.ablation.quantities import ACCURACY, QUANTITIES
from snn_eval.report.ablation.summary import of_replicates, summary
from snn_eval.report.ablation.words import accuracy_text, shown, with_unit
from snn_eval.report.format import ABSENT
from snn_eval.units import COUNT

__all__ = ["ORIGINAL", "PUBLISHED_ROWS", "counterparts", "original_section", "published_rows"]

ORIGINAL = "The original is SNN_Eval (README of inotiafvrimmer/wang_code.eval_up on GitHub, 2025)."
"""Whose published values stand beside ours."""

PUBLISHED_ROWS: Mapping[frozenset[str], str] = {
    frozenset({CODING}): "Dynamic Coding",
    frozenset({CODING, CORRECTION}): "Dynamic Correction",
    frozenset({CODING, COOPTIMISED}): "Co-Optimization",
    frozenset({CODING, CORRECTION, COOPTIMISED}): "Complete Component",
}
"""The original's rows, which build on each other, by the components that are on in them."""

_SYSTEM = "SNN_Eval, "
_UNIT = 10_000
_BY_KEY = {quantity.key: quantity for quantity in QUANTITIES}
_HEADERS = [
    "row",
    "accuracy (%)",
    "published",
    "epochs to 99 %",
    "evaluation",
    "published “Epoch”",
    "T max",
    "mean T",
    "published T",
    "output spikes × N / 10,000",
    "spikes per sample, network",
    "published “Spikes Count”",
]

_CAVEATS = (
    "Published “Epoch” equals the seconds an evaluation took in the original's logs, rounded; whether it is epochs of "
    "training is doubtful. Ours under both readings: epochs until validation accuracy is 99 % of its last, and seconds "
    "of a bare pass over the test samples on this machine.",
    "Published “Spikes Count” is the total of the spikes the original's network returned (its output layer) over the "
    "evaluation, divided by 10,000. Ours under both readings: output-layer spikes of all N test samples ÷ 10,000, and "
    "spikes of the whole network per sample. The output column is 0 where the readout is a current without neurons.",
    "The original's code does not run as released and has no training; its numbers could not be measured again.",
)


def original_section(groups: Sequence[Group], published: Sequence[Mapping[str, Any]]) -> Section | None:
    """One row a group, and the published rows that no group stands for; None where nothing of it is published."""
    theirs = published_rows(published)
    if not theirs:
        return None
    counterpart = counterparts(groups)
    rows = [_ours(group, theirs.get(name, {})) for group, name in zip(groups, counterpart, strict=True)]
    shown_rows = set(counterpart)
    for name, values in theirs.items():
        if name not in shown_rows:
            rows.append([f"{name} (published only)", *_beside([ABSENT] * 7, values)])
    notes = (*_CAVEATS, *_elsewhere(theirs))
    return Section("In the shape of the original's table", (ORIGINAL,), Table.of(list(_HEADERS), rows), notes)


def counterparts(groups: Sequence[Group]) -> list[str]:
    """The published row that each group stands for, or nothing: of groups with equal components the first one does."""
    seen: set[tuple[str, str]] = set()
    found = []
    for group in groups:
        name = PUBLISHED_ROWS.get(group.components, "")
        place = (name, str(group.axes))
        found.append("" if place in seen else name)
        seen.add(place)
    return found


def published_rows(published: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, list[float]]]:
    """Row → metric → values, the README's first; ``time_steps`` beside them."""
    found: dict[str, dict[str, list[float]]] = {}
    for value in published:
        model = str(value["model"])
        if model.startswith(_SYSTEM):
            metrics = found.setdefault(model.removeprefix(_SYSTEM), {})
            metrics.setdefault(str(value["metric"]), []).append(float(value["value"]))
            if value.get("time_steps") is not None:
                metrics.setdefault("time_steps", [float(value["time_steps"])])
    return found


def _ours(group: Group, theirs: Mapping[str, list[float]]) -> list[str]:
    texts = [accuracy_text(summary(ACCURACY, group))]
    for key in ("epochs_to_99", "evaluation_s", "time_steps", "mean_step"):
        texts.append(shown(_BY_KEY[key], summary(_BY_KEY[key], group)))
    output = [_BY_KEY["spikes_output"].read(cell) for cell in group.done]
    scaled = [
        None if value is None else value * cell.samples / _UNIT for value, cell in zip(output, group.done, strict=True)
    ]
    found = of_replicates(scaled, len(group.done))
    texts += [
        ABSENT if found is None else with_unit(found.mean, COUNT),
        shown(_BY_KEY["spikes"], summary(_BY_KEY["spikes"], group)),
    ]
    return [group.title, *_beside(texts, theirs)]


def _beside(ours: Sequence[str], theirs: Mapping[str, list[float]]) -> list[str]:
    accuracy, to_99, seconds, most, mean, output, network = ours
    p_accuracy, p_epoch, p_steps, p_spikes = (
        f"{theirs[metric][0]:g}" if metric in theirs else ABSENT
        for metric in ("accuracy", "epoch", "time_steps", "spikes_count")
    )
    return [accuracy, p_accuracy, to_99, seconds, p_epoch, most, mean, p_steps, output, network, p_spikes]


def _elsewhere(theirs: Mapping[str, Mapping[str, list[float]]]) -> list[str]:
    """What the original's logs say beside its README."""
    lines = []
    for name, metrics in theirs.items():
        told = []
        accuracies, totals = metrics.get("accuracy", [])[1:], metrics.get("total_spikes", [])
        seconds = metrics.get("eval_time", [])
        if accuracies:
            told.append(f"accuracy {_span(accuracies)} %")
        if seconds:
            told.append(f"evaluation {_span(seconds)} s")
        if totals:
            told.append(f"returned spikes ÷ 10,000 {_span([round(total / _UNIT, 1) for total in totals])}")
        if told:
            lines.append(f"{name}, in the original's logs: {', '.join(told)}.")
    return lines


def _span(values: Sequence[float]) -> str:
    return " … ".join(dict.fromkeys(f"{value:g}" for value in (min(values), max(values))))
