"""What an HDF5 file holds: a NIR graph, node by node, or arrays of some other project."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import h5py

from snn_eval.errors import CheckpointError
from snn_eval.models.hdf5_texts import refuse_crashing
from snn_eval.models.inspect import Content, TensorEntry

__all__ = ["hdf5_content"]


def hdf5_content(content: Content) -> Content:
    """``content`` with the arrays of its file and, for NIR, the graph's nodes.

    Raises:
        CheckpointError: the file is damaged.
    """
    refuse_crashing(content.path)
    try:
        with h5py.File(content.path, "r") as file:
            tensors = tuple(_arrays(file, ""))
            graph = file.get("node")
            if isinstance(graph, h5py.Group) and "nodes" in graph:
                nodes = dict(_nodes(graph, ""))
                version = {"version": _text(file["version"][()])} if "version" in file else {}
                place = {name: number for number, name in enumerate(nodes)}
                named = (replace(t, name=t.name.removeprefix("node/nodes/").replace("/nodes/", ".")) for t in tensors)
                short = tuple(sorted(named, key=lambda t: place.get(t.name.rpartition("/")[0], len(place))))
                return replace(content, format="NIR", tensors=short, nodes=nodes, beside=version)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:  # what h5py raises for a damaged file
        raise CheckpointError(f"{content.path}: expected a whole HDF5 file, got a damaged one ({error})") from error
    groups = dict.fromkeys(sorted({tensor.name.partition("/")[0] for tensor in tensors}), "group")
    return replace(content, format="HDF5", tensors=tensors, beside=groups)


def _arrays(group: Any, path: str) -> Iterator[TensorEntry]:
    """All numeric arrays below a group, without single texts and the lists of edges."""
    for name, part in group.items():
        if isinstance(part, h5py.Group):
            yield from _arrays(part, f"{path}{name}/")
        elif part.dtype.kind in "fiub":
            value = float(part[()]) if part.shape == () else None
            yield TensorEntry(f"{path}{name}", tuple(part.shape), str(part.dtype), value)


def _nodes(graph: Any, path: str) -> Iterator[tuple[str, str]]:
    """Name and type of every node, from the inputs on as the edges lead; those no edge leads to come last."""
    nodes = graph["nodes"]
    edges = [(_text(a), _text(b)) for a, b in graph["edges"][()].tolist()] if "edges" in graph else []
    order = [name for name in nodes if _text(nodes[name]["type"][()]) == "Input"]
    for name in order:  # grows on the way
        order += [b for a, b in edges if a == name and b not in order and b in nodes]
    for name in [*order, *(name for name in nodes if name not in order)]:
        kind = _text(nodes[name]["type"][()])
        yield f"{path}{name}", kind
        if kind == "NIRGraph":
            yield from _nodes(nodes[name], f"{path}{name}.")


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
