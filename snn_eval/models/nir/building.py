"""Builds a network from a NIR graph: one table, type of node -> module."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from snn_eval.errors import CheckpointError
from snn_eval.models.nir.network import GraphNetwork
from snn_eval.models.nir.neurons import Cuba, Integrator, Neuron, Threshold
from snn_eval.models.nir.nodes import Delay, Scale, SumPool2d, average_pool, convolution, flattening, linear
from snn_eval.models.nir.order import stages
from snn_eval.models.nir.reading import Graph, read_graph

__all__ = ["BUILDERS", "build_graph", "nir_network"]

Builder = Callable[[Any, str, float], nn.Module]


def _plain(build: Callable[[Any, str], nn.Module]) -> Builder:
    return lambda node, where, dt: build(node, where)


BUILDERS: dict[str, Builder] = {
    **dict.fromkeys(("Conv1d", "Conv2d"), _plain(convolution)),
    **dict.fromkeys(("Linear", "Affine"), _plain(linear)),
    "Scale": _plain(Scale),
    "Flatten": _plain(flattening),
    "SumPool2d": _plain(SumPool2d),
    "AvgPool2d": _plain(average_pool),
    **dict.fromkeys(("IF", "LIF", "I", "LI"), Integrator),
    **dict.fromkeys(("CubaLIF", "CubaLI"), Cuba),
    "Threshold": _plain(Threshold),
    "Delay": Delay,
}
"""Type of node -> ``(node, name, dt) -> module``; inputs, outputs and sub-graphs are the graph's own."""


def nir_network(path: Path, time_steps: int) -> GraphNetwork:
    """The network in a ``.nir`` file.

    Raises:
        CheckpointError: what :func:`read_graph` and :func:`build_graph` raise.
    """
    return build_graph(read_graph(path), time_steps, str(path))


def build_graph(graph: Graph, time_steps: int, where: str = "graph") -> GraphNetwork:
    """A network that runs the graph for ``time_steps`` steps.

    Raises:
        CheckpointError: a node of a type or with values that cannot be run, by name, or a loop without a neuron.
    """
    modules: dict[str, nn.Module] = {}
    try:
        for name, node in graph.nodes.items():
            if name not in (graph.input, graph.output):
                modules[name] = _built(node, name, graph.dt)
        neurons = [name for name, module in modules.items() if isinstance(module, Neuron)]
        order = stages(graph, neurons)
    except CheckpointError as error:
        raise CheckpointError(f"{where}: {error}") from error
    return GraphNetwork(graph, modules, order, _input_shape(graph), time_steps)


_AXES = {"Linear": 1, "Affine": 1, "Conv1d": 2, "Conv2d": 3}
"""Axes of a sample for the nodes that leave no choice."""


def _input_shape(graph: Graph) -> tuple[int, ...]:
    """Shape of a sample at a step: that of the Input, without the batch of one that some projects write with it."""
    shape = tuple(int(size) for size in np.atleast_1d(graph.nodes[graph.input].input_type["input"]))
    axes = {_AXES.get(graph.kind(name)) for name in graph.targets(graph.input)}
    return shape[1:] if shape[0] == 1 and axes == {len(shape) - 1} else shape


def _built(node: Any, name: str, dt: float) -> nn.Module:
    kind = type(node).__name__
    if kind not in BUILDERS:
        raise CheckpointError(f"node {name}: expected one of {', '.join(BUILDERS)}, got {kind}")
    try:
        return BUILDERS[kind](node, f"{name} ({kind})", dt)
    except (TypeError, ValueError, RuntimeError, ArithmeticError, IndexError) as error:  # values no module takes
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"node {name} ({kind}): {told}") from error
