"""``snn-eval validate``: check a suite before hours are spent on it."""

from __future__ import annotations

from pathlib import Path

import click

from snn_eval.cli.data_options import data_dir

__all__ = ["validate"]

_EPILOG = """\b
Examples:
  snn-eval validate my-suite.toml
  snn-eval validate mnist --data-dir data
"""


@click.command(short_help="Check a suite, its data and its network.", epilog=_EPILOG)
@click.argument("suite")
@data_dir
def validate(suite: str, data_dir: Path | None) -> None:
    """Check SUITE (a name or a .toml file): every key and value, the names it uses, its data, its network on its data.

    Data that are not here are not fetched. Functions of your own are called.
    """
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
