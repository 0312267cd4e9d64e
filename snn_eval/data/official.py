"""Official files of a data set: found where they lie, read whole, refused unless they are the ones that are known."""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from snn_eval.data.reason import reason
from snn_eval.errors import DataError

__all__ = ["GivenOut", "OfficialFile", "check_content", "find", "read_archived", "read_official"]

_LARGEST = 200_000_000
"""Bytes of a file whose official size is not known."""


@dataclass(frozen=True, slots=True)
class OfficialFile:
    """A file as its authors gave it out.

    Attributes:
        path: below the data folder, with ``/``.
        size: bytes; None where it is not known.
        md5, sha256: of the content, in hexadecimal digits; the stronger one that is known is checked.
    """

    path: str
    size: int | None
    md5: str
    sha256: str | None = None

    @property
    def name(self) -> str:
        """Name of the file alone."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class GivenOut:
    """An official file and the addresses it is given out at, the first one tried first."""

    file: OfficialFile
    urls: tuple[str, ...] = ()


def find(folder: Path, forms: Sequence[OfficialFile]) -> OfficialFile | None:
    """The first of several forms of one file (unpacked, packed) that lies in the data folder."""
    return next((form for form in forms if (folder / form.path).is_file()), None)


def read_official(file: OfficialFile, folder: Path) -> bytes:
    """Content of an official file in the data folder.

    Raises:
        DataError: it cannot be read, or is not the official one.
    """
    path = folder / file.path
    try:
        size = path.stat().st_size
        if size != file.size and (file.size is not None or size > _LARGEST):
            raise _other(str(path), f"{file.size or _LARGEST:,} bytes", f"{size:,} bytes")
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: expected a readable file, got {error.strerror or error}") from error
    check_content(file, content, str(path))
    return content


def read_archived(archive: OfficialFile, wanted: Sequence[OfficialFile], folder: Path) -> dict[str, bytes]:
    """Path -> content of official files inside an archive in the data folder, in one pass over it; nothing is unpacked.

    Raises:
        DataError: the archive is damaged, or lacks a file, or has another one in its place.
    """
    path = folder / archive.path
    missing = {file.path: file for file in wanted}
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r|gz") as tar:
            for member in tar:
                file = missing.pop(member.name.removeprefix("./"), None)
                if file is not None:
                    found[file.path] = _member(tar, member, file, f"{path}: {member.name}")
                if not missing:
                    break
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise DataError(f"{path}: expected a whole .tar.gz archive, got {reason(error)}; download it again") from error
    if missing:
        raise DataError(f"{path}: expected {', '.join(sorted(missing))} in it, found none; download it again")
    return found


def check_content(file: OfficialFile, content: bytes, where: str) -> None:
    """Refuse content that is not the official file's.

    Raises:
        DataError: other size or checksum; says file, expected, found.
    """
    if file.size is not None and len(content) != file.size:
        raise _other(where, f"{file.size:,} bytes", f"{len(content):,} bytes")
    kind, expected = ("sha256", file.sha256) if file.sha256 is not None else ("md5", file.md5)
    digest = hashlib.new(kind, content, usedforsecurity=False).hexdigest()
    if digest != expected:
        raise _other(where, f"{kind} {expected}", digest)


def _member(tar: tarfile.TarFile, member: tarfile.TarInfo, file: OfficialFile, where: str) -> bytes:
    if member.size > (file.size or _LARGEST):
        raise _other(where, f"{file.size or _LARGEST:,} bytes", f"{member.size:,} bytes")
    reader = tar.extractfile(member) if member.isreg() else None
    if reader is None:
        raise _other(where, "a file", "something else")
    content = reader.read()
    check_content(file, content, where)
    return content


def _other(where: str, expected: str, found: str) -> DataError:
    return DataError(f"{where} is not the official file: expected {expected}, found {found}; get it again")
