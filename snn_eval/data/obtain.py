"""Finds an official file in the data folder, or says which one is missing and where it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from snn_eval.data.official import GivenOut, OfficialFile, find
from snn_eval.data.place import data_folder
from snn_eval.data.source import DataOptions
from snn_eval.errors import DataError

__all__ = ["obtained"]


def obtained(
    name: str,
    forms: Sequence[OfficialFile],
    given_out: GivenOut,
    options: DataOptions,
    unpacked: str = "",
    otherwise: str = "",
) -> tuple[Path, OfficialFile]:
    """The data folder, and the form a file has in it.

    Args:
        name: of the data set.
        forms: in which the file may lie there.
        given_out: the form its authors give out.
        options: of the caller.
        unpacked: what would do in its place, for the message.
        otherwise: what else could be done, for the message.

    Raises:
        DataError: it is in none of its forms there.
    """
    folder = data_folder(options.folder)
    form = find(folder, forms)
    if form is None:
        or_unpacked = f" (or, unpacked, {unpacked})" if unpacked else ""
        raise DataError(
            f"{name}: expected the file {given_out.file.path}{or_unpacked} in {folder}, found none; put it there or "
            f"name the folder it is in with --data-dir{otherwise}"
        )
    return folder, form
