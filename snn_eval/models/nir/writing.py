"""Writes a network as a NIR graph: our reference networks and plain chains of layers, or a refusal that names a layer.

The norm behind a convolution or linear layer is folded into it (in float64, rounded once to float32): the products are
the same, values may differ in the last bit, and with them a spike whose membrane is at its threshold. NIR's neurons
fire above their threshold, spikingjelly's at it too: the threshold written is the next smaller float32.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from spikingjelly.activation_based import layer as sj_layer
from torch import nn

from snn_eval.atomic import write_atomic
from snn_eval.errors import NetworkError
from snn_eval.models.blocks import SpikingConv, StaticStem
from snn_eval.models.networks import SpikingConvNet
from snn_eval.models.nir.package import nir_package
from snn_eval.models.nir.reading import DT
from snn_eval.models.nir.writers import WRITERS, Layer, Shape

__all__ = ["network_to_nir", "write_graph"]

_CONTAINERS = (nn.Sequential, SpikingConvNet, StaticStem, SpikingConv)
"""Modules whose parts are run one after the other, in the order they were made."""

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, sj_layer.BatchNorm1d, sj_layer.BatchNorm2d)


def write_graph(path: Path, graph: Any) -> None:
    """Write a graph of the package ``nir`` whole or not at all.

    Raises:
        RunError: the file cannot be written.
    """
    buffer = io.BytesIO()
    nir_package().write(buffer, graph)
    write_atomic(path, buffer.getvalue())


def network_to_nir(module: nn.Module, input_shape: Shape, *, dt: float = DT) -> Any:
    """The graph of a network, of the package ``nir``.

    Args:
        module: one of our reference networks, or an ``nn.Sequential`` of their layers.
        input_shape: of a sample at a step, ``[C,H,W]`` or ``[P]``.
        dt: seconds of a time step, which time constants are multiples of; kept in the graph's metadata.

    Raises:
        NetworkError: a layer NIR cannot express, by name and reason.
        CheckpointError: the package ``nir`` is missing.
    """
    nir = nir_package()
    shape = tuple(input_shape)
    nodes: dict[str, Any] = {"input": nir.Input({"input": np.array(shape)})}
    for layer in _folded(_leaves("", module)):
        nodes[layer.name], shape = _node(layer, shape, dt)
    nodes["output"] = nir.Output({"output": np.array(shape)})
    names = list(nodes)
    edges = list(pairwise(names))
    return nir.NIRGraph(nodes=nodes, edges=edges, metadata={"dt": dt})


def _leaves(path: str, module: nn.Module) -> Iterator[Layer]:
    if type(module) not in _CONTAINERS:
        if not isinstance(module, nn.Identity | nn.Dropout):
            yield Layer(path or "network", module)
        return
    for name, part in module.named_children():
        yield from _leaves(f"{path}.{name}".lstrip("."), part)


def _folded(layers: Iterator[Layer]) -> list[Layer]:
    found: list[Layer] = []
    for layer in layers:
        if type(layer.module) not in _NORMS:
            found.append(layer)
            continue
        before = found[-1] if found else None
        if before is None or before.norm is not None or not isinstance(before.module, nn.Conv2d | nn.Linear):
            raise NetworkError(f"{layer.name}: NIR has no norm; it can only be folded into a layer just before it")
        found[-1] = Layer(before.name, before.module, layer.module)
    return found


def _node(layer: Layer, shape: Shape, dt: float) -> tuple[Any, Shape]:
    """The node of a layer, and the shape of what it gives.

    Raises:
        NetworkError: NIR has none.
    """
    write = WRITERS.get(type(layer.module))
    if write is not None:
        return write(layer, shape, dt)
    reason = _NOT_IN_NIR.get(type(layer.module).__name__, "expected a layer NIR has a node for")
    raise NetworkError(f"{layer.name} ({type(layer.module).__name__}): {reason}; it cannot be exported")


_NOT_IN_NIR = {
    "MaxPool2d": "NIR has no maximum pooling",
    **dict.fromkeys(("QIFNode", "EIFNode", "IzhikevichNode"), "NIR has no such neuron"),
}
