"""Names what a pickle would import and so could run, by reading its instructions and executing none of them."""

from __future__ import annotations

import io
import pickletools
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from pickle import UnpicklingError
from typing import BinaryIO

__all__ = ["harmful", "imported_names"]

_HARMFUL_PACKAGES = {"os", "posix", "nt", "subprocess", "socket", "shutil", "runpy", "pty", "importlib", "webbrowser"}
_HARMFUL_BUILTINS = {"eval", "exec", "compile", "open", "__import__", "breakpoint"}
"""What a hostile pickle calls. Others may harm, too: nothing is ever run because it is not in this list."""

_TYPES = {"half", "float16", "bfloat16", "float", "float32", "double", "float64", "uint8", "int8", "int16", "int32"}
_TYPES |= {"short", "int", "int64", "long", "bool", "complex64", "complex128", "device", "Size", "Tensor"}
_REBUILDERS = {
    "collections.OrderedDict",
    "_codecs.encode",
    "torch.nn.parameter.Parameter",
    *(f"torch.{name}" for name in _TYPES),
    *(f"torch._utils._rebuild_{name}" for name in ("tensor", "tensor_v2", "tensor_v3", "parameter", "qtensor")),
    *(f"numpy.{name}" for name in ("ndarray", "dtype")),
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
}
"""What a file of nothing but tensors and numbers imports."""

_PICKLES = 6
"""A file of torch before 1.6 is several pickles in a row: magic number, version, system, then the object itself."""

_LARGEST_BYTES = 2**28
"""A larger pickle inside an archive is not of a network: its tensors lie beside it."""


def imported_names(path: Path) -> tuple[str, ...]:
    """Classes and functions that unpickling a file would import, in order, without those that only rebuild tensors.

    Args:
        path: a file of ``torch.save``, zip or older, or a plain pickle.

    Returns:
        Names such as ``models.net.Net``; empty for a file of tensors and plain types.

    Raises:
        UnpicklingError: no pickle, or a damaged one.
    """
    names: dict[str, None] = {}
    for stream in _streams(path):
        with stream:
            names.update(dict.fromkeys(_names(stream)))
    return tuple(name for name in names if not _rebuilds_tensors(name))


def harmful(names: Iterable[str]) -> list[str]:
    """Those of the names that no network needs and an attack does."""
    return [name for name in names if _is_harmful(*name.rpartition(".")[::2])]


def _is_harmful(package: str, function: str) -> bool:
    if package in ("builtins", "__builtin__", ""):
        return function in _HARMFUL_BUILTINS
    return package.partition(".")[0] in _HARMFUL_PACKAGES


def _streams(path: Path) -> list[BinaryIO]:
    try:
        if not zipfile.is_zipfile(path):
            return [path.open("rb")]
        with zipfile.ZipFile(path) as archive:
            pickles = [part for part in archive.infolist() if part.filename.endswith(".pkl")]
            if any(part.file_size > _LARGEST_BYTES for part in pickles):
                raise UnpicklingError(f"a pickle of more than {_LARGEST_BYTES} bytes")
            return [io.BytesIO(archive.read(part)) for part in pickles]
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError) as error:
        raise UnpicklingError(str(error)) from error


def _names(stream: BinaryIO) -> list[str]:
    found: list[str] = []
    for number in range(_PICKLES):
        place = stream.tell()
        try:
            found += _names_of_one(stream)
        except Exception as error:  # of a damaged pickle the reader raises whatever it stumbles over
            stream.seek(place)
            if number == 0:
                raise UnpicklingError(str(error)) from error
            break  # after the last pickle come the numbers of the tensors
        if not stream.read(1):
            break
        stream.seek(-1, io.SEEK_CUR)
    return found


def _names_of_one(stream: BinaryIO) -> list[str]:
    """Names in one pickle; a name put together from strings is followed through the pickle's memory."""
    found: list[str] = []
    strings: list[str] = []
    memory: dict[int, str] = {}
    last: str | None = None
    count = 0
    for instruction, argument, _ in pickletools.genops(stream):
        kind = instruction.name
        if kind in ("GLOBAL", "INST"):
            found.append(str(argument).replace(" ", "."))
        elif kind == "STACK_GLOBAL":
            found.append(".".join(strings[-2:]))
        if kind == "MEMOIZE" or kind.endswith("PUT"):
            place = count if kind == "MEMOIZE" else int(argument or 0)
            count += 1
            if last is not None:
                memory[place] = last
            continue
        last = (
            memory.get(int(argument or 0)) if kind.endswith("GET") else argument if isinstance(argument, str) else None
        )
        if last is not None and kind not in ("GLOBAL", "INST"):
            strings.append(last)
    return found


def _rebuilds_tensors(name: str) -> bool:
    package, _, cls = name.rpartition(".")
    return name in _REBUILDERS or (package in ("torch", "torch.storage") and cls.endswith("Storage"))
