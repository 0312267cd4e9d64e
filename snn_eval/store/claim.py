"""Keeps processes apart that work in one folder: each holds its run by a lock that ends with it, however it ends."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO

from snn_eval.atomic import TEMPORARY_SUFFIX, cannot_write
from snn_eval.errors import RunError
from snn_eval.record import Record, read_record
from snn_eval.store.find import list_runs
from snn_eval.store.folder import RunFolder, make_folder, make_run
from snn_eval.store.sweep import sweep

try:
    import fcntl
except ImportError:  # Windows: two processes are then kept apart by their folders' names only
    fcntl = None  # type: ignore[assignment]

__all__ = ["Claim", "alone_in", "claim", "claim_new", "claim_unfinished", "create_run", "tidy"]


@dataclass(frozen=True, slots=True)
class Claim:
    """A run this process alone works on, until the claim is left or the process ends. A context manager."""

    run: RunFolder
    made_now: bool = False
    _lock: IO[bytes] | None = None

    def __enter__(self) -> Claim:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            self._lock.close()


def claim(run: RunFolder) -> Claim:
    """Work on a run that is there.

    Raises:
        RunError: another process works on it, or its folder cannot be written to.
    """
    return Claim(run, _lock=_locked(run))


def claim_new(root: Path, record: Record, *, now: datetime | None = None) -> Claim:
    """Make a new run folder under ``root`` that holds ``record`` with status ``partial``, and work on it.

    Two runs made at the same time get two folders.

    Raises:
        RunError: the folder cannot be made or written.
    """
    make_folder(root)
    lock: list[IO[bytes] | None] = []  # taken before the record is there, so that nobody else goes on with the run
    with _folder_locked(root, wait=True):
        try:
            run = make_run(root, record, now, before_record=lambda made: lock.append(_locked(made)))
        except BaseException:
            for file in lock:
                if file is not None:
                    file.close()
            raise
    return Claim(run, True, *lock)


def create_run(root: Path, record: Record, *, now: datetime | None = None) -> RunFolder:
    """Make a new run folder that nobody works on yet; raises as :func:`claim_new`."""
    with claim_new(root, record, now=now) as claimed:
        return claimed.run


def tidy(root: Path) -> None:
    """Remove what killed processes left in ``root``: run folders not yet in use, parts of runs that have ended."""
    if root.is_dir():
        with _folder_locked(root, wait=True) as alone:
            if alone:
                sweep(root, claim)


def claim_unfinished(root: Path, fits: Callable[[Record], bool]) -> Claim | None:
    """Go on with the latest run that was stopped before its end, whose record fits, and that nobody works on."""
    for run in reversed(list_runs(root)):
        with contextlib.suppress(RunError):
            if run.parts.is_dir() and _unfinished(run, fits):
                taken = claim(run)
                if run.parts.is_dir() and _unfinished(run, fits):  # another process may just have finished it
                    return taken
                taken.__exit__(None, None, None)
    return None


def _unfinished(run: RunFolder, fits: Callable[[Record], bool]) -> bool:
    record = read_record(run.record)
    return record.status == "partial" and fits(record)


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Work in a folder of results that no other process works in, without what a killed one left half-written.

    Raises:
        RunError: another process works in it.
    """
    with _folder_locked(folder, wait=False):
        for leftover in folder.glob(f".*{TEMPORARY_SUFFIX}"):
            with contextlib.suppress(OSError):
                leftover.unlink()
        yield


@contextlib.contextmanager
def _folder_locked(folder: Path, *, wait: bool) -> Iterator[bool]:
    """Keep others out of a folder, or waiting; whether that is possible here.

    Raises:
        RunError: another process holds the folder, and waiting was not asked for.
    """
    if fcntl is None:
        yield False
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # told by what is tried next
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise RunError(f"another process is working in {folder}; wait for it or give another --output") from error
        except OSError:  # a file system without locks on folders
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _locked(run: RunFolder) -> IO[bytes] | None:
    """The run's lock, held until it is closed or the process ends; None where there are no locks.

    Raises:
        RunError: another process holds it, or it cannot be made.
    """
    if fcntl is None:
        return None
    path = run.parts / "lock"
    try:
        file = open(path, "ab")  # noqa: SIM115  # held open for as long as the run goes on
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise RunError(f"another process is working on {run.path}; wait for it or use --fresh") from error
    except OSError:  # a file system without locks
        pass
    return file
