"""Fetches an official file: from several mirrors in turn, resumed, checked, and there whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from snn_eval.atomic import cannot_write
from snn_eval.data.official import GivenOut, OfficialFile
from snn_eval.data.transfer import MirrorError, Patience, fetch, megabytes, size_of, writing
from snn_eval.errors import DataError

__all__ = ["Patience", "download"]


def download(wanted: GivenOut, folder: Path, tell: Callable[[str], None], patience: Patience | None = None) -> None:
    """Fetch ``wanted`` into the data folder, unless another process has done so meanwhile.

    What arrives is written to ``<name>.part`` and gone on with if the connection breaks, also by a later call. It gets
    its name when size and checksum are the official ones. A lock keeps two processes from writing the same file.

    Args:
        wanted: file with size and checksum, and its addresses.
        folder: the data folder.
        tell: called with a line every few seconds.
        patience: when to give up.

    Raises:
        DataError: no mirror gave the file; says why each did not.
        RunError: the folder cannot be written.
    """
    patience = patience or Patience()
    path = folder / wanted.file.path
    with _locked(path, tell):
        if path.is_file():
            return
        causes = []
        for url in wanted.urls:
            try:
                _from_mirror(url, wanted.file, path, tell, patience)
                tell(f"{path.name}: complete, checksum right")
                return
            except MirrorError as error:
                causes.append(f"{urlsplit(url).netloc}: {error}")
                tell(f"{path.name}: {causes[-1]}")
    raise DataError(f"{path.name} could not be downloaded: {'; '.join(causes)}")


@contextlib.contextmanager
def _locked(path: Path, tell: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of a file; the system lets go of it when a process dies. Folders made for nothing are removed."""
    from filelock import FileLock

    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=0)
    made = [folder for folder in path.parents if not folder.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except TimeoutError:
            tell(f"{path.name}: another process is downloading it; waiting")
            lock.acquire(timeout=-1)
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.unlink(lock.lock_file)  # while it is held: whoever waits for it sees that, and makes a new one
        lock.release()
        for folder in made:
            with contextlib.suppress(OSError):  # not empty
                folder.rmdir()


def _from_mirror(url: str, file: OfficialFile, path: Path, tell: Callable[[str], None], patience: Patience) -> None:
    """All tries at one mirror; the file is complete and in its place afterwards."""
    part, size = path.with_name(f"{path.name}.part"), _size(file)
    for number in range(1, patience.tries + 1):
        before = size_of(part)
        try:
            if before != size:
                tell(f"{path.name}: from {url}{f', going on after {megabytes(before)}' if before else ''}")
                fetch(url, part, size, tell, patience)
            _check(file, part)
            with writing(path):
                os.replace(part, path)
            return
        except MirrorError as error:
            # a wrong file made of two attempts says nothing of this mirror: it is asked once more for all of it
            again = not error.final or (before > 0 and not part.is_file())
            if not again or number == patience.tries:
                raise
        time.sleep(patience.pause_s * 2 ** (number - 1))


def _check(file: OfficialFile, part: Path) -> None:
    """Bring what arrived to disk; refuse and remove it if it is not the official file."""
    kind, expected = ("sha256", file.sha256) if file.sha256 is not None else ("md5", file.md5)
    with writing(part), open(part, "rb+") as content:
        digest = hashlib.file_digest(content, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()
        os.fsync(content.fileno())
    if digest != expected or size_of(part) != file.size:
        part.unlink(missing_ok=True)
        raise MirrorError(f"not the official file: expected {kind} {expected}, got {digest}", final=True)


def _size(file: OfficialFile) -> int:
    if file.size is None:
        raise DataError(f"{file.name}: its official size is not known, so it is not downloaded")
    return file.size
