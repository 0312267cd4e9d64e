"""Lets a program that was exported for one batch size take any: tried, and kept only where it gives the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from snn_eval.errors import CheckpointError
from snn_eval.models.exported.calls import calls_of
from snn_eval.models.exported.graph import Graph, Node
from snn_eval.models.exported.network import Batch, ExportedNetwork
from snn_eval.models.exported.spikes import find_spikes

__all__ = ["any_batch", "built"]

_SIZES = frozenset(
    [
        "view",
        "reshape",
        "expand",
        "zeros",
        "ones",
        "full",
        "empty",
        "new_zeros",
        "new_ones",
        "new_full",
        "unflatten",
        "repeat",
    ]
)
"""Operations in whose lists of sizes a batch may be written as a number."""

_HINT = (
    "export it with a batch that may change: "
    "torch.export.export(network, (x,), dynamic_shapes=({{{axis}: torch.export.Dim('batch')}},)), x of 2 samples"
)


def built(graph: Graph, tensors: Mapping[str, Tensor]) -> ExportedNetwork:
    """The network of a graph.

    Raises:
        CheckpointError: an operation that cannot be run, or names no module has.
    """
    return ExportedNetwork(graph, find_spikes(graph, calls_of(graph)), tensors)


def any_batch(graph: Graph, tensors: Mapping[str, Tensor]) -> ExportedNetwork:
    """The network of a graph, for any number of samples.

    Where the file holds one batch size, sizes that equal it are taken for the number of samples, and the network is
    run on drawn input: twice the samples, and one more, must give what each batch alone gives.

    Raises:
        CheckpointError: the file holds one batch size and the program does not run with another.
    """
    network = built(graph, tensors)
    if None in graph.input.shape:
        return network
    axes = _axes(network)
    for axis in axes:
        for candidate in (graph, _rebatched(graph, axis)):
            other = network if candidate is graph else built(candidate, tensors)
            other.exported_batch_axis = axis
            if _same(network, other, axis):
                return other
    size = graph.input.shape[axes[0]] if axes else 0
    told = f"expected a program that takes any number of samples, got one exported for {size} only"
    raise CheckpointError(f"{told}; {_HINT.format(axis=axes[0] if axes else 0)}")


def _axes(network: ExportedNetwork) -> list[int]:
    """Axes that may hold the samples: behind the steps where neurons take all of them at once."""
    shape, spikes = network.exported_graph.input.shape, network.exported_spikes
    steps_first = any(model["multi_step"] for model in spikes.neurons.values()) and shape[0] == spikes.time_steps
    return [axis for axis in ((1,) if steps_first else (0, 1)) if axis < len(shape)]


def _rebatched(graph: Graph, axis: int) -> Graph:
    """The graph with every size that equals the batch, where its axis is, taken for the number of samples."""
    size = int(graph.input.shape[axis] or 0)
    before = int(graph.input.shape[0] or 0) if axis else 1
    return replace(graph, nodes=tuple(_with_batch(node, axis, size, before) for node in graph.nodes))


def _with_batch(node: Node, axis: int, size: int, before: int) -> Node:
    if node.operation not in _SIZES:
        return node
    args = tuple(_sizes(part, axis, size, before) for part in node.args)
    return replace(node, args=args, kwargs={key: _sizes(part, axis, size, before) for key, part in node.kwargs.items()})


def _sizes(part: Any, axis: int, size: int, before: int) -> Any:
    if not isinstance(part, Sequence) or isinstance(part, str) or not part:
        return part
    sizes = list(part)
    if axis < len(sizes) and sizes[axis] == size and sizes[0] in (before, size):
        sizes[axis] = Batch()
    elif axis and sizes[0] == before * size:  # steps and samples in one axis
        sizes[0] = Batch(before)
    elif sizes[0] == size:
        sizes[0] = Batch()
    return sizes


@torch.no_grad()
def _same(network: ExportedNetwork, other: ExportedNetwork, axis: int) -> bool:
    """Whether another number of samples gives what batches of the exported size give alone."""
    given = network.exported_graph.input
    size = int(given.shape[axis] or 0)
    generator = torch.Generator().manual_seed(0)
    shape = [int(n or 0) for n in given.shape]
    parts = [
        4 * torch.randn(shape, generator=generator).to(given.dtype) for _ in range(2)
    ]  # large, so that neurons fire
    both = torch.cat(parts, axis)
    try:
        first, second = (_tensors(network(part)) for part in parts)
        twice, more = (_tensors(other(both.narrow(axis, 0, n))) for n in (2 * size, size + 1))
        return all(_adds_up(*results, size) for results in zip(first, second, twice, more, strict=True))
    except (RuntimeError, TypeError, ValueError, IndexError):
        return False


def _adds_up(first: Tensor, second: Tensor, twice: Tensor, more: Tensor, size: int) -> bool:
    """Whether ``twice`` is two results, one behind the other, and ``more`` the first and one sample of the second."""
    axes = [axis for axis in range(first.dim()) if first.shape[axis] != twice.shape[axis]]
    if first.dim() != twice.dim() or len(axes) != 1 or first.shape[axes[0]] != size:
        return False
    one = second.narrow(axes[0], 0, 1)
    expected = torch.cat([first, second], axes[0]), torch.cat([first, one], axes[0])
    return all(
        a.shape == b.shape and torch.allclose(a, b, rtol=1e-4, atol=1e-5)
        for a, b in zip(expected, (twice, more), strict=True)
    )


def _tensors(out: Any) -> list[Tensor]:
    return [out] if isinstance(out, Tensor) else [part for part in out if isinstance(part, Tensor)]
