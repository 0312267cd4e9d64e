"""``snn-eval ls``: what there is to name on the command line, and what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import click

from snn_eval.cli.data_options import data_dir

__all__ = ["ls", "print_table"]

_EPILOG = """\b
Examples:
  snn-eval ls                what was measured in reports/runs
  snn-eval ls conventions    ways of counting operations
  snn-eval ls data --data-dir data    data sets, and which of them lie in the folder data
"""


@click.command(short_help="List runs, suites, models, metrics, …", epilog=_EPILOG)
@click.argument("what", default="runs", metavar="[runs|suites|data|models|metrics|energy|conventions]")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("reports/runs"),
    show_default=True,
    metavar="FOLDER",
    help="Where the run folders are.",
)
@data_dir
def ls(what: str, output: Path, data_dir: Path | None) -> None:
    """List runs (the default), suites, data sets, models, metrics, energy models or conventions."""
    from snn_eval.cli.nearest import check_names

    check_names("list", [what], ["runs", *_LISTS])
    print_table(_runs(output) if what == "runs" else _LISTS[what]())


def print_table(rows: Iterable[tuple[str, ...]]) -> None:
    """Print rows with their columns aligned."""
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        click.echo("  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip())


def _runs(output: Path) -> Iterable[tuple[str, ...]]:
    from snn_eval.errors import RunError
    from snn_eval.record import read_record
    from snn_eval.store import list_runs

    runs = list_runs(output)
    if not runs:
        yield (f"no runs in {output}; make one with `snn-eval run`",)
    for run in runs:
        try:
            record = read_record(run.record)
        except RunError as error:
            yield run.name, "unreadable", str(error), "", ""
            continue
        accuracy = next((m.value for m in record.measurements if m.metric == "accuracy" and m.scope == "network"), None)
        shown = "" if accuracy is None else f"accuracy {accuracy * 100:.2f} %"
        time_steps = f"T = {record.identity.time_steps}"
        yield run.name, record.status, f"{record.identity.samples} samples", time_steps, shown


def _suites() -> Iterable[tuple[str, ...]]:
    from snn_eval.suite import load_suite, suite_names

    for name in suite_names():
        suite = load_suite(name)
        yield name, f"v{suite.suite.version}", f"T = {suite.input.time_steps}", suite.suite.description


def _data() -> Iterable[tuple[str, ...]]:
    from snn_eval.data import DATASETS, data_folder

    folder = data_folder(click.get_current_context().params["data_dir"])
    click.echo(f"data folder {folder}")
    for name, known in DATASETS.items():
        parts = ", ".join(f"{part} {samples:,}" for part, samples in known.parts.items())
        yield name, parts, known.state(folder), f"licence {known.licence}", known.source


def _models() -> Iterable[tuple[str, ...]]:
    from snn_eval.models.manifest import load_manifest

    for name, entry in load_manifest().items():
        accuracy = entry.expected.get("accuracy")
        shown = "" if accuracy is None else f"accuracy {accuracy * 100:.2f} %"
        yield name, entry.suite, f"T = {entry.time_steps}", f"{entry.parameter_count:,} parameters", shown


def _metrics() -> Iterable[tuple[str, ...]]:
    from snn_eval.metrics import METRICS

    for metric in METRICS.values():
        yield metric.name, f"v{metric.version}", metric.unit, _ARROWS[metric.direction], metric.summary


def _energy() -> Iterable[tuple[str, ...]]:
    from snn_eval.energy import energy_model, energy_model_names

    for name in energy_model_names():
        model = energy_model(name)
        yield name, f"v{model.version}", model.summary or model.source


def _conventions() -> Iterable[tuple[str, ...]]:
    from snn_eval.metrics import CONVENTIONS

    for convention in CONVENTIONS.values():
        yield convention.name, f"v{convention.version}", convention.summary


_ARROWS = {"higher": "↑", "lower": "↓", "none": " "}
_LISTS: dict[str, Callable[[], Iterable[tuple[str, ...]]]] = {
    "suites": _suites,
    "data": _data,
    "models": _models,
    "metrics": _metrics,
    "energy": _energy,
    "conventions": _conventions,
}
