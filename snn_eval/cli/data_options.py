"""The options of every command that reads data: where they lie, partial data, downloads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

__all__ = ["data_dir", "no_download", "partial_data", "telling"]

data_dir = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Folder the data sets lie in; by default $SNN_EVAL_DATA, else a folder of yours.",
)
partial_data = click.option(
    "--partial-data", is_flag=True, help="Use a part of which files are missing as far as it is there; noted."
)
no_download = click.option(
    "--no-download", "download", flag_value=False, default=True, help="Never fetch data that are missing."
)


def telling(quiet: bool) -> Callable[[str], None]:
    """Where lines about a download go: to standard error, or nowhere."""

    def tell(text: str) -> None:
        if not quiet:
            click.echo(f"snn-eval: {text}", err=True)

    return tell
