"""Says what is in a checkpoint of anyone's, without ever running code from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from snn_eval.errors import CheckpointError
from snn_eval.models.checkpoint import (
    Checkpoint,
    is_exported,
    is_ours,
    is_torchscript,
    load_checkpoint,
    read_values,
    shared_prefix,
    state_dicts,
)
from snn_eval.models.digest import file_sha256
from snn_eval.models.pickled import imported_names

if TYPE_CHECKING:
    from snn_eval.models.exported.graph import Graph

__all__ = ["Content", "Format", "TensorEntry", "inspect_file"]

Format = Literal["snn_eval", "state dict", "pickled objects", "TorchScript", "torch.export", "NIR", "HDF5", "PyTorch"]

_SNNTORCH_MARKS = (".graded_spikes_factor", ".reset_mechanism_val")


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """One tensor of a file: its name, shape and type; ``value`` where it is a single number."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    value: float | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds.

    Attributes:
        path, size_bytes, sha256: the file.
        format: what kind of file it is; ``PyTorch`` for plain values without a state dict in them.
        under: key the state dict stands under, empty for a bare one.
        prefix: what every name begins with and no network of one's own has (``module.``, ``model.``, …).
        tensors: of the network, in the file's order.
        beside: what else the file holds, key -> a few words.
        imports: classes and functions a pickle would import: nothing of them was run.
        nodes: of a NIR graph: name -> type.
        checkpoint: in files of ours, all they say of themselves.
        neurons: framework whose neurons the names show, empty where none does.
        program: the graph of a program of ``torch.export``.
    """

    path: Path
    size_bytes: int
    sha256: str
    format: Format
    under: str = ""
    prefix: str = ""
    tensors: tuple[TensorEntry, ...] = ()
    beside: Mapping[str, str] = field(default_factory=dict)
    imports: tuple[str, ...] = ()
    nodes: Mapping[str, str] = field(default_factory=dict)
    checkpoint: Checkpoint | None = None
    neurons: str = ""
    program: Graph | None = None

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each tensor by its name without the prefix, as a network of one's own names it."""
        return {tensor.name.removeprefix(self.prefix): tensor.shape for tensor in self.tensors}

    @property
    def values(self) -> int:
        """Numbers in all tensors."""
        return sum(torch.Size(tensor.shape).numel() for tensor in self.tensors)


def inspect_file(path: Path) -> Content:
    """Find out what a file holds; nothing in it is executed.

    Raises:
        CheckpointError: missing, a folder, empty, damaged, or nothing that holds a network; one line.
    """
    if not path.is_file():
        found = "a folder" if path.is_dir() else "none"
        raise CheckpointError(f"{path}: expected a checkpoint file, found {found}")
    content = Content(path, path.stat().st_size, file_sha256(path), "PyTorch")
    if not content.size_bytes:
        raise CheckpointError(f"{path}: expected a PyTorch checkpoint, got an empty file")
    if _is_hdf5(path):
        from snn_eval.models.inspect_hdf5 import hdf5_content

        return hdf5_content(content)
    if is_torchscript(path):
        return replace(content, format="TorchScript", imports=_imports(path))
    if is_exported(path):
        return _program(replace(content, format="torch.export"))
    return _pytorch(content)


def _program(content: Content) -> Content:
    """Input, outputs, neurons and tensors of a program of torch.export; nothing of it is run."""
    from snn_eval.models.exported.building import exported_graph, outputs_of

    archive, graph = exported_graph(content.path)
    shapes = [graph.input.shape, *outputs_of(graph).values()]
    told = ["×".join("N" if size is None else str(size) for size in shape) or "one number" for shape in shapes]
    kept = graph.parameters | graph.buffers
    tensors = tuple(_entry(name, tensor) for name, tensor in archive.tensors.items() if name in kept)
    beside = {"input": told[0], "output": ", ".join(told[1:])}
    return replace(content, tensors=tensors, beside=beside, program=graph)


def _pytorch(content: Content) -> Content:
    imports = _imports(content.path)
    try:
        values = read_values(content.path)
    except CheckpointError:
        if imports:
            return replace(content, format="pickled objects", imports=imports)
        raise
    if is_ours(values):
        checkpoint = load_checkpoint(content.path)
        return _with_weights(replace(content, format="snn_eval", checkpoint=checkpoint), checkpoint.state_dict)
    found = list(state_dicts(values))
    if found:
        under, weights = found[0]
        beside = _beside(values, under) if under else {}
        return _with_weights(replace(content, format="state dict", under=under, beside=beside), weights)
    return replace(content, beside=_beside(values) if isinstance(values, dict) else {"": _words(values)})


def _with_weights(content: Content, weights: Mapping[str, Tensor]) -> Content:
    prefix = shared_prefix(weights)
    tensors = tuple(_entry(name, tensor) for name, tensor in weights.items())
    snntorch = any(name.endswith(_SNNTORCH_MARKS) for name in weights)
    return replace(content, tensors=tensors, prefix=prefix, neurons="snnTorch" if snntorch else "")


def _entry(name: str, tensor: Tensor) -> TensorEntry:
    problem = ""
    if tensor.is_complex():
        problem = "complex"
    elif tensor.is_floating_point() and not torch.isfinite(tensor).all():
        problem = "NaN" if torch.isnan(tensor).any() else "infinity"
    value = float(tensor) if tensor.numel() == 1 and not tensor.is_complex() else None
    return TensorEntry(name, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."), value, problem)


def _beside(values: Mapping[Any, Any], under: str = "") -> dict[str, str]:
    return {str(key): _words(value) for key, value in values.items() if key != under}


def _words(value: Any) -> str:
    """A value in a few words."""
    if isinstance(value, Tensor):
        return f"tensor {list(value.shape)}"
    if isinstance(value, dict | list | tuple):
        return f"{type(value).__name__} of {len(value)}"
    text = " ".join(str(value).split())
    return text if len(text) <= 40 else f"{text[:39]}…"


def _imports(path: Path) -> tuple[str, ...]:
    try:
        return imported_names(path)
    except UnpicklingError:
        return ()


def _is_hdf5(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(8) == b"\x89HDF\r\n\x1a\n"
