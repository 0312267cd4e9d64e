"""Reads and writes checkpoints without ever running code from them."""

from __future__ import annotations

import hashlib
import io
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn

from snn_eval.atomic import write_atomic
from snn_eval.errors import CheckpointError
from snn_eval.models.digest import file_sha256
from snn_eval.models.names import matched_names, matching_note
from snn_eval.models.pickled import harmful, imported_names

__all__ = [
    "Checkpoint",
    "file_sha256",
    "is_exported",
    "is_ours",
    "is_torchscript",
    "load_checkpoint",
    "load_trusted_module",
    "load_weights",
    "read_values",
    "save_checkpoint",
    "shared_prefix",
    "state_dicts",
]

FORMAT = "snn_eval-checkpoint"
FORMAT_VERSION = 1
WRAPPERS = ("state_dict", "model_state_dict", "model", "net")
"""Keys under which other projects keep the weights."""

_LARGEST_EXPANDED_BYTES = 2**28
"""A tensor may repeat its numbers (``expand``) up to this size: a few bytes on disk must not fill the memory."""

PREFIXES = ("module.", "model.", "net.")

_KINDS: dict[str, tuple[type, ...]] = {
    "arch": (str,),
    "config": (dict,),
    "time_steps": (int,),
    "suite": (str, type(None)),
    "suite_version": (int, type(None)),
    "provenance": (dict,),
    "state_dict": (dict,),
}
"""Parts of a file of ours: a damaged or hand-made one is refused here, not somewhere inside the network."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Weights and, in files of ours, everything needed to build the network they belong to.

    Attributes:
        state_dict: path of each tensor in the module -> tensor, on the CPU.
        arch, config, time_steps: what :func:`snn_eval.models.networks.build_network` takes; None in files of others.
        suite, suite_version: what it was trained for.
        provenance: how it was made, plain types.
        name, sha256: of the file; empty before it was saved.
    """

    state_dict: Mapping[str, Tensor]
    arch: str | None = None
    config: Mapping[str, Any] | None = None
    time_steps: int | None = None
    suite: str | None = None
    suite_version: int | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    sha256: str = ""


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> str:
    """Write a checkpoint of plain types and tensors, whole or not at all; returns its SHA-256.

    Raises:
        CheckpointError: it lacks arch, config or time_steps.
        RunError: the file cannot be written.
    """
    if checkpoint.arch is None or checkpoint.config is None or checkpoint.time_steps is None:
        raise CheckpointError(f"{path}: expected arch, config and time_steps to save, one is missing")
    values = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "arch": checkpoint.arch,
        "config": dict(checkpoint.config),
        "time_steps": checkpoint.time_steps,
        "suite": checkpoint.suite,
        "suite_version": checkpoint.suite_version,
        "provenance": dict(checkpoint.provenance),
        "state_dict": {key: value.detach().cpu().clone() for key, value in checkpoint.state_dict.items()},
    }
    buffer = io.BytesIO()
    torch.save(values, buffer)
    write_atomic(path, buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint: one of ours, or a state dict of anyone's, bare or under a usual key.

    Only tensors and plain types are ever unpickled (``weights_only=True``).

    Raises:
        CheckpointError: missing, empty, truncated, TorchScript, a pickled module, no weights in it, or NaN in a weight.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: expected a checkpoint file, found none")
    values = read_values(path)
    checkpoint = _from_ours(values, path) if is_ours(values) else Checkpoint(_weights_of_others(values, path))
    _refuse_nan(checkpoint.state_dict, path)
    return Checkpoint(
        state_dict=checkpoint.state_dict,
        arch=checkpoint.arch,
        config=checkpoint.config,
        time_steps=checkpoint.time_steps,
        suite=checkpoint.suite,
        suite_version=checkpoint.suite_version,
        provenance=checkpoint.provenance,
        name=path.name,
        sha256=file_sha256(path),
    )


def load_trusted_module(path: Path) -> nn.Module:
    """Read a pickled module, which **runs code from the file**: only for ``--trust``, never by default.

    Raises:
        CheckpointError: it cannot be read or holds no module.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: expected a checkpoint file, found none")
    _refuse_programs(path)
    try:
        module = torch.load(path, map_location="cpu", weights_only=False)
    except Exception as error:  # unpickling runs whatever the file says, and that raises whatever it likes
        raise CheckpointError(f"{path}: expected a pickled module, loading it failed: {_first_line(error)}") from error
    if not isinstance(module, nn.Module):
        raise CheckpointError(f"{path}: expected a pickled module, got {type(module).__name__}; leave out --trust")
    return module


def load_weights(module: nn.Module, checkpoint: Checkpoint) -> str:
    """Put the weights into a module; every tensor must be there, with its shape, and no other.

    What all names begin with (``module.``, ``model.``, ``net.``: a wrapper, or an attribute) may differ between file
    and module; the state of neurons (of sinabs, a buffer) is left out.

    Returns:
        A line that says where the names differ; nothing where they are equal.

    Raises:
        CheckpointError: keys or shapes differ (one line with the first of each kind), or a weight is not finite.
    """
    where = checkpoint.name or "checkpoint"
    expected = module.state_dict()
    given, prefixes = checkpoint.state_dict, matched_names(checkpoint.state_dict, expected)
    if prefixes is not None:
        given = {prefixes[1] + name.removeprefix(prefixes[0]): tensor for name, tensor in given.items()}
    given = {name: _without_state(tensor, expected.get(name)) for name, tensor in given.items()}
    missing, surplus = sorted(set(expected) - set(given)), sorted(set(given) - set(expected))
    if missing or surplus:
        told = [
            f"{len(keys)} {kind} ({keys[0]})" for kind, keys in (("missing", missing), ("unknown", surplus)) if keys
        ]
        hint = "it belongs to another architecture; give the right --arch or suite"
        raise CheckpointError(f"{where}: of {len(expected)} tensors expected, {' and '.join(told)}; {hint}")
    for key, tensor in expected.items():
        if tensor.shape != given[key].shape:
            shapes = f"expected {list(tensor.shape)}, got {list(given[key].shape)}"
            raise CheckpointError(f"{where}: {key}: {shapes}; another size or number of classes")
        if given[key].is_complex() and not tensor.is_complex():  # torch would drop the imaginary part and only warn
            raise CheckpointError(f"{where}: {key}: expected real numbers, got {given[key].dtype}")
    try:
        module.load_state_dict(dict(given))
    except RuntimeError as error:  # of a number type that cannot be copied into the module's
        raise CheckpointError(f"{where}: the weights do not fit: {' '.join(str(error).split())[:200]}") from error
    for name, weight in module.named_parameters():
        if not torch.isfinite(weight).all():
            raise CheckpointError(f"{where}: {name}: expected finite weights, found infinity; training diverged")
    return matching_note(prefixes or ("", ""), where)


def _without_state(tensor: Tensor, expected: Tensor | None) -> Tensor:
    """What a file holds where the network has a buffer without elements: the state of a neuron that did not run yet.
    Of a file that was saved after a run it is left out, as the state begins anew with every batch."""
    return expected if expected is not None and not expected.numel() else tensor


def shared_prefix(names: Iterable[str]) -> str:
    """What a wrapper (data parallel, Lightning, a ``net`` attribute) put before every name, or nothing."""
    return next((prefix for prefix in PREFIXES if all(name.startswith(prefix) for name in names)), "")


def is_ours(values: Any) -> bool:
    """Whether what a file holds was written by :func:`save_checkpoint`."""
    return isinstance(values, dict) and values.get("format") == FORMAT


def _from_ours(values: Mapping[str, Any], path: Path) -> Checkpoint:
    version = values.get("format_version")
    if version != FORMAT_VERSION:
        raise CheckpointError(f"{path}: expected format version {FORMAT_VERSION}, got {version}; update snn-eval")
    fields = ("arch", "config", "time_steps", "suite", "suite_version", "provenance", "state_dict")
    absent = [name for name in fields if name not in values]
    if absent:
        raise CheckpointError(f"{path}: expected {absent[0]} in the checkpoint, found none; save it again")
    for name, kinds in _KINDS.items():
        if not isinstance(values[name], kinds):
            raise CheckpointError(f"{path}: {name}: expected {kinds[0].__name__}, got {type(values[name]).__name__}")
    return Checkpoint(**{name: values[name] for name in fields})


def state_dicts(values: Any) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """The state dicts in a file of others, names as they are: the whole (key "") or what stands under a usual key.

    Where there is none, every other dict of tensors, down to two keys deep (key ``a.b``).
    """
    if not isinstance(values, dict):
        return
    found = False
    for key, candidate in {"": values, **{key: values.get(key) for key in WRAPPERS}}.items():
        if isinstance(candidate, dict) and candidate and all(isinstance(part, Tensor) for part in candidate.values()):
            found = True
            yield key, {str(name): part for name, part in candidate.items()}
    if not found:
        yield from _under_other_keys(values)


def _under_other_keys(values: Mapping[Any, Any], above: str = "") -> Iterator[tuple[str, dict[str, Tensor]]]:
    for key, part in values.items():
        if not (isinstance(key, str) and isinstance(part, dict) and part):
            continue
        if all(isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in part.items()):
            yield f"{above}{key}", part
        elif not above:
            yield from _under_other_keys(part, f"{key}.")


def _weights_of_others(values: Any, path: Path) -> dict[str, Tensor]:
    """A bare state dict, or the one under a key; names lose the ``module.`` of a parallel wrapper."""
    found = dict(state_dicts(values))
    if len(found) > 1 and not {"", *WRAPPERS} & found.keys():
        keys = ", ".join(map(repr, found))
        raise CheckpointError(f"{path}: expected one state dict, found {len(found)}: {keys}; save the one you mean")
    for weights in found.values():
        prefix = shared_prefix(weights)
        return {key.removeprefix(prefix): part for key, part in weights.items()} if prefix == "module." else weights
    if isinstance(values, dict):
        keys = ", ".join(map(str, list(values)[:5]))
        told = f"dict with keys {keys}" if keys else "an empty dict"
    else:
        told = type(values).__name__
    raise CheckpointError(f"{path}: expected a state dict, got {told}")


def is_torchscript(path: Path) -> bool:
    """Whether a file was written by ``torch.jit.save``, by the names in its archive."""
    return any(name.endswith("/constants.pkl") or "/code/" in name for name in _members(path))


def is_exported(path: Path) -> bool:
    """Whether a file was written by ``torch.export.save``, by the names in its archive."""
    ends = ("archive_format", "serialized_exported_program.json")
    return any(name.endswith(ends) for name in _members(path))


def _members(path: Path) -> list[str]:
    """Names in a zip archive; none where the file is no archive, or a damaged one."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return []


def _refuse_programs(path: Path) -> None:
    """Raise CheckpointError for a compiled or traced program: reading one may run code of it, and no layer of it can
    be seen."""
    for kind, found in (("TorchScript", is_torchscript(path)), ("a program of torch.export", is_exported(path))):
        if found:
            raise CheckpointError(
                f"{path}: expected a state dict, got {kind}; save state_dict() of the module it was made from instead"
            )


def read_values(path: Path) -> Any:
    """What a file of ``torch.save`` holds, unpickled as tensors and plain types only.

    Raises:
        CheckpointError: TorchScript, torch.export, something that would run code, a damaged file or none of PyTorch's.
    """
    _refuse_programs(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about old pickle formats: nothing the user could do
            values = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # on a damaged file torch raises whatever it stumbles over
        raise _refusal(path) or _unreadable(path) from error
    _refuse_odd_tensors(values, path)
    return values


def _refusal(path: Path) -> CheckpointError | None:
    """The line for a file that would run code, with what it would import; None for one that is only damaged."""
    try:
        names = imported_names(path)
    except UnpicklingError:
        return None
    bad = harmful(names)
    if bad:
        told = "which would run code from the file and which no network needs; do not load it anywhere"
        return CheckpointError(f"{path}: expected tensors, found {bad[0]}, {told}")
    if names:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        return CheckpointError(
            f"{path}: expected tensors, found {names[0]}{more}, which would run code from the file; "
            "save module.state_dict() instead, or give --trust if you trust whoever made it"
        )
    return None


def _unreadable(path: Path) -> CheckpointError:
    """The line for a file torch cannot read: cut short, if it begins as one of torch's does, or something else."""
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as cause:
        return CheckpointError(f"{path}: expected a readable file, got {cause.strerror or cause}")
    if not head:
        return CheckpointError(f"{path}: expected a PyTorch checkpoint, got an empty file")
    if head == b"\x89HDF\r\n\x1a\n":
        told = "got HDF5, which only as a NIR graph (.nir) holds a network that can be built"
        return CheckpointError(f"{path}: expected a PyTorch checkpoint, {told}; save a state_dict() or a NIR graph")
    if head[:2] != b"PK" and head[:1] != b"\x80":
        return CheckpointError(f"{path}: expected a PyTorch checkpoint, got an unreadable file")
    return CheckpointError(f"{path}: expected a whole PyTorch checkpoint, got a truncated or damaged file")


def _refuse_odd_tensors(values: Any, path: Path) -> None:
    """Raise CheckpointError for a tensor that is no plain block of numbers, wherever in dicts and lists it is."""
    waiting: list[tuple[str, Any]] = [("", values)]
    seen: set[int] = set()  # a pickle may hold a list in itself
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, Tensor):
            odd = _oddity(value)
            if odd:
                raise CheckpointError(f"{path}: {name}: expected a plain dense tensor, got {odd}; save it as one")
        elif isinstance(value, dict | list | tuple) and id(value) not in seen:
            seen.add(id(value))
            inside = value.items() if isinstance(value, dict) else enumerate(value)
            waiting += [(f"{name}.{key}".lstrip("."), part) for key, part in inside]


def _oddity(tensor: Tensor) -> str:
    """What keeps a tensor from being a plain block of numbers; nothing where it is one."""
    if tensor.is_nested:
        return "a nested one"
    if tensor.layout is not torch.strided:
        return "a sparse one"
    if tensor.is_quantized:
        return "a quantised one"
    if tensor.device.type != "cpu":
        return f"one without numbers ({tensor.device.type})"
    size = tensor.numel() * tensor.element_size()
    if size > max(tensor.untyped_storage().nbytes(), _LARGEST_EXPANDED_BYTES):
        return f"one of {size:,} bytes that repeats {tensor.untyped_storage().nbytes():,}"
    return ""


def _refuse_nan(weights: Mapping[str, Tensor], path: Path) -> None:
    for key, tensor in weights.items():
        if not isinstance(tensor, Tensor):
            raise CheckpointError(f"{path}: {key}: expected a tensor, got {type(tensor).__name__}")
        if tensor.is_floating_point() and torch.isnan(tensor).any():
            raise CheckpointError(f"{path}: {key}: expected numbers, found NaN; training diverged")


def _first_line(error: BaseException) -> str:
    words = str(error) if str(error) and not isinstance(error, KeyError) else f"{type(error).__name__} {error}".strip()
    return words.splitlines()[0][:120]
