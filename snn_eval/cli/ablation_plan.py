"""What ``snn-eval ablate --dry-run`` prints: every cell with its state, and how long the rest would take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from snn_eval.run.ablate import AblationPlan

__all__ = ["tell_plan"]


def tell_plan(plan: AblationPlan, jobs: int, fresh: bool) -> None:
    """A line for each cell, then the estimate and what it is based on; writes nothing."""
    from snn_eval.run.ablate import state_of
    from snn_eval.run.ablate.estimate import estimated

    for cell in plan.cells:
        on = " + ".join(cell.row.components) or "none"
        state = "new" if fresh else state_of(cell)
        click.echo(
            f"{cell.title}: components {on}; T = {cell.suite.input.time_steps}, {cell.suite.train.epochs} epochs, "
            f"training {cell.training.name}: {state}"
        )
    click.echo(str(estimated(plan, jobs, fresh)))
