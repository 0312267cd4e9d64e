"""In which order nodes are run: chains with all steps at once, loops step by step, spikes going back a step later."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

import numpy as np

from snn_eval.errors import CheckpointError
from snn_eval.models.nir.reading import Graph

__all__ = ["Stage", "stages"]


@dataclass(frozen=True, slots=True)
class Stage:
    """Nodes that are run together: one node with all its steps, or the nodes of a loop step after step.

    ``later``: edges of a loop that carry what their source gave at the step before.
    """

    names: tuple[str, ...]
    loop: bool = False
    later: frozenset[tuple[str, str]] = field(default=frozenset())


def stages(graph: Graph, neurons: Iterable[str]) -> list[Stage]:
    """All nodes but the input and the output, in an order in which each comes after what it reads.

    In a loop the spikes of a neuron that go back to itself or to a neuron nearer to the input arrive a step later.

    Args:
        graph: the flat graph.
        neurons: names of its neurons.

    Raises:
        CheckpointError: a loop without a neuron in it, or a node that nothing reaches from the input.
    """
    names = [name for name in graph.nodes if name not in (graph.input, graph.output)]
    distance = _distances(graph)
    lost = [name for name in (*names, graph.output) if name not in distance]
    if lost:
        raise CheckpointError(f"node {lost[0]}: expected a way from the input to it, found none")
    component = _components(names, graph.edges)
    members: dict[int, list[str]] = {}
    for name in names:
        members.setdefault(component[name], []).append(name)
    sorter: TopologicalSorter[int] = TopologicalSorter({number: set() for number in members})
    for a, b in graph.edges:
        if a in component and b in component and component[a] != component[b]:
            sorter.add(component[b], component[a])
    found = []
    for number in sorter.static_order():
        inside = members[number]
        alone = len(inside) == 1 and (inside[0], inside[0]) not in graph.edges
        found.append(Stage((inside[0],)) if alone else _loop(graph, inside, set(neurons), distance))
    return found


def _components(names: list[str], edges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Number of the strongly connected component of each node."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    place = {name: number for number, name in enumerate(names)}
    pairs = [(place[a], place[b]) for a, b in edges if a in place and b in place]
    rows, columns = np.array(pairs, dtype=np.int32).reshape(-1, 2).T
    matrix = coo_array((np.ones(len(pairs)), (rows, columns)), shape=(len(names), len(names)))
    _, labels = connected_components(matrix, directed=True, connection="strong")
    return dict(zip(names, map(int, labels), strict=True))


def _distances(graph: Graph) -> dict[str, int]:
    """Edges from the input to each node, at least."""
    found, waiting = {graph.input: 0}, deque([graph.input])
    while waiting:
        name = waiting.popleft()
        for target in graph.targets(name):
            if target not in found:
                found[target] = found[name] + 1
                waiting.append(target)
    return found


def _loop(graph: Graph, inside: list[str], neurons: set[str], distance: Mapping[str, int]) -> Stage:
    own = [name for name in inside if name in neurons]
    rank = {name: place for place, name in enumerate(sorted(own, key=lambda n: (distance[n], n)))}
    edges = [(a, b) for a, b in graph.edges if a in inside and b in inside]
    later = frozenset(
        (a, b) for a, b in edges if a in rank and all(rank[n] <= rank[a] for n in _reached(b, edges, rank))
    )
    sorter: TopologicalSorter[str] = TopologicalSorter({name: set() for name in inside})
    for a, b in edges:
        if (a, b) not in later:
            sorter.add(b, a)
    try:
        return Stage(tuple(sorter.static_order()), loop=True, later=later)
    except CycleError as error:
        raise CheckpointError(
            f"nodes {', '.join(map(repr, error.args[1]))}: expected a neuron in every loop"
        ) from error


def _reached(name: str, edges: list[tuple[str, str]], neurons: Mapping[str, int]) -> set[str]:
    """Neurons that a node's output reaches without passing another neuron; itself, where it is one."""
    found, seen, waiting = set(), {name}, [name]
    while waiting:
        here = waiting.pop()
        if here in neurons:
            found.add(here)
            continue
        for a, b in edges:
            if a == here and b not in seen:
                seen.add(b)
                waiting.append(b)
    return found
