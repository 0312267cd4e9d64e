"""``snn-eval train``: make a checkpoint of a suite's network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from snn_eval.cli.data_options import data_dir, no_download, partial_data, telling

if TYPE_CHECKING:
    from snn_eval.train import Epoch

__all__ = ["train"]

_EPILOG = """\b
Examples:
  snn-eval train digits --output trained
  snn-eval run --models digits trained/best.pt
"""


@click.command(short_help="Train the network of a suite.", epilog=_EPILOG)
@click.argument("suite")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=0,
    show_default=True,
    metavar="SEED",
    help="Of weights, order and shifts.",
)
@click.option("--epochs", type=click.IntRange(min=1), metavar="N", help="In place of the suite's.")
@click.option("--time-steps", type=click.IntRange(min=1), metavar="T", help="In place of the suite's.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the checkpoints and the log; by default reports/trained/SUITE-SEED.",
)
@data_dir
@partial_data
@no_download
@click.option("--quiet", is_flag=True, help="Only the result.")
def train(
    suite: str, seed: int, epochs: int | None, time_steps: int | None, output: Path | None, quiet: bool, **data: Any
) -> None:
    """Train the network of SUITE (a name or a .toml file). The test part of its data is never read."""
    from snn_eval.data import DataOptions
    from snn_eval.suite import load_suite, with_values
    from snn_eval.train import train as train_suite

    flags = {"train.epochs": epochs, "input.time_steps": time_steps}
    values = {key: value for key, value in flags.items() if value is not None}
    chosen = with_values(load_suite(suite), values, "command line")
    folder = output or Path("reports/trained") / f"{chosen.name}-{seed}"

    def tell(epoch: Epoch) -> None:
        if not quiet:
            click.echo(
                f"snn-eval: epoch {epoch.epoch}/{chosen.train.epochs}: loss {epoch.train_loss:.4f}, "
                f"validation accuracy {epoch.validation_accuracy:.2%}, "
                f"rate {epoch.validation_firing_rate:.3f}, {epoch.wall_time_s:.1f} s",
                err=True,
            )

    options = DataOptions(data["data_dir"], data["partial_data"], data["download"], telling(quiet))
    trained = train_suite(chosen, folder, seed=seed, on_epoch=tell, options=options)
    best = trained.best
    click.echo(
        f"best of {len(trained.epochs)} epochs: {best.epoch}, validation accuracy {best.validation_accuracy:.2%}"
    )
    click.echo(str(trained.best_checkpoint))
