"""Puts the tables of an ablation together: which sections there are, in which order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from snn_eval.cell import CellRecord
from snn_eval.report.ablation.claim_files import Found, claims_section
from snn_eval.report.ablation.controls import control_section, prefix_section
from snn_eval.report.ablation.document import Document, Section
from snn_eval.report.ablation.effect_tables import correction_section, effect_sections
from snn_eval.report.ablation.effects import Effects
from snn_eval.report.ablation.equal_tables import equal_section
from snn_eval.report.ablation.features import feature_section
from snn_eval.report.ablation.findings import Findings, finding_sections
from snn_eval.report.ablation.groups import Group
from snn_eval.report.ablation.learned_table import learned_section
from snn_eval.report.ablation.main_table import cost_section, size_section
from snn_eval.report.ablation.original import original_section

__all__ = ["CAPTIONS", "document"]

CAPTIONS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "Controls": (
        (
            "tradeoff.png",
            "Accuracy against mean steps and against energy: exit curves on test (thin: single replicates, thick: "
            "mean), the threshold chosen on validation (stars), stopping after t steps (dashed); settings much worse "
            "than these are cut off",
        ),
    ),
    "Accuracy and cost": (
        (
            "energy.png",
            "Energy of each row as it is measured, exit included where it has one; dots: single replicates",
        ),
    ),
    "Accuracy after t steps": (
        ("prefix.png", "Accuracy after the first t steps; thin: single replicates, thick: mean"),
    ),
    "Main effects and interactions": (
        ("effects.png", "Main effects and interactions of the factorial with 95 % intervals"),
    ),
}
"""Which figures stand below which section, with their captions."""


def document(
    groups: Sequence[Group],
    cells: Sequence[CellRecord],
    effects: Effects,
    found: Found,
    findings: Findings,
    images: Collection[str] = (),
    *,
    reference: str | None,
    published: Sequence[Mapping[str, Any]],
    quick: bool,
) -> Document:
    """All tables of the rows, with those figures that were drawn (``images``, by file name)."""
    sections = [
        cost_section(groups, reference),
        size_section(groups),
        claims_section(found) if found else None,
        *finding_sections(findings),
        original_section(groups, published),
        feature_section(groups, reference, published),
        control_section(groups),
        prefix_section(groups),
        correction_section(groups),
        *effect_sections(effects),
        equal_section(findings),
        learned_section(groups),
    ]
    there = [_with_figures(section, images) for section in sections if section is not None]
    return Document(_title(cells), _lead(groups, cells, quick), tuple(there))


def _with_figures(section: Section, images: Collection[str]) -> Section:
    drawn = tuple((name, caption) for name, caption in CAPTIONS.get(section.title, ()) if name in images)
    return replace(section, figures=drawn)


def _title(cells: Sequence[CellRecord]) -> str:
    return f"Ablation of {cells[0].suite} v{cells[0].suite_version}"


def _lead(groups: Sequence[Group], cells: Sequence[CellRecord], quick: bool) -> tuple[str, ...]:
    asked = sum(group.asked for group in groups)
    done = sum(len(group.done) for group in groups)
    samples = sorted({cell.samples for cell in cells if cell.status == "done"})
    counts = " or ".join(f"{count:,}" for count in samples) or "no"
    lines = [f"{done} of {asked} cells measured, {counts} test samples each."]
    if quick:
        lines.insert(0, "A quick look: shortened trainings and few samples. Nothing here is a result.")
    return tuple(lines)
