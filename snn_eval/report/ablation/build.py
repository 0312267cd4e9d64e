"""Puts the tables of an ablation together: which sections there are, in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from snn_eval.cell import CellRecord
from snn_eval.report.ablation.controls import control_section, prefix_section
from snn_eval.report.ablation.document import Document
from snn_eval.report.ablation.effect_tables import correction_section, effect_sections
from snn_eval.report.ablation.features import feature_section
from snn_eval.report.ablation.groups import Group
from snn_eval.report.ablation.main_table import cost_section, size_section
from snn_eval.report.ablation.original import original_section

__all__ = ["document"]


def document(
    groups: Sequence[Group],
    cells: Sequence[CellRecord],
    *,
    reference: str | None,
    published: Sequence[Mapping[str, Any]],
    quick: bool,
) -> Document:
    """All tables of the rows."""
    sections = [
        cost_section(groups, reference),
        size_section(groups),
        original_section(groups, published),
        feature_section(groups, reference, published),
        control_section(groups),
        prefix_section(groups),
        correction_section(groups),
        *effect_sections(groups),
    ]
    return Document(_title(cells), _lead(groups, cells, quick), tuple(s for s in sections if s is not None))


def _title(cells: Sequence[CellRecord]) -> str:
    return f"Ablation of {cells[0].suite} v{cells[0].suite_version}"


def _lead(groups: Sequence[Group], cells: Sequence[CellRecord], quick: bool) -> tuple[str, ...]:
    asked = sum(group.asked for group in groups)
    done = sum(len(group.done) for group in groups)
    samples = sorted({cell.samples for cell in cells if cell.status == "done"})
    counts = " or ".join(str(count) for count in samples) or "no"
    lines = [f"{done} of {asked} cells measured, {counts} test samples each."]
    if quick:
        lines.insert(0, "A quick look: shortened trainings and few samples. Nothing here is a result.")
    return tuple(lines)
