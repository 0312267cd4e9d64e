"""``snn-eval run``: measure checkpoints on suites, print what matters, leave a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from snn_eval.cli.choice import no_further_words, steps, suite_and_checkpoint
from snn_eval.cli.codes import DONE, FAILED_CELLS, WRONG_INPUT
from snn_eval.cli.data_options import data_dir, no_download, partial_data, telling
from snn_eval.cli.input_options import prepared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snn_eval.run.execute import Outcome
    from snn_eval.run.listener import Listener
    from snn_eval.run.plan import Cell

__all__ = ["run"]

_EPILOG = """\b
Examples:
  snn-eval run                                          the suite and checkpoint that come with it
  snn-eval run --models digits model.pth                a checkpoint of yours
  snn-eval run --models my-suite.toml a.pth --models my-suite.toml b.pth --time-steps 4
  snn-eval run --models digits net.pth --arch net.py:make_network
  snn-eval run --models mnist net.pt --arch net.py:make --normalize 0.1307,0.3081 --flatten
  snn-eval run --models mnist mnist.pt --data-dir data    files of MNIST in data, downloaded if they are missing
  snn-eval run --suite digits --sweep-time-steps 1-8
  snn-eval run --suite digits --exit confidence         stop a sample as soon as the network is sure
"""


@click.command(
    short_help="Measure checkpoints, leave a run folder.", epilog=_EPILOG, context_settings={"allow_extra_args": True}
)
@click.option(
    "--models",
    type=(str, click.Path(path_type=Path)),
    metavar="SUITE CHECKPOINT",
    multiple=True,
    callback=suite_and_checkpoint,
    help="Suite (name or .toml file) and checkpoint to measure on it; may be given several times.",
)
@click.option("--suite", "suites", metavar="SUITE", multiple=True, help="Measure the checkpoint this suite names.")
@click.option("--all", "every", is_flag=True, help="Measure every suite whose data and checkpoint are here.")
@click.option("--device", default="auto", show_default=True, metavar="DEVICE", help="auto, cpu, cuda or cuda:N.")
@click.option("--time-steps", type=click.IntRange(min=1), metavar="T", help="Time steps, in place of the suite's.")
@click.option(
    "--sweep-time-steps",
    "sweep",
    callback=steps,
    metavar="T,T,…",
    help="Measure with each of these time steps, one row each: 1,2,4 or 1-8.",
)
@click.option("--batch-size", type=click.IntRange(min=1), metavar="N", help="Samples in a chunk.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Measure only the first N samples.")
@click.option("--seed", type=click.IntRange(min=0), metavar="SEED", help="Of encodings and networks that draw.")
@click.option(
    "--arch",
    metavar="NAME[:KEY=VALUE,…]",
    help="Architecture of the checkpoint: one of ours, file.py:function or package.module:function, and its values.",
)
@prepared
@click.option(
    "--exit",
    type=click.Choice(["confidence", "entropy", "none"]),
    help="Also measure with early exit by this rule; its threshold is chosen on the validation part.",
)
@click.option(
    "--exit-tolerance",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="How far accuracy on validation may fall below that of all steps; 0.002 unless the suite says otherwise.",
)
@click.option("--energy", multiple=True, metavar="MODEL", help="Energy model, by name or .toml file; repeatable.")
@click.option("--convention", "conventions", multiple=True, metavar="NAME", help="Counting convention; repeatable.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("reports/runs"),
    show_default=True,
    metavar="FOLDER",
    help="Where run folders are put.",
)
@data_dir
@partial_data
@no_download
@click.option("--fresh", is_flag=True, help="Measure again what is stored already; do not resume.")
@click.option("--strict", is_flag=True, help="An operation without a rule is an error.")
@click.option("--trust", is_flag=True, help="The checkpoint is a pickled module; loading it may run its code.")
@click.option(
    "--dry-run", is_flag=True, help="Only say what would be measured, and by its first chunks how long it takes."
)
@click.option("--quiet", is_flag=True, help="No progress; only the result.")
def run(output: Path, fresh: bool, dry_run: bool, quiet: bool, **flags: Any) -> int:
    """Measure checkpoints: accuracy, spikes, synaptic operations, energy.

    One pass over the test set; all numbers come from the counts it leaves behind in the run folder. A run that was
    interrupted goes on where it stopped. Without --models or --suite: suite digits.
    """
    from snn_eval.atomic import check_folder
    from snn_eval.cli.progress import watching
    from snn_eval.cli.result import print_results
    from snn_eval.run.plan import Request, plan

    no_further_words(click.get_current_context())
    flags["download"] = flags["download"] and not dry_run
    request = Request(**flags)
    if request.sweep and request.time_steps is not None:
        raise click.UsageError("expected --time-steps or --sweep-time-steps, got both")
    _check(request.conventions, request.energy)
    cells = plan(request, telling(quiet))
    for cell in cells:  # a name misspelt in a suite is found now, not after hours of measuring
        chosen = cell.suite.evaluate
        _check(chosen.conventions, chosen.energy, chosen.metrics, f"suite {cell.suite.name}")
    if dry_run:
        _tell_plan(cells, output, fresh)
        return 0
    check_folder(output)
    argv: tuple[str, ...] = click.get_current_context().obj or ()
    with watching(quiet) as listener:
        asked = (len(request.models) + len(request.suites)) * max(1, len(request.sweep))
        if asked > len(cells):
            again = asked - len(cells)
            has = "has" if again == 1 else "have"
            listener.warn(f"of {asked} models asked for, {again} {has} the same content as another")
        outcomes, mistakes = _executed(cells, output, listener, argv, fresh)
    if not outcomes:
        return WRONG_INPUT
    print_results([(outcome.record, outcome.run) for outcome in outcomes], output)
    return FAILED_CELLS if mistakes or any(outcome.record.status == "failed" for outcome in outcomes) else DONE


def _tell_plan(cells: Sequence[Cell], output: Path, fresh: bool) -> None:
    """What would be measured, how long it would take and how much disk; writes nothing."""
    from snn_eval.run.estimate import estimate
    from snn_eval.run.plan import described

    for cell, line in zip(cells, described(cells), strict=True):
        click.echo(line)
        click.echo(f"  {estimate(cell, output, fresh=fresh)}")


def _check(conventions: Sequence[str], energy: Sequence[str], metrics: Sequence[str] = (), where: str = "") -> None:
    """Refuse unknown names before anything is loaded."""
    from snn_eval.cli.nearest import check_names
    from snn_eval.energy import energy_model
    from snn_eval.metrics import CONVENTIONS, METRICS

    check_names("convention", conventions, CONVENTIONS, where)
    check_names("metric", metrics, METRICS, where)
    for name in energy:
        energy_model(name)


def _executed(
    cells: Sequence[Cell], output: Path, listener: Listener, argv: tuple[str, ...], fresh: bool
) -> tuple[list[Outcome], int]:
    """Outcomes of all cells that could be used; the number of the others, each told with its reason.

    Raises:
        InputError: the only cell cannot be used.
    """
    from snn_eval.errors import InputError
    from snn_eval.run.execute import execute

    outcomes: list[Outcome] = []
    mistakes = 0
    for cell in cells:
        try:
            outcome = execute(cell, output, listener, argv=argv, fresh=fresh)
        except InputError as error:
            if len(cells) == 1:
                raise
            listener.warn(f"{cell.title}: {error}")
            mistakes += 1
            continue
        if outcome.reused:
            listener.warn(f"{cell.title} was measured before, in {outcome.run.path}; --fresh measures it again")
        outcomes.append(outcome)
    return outcomes, mistakes
