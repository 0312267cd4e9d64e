"""``snn-eval train``: make a checkpoint of a suite's network, or of the user's own."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from snn_eval.cli.data_options import data_dir, no_download, partial_data, telling

if TYPE_CHECKING:
    from snn_eval.train import Trained

__all__ = ["train"]

_EPILOG = """\b
Examples:
  snn-eval train digits --output trained
  snn-eval run --models digits trained/best.pt
  snn-eval train mnist --set train.epochs=3 --set model.config.channels=[8,16]
  snn-eval train digits --arch net.py:make_network
"""


@click.command(short_help="Train the network of a suite, or yours.", epilog=_EPILOG)
@click.argument("suite")
@click.option("--arch", metavar="NAME", help="In place of the suite's: one of ours, or file.py:function.")
@click.option(
    "--set", "values", metavar="KEY=VALUE", multiple=True, help="Any value of the suite, as in TOML; repeatable."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=0,
    show_default=True,
    metavar="SEED",
    help="Of weights, order and augmentation.",
)
@click.option("--epochs", type=click.IntRange(min=1), metavar="N", help="Same as --set train.epochs=N.")
@click.option("--time-steps", type=click.IntRange(min=1), metavar="T", help="Same as --set input.time_steps=T.")
@click.option("--device", default="auto", show_default=True, metavar="DEVICE", help="auto, cpu, cuda or cuda:N.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for checkpoints, log and state; by default reports/trained/SUITE-SEED.",
)
@data_dir
@partial_data
@no_download
@click.option("--fresh", is_flag=True, help="Begin anew; do not go on with what the folder holds.")
@click.option("--quiet", is_flag=True, help="Only the result.")
def train(
    suite: str, arch: str | None, values: tuple[str, ...], seed: int, output: Path | None, quiet: bool, **flags: Any
) -> None:
    """Train the network of SUITE (a name or a .toml file). The test part of its data is never read.

    Everything is kept after each epoch: the same command goes on with an interrupted training.
    """
    from snn_eval.cli.settings import parsed
    from snn_eval.cli.training import watching_training
    from snn_eval.data import DataOptions
    from snn_eval.run.load import torch_device
    from snn_eval.suite import load_suite, with_values
    from snn_eval.train import train as train_suite

    shorthands = {"train.epochs": flags["epochs"], "input.time_steps": flags["time_steps"]}
    given = load_suite(suite)
    chosen = with_values(
        given,
        {**parsed(values), **{key: value for key, value in shorthands.items() if value is not None}},
        "command line",
    )
    folder = output or Path("reports/trained") / f"{chosen.name}-{seed}"
    options = DataOptions(flags["data_dir"], flags["partial_data"], flags["download"], telling(quiet))
    device = torch_device(flags["device"])
    with watching_training(chosen.name, quiet) as watcher:
        trained = train_suite(
            chosen,
            folder,
            seed=seed,
            arch=arch,
            options=options,
            device=device,
            fresh=flags["fresh"],
            watcher=watcher,
        )
    same_steps = chosen.input.time_steps == given.input.time_steps
    further = {
        "--arch": arch if arch and ":" in arch else None,
        "--time-steps": None if same_steps else chosen.input.time_steps,
        "--data-dir": flags["data_dir"],
    }
    _tell(trained, ["snn-eval", "run", "--models", suite, str(trained.best_checkpoint)], further)


def _tell(trained: Trained, command: list[str], further: Mapping[str, object]) -> None:
    """Both accuracies and the command that measures the best checkpoint; the checkpoint is the last line."""
    for name, epoch in (("best", trained.best), ("last", trained.last)):
        click.echo(
            f"{name}: epoch {epoch.epoch} of {len(trained.epochs)}, "
            f"validation accuracy {epoch.validation_accuracy:.2%}, loss {epoch.validation_loss:.4f}"
        )
    words = [word for flag, value in further.items() if value is not None for word in (flag, str(value))]
    click.echo(f"try: {shlex.join([*command, *words])}")
    click.echo(str(trained.best_checkpoint))
