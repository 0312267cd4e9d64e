"""``snn-eval validate``: check a suite before hours are spent on it."""

from __future__ import annotations

import click

__all__ = ["validate"]


@click.command(short_help="Check a suite.", epilog="Example:  snn-eval validate my-suite.toml")
@click.argument("suite")
def validate(suite: str) -> None:
    """Check SUITE (a name or a .toml file): every key and value, its ablations, and the names it uses.

    A factory of your own is looked for, too, which runs its file.
    """
    from snn_eval.cli.nearest import check_names
    from snn_eval.data import DATASETS
    from snn_eval.energy import energy_model
    from snn_eval.metrics import CONVENTIONS, METRICS
    from snn_eval.suite import load_suite

    found = load_suite(suite)
    check_names("data set", [found.data.name] if found.data.name else [], DATASETS)
    check_names("metric", found.evaluate.metrics, METRICS)
    check_names("convention", found.evaluate.conventions, CONVENTIONS)
    for name in found.evaluate.energy:
        energy_model(name)
    if found.model.factory is not None:
        from snn_eval.models.user import load_component

        load_component(found.model.factory, found.folder)
    variants = f", {len(found.ablation)} ablations" if found.ablation else ""
    click.echo(f"{found.name} v{found.suite.version}: valid{variants}")
