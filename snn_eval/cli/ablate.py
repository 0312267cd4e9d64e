"""``snn-eval ablate``: train, correct and measure every row of a suite over seeds or folds, and make its tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from snn_eval.cli.codes import DONE, FAILED_CELLS
from snn_eval.cli.data_options import data_dir, no_download, partial_data, telling

if TYPE_CHECKING:
    from collections.abc import Mapping

    from snn_eval.run.ablate import AblationPlan

__all__ = ["ablate"]

_EPILOG = """\b
Examples:
  snn-eval ablate snn-eval-digits --quick               an hour's work in minutes, nothing to publish
  snn-eval ablate snn-eval-digits --dry-run             what there is to do, and how long it takes
  snn-eval ablate snn-eval-mnist --rows B0 --rows 'Complete Component' --seeds 0,1,2
  snn-eval ablate my-suite.toml --set train.epochs=20 --jobs 2
  snn-eval ablate snn-eval-digits --publish             finished cells and tables to reports/published
  snn-eval ablate --tables reports/published/snn-eval-digits
"""


def _numbers(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[int, ...]:
    """Whole numbers from 0, each once.

    >>> _numbers(None, None, "0,2,1")
    (0, 2, 1)
    """
    parts = [] if text is None else [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise click.BadParameter(f"expected whole numbers such as 0,1,2, got {text!r}", context)
    return tuple(dict.fromkeys(map(int, parts)))


@click.command(short_help="Compare rows of a suite: train, measure, tables.", epilog=_EPILOG)
@click.argument("suite", required=False)
@click.option("--rows", metavar="NAME", multiple=True, help="Only this row; repeatable, or several with commas.")
@click.option(
    "--seeds", "values", callback=_numbers, metavar="N,N,…", help="Seeds (or folds) in place of the suite's: 0,1,2."
)
@click.option("--quick", is_flag=True, help="One seed, a tenth of the epochs, 1,000 samples; not for publication.")
@click.option("--dry-run", is_flag=True, help="Only list the cells, with an estimate of the time.")
@click.option(
    "--jobs", type=click.IntRange(min=1), metavar="N", help="Cells at a time, a thread each; by default one a core."
)
@click.option(
    "--set", "settings", metavar="KEY=VALUE", multiple=True, help="Any value of the suite, as in TOML; repeatable."
)
@click.option("--device", default="cpu", show_default=True, metavar="DEVICE", help="cpu, cuda or cuda:N.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Where it is kept; by default reports/ablations/SUITE.",
)
@data_dir
@partial_data
@no_download
@click.option("--fresh", is_flag=True, help="Begin anew; forget what the folder holds of these cells.")
@click.option("--publish", is_flag=True, help="Only write cells and tables, all finished, to reports/published/SUITE.")
@click.option(
    "--tables",
    "remade",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Only make the tables of a published folder again, from its cells alone.",
)
@click.option("--no-tables", "tables", flag_value=False, default=True, help="Only the cells.")
@click.option("--quiet", is_flag=True, help="No progress; only the result.")
def ablate(
    suite: str | None, settings: tuple[str, ...], output: Path | None, jobs: int | None, dry_run: bool, **flags: Any
) -> int:
    """Train, correct and measure every row of SUITE (a name or a .toml file) over its seeds or folds.

    Each cell runs in a process of its own with one thread. What was stopped goes on where it was with the same
    command; cells that are stored are not made again.
    """
    from snn_eval.cli import ablation_tables

    remade: Path | None = flags["remade"]
    if remade is not None and suite is None:
        click.echo(str(ablation_tables.remake(remade)))
        return DONE
    if remade is not None or suite is None:
        raise click.UsageError("expected a suite, or --tables FOLDER in its place")
    if flags["publish"] and (flags["quick"] or settings or dry_run or flags["fresh"]):
        raise click.UsageError("--publish is of finished cells as the suite has them: without --quick, --set, --fresh")
    plan = _planned(suite, settings, output, flags["download"] and not dry_run, flags)
    if dry_run:
        from snn_eval.cli.ablation_plan import tell_plan

        tell_plan(plan, _jobs(jobs, plan), flags["fresh"])
        return DONE
    if flags["publish"]:
        click.echo(str(ablation_tables.publish(plan)))
        return DONE
    return _made(plan, _jobs(jobs, plan), flags["fresh"], flags["tables"], flags["quiet"])


def _planned(
    suite: str, settings: tuple[str, ...], output: Path | None, download: bool, flags: Mapping[str, Any]
) -> AblationPlan:
    """What the words ask for, with nothing made of it yet."""
    from snn_eval.atomic import check_folder
    from snn_eval.cli.settings import parsed
    from snn_eval.data import DataOptions
    from snn_eval.run.ablate import AblationRequest, planned
    from snn_eval.suite import load_suite, with_values

    quick = flags["quick"]
    chosen = with_values(load_suite(suite), parsed(settings), "command line")
    folder = output or Path("reports/ablations") / f"{chosen.name}{'-quick' if quick else ''}"
    options = DataOptions(flags["data_dir"], flags["partial_data"], download, telling(flags["quiet"]))
    request = AblationRequest(flags["rows"], flags["values"], quick, flags["device"], options)
    check_folder(folder)
    return planned(chosen, folder, request)


def _jobs(asked: int | None, plan: AblationPlan) -> int:
    from snn_eval.env import cores

    on_gpu = any(cell.device.startswith("cuda") for cell in plan.cells)
    return max(1, min(asked or (1 if on_gpu else cores()), len(plan.cells)))


def _made(plan: AblationPlan, jobs: int, fresh: bool, tables: bool, quiet: bool) -> int:
    """Make the cells that are not stored, then the tables of all that are."""
    from snn_eval.cli.ablation import watching_ablation
    from snn_eval.cli.ablation_tables import tables as write
    from snn_eval.run.ablate import Ended, forget, state_of, stored_cells, worked_off
    from snn_eval.store import alone_in

    plan.folder.mkdir(parents=True, exist_ok=True)
    with alone_in(plan.folder):
        if fresh:
            forget(plan.cells)
        left = [cell for cell in plan.cells if state_of(cell) != "stored"]
        with watching_ablation(plan, left, jobs, quiet) as watcher:
            for event in worked_off(left, jobs):
                if isinstance(event, Ended):
                    watcher.ended(event.cell, event.record)
                else:
                    watcher.told(event.cell, event.event)
        records = stored_cells(plan.cells)
        failures = [record for record in records if record.status == "failed"]
        click.echo(str(write(plan, records) if tables else plan.folder))
    return FAILED_CELLS if failures else DONE
