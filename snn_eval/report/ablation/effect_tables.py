"""The tables of effects, and in plain words what each component brings and what it does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from snn_eval.report.ablation.contrasts import EARLY_STEPS
from snn_eval.report.ablation.document import Section, Table
from snn_eval.report.ablation.effects import Effect, Effects
from snn_eval.report.ablation.findings import Findings
from snn_eval.report.ablation.groups import Group
from snn_eval.report.ablation.main_table import fields
from snn_eval.report.ablation.summary import Summary
from snn_eval.report.ablation.words import points, ratio_text, steps_text
from snn_eval.report.format import ABSENT
from snn_eval.report.grid import comma_separated

__all__ = ["correction_section", "effect_sections", "effects_csv", "reading"]

_HEADERS = [
    "effect of",
    "accuracy (points)",
    "with all steps",
    f"mean over t ≤ {EARLY_STEPS}",
    "energy (factor)",
    "mean T",
]


def effect_sections(effects: Effects) -> list[Section]:
    """The factorial, where there is one, and each component between two rows."""
    sections = []
    for axes, found in effects.factorial:
        title = "Main effects and interactions" + _named(axes)
        text = (
            "Full factorial of the three components. An effect is the mean over the other two of the value with "
            "the component less that without; an interaction A × B is the effect of A where B is on less that "
            "where it is off. Energy as a factor (of logarithms); co-optimised rows at their exit, others with "
            "all steps. 95 % intervals, paired: of accuracies a bootstrap over replicates and samples, of energy and "
            "mean T Student's over replicates (none where all replicates are equal).",
        )
        rows = [[effect.name, *_texts(effect)] for effect in found]
        sections.append(Section(title, text, Table.of(_HEADERS, rows)))
    if effects.pairs:
        rows = [[effect.name, effect.where, *_texts(effect), reading(effect)] for effect in effects.pairs]
        headers = [_HEADERS[0], "row − row", *_HEADERS[1:], "shown"]
        table = Table(tuple(headers), tuple(map(tuple, rows)), (False, False, *[True] * (len(headers) - 3), False))
        text = (
            "Pairs of rows that differ by one component, each as its row is measured (exit included where the row has "
            "one). “Shown” is what a 95 % interval leaves no doubt of; no difference shown is not the same as "
            "none. Energy and mean T that are equal in all replicates have no interval.",
        )
        sections.append(Section("Each component between two rows", text, table))
    return sections


def _texts(effect: Effect) -> list[str]:
    return [
        points(effect.accuracy),
        points(effect.accuracy_all_steps),
        points(effect.early_accuracy),
        ratio_text(effect.energy),
        steps_text(effect.mean_step),
    ]


def reading(effect: Effect) -> str:
    """What the intervals show, in words; ``no difference shown`` for nothing."""
    told = [
        _shown(effect.accuracy, 0.0, "accuracy up", "accuracy down"),
        _shown(effect.early_accuracy, 0.0, "early accuracy up", "early accuracy down"),
        _shown(effect.energy, 1.0, "energy up", "energy down"),
        _shown(effect.mean_step, 0.0, "more steps", "fewer steps"),
    ]
    return ", ".join(word for word in told if word) or "no difference shown"


def _shown(found: Summary | None, nothing: float, up: str, down: str) -> str:
    if found is None or found.low is None or found.high is None:
        return ""
    return up if found.low > nothing else down if found.high < nothing else ""


def _named(axes: Mapping[str, Any]) -> str:
    told = ", ".join(f"{key} = {value}" for key, value in axes.items())
    return f" ({told})" if told else ""


def effects_csv(effects: Effects, findings: Findings) -> str:
    """``effects.csv``: every effect with its intervals; accuracies as shares, energy as a factor."""
    rows = []
    for axes, found in effects.factorial:
        rows += [_line(effect, "factorial", axes) for effect in found]
    rows += [_line(effect, "pair", {}) for effect in effects.pairs]
    rows += [_line(one.effect, f"pair, {one.setting}", {}) for one in findings.comparisons]
    rows += [_line(one.effect, "exit less all steps", {}) for one in findings.exits]
    return comma_separated(rows) if rows else ""


def _line(effect: Effect, kind: str, axes: Mapping[str, Any]) -> dict[str, str]:
    row = {"kind": kind, "effect": effect.name, "between": effect.where}
    row |= {key: str(value) for key, value in axes.items()}
    for key in ("accuracy", "accuracy_all_steps", "early_accuracy", "energy", "mean_step"):
        row |= fields(key, getattr(effect, key))
    return row


def correction_section(groups: Sequence[Group]) -> Section | None:
    """Validation accuracy before and after the correction, of the same network; what it took."""
    rows = []
    for group in groups:
        found = [cell.correction for cell in group.done if cell.correction is not None]
        if not found:
            continue
        steps = min(len(correction.before) for correction in found)
        for name in ("before", "after"):
            means = [sum(getattr(c, name)[t] for c in found) / len(found) for t in range(steps)]
            rows.append([group.title, name, *(f"{100 * mean:.2f}" for mean in means)])
    if not rows:
        return None
    widest = max(len(row) for row in rows)
    rows = [row + [ABSENT] * (widest - len(row)) for row in rows]
    first = next(c.correction for g in groups for c in g.done if c.correction is not None)
    text = (
        "Accuracy (%) after t steps on the validation part, mean over replicates: the same trained network before and "
        f"after the correction ({first.mode}{', readout' if first.readout else ''}; {first.samples:,} training "
        "samples).",
    )
    headers = ["row", "correction", *(f"t = {t}" for t in range(1, widest - 1))]
    return Section("Before and after correction", text, Table.of(headers, rows, left=2))
