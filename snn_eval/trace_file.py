"""Keeps a trace on disk: ``trace.h5``, readable with any HDF5 tool, lossless, checksummed, the same bytes each time.

Layout (format version 1): groups ``/samples``, ``/output``, ``/synaptic/<layer>``, ``/neurons/<layer>``,
``/elementwise/<op>``, ``/graph``, ``/unknown``, ``/model`` and ``/facts``. An array is a data set named as the field of
``snn_eval.trace`` without its axes, which stand in the data set's attribute ``axes``; everything else is an attribute.
A field that is None is left out. A layer's group is named after it, with the characters HDF5 gives a meaning to
percent-encoded; the attribute ``name`` holds the true name and ``index`` its place. The first 512 bytes (HDF5's user
block, skipped by every reader) hold a SHA-256 of the rest: HDF5 itself may hang or invent values on damaged content.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray

from snn_eval.atomic import write_atomic
from snn_eval.errors import CountError, RunError
from snn_eval.trace import (
    ElementwiseOp,
    ModelFacts,
    NeuronLayer,
    Output,
    OutputSummary,
    PassFacts,
    Samples,
    SynapticLayer,
    Trace,
    UnknownOp,
)
from snn_eval.trace.shapes import check_shapes

__all__ = ["FORMAT", "FORMAT_VERSION", "read_trace", "trace_bytes", "write_trace"]

FORMAT = "snn-eval trace"
FORMAT_VERSION = 1
"""Version of the layout; a reader for every older one is kept."""

_MAGIC = b"snn-eval trace\nsha256 "
_SEAL_BYTES = 512  # the smallest user block HDF5 knows
_CHUNK_BYTES = 2**18
_COMPRESS_FROM_BYTES = 256
_LAYERS: dict[str, type[Any]] = {"synaptic": SynapticLayer, "neurons": NeuronLayer, "elementwise": ElementwiseOp}
_GROUPS: dict[str, type[Any]] = {"samples": Samples, "output": Output, "model": ModelFacts, "facts": PassFacts}
_AXES = re.compile(r"_([A-Z][A-Z0-9]*)$")
_T = TypeVar("_T")


def write_trace(path: Path | str, trace: Trace) -> None:
    """Write ``trace`` to ``path``, whole or not at all; equal traces give equal bytes.

    Raises:
        RunError: the file cannot be written.
    """
    path = Path(path)
    try:
        content = _image(trace)
    except (ValueError, UnicodeEncodeError) as error:  # a name HDF5 cannot hold: a NUL or half a surrogate pair
        raise RunError(f"cannot write {path}: a name in the trace is not plain text ({error}); rename it") from error
    write_atomic(path, _seal(content) + content)


def read_trace(path: Path | str) -> Trace:
    """Read the trace at ``path``, of this or an older format version.

    Raises:
        RunError: no such file, not a trace, damaged, or of a newer format.
    """
    path = Path(path)
    again = "restore it or run the evaluation again"
    try:
        content = path.read_bytes()
        if not content.startswith(_MAGIC):
            raise RunError(f"{path} is not a trace; expected a trace.h5 written by `snn-eval run`")
        if content[:_SEAL_BYTES] != _seal(memoryview(content)[_SEAL_BYTES:]):
            raise RunError(f"{path} is damaged or was changed after it was written (SHA-256 differs); {again}")
        with h5py.File(path, "r", locking=False) as file:
            version = int(file.attrs["format_version"])
            if version not in _READERS:
                raise RunError(f"{path} has format {version}, expected one of {sorted(_READERS)}; update snn-eval")
            trace = _READERS[version](file)
        trace.check()
        check_shapes(trace)
    except FileNotFoundError as error:
        raise RunError(f"no trace at {path}; expected a trace.h5 written by `snn-eval run`") from error
    except (OSError, LookupError, ValueError, TypeError, ArithmeticError, AttributeError, CountError) as error:
        # of a file of other software any type may be another one
        cause = " ".join(str(error).split())
        raise RunError(f"cannot read the trace {path} ({cause}); {again}") from error
    return trace


def trace_bytes(trace: Trace) -> int:
    """Size of the file :func:`write_trace` would write."""
    return _SEAL_BYTES + len(_image(trace))


def _seal(content: bytes | memoryview) -> bytes:
    """The user block: what the file is and the SHA-256 of what follows, padded with zero bytes."""
    return _MAGIC + hashlib.sha256(content).hexdigest().encode().ljust(_SEAL_BYTES - len(_MAGIC), b"\0")


def _image(trace: Trace) -> bytes:
    """The file's bytes, made in memory, so that a full disk meets one plain write and never HDF5's own caches."""
    with h5py.File("trace.h5", "w", driver="core", backing_store=False, libver=("v110", "v110")) as file:
        file.attrs["format"] = FORMAT
        file.attrs["format_version"] = FORMAT_VERSION
        _put(file, trace, ("time_steps", "input_kind", "input_events_TN"))
        for name in _GROUPS:
            _put(file.create_group(name), getattr(trace, name))
        for name in _LAYERS:
            _put_layers(file.create_group(name), getattr(trace, name))
        graph, unknown = file.create_group("graph"), file.create_group("unknown")
        _put_names(graph, "producer", [producer for producer, _ in trace.graph])
        _put_names(graph, "consumer", [consumer for _, consumer in trace.graph])
        _put_names(unknown, "name", [op.name for op in trace.unknown])
        unknown["calls"] = np.array([op.calls for op in trace.unknown], np.int64)
        unknown["elements"] = np.array([op.elements for op in trace.unknown], np.int64)
        file.flush()
        image: bytes = file.id.get_file_image()
    return image


def _put_layers(group: h5py.Group, layers: Sequence[Any]) -> None:
    for index, layer in enumerate(layers):
        name = _escaped(layer.name)
        while name in group:  # two element-wise operations of one module bear its name
            name += "%"
        here = group.create_group(name)
        here.attrs["index"] = index
        _put(here, layer)


def _put_names(group: h5py.Group, column: str, names: Sequence[str]) -> None:
    group.create_dataset(column, data=np.array(names, object), dtype=h5py.string_dtype(), shape=(len(names),))


def _escaped(name: str) -> str:
    """A group name for any layer name: ``/``, ``%`` and a name of dots only (or none) mean something else to HDF5."""
    if not name.strip("."):
        return "%" + name.replace(".", "%2E")
    return name.replace("%", "%25").replace("/", "%2F")


def _put(group: h5py.Group, value: Any, chosen: Sequence[str] | None = None) -> None:
    """Write the fields of a dataclass: arrays as data sets, other values as attributes, None not at all."""
    for f in fields(value):
        entry = getattr(value, f.name)
        if entry is None or (chosen is not None and f.name not in chosen):
            continue
        if _kind(f) in _ARRAYS:
            _put_array(group, f.name, entry)
        elif isinstance(entry, OutputSummary):
            _put(group.create_group(f.name), entry)
        else:
            group.attrs[f.name] = _ATTRIBUTES[_kind(f)][0](entry)


def _get(group: h5py.Group, kind: type[_T]) -> _T:
    """Read a dataclass; a field that is not there takes its default, or None where it may be None."""
    values: dict[str, Any] = {}
    attributes = dict(group.attrs)
    for f in fields(kind):  # type: ignore[arg-type]  # every kind passed in is a dataclass
        name = _split(f.name)[0]
        if name in attributes:
            values[f.name] = _ATTRIBUTES[_kind(f)][1](attributes[name])
        elif f.name in attributes:
            values[f.name] = _ATTRIBUTES[_kind(f)][1](attributes[f.name])
        elif name in group:
            there = group[name]
            values[f.name] = _get(there, OutputSummary) if isinstance(there, h5py.Group) else _array(there, _kind(f))
        elif f.default is MISSING and f.default_factory is MISSING:
            if "None" not in str(f.type):
                raise KeyError(f"{group.name} holds no {name}")
            values[f.name] = None
    return kind(**values)


def _array(dataset: h5py.Dataset, kind: str) -> NDArray[Any]:
    array: NDArray[Any] = np.asarray(dataset[()], dtype=_ARRAYS[kind])
    return array


def _put_array(group: h5py.Group, field: str, array: NDArray[Any]) -> None:
    name, axes = _split(field)
    if array.ndim > len(axes):  # operations of a product have the levels of both operands
        axes = axes.replace("V", "VW")
    small = _smallest(array)
    filters: dict[str, Any] = {}
    if small.ndim and small.nbytes >= _COMPRESS_FROM_BYTES:
        filters = {"chunks": _chunks(small, axes), "compression": "gzip", "shuffle": True}
    dataset = group.create_dataset(name, data=small, track_times=False, **filters)
    if axes:
        dataset.attrs["axes"] = axes


def _split(field: str) -> tuple[str, str]:
    """``inputs_VTN`` is the data set ``inputs`` with the axes ``VTN``."""
    axes = _AXES.search(field)
    return (field[: axes.start()], axes[1]) if axes else (field, "")


def _smallest(array: NDArray[Any]) -> NDArray[Any]:
    """Counts in the smallest integer type that holds them all; other arrays as they are."""
    if array.dtype.kind not in "iu" or not array.size:
        return array
    low, high = array.min(), array.max()
    return array.astype(next(t for t in _INTEGERS if np.iinfo(t).min <= low and high <= np.iinfo(t).max))


def _chunks(array: NDArray[Any], axes: str) -> tuple[int, ...]:
    """Whole samples, about 256 KiB at a time; without a sample axis the first axis is cut."""
    axis = axes.index("N") if "N" in axes else 0
    one = max(array.nbytes // array.shape[axis], 1)
    count = min(max(_CHUNK_BYTES // one, 1), array.shape[axis])
    return (*array.shape[:axis], count, *array.shape[axis + 1 :])


def _kind(f: Field[Any]) -> str:
    """A field's annotation without what may be left out."""
    kind = str(f.type).removesuffix(" | None")
    return "str" if kind.startswith("Literal[") else kind


