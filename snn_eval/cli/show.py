"""``snn-eval show``: a stored result again, as it was or computed anew from its trace."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["show"]

_EPILOG = """\b
Examples:
  snn-eval show                        the latest run
  snn-eval show digits                 the run whose name holds this word
  snn-eval show latest --recompute     every number again, from trace.h5 alone
  snn-eval show --energy my-chip.toml  the same counts under another energy model
"""


@click.command(short_help="Print a stored result again.", epilog=_EPILOG)
@click.argument("run", default="latest")
@click.option(
    "--recompute", is_flag=True, help="Compute every number from the traces; the stored record stays as it is."
)
@click.option("--energy", multiple=True, metavar="MODEL", help="Compute under this energy model; repeatable.")
@click.option("--convention", "conventions", multiple=True, metavar="NAME", help="Compute under this one; repeatable.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("reports/runs"),
    show_default=True,
    metavar="FOLDER",
    help="Where the run folders are.",
)
def show(run: str, recompute: bool, energy: tuple[str, ...], conventions: tuple[str, ...], output: Path) -> int:
    """Print the result of RUN: a folder, its name or a part of it, or "latest" (the default).

    Needs no network, no data and no torch.
    """
    from snn_eval.cli.nearest import check_names
    from snn_eval.cli.result import print_result
    from snn_eval.record import read_record
    from snn_eval.store import find_run

    found = find_run(output, run)
    record = read_record(found.record)
    if recompute or energy or conventions:
        from snn_eval.metrics import CONVENTIONS
        from snn_eval.run.derive import derive, under
        from snn_eval.trace_file import read_trace

        check_names("convention", conventions, CONVENTIONS)
        chosen_on = read_trace(found.validation) if found.validation.is_file() else None
        record = derive(
            read_trace(found.trace), under(record, energy=energy, conventions=conventions), validation=chosen_on
        )
    print_result(record, found)
    return 0
