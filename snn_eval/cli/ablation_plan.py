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

    states = ["new" if fresh else state_of(cell) for cell in plan.cells]
    for cell, state in zip(plan.cells, states, strict=True):
        on = " + ".join(cell.row.components) or "none"
        click.echo(
            f"{cell.title}: components {on}; T = {cell.suite.input.time_steps}, {cell.suite.train.epochs} epochs, "
            f"training {cell.training.name}: {state}"
        )
    if any(state != "stored" for state in states):
        click.echo(
            "snn-eval: estimating the time; where no log tells it, a few batches of each row are tried", err=True
        )
    click.echo(str(estimated(plan, jobs, fresh)))
