"""``snn-eval validate``: check a suite before hours are spent on it, or a NIR graph against other simulators."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from snn_eval.cli.codes import DONE, GATE_FAILED
from snn_eval.cli.data_options import data_dir

if TYPE_CHECKING:
    from snn_eval.models.nir.compare import Simulator

__all__ = ["validate"]

_EPILOG = """\b
Examples:
  snn-eval validate my-suite.toml
  snn-eval validate mnist --data-dir data
  snn-eval validate best.nir --against spikingjelly   the same spikes there?
"""

_SIMULATORS: tuple[Simulator, ...] = ("spikingjelly", "snntorch")


@click.command(short_help="Check a suite, its data and its network.", epilog=_EPILOG)
@click.argument("suite")
@data_dir
@click.option(
    "--against",
    multiple=True,
    type=click.Choice(_SIMULATORS),
    help="Of a NIR graph: the simulator to compare with, repeatable (default: each).",
)
@click.option("--time-steps", type=click.IntRange(min=1), metavar="T", help="Of a NIR graph: steps to compare (20).")
def validate(suite: str, data_dir: Path | None, against: tuple[str, ...], time_steps: int | None) -> int:
    """Check SUITE (a name or a .toml file): every key and value, the names it uses, its data, its network on its data.

    Data that are not here are not fetched. Functions of your own are called.

    A NIR graph (.nir) is run here and through the importers of other simulators, on drawn input that makes it fire:
    all spikes are equal, or the first difference is named (layer, step, sample, neuron). The exit code is 1 where one
    differs, or one that was named does not take the graph.
    """
    if suite.endswith(".nir"):
        return _graph(Path(suite), against, time_steps or 20)
    if against or time_steps:
        raise click.UsageError("--against and --time-steps are for NIR graphs (.nir)")
    from snn_eval.cli.nearest import check_names
    from snn_eval.data import DATASETS, DataOptions
    from snn_eval.energy import energy_model
    from snn_eval.metrics import CONVENTIONS, METRICS
    from snn_eval.run.examine import examined
    from snn_eval.suite import load_suite, with_tables_beside

    found = load_suite(suite)
    where = f"suite {found.name}"
    check_names("data set", [found.data.name] if found.data.name else [], DATASETS, where)
    check_names("metric", found.evaluate.metrics, METRICS, where)
    check_names("convention", found.evaluate.conventions, CONVENTIONS, where)
    for name in with_tables_beside(found).evaluate.energy:
        energy_model(name)
    facts = list(examined(found, DataOptions(folder=data_dir)))
    variants = f", {len(found.ablation)} ablations" if found.ablation else ""
    click.echo(f"{found.name} v{found.suite.version}: valid{variants}")
    width = max(len(name) for name, _ in facts)
    for name, told in facts:
        click.echo(f"  {name:<{width}}  {told}")
    return DONE


def _graph(path: Path, against: Sequence[str], time_steps: int) -> int:
    """Compare a graph with other simulators; the exit code."""
    from snn_eval.run.elsewhere import compare_elsewhere, drawn_for

    drawn = drawn_for(path, time_steps)
    steps, samples = drawn.x.shape[:2]
    click.echo(f"{path}: {drawn.spikes:,} spikes here, {steps} steps of {samples} samples, drawn")
    if drawn.silent:
        click.echo(f"  silent: {', '.join(drawn.silent)}")
    simulators = [name for name in _SIMULATORS if name in (against or _SIMULATORS)]
    width, code = max(map(len, simulators)), DONE
    for simulator, outcome, told in compare_elsewhere(path, drawn, simulators):
        if outcome == "different" or (outcome == "refused" and against):
            code = GATE_FAILED
        click.echo(f"  {simulator:<{width}}  {told}")
    return code
