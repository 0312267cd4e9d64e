"""``snn-eval history``: a metric over stored results and their commits."""

from __future__ import annotations

from pathlib import Path

import click

from snn_eval.cli.compare import folders

__all__ = ["history"]

_EPILOG = """\b
Examples:
  snn-eval history accuracy
  snn-eval history ac --suite digits
"""


@click.command(short_help="A metric over stored results and commits.", epilog=_EPILOG)
@click.argument("metric")
@click.option("--suite", metavar="NAME", help="Only results of this suite.")
@folders
def history(metric: str, suite: str | None, output: Path, baselines: Path) -> None:
    """Show METRIC over the finished runs and every committed state of the baselines, as a table and a sparkline.

    A change of more than 0.1 % is marked: ✓ for the better, ✗ for the worse. A * behind a commit: with changes.
    """
    from snn_eval.cli.nearest import check_names
    from snn_eval.metrics import METRICS
    from snn_eval.regress.history import baseline_points, run_points
    from snn_eval.regress.history import history as series_of
    from snn_eval.report.format import value_with_unit
    from snn_eval.report.grid import aligned

    check_names("metric", [metric], METRICS)
    points = [*run_points(output), *baseline_points(baselines)]
    for series in series_of(points, metric, suite):
        rows = [
            [
                point.when[:16].replace("T", " "),
                point.commit or "–",
                value_with_unit(m.value, m.unit),
                step,
                point.source,
            ]
            for point, m, step in zip(series.points, series.measurements, series.steps, strict=True)
        ]
        click.echo(f"{metric} of {series.title}\n  {series.line}\n")
        heads = ["when", "commit", metric, "step", "stored as"]
        click.echo(aligned(heads, rows, [False, False, True, False, False], indent=2) + "\n")
