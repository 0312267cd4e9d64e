"""Reads a ``.nir`` file into one flat, checked graph: sub-graphs unfolded, every edge between two known nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snn_eval.errors import CheckpointError
from snn_eval.models.hdf5_texts import refuse_crashing
from snn_eval.models.nir.package import nir_package

__all__ = ["DT", "Graph", "flat_graph", "read_graph"]

DT = 1e-4
"""Seconds of a time step where a graph's metadata name none: what the projects that exchange NIR use."""

_LARGEST_BYTES = 2**32
"""Of one array: a few bytes on disk must not fill the memory."""

Edges = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """A flat graph.

    Attributes:
        nodes: name -> node of the package ``nir``; those of a sub-graph are named ``sub-graph/node``.
        edges: pairs of names, each once.
        input, output: names of the one Input and the one Output.
        dt: seconds of a time step.
    """

    nodes: Mapping[str, Any]
    edges: Edges
    input: str
    output: str
    dt: float = DT

    def sources(self, name: str) -> list[str]:
        """Nodes whose outputs a node is given; they add up."""
        return [a for a, b in self.edges if b == name]

    def targets(self, name: str) -> list[str]:
        """Nodes a node's output goes to."""
        return [b for a, b in self.edges if a == name]

    def kind(self, name: str) -> str:
        """Type of a node, as NIR names it."""
        return type(self.nodes[name]).__name__


def read_graph(path: Path) -> Graph:
    """The graph in a file; no code of the file is run (it is HDF5).

    Raises:
        CheckpointError: missing, damaged, no graph, a node of a type NIR does not have, an edge to a node that is not
            there, more than one input or output, or the package ``nir`` is missing.
    """
    nir = nir_package()
    if not path.is_file():
        raise CheckpointError(f"{path}: expected a NIR graph, found {'a folder' if path.is_dir() else 'none'}")
    refuse_crashing(path)
    try:
        _check_file(path, nir)
        read = nir.read(path, type_check=False)
    except CheckpointError:
        raise
    except MemoryError:
        raise
    except Exception as error:  # h5py and nir raise whatever they stumble over
        told = " ".join(str(error).split())[:300] or type(error).__name__
        raise CheckpointError(f"{path}: expected a NIR graph, got a file nir cannot read: {told}") from error
    return flat_graph(read, str(path))


def flat_graph(graph: Any, where: str) -> Graph:
    """A graph of the package ``nir`` with its sub-graphs unfolded.

    Raises:
        CheckpointError: no graph, an edge to a node that is not there, or more than one input or output.
    """
    nir = nir_package()
    if not isinstance(graph, nir.NIRGraph):
        raise CheckpointError(f"{where}: expected a graph, got a single node {type(graph).__name__}")
    nodes: dict[str, Any] = {}
    edges: list[tuple[str, str]] = list(_unfolded(graph, "", nodes, where))
    ends = {
        kind: [name for name, node in graph.nodes.items() if type(node) is kind] for kind in (nir.Input, nir.Output)
    }
    for kind, names in ends.items():
        if len(names) != 1:
            told = f"{len(names)} ({', '.join(names)})" if names else "none"
            raise CheckpointError(f"{where}: expected one {kind.__name__}, found {told}; export one network at a time")
    (given,), (result,) = ends.values()
    for name in [name for name, node in nodes.items() if type(node) in ends and name not in (given, result)]:
        before, after = [a for a, b in edges if b == name], [b for a, b in edges if a == name]
        edges = [edge for edge in edges if name not in edge] + [(a, b) for a in before for b in after]
        del nodes[name]
    found = Graph(nodes, tuple(dict.fromkeys(edges)), given, result, _dt(graph, where))
    for name in nodes:
        if name != given and not found.sources(name):
            raise CheckpointError(
                f"{where}: node {name!r} ({found.kind(name)}): expected an input, no edge leads to it"
            )
    return found


def _unfolded(graph: Any, prefix: str, nodes: dict[str, Any], where: str) -> Iterator[tuple[str, str]]:
    """Fill ``nodes`` and give the edges; an edge to a sub-graph leads to its input, one from it leaves its output."""
    nir = nir_package()
    for name, node in graph.nodes.items():
        if isinstance(node, nir.NIRGraph):
            yield from _unfolded(node, f"{prefix}{name}/", nodes, where)
        else:
            nodes[prefix + name] = node
    for a, b in graph.edges:
        for name in (a, b):
            if name not in graph.nodes:
                raise CheckpointError(f"{where}: edge {a} → {b}: expected two nodes of the graph, found no {name!r}")
        yield (
            prefix + a + _end(graph.nodes[a], nir.Output, where, a),
            prefix + b + _end(graph.nodes[b], nir.Input, where, b),
        )


def _end(node: Any, kind: type, where: str, name: str) -> str:
    """What leads from the name of a sub-graph to its input or output; nothing for other nodes."""
    if not hasattr(node, "nodes"):
        return ""
    ends = [inner for inner, part in node.nodes.items() if type(part) is kind]
    if len(ends) != 1:
        raise CheckpointError(f"{where}: sub-graph {name!r}: expected one {kind.__name__}, found {len(ends)}")
    return f"/{ends[0]}"


def _dt(graph: Any, where: str) -> float:
    try:
        dt = float((graph.metadata or {}).get("dt", DT))
    except (TypeError, ValueError):
        dt = 0.0
    if not 0 < dt < float("inf"):
        raise CheckpointError(f"{where}: metadata dt: expected seconds of a time step above 0")
    return dt


def _check_file(path: Path, nir: Any) -> None:
    """Refuse arrays too large to be weights and nodes NIR does not have, before anything is read."""
    import h5py

    with h5py.File(path, "r") as file:
        if "node" not in file:
            raise CheckpointError(f"{path}: expected a NIR graph, got an HDF5 file without one; keys {list(file)[:3]}")
        _check_group(file["node"], "", path, nir)


def _check_group(group: Any, name: str, path: Path, nir: Any) -> None:
    import h5py

    kind = group["type"][()] if "type" in group and isinstance(group["type"], h5py.Dataset) else b"no type"
    kind = kind.decode(errors="replace") if isinstance(kind, bytes) else str(kind)
    known = getattr(nir, kind, None)
    if not (isinstance(known, type) and issubclass(known, nir.NIRNode)):
        raise CheckpointError(f"{path}: node {name!r}: expected a type of NIR {nir.version}, got {kind!r}")
    for key, part in group.items():
        if isinstance(part, h5py.Dataset) and part.size and part.size * part.dtype.itemsize > _LARGEST_BYTES:
            raise CheckpointError(f"{path}: node {name!r}: {key}: expected weights, got {part.size:,} numbers")
    if kind == "NIRGraph":
        for inner, node in group["nodes"].items():
            _check_group(node, f"{name}/{inner}".lstrip("/"), path, nir)
