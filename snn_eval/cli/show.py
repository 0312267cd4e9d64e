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
"""


@click.command(short_help="Print a stored result again.", epilog=_EPILOG)
@click.argument("run", default="latest")
@click.option("--recompute", is_flag=True, help="Compute every number from trace.h5; the stored record stays as it is.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("reports/runs"),
    show_default=True,
    metavar="FOLDER",
    help="Where the run folders are.",
)
def show(run: str, recompute: bool, output: Path) -> int:
    """Print the result of RUN: a folder, its name or a part of it, or "latest" (the default).

    Needs no network, no data and no torch.
    """
    from snn_eval.cli.result import print_result
    from snn_eval.record import read_record
    from snn_eval.store import find_run

    found = find_run(output, run)
    record = read_record(found.record)
    if recompute:
        from snn_eval.run.derive import derive
        from snn_eval.trace_file import read_trace

        record = derive(read_trace(found.trace), record)
    print_result(record, found)
    return 0