def _read_v1(file: h5py.File) -> Trace:
    groups: dict[str, Any] = {name: _get(file[name], kind) for name, kind in _GROUPS.items()}
    layers: dict[str, Any] = {
        name: tuple(_get(group, kind) for group in sorted(file[name].values(), key=lambda g: int(g.attrs["index"])))
        for name, kind in _LAYERS.items()
    }
    graph, unknown = file["graph"], file["unknown"]
    names = unknown["name"].asstr()[()]
    return Trace(
        time_steps=int(file.attrs["time_steps"]),
        input_kind=file.attrs["input_kind"],
        input_events_TN=_array(file["input_events"], "Int") if "input_events" in file else None,
        graph=tuple(zip(graph["producer"].asstr()[()], graph["consumer"].asstr()[()], strict=True)),
        unknown=tuple(
            UnknownOp(name, int(calls), int(elements))
            for name, calls, elements in zip(names, unknown["calls"][()], unknown["elements"][()], strict=True)
        ),
        **groups,
        **layers,
    )


def _integers(values: Sequence[int]) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def _text(value: object) -> str:
    return json.dumps(dict(value) if isinstance(value, Mapping) else value, ensure_ascii=False)


_ARRAYS: dict[str, type[np.generic]] = {"Int": np.int64, "Float": np.float64, "Float32": np.float32}
_INTEGERS = (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.int64)
_ATTRIBUTES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "str": (str, str),
    "bool": (bool, bool),
    "int": (np.int64, int),
    "float": (np.float64, float),
    "tuple[int, ...]": (_integers, lambda a: tuple(a.tolist())),
    "tuple[float, ...]": (lambda t: np.array(t, np.float64), lambda a: tuple(a.tolist())),
    "tuple[str, ...]": (_text, lambda s: tuple(json.loads(s))),
    "Mapping[str, str]": (_text, json.loads),
}
"""How a value that is not an array is written as an attribute, and read back, by its field's annotation."""

_READERS: dict[int, Callable[[h5py.File], Trace]] = {1: _read_v1}
"""One reader for each format version there ever was."""
