"""Finds an official file in the data folder, or fetches it, or says which one is missing and where it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from snn_eval.data.official import GivenOut, OfficialFile, find
from snn_eval.data.place import data_folder
from snn_eval.data.source import DataOptions
from snn_eval.errors import DataError, InputError

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
        DataError: it is in none of its forms there, and was not to be or could not be downloaded.
    """
    folder = data_folder(options.folder)
    form = find(folder, forms)
    if form is not None:
        return folder, form
    reason = ""
    if options.download and given_out.urls:
        from snn_eval.data.download import download

        try:
            download(given_out, folder, options.tell)
            return folder, given_out.file
        except InputError as error:
            reason = f" ({error})"
    or_unpacked = f" (or, unpacked, {unpacked})" if unpacked else ""
    raise DataError(
        f"{name}: expected the file {given_out.file.path}{or_unpacked} in {folder}, found none{reason}; put it there "
        f"or name the folder it is in with --data-dir{otherwise}"
    )
