"""Writes a file whole or not at all, so that nothing half-written is ever there for a later run to trust."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from uuid import uuid4

from snn_eval.errors import RunError

__all__ = ["TEMPORARY_SUFFIX", "cannot_write", "check_folder", "write_atomic"]

TEMPORARY_SUFFIX = ".tmp"
"""Ending of a file still being written; a reader ignores such files."""

_CAUSES = {
    errno.ENOSPC: "the disk is full; free space or choose another folder",
    errno.EDQUOT: "the disk quota is used up; free space or choose another folder",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.EACCES: "no permission; choose a folder you may write to",
    errno.EPERM: "no permission; choose a folder you may write to",
    errno.ENOENT: "no such folder; make it or choose another",
    errno.ENOTDIR: "its folder is a file; choose another folder",
}


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write ``data`` (text as UTF-8) to ``path``: to a temporary file beside it, to disk, then renamed.

    Raises:
        RunError: the folder cannot be written to or the disk is full; a file already at ``path`` is unchanged.
    """
    content = data.encode() if isinstance(data, str) else data
    # The random part keeps two processes apart that write the same path at once: the last rename wins, whole.
    temporary = path.with_name(f".{path.name}.{uuid4().hex}{TEMPORARY_SUFFIX}")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise cannot_write(path, error) from error


def check_folder(folder: Path) -> None:
    """Refuse a folder that could not be made or written to, before hours are spent on what belongs into it.

    Raises:
        RunError: a file stands in its place or above it, or there is no permission.
    """
    place = next((path for path in (folder, *folder.absolute().parents) if path.exists()), folder)
    if not place.is_dir():
        raise RunError(f"cannot write {folder}: {place} is a file; choose another folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise cannot_write(folder, PermissionError(errno.EACCES, "no permission"))


def cannot_write(path: Path, error: OSError) -> RunError:
    """The one-line error for a path that could not be written, made or removed."""
    cause = _CAUSES.get(error.errno or 0, f"{error.strerror or error}; choose another folder")
    return RunError(f"cannot write {path}: {cause}")


def _sync_folder(folder: Path) -> None:
    """Bring a rename to disk; where folders cannot be opened (Windows) the system does so itself."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:  # some network file systems refuse; the file's content itself is on disk by now
        pass
    finally:
        os.close(descriptor)
