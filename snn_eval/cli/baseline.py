"""``snn-eval baseline``: accept results as baselines, small files for version control."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from snn_eval.cli.compare import baselines_folder, folders

if TYPE_CHECKING:
    from snn_eval.regress import Side

__all__ = ["baseline"]

_EPILOG = """\b
Examples:
  snn-eval baseline save      accept the latest run
  snn-eval baseline update    accept it in place of the stored one
  snn-eval baseline list      what is stored, and how to measure it again
"""


@click.group(short_help="Accept results; list what was accepted.", epilog=_EPILOG)
def baseline() -> None:
    """Accepted results in reports/baseline, to compare later ones with. Commit them."""


_NAME = click.option(
    "--name", metavar="NAME", help="In place of SUITE-MODEL (with -N where the run was limited to N samples)."
)


@baseline.command(
    "save", short_help="Accept results of which there is no baseline.", epilog="Example:  snn-eval baseline save"
)
@click.argument("runs", nargs=-1)
@_NAME
@click.option("--limited", is_flag=True, help="Accept a limited run, too: only its samples will ever be compared.")
@folders
def _save(runs: tuple[str, ...], name: str | None, limited: bool, output: Path, baselines: Path) -> None:
    """Make a baseline of each of RUNS (folders or names; by default the latest)."""
    from snn_eval.errors import GateError

    for side, path in _chosen(runs, name, limited, output, baselines):
        if path.exists():
            raise GateError(f"{path} is there already; accept another result with `snn-eval baseline update`")
        _write(side, path)


@baseline.command(
    "update", short_help="Accept results in place of the stored ones.", epilog="Example:  snn-eval baseline update"
)
@click.argument("runs", nargs=-1)
@_NAME
@click.option("--limited", is_flag=True, help="Accept a limited run, too: only its samples will ever be compared.")
@folders
def _update(runs: tuple[str, ...], name: str | None, limited: bool, output: Path, baselines: Path) -> None:
    """Replace the baseline of each of RUNS (folders or names; by default the latest), and show what changes."""
    from snn_eval import regress
    from snn_eval.errors import GateError

    for side, path in _chosen(runs, name, limited, output, baselines):
        if not path.exists():
            raise GateError(f"there is no baseline {path} to replace; make it with `snn-eval baseline save`")
        stored, options = regress.read_baseline(path), regress.Options()
        click.echo(regress.text_report(regress.compare([(stored, side)], options), options, only_changed=True))
        _write(side, path)


@baseline.command("list", short_help="What was accepted.", epilog="Example:  snn-eval baseline list")
@click.option("--commands", is_flag=True, help="Only the arguments that measure each again, for a script.")
@baselines_folder
def _list(commands: bool, baselines: Path) -> None:
    """List the baselines: what they hold and how to measure it again."""
    from snn_eval.cli.ls import print_table
    from snn_eval.regress import list_baselines, read_baseline

    found = [(path, read_baseline(path)) for path in list_baselines(baselines)]
    if not found:
        click.echo(f"no baselines in {baselines}; make one with `snn-eval baseline save`")
    elif commands:
        click.echo("\n".join(" ".join([path.stem, *_arguments(side)]) for path, side in found))
    else:
        print_table(_row(path, side) for path, side in found)


def _chosen(
    runs: tuple[str, ...], name: str | None, limited: bool, output: Path, baselines: Path
) -> Iterable[tuple[Side, Path]]:
    """Each result with the path its baseline has.

    Raises:
        UsageError: one name for several results.
        GateError: a limited run, and nobody agreed to that.
    """
    from snn_eval.errors import GateError
    from snn_eval.regress import baseline_name, find

    chosen = [c for run in runs or ("latest",) for c in find(run, baselines, output, baseline_first=False).candidates]
    if name is not None and len(chosen) != 1:
        raise click.UsageError(f"--name is for one result, {len(chosen)} were given")
    for candidate in chosen:
        side = candidate.load()
        if side.record.status == "limited" and not limited:
            count = side.record.identity.samples
            raise GateError(f"{candidate.path.name} is limited to {count} samples; accept that with --limited")
        yield side, baselines / f"{name or baseline_name(side.record)}.json"


def _write(side: Side, path: Path) -> None:
    from snn_eval.regress import write_baseline

    write_baseline(path, side)
    click.echo(str(path))


def _row(path: Path, side: Side) -> tuple[str, ...]:
    identity = side.record.identity
    accuracy = next((m.value for m in side.record.measurements if m.metric == "accuracy"), None)
    shown = "" if accuracy is None else f"accuracy {accuracy * 100:.2f} %"
    extent = f"{identity.samples:,} samples" + (", limited" if side.record.status == "limited" else "")
    return path.stem, extent, f"T = {identity.time_steps}", shown, "snn-eval run " + " ".join(_command(side))


def _arguments(side: Side) -> list[str]:
    """Suite and checkpoint by name, and what else measures the same again: for a script that knows where they lie."""
    identity = side.record.identity
    return ["--models", identity.suite, identity.checkpoint_name or "CHECKPOINT", *_extent(side)]


def _command(side: Side) -> list[str]:
    """Arguments of ``snn-eval run`` as one types them, with PATH/TO where a file is somebody's own."""
    from snn_eval.data import DATASETS
    from snn_eval.suite import load_suite, suite_names

    identity = side.record.identity
    checkpoint = identity.checkpoint_name or "CHECKPOINT"
    if identity.suite not in suite_names():
        return ["--models", f"PATH/TO/{identity.suite}.toml", f"PATH/TO/{checkpoint}", *_extent(side)]
    suite = load_suite(identity.suite)
    if suite.model is not None and suite.model.checkpoint == checkpoint:
        words = ["--suite", identity.suite]
    else:
        words = ["--models", identity.suite, f"PATH/TO/{checkpoint}"]
    known = DATASETS.get(suite.data.name or "")
    comes_along = known is not None and not known.places(suite.data.test, Path())
    return [*words, *([] if comes_along else ["--data-dir", "FOLDER"]), *_extent(side)]


def _extent(side: Side) -> list[str]:
    identity, made = side.record.identity, side.record.provenance
    words = ["--time-steps", str(identity.time_steps)]
    if made.batch_size is not None:
        words += ["--batch-size", str(made.batch_size)]
    if side.record.status == "limited":
        words += ["--limit", str(identity.samples)]
    return words
