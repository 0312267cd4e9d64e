"""The table of components at equal setting: what a component does apart from exiting as such."""

from __future__ import annotations

from snn_eval.report.ablation.contrasts import EARLY_STEPS
from snn_eval.report.ablation.document import Section, Table
from snn_eval.report.ablation.findings import Findings
from snn_eval.report.ablation.words import points, ratio_text, steps_text

__all__ = ["equal_section"]

_TEXT = (
    "Each component with both rows at the same setting: with all steps, or each at the exit chosen for it on "
    "validation, whether the row's own numbers are those or not. The last lines are exits as such: the same network at "
    "its exit less with all steps. 95 % intervals as above."
)


def equal_section(findings: Findings) -> Section | None:
    """One line a comparison; None where there is none."""
    rows = []
    for one in (*findings.comparisons, *findings.exits):
        setting = (
            "exit − all steps"
            if one.base is one.new
            else "both with all steps"
            if one.setting == "all steps"
            else "both at exits"
        )
        effect = one.effect
        rows.append(
            [
                effect.name,
                effect.where,
                setting,
                points(effect.accuracy),
                points(effect.early_accuracy),
                ratio_text(effect.energy),
                steps_text(effect.mean_step),
            ]
        )
    if not rows:
        return None
    headers = [
        "effect of",
        "row − row",
        "setting",
        "accuracy (points)",
        f"mean over t ≤ {EARLY_STEPS}",
        "energy (factor)",
        "mean T",
    ]
    return Section("Each component at equal setting", (_TEXT,), Table.of(headers, rows, left=3))
