"""Reads the archive of ``torch.export.save`` by itself: ``torch.export.load`` would unpickle what the file says.

It calls ``torch.load(weights_only=False)`` on weights and constants marked as pickled, ``pickle.loads`` on custom
objects, and lets sympy evaluate the text of sizes. None of them is needed: the graph is JSON, tensors are raw bytes.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from snn_eval.errors import CheckpointError

__all__ = ["DTYPES", "Archive", "read_archive"]

DTYPES = {
    1: torch.uint8,
    2: torch.int8,
    3: torch.int16,
    4: torch.int32,
    5: torch.int64,
    6: torch.float16,
    7: torch.float32,
    8: torch.float64,
    12: torch.bool,
    13: torch.bfloat16,
}
"""Number types by their number in the format."""

_MAJOR = 8
_PARTS = ("data/weights/", "data/constants/")


@dataclass(frozen=True, slots=True)
class Archive:
    """What a file holds: the program as JSON gives it, and its tensors by name (several names may share memory)."""

    program: Mapping[str, Any]
    tensors: Mapping[str, Tensor]


def read_archive(path: Path) -> Archive:
    """The program and tensors of a ``.pt2`` file.

    Raises:
        CheckpointError: damaged, of another format, several programs, a pickled or custom object, or odd tensors.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive, path)
    except CheckpointError:
        raise
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        told = " ".join(str(error).split())[:120] or type(error).__name__
        raise CheckpointError(f"{path}: expected a program of torch.export, got a damaged file: {told}") from error


def _read(archive: zipfile.ZipFile, path: Path) -> Archive:
    names = archive.namelist()
    if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
        raise CheckpointError(f"{path}: expected an archive as torch.export.save writes it, got a compressed one")
    programs = [name for name in names if "/models/" in name and name.endswith(".json")]
    if len(programs) != 1:
        if any(name.endswith("serialized_exported_program.json") for name in names):
            told = "one of PyTorch before 2.8; export it again with a newer one"
        elif programs:
            told = f"{len(programs)} programs; save one at a time"
        else:
            told = "none (compiled by AOTInductor?); save it with torch.export.save"
        raise CheckpointError(f"{path}: expected one program of torch.export, got {told}")
    program = json.loads(archive.read(programs[0]))
    version = program["schema_version"]["major"]
    if version != _MAJOR:
        raise CheckpointError(f"{path}: expected schema version {_MAJOR} of torch.export, got {version}")
    root = programs[0].partition("models/")[0]
    tensors: dict[str, Tensor] = {}
    for folder in _PARTS:
        for name in names:
            if name.startswith(root + folder) and name.endswith("_config.json"):
                config = json.loads(archive.read(name))["config"]
                tensors.update(_tensors(archive, config, root + folder, path))
            elif name.startswith(root + folder) and name.endswith(".pt"):
                tensors.update(_pickled(archive.read(name), path))
    return Archive(program, tensors)


def _tensors(archive: zipfile.ZipFile, config: Mapping[str, Any], folder: str, path: Path) -> dict[str, Tensor]:
    blocks: dict[str, bytearray] = {}
    found = {}
    for name, entry in config.items():
        if entry["use_pickle"] or entry["tensor_meta"] is None:
            raise CheckpointError(
                f"{path}: {name}: expected a plain tensor, got a pickled object, which would run code from the file; "
                "export a network of plain tensors"
            )
        member = folder + entry["path_name"]
        if member not in blocks:
            blocks[member] = bytearray(archive.read(member))
        found[name] = _tensor(blocks[member], entry["tensor_meta"], f"{path}: {name}")
    return found


def _pickled(content: bytes, path: Path) -> dict[str, Tensor]:
    """Tensors as PyTorch 2.8 writes them, one ``torch.save`` for all; only tensors and plain values are unpickled."""
    try:
        values = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # on anything else torch raises whatever it stumbles over
        told = "pickled objects that would run code from the file, or a damaged part"
        raise CheckpointError(f"{path}: expected plain tensors, got {told}; export it again") from error
    tensors = {name: value.detach() for name, value in values.items() if isinstance(value, Tensor)}
    if len(tensors) < len(values) or any(value.layout is not torch.strided for value in tensors.values()):
        raise CheckpointError(f"{path}: expected plain dense tensors, got other values; export it again")
    return tensors


def _tensor(block: bytearray, meta: Mapping[str, Any], where: str) -> Tensor:
    """A tensor over the bytes of a block, which it shares."""
    if meta["dtype"] not in DTYPES or meta["layout"] != 7:
        raise CheckpointError(f"{where}: expected a plain dense tensor, got another type or layout; save it as one")
    dtype = DTYPES[meta["dtype"]]
    size, stride = ([int(part["as_int"]) for part in meta[key]] for key in ("sizes", "strides"))
    offset = int(meta["storage_offset"]["as_int"])
    if min([offset, *size, *stride]) < 0 or len(size) != len(stride):
        raise CheckpointError(f"{where}: expected sizes, strides and offset of 0 or more, as many of each")
    if not math.prod(size):
        return torch.empty(size, dtype=dtype)
    values = torch.frombuffer(block, dtype=dtype) if block else torch.empty(0, dtype=dtype)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if last >= values.numel():
        raise CheckpointError(f"{where}: expected {last + 1} values in the file, found {values.numel()}; it is damaged")
    tensor = values.as_strided(size, stride, offset)
    if math.prod(size) > max(values.numel(), 2**26):
        raise CheckpointError(f"{where}: expected a plain dense tensor, got one that repeats its values")
    if tensor.is_floating_point() and torch.isnan(tensor).any():
        raise CheckpointError(f"{where}: expected numbers, found NaN; training diverged")
    return tensor
