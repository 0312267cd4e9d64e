"""Cuts a graph into calls of the modules it was made of, as the file says for every operation where it was made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from snn_eval.models.exported.graph import Graph, Node
from snn_eval.models.exported.operations import WEIGHTED

__all__ = ["Call", "calls_of"]

_CHECKS = ("_assert_tensor_metadata",)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a module: its operations, what it is given, what others read of it, what nobody reads afterwards.

    ``path`` is empty for operations of the network itself. ``call`` tells calls of one module apart.
    """

    path: str
    call: str
    nodes: tuple[Node, ...]
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    last: tuple[str, ...] = ()


def calls_of(graph: Graph) -> list[Call]:
    """The calls of a graph in order; a module without weights is one with the modules inside of it (a neuron with its
    surrogate)."""
    nodes = [node for node in graph.nodes if node.operation not in _CHECKS]
    whole = _wholes(nodes)
    parts: list[tuple[str, str, list[Node]]] = []
    for node in nodes:
        if not node.located and _goes_before(node, parts):  # a size, read within a call of a module
            parts.insert(len(parts) - 1, ("", "", [node]))
            continue
        path, call = (parts[-1][:2] if parts else ("", "")) if not node.located else _place(node, whole)
        if parts and parts[-1][:2] == (path, call):
            parts[-1][2].append(node)
        else:
            parts.append((path, call, [node]))
    return list(_connected(graph, [Call(path, call, tuple(inside)) for path, call, inside in parts]))


def _wholes(nodes: Sequence[Node]) -> set[str]:
    """Modules with operations of their own, and none that multiplies by weights inside: they are not cut."""
    own, weighted = set[str](), set[str]()
    for node in nodes:
        if node.stack:
            own.add(node.stack[-1].path)
        if node.operation in WEIGHTED:
            weighted |= {place.path for place in node.stack}
    return own - weighted


def _place(node: Node, whole: set[str]) -> tuple[str, str]:
    """The outermost module that is not cut, or else the innermost one."""
    for place in node.stack:
        if place.path in whole:
            return place.path, place.call
    return (node.stack[-1].path, node.stack[-1].call) if node.stack else ("", "")


def _goes_before(node: Node, parts: Sequence[tuple[str, str, list[Node]]]) -> bool:
    return bool(parts) and not {name for made in parts[-1][2] for name in made.outputs} & set(node.refs)


def _connected(graph: Graph, calls: Sequence[Call]) -> Iterator[Call]:
    """The calls with what each is given and gives; what the same module gave before is named last."""
    maker = {name: call.path for call in calls for node in call.nodes for name in node.outputs}
    readers: dict[str, list[int]] = {name: [len(calls)] for name in graph.outputs}
    for index, call in enumerate(calls):
        for name in _given(call, graph.held):
            readers.setdefault(name, []).append(index)
    for index, call in enumerate(calls):
        given = sorted(_given(call, graph.held), key=lambda name: bool(call.path) and maker.get(name) == call.path)
        made = [name for node in call.nodes for name in node.outputs if name in readers]
        last = [name for name in given if max(readers[name]) == index]
        yield Call(call.path, call.call, call.nodes, tuple(given), tuple(dict.fromkeys(made)), tuple(last))


def _given(call: Call, held: Mapping[str, str]) -> list[str]:
    """Values of other calls that a call reads, in order."""
    made = {name for node in call.nodes for name in node.outputs}
    read = [name for node in call.nodes for name in node.refs if name not in made and name not in held]
    return list(dict.fromkeys(read))
