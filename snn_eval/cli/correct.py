"""``snn-eval correct``: improve a trained checkpoint without training it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from snn_eval.cli.data_options import data_dir, no_download, partial_data, telling

if TYPE_CHECKING:
    from snn_eval.suite import Suite
    from snn_eval.train.correct import CorrectionReport

__all__ = ["correct"]

_EPILOG = """\b
Examples:
  snn-eval correct trained/best.pt --suite digits
  snn-eval correct trained/best.pt --suite digits --no-readout --output corrected.pt
  snn-eval correct converted.pt --suite mnist --mode twin --time-steps 8 --data-dir data
"""


@click.command(short_help="Improve a checkpoint without training it.", epilog=_EPILOG)
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--suite", metavar="SUITE", help="Name or .toml file; by default the one it was trained for.")
@click.option(
    "--mode",
    type=click.Choice(["prefix", "twin", "none"]),
    help="Temporal bias: towards the network's own later rates (prefix), or the ANN it was converted from (twin).",
)
@click.option("--readout/--no-readout", default=None, help="Also fit biases and gains to the last readout.")
@click.option("--arch", metavar="NAME", help="Network, for weights that do not name theirs: as for run.")
@click.option("--set", "values", metavar="KEY=VALUE", multiple=True, help="Any value of the suite; repeatable.")
@click.option("--time-steps", type=click.IntRange(min=2), metavar="T", help="Same as --set input.time_steps=T.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    default=0,
    show_default=True,
    metavar="SEED",
    help="Of the images and their order.",
)
@click.option("--device", default="auto", show_default=True, metavar="DEVICE", help="auto, cpu, cuda or cuda:N.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="File to write; by default CHECKPOINT-corrected.pt beside it.",
)
@data_dir
@partial_data
@no_download
def correct(checkpoint: Path, suite: str | None, values: tuple[str, ...], **flags: Any) -> None:
    """Correct the network of CHECKPOINT so that it answers well after fewer steps, and write it as a new checkpoint.

    Images of the training part are used, those of the validation part show what it brought; the test part is never
    read. By default what the suite says, or, where it says nothing, prefix with readout.
    """
    from snn_eval.cli.settings import parsed
    from snn_eval.data import DataOptions
    from snn_eval.run.correct import correct_checkpoint
    from snn_eval.run.load import torch_device
    from snn_eval.suite import load_suite, with_values

    name = suite or _own_suite(checkpoint)
    given = load_suite(name)
    chosen = with_values(given, parsed(values), "command line")
    chosen = with_values(chosen, _asked_for(chosen, flags), "command line")
    output = flags["output"] or checkpoint.with_name(f"{checkpoint.stem}-corrected.pt")
    made = correct_checkpoint(
        chosen,
        checkpoint,
        output,
        arch=flags["arch"],
        options=DataOptions(flags["data_dir"], flags["partial_data"], flags["download"], telling(quiet=False)),
        seed=flags["seed"],
        device=torch_device(flags["device"]),
    )
    for note in made.notes:
        click.echo(f"snn-eval: warning: {note}", err=True)
    _tell(made.report)
    further = {
        "--arch": flags["arch"],
        "--time-steps": chosen.input.time_steps if chosen.input.time_steps != given.input.time_steps else None,
        "--data-dir": flags["data_dir"],
    }
    words = [word for flag, value in further.items() if value is not None for word in (flag, str(value))]
    click.echo(f"try: {shlex.join(['snn-eval', 'run', '--models', name, str(output), *words])}")
    click.echo(str(output))


def _own_suite(checkpoint: Path) -> str:
    """The suite a checkpoint was trained for.

    Raises:
        InputError: it does not say.
    """
    from snn_eval.errors import InputError
    from snn_eval.models.checkpoint import load_checkpoint

    name = load_checkpoint(checkpoint).suite
    if name is None:
        raise InputError(f"{checkpoint}: expected a checkpoint that names its suite, found none; give --suite")
    return name


def _asked_for(suite: Suite, flags: dict[str, Any]) -> dict[str, Any]:
    """Dotted keys of what the flags, the suite or, where both say nothing, the default asks for."""
    section = suite.correct
    by_suite = section.is_asked_for
    mode = flags["mode"] or (section.mode if by_suite else "prefix")
    readout = flags["readout"] if flags["readout"] is not None else section.readout if by_suite else True
    steps = {} if flags["time_steps"] is None else {"input.time_steps": flags["time_steps"]}
    return {"correct.mode": mode, "correct.readout": readout, **steps}


def _tell(report: CorrectionReport) -> None:
    """Validation accuracy by step before and after, and the cost."""
    click.echo("validation accuracy after t steps, in %")
    rows = [("t", [str(t) for t in range(1, len(report.before) + 1)])]
    told = (("before", report.before), ("after", report.after))
    rows += [(name, [f"{100 * accuracy:.2f}" for accuracy in values]) for name, values in told]
    for name, cells in rows:
        click.echo(f"  {name:<6}  " + "  ".join(f"{cell:>6}" for cell in cells))
    kept = ", ".join(report.kept_layers) or "none: no correction lowered the loss on held-out training images"
    click.echo(f"corrected: {kept}")
    cost = f"{report.samples:,} training images, {report.seconds:.1f} s of CPU time"
    click.echo(f"cost: {cost}; {report.parameters:,} parameters added")
