"""Tables of ``snn-eval ablate``: beside the cells, in the form that is committed, and made again from that."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from snn_eval.cell import CellRecord
    from snn_eval.run.ablate import AblationPlan

__all__ = ["PUBLISHED", "publish", "remake", "tables"]

PUBLISHED = Path("reports/published")
"""Where the committed form is kept, a folder a suite."""

_SOME = 3


def tables(plan: AblationPlan, records: Sequence[CellRecord]) -> Path:
    """Write the tables beside the cells; the path of the one to read first."""
    from snn_eval.report.ablation import write_tables

    return write_tables(records, plan.folder, quick=plan.quick, **_inputs(plan))


def publish(plan: AblationPlan) -> Path:
    """Write cells and tables of a finished ablation to :data:`PUBLISHED`; the path of the table to read first.

    Raises:
        RunError: a cell is missing, unfinished, failed, or made under other values; or the folder cannot be written.
    """
    from snn_eval.errors import RunError
    from snn_eval.report.ablation import write_published
    from snn_eval.run.ablate import state_of, stored_cells

    left = [(cell, state) for cell in plan.cells if (state := state_of(cell)) != "stored"]
    if left:
        named = [f"{cell.row.name}, {cell.replicate.kind} {cell.replicate.value}: {s}" for cell, s in left[:_SOME]]
        more = f"; and {len(left) - _SOME} more" if len(left) > _SOME else ""
        raise RunError(
            f"{plan.folder}: expected all {len(plan.cells)} cells stored, got {len(left)} that are not ("
            f"{'; '.join(named)}{more}); run the same command without --publish first"
        )
    return _told(write_published(stored_cells(plan.cells), PUBLISHED / plan.suite.name, **_inputs(plan)))


def remake(folder: Path) -> Path:
    """Make the tables of a committed folder again from its cells alone; the path of the one to read first.

    Raises:
        RunError: no cells or inputs there, or damaged ones.
    """
    from snn_eval.report.ablation import regenerate

    return _told(regenerate(folder))


def _told(path: Path) -> Path:
    """The path; says so where the page was too large to be committed."""
    if not path.with_suffix(".html").is_file():
        from snn_eval.report.ablation import LARGEST_PAGE

        click.echo(f"snn-eval: {path.parent}: table.html left out, larger than {LARGEST_PAGE // 1000} kB", err=True)
    return path


def _inputs(plan: AblationPlan) -> dict[str, Any]:
    return {
        "reference": plan.suite.ablate.reference,
        "published": [value.model_dump() for value in plan.suite.published],
        "goal": plan.suite.ablate.goal,
        "rows": list(dict.fromkeys(cell.row.name for cell in plan.cells)),
        "replicates": list(dict.fromkeys(cell.replicate.value for cell in plan.cells)),
    }
