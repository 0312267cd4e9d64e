"""A NIR graph here and in other simulators: which spikes are equal, on drawn input that makes the graph fire."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from snn_eval.errors import CheckpointError, NetworkError
from snn_eval.models.nir.building import build_graph
from snn_eval.models.nir.compare import Simulator, first_difference
from snn_eval.models.nir.network import GraphNetwork
from snn_eval.models.nir.neurons import Neuron
from snn_eval.models.nir.package import nir_package
from snn_eval.models.nir.reading import read_graph

__all__ = ["Drawn", "Outcome", "compare_elsewhere", "drawn_for"]

Outcome = Literal["equal", "different", "refused"]

_SAMPLES = 4
_DOUBLINGS = 12


@dataclass(frozen=True, slots=True)
class Drawn:
    """Input ``[T,N,…]``, how many spikes it causes here, and the layers of neurons that stay silent."""

    x: Tensor
    spikes: int
    silent: tuple[str, ...]


def drawn_for(path: Path, time_steps: int, seed: int = 0) -> Drawn:
    """Real numbers of 0 … 1, doubled until every layer of neurons fires (at most 12 times).

    Raises:
        CheckpointError: the file is no graph that can be run, or nothing in it can fire.
    """
    network = build_graph(read_graph(path), time_steps, str(path))
    draw = torch.Generator().manual_seed(seed)
    x = torch.rand(time_steps, _SAMPLES, *network.input_shape, generator=draw)
    counts: dict[str, int] = {}
    for _ in range(_DOUBLINGS):
        counts = _spikes(network, x)
        if not counts:
            raise CheckpointError(f"{path}: expected neurons that fire, found none; there is nothing to compare")
        if all(counts.values()):
            break
        x = 2 * x
    return Drawn(x, sum(counts.values()), tuple(name for name, count in counts.items() if not count))


def _spikes(network: GraphNetwork, x: Tensor) -> dict[str, int]:
    """Spikes of each layer of neurons that has a threshold."""
    counts: dict[str, int] = {}
    handles = []
    for name, path in network.paths.items():
        module = network.get_submodule(path)
        if isinstance(module, Neuron) and module.neuron_model["has_threshold"]:
            counts[name] = 0

            def count(_module: object, _inputs: object, out: Tensor, name: str = name) -> None:
                counts[name] += int(torch.count_nonzero(out))

            handles.append(module.register_forward_hook(count))
    try:
        with torch.no_grad():
            network(x)
    finally:
        for handle in handles:
            handle.remove()
    return counts


def compare_elsewhere(
    path: Path, drawn: Drawn, simulators: Sequence[Simulator]
) -> Iterator[tuple[Simulator, Outcome, str]]:
    """For each simulator, the outcome and a line on it: where outputs first differ, or why the graph is not taken.

    Args:
        path: the graph.
        drawn: input for it, of :func:`drawn_for`.
        simulators: where to run it, too.
    """
    for simulator in simulators:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the importers, about themselves
                found = first_difference(nir_package().read(path, type_check=False), drawn.x, simulator)
        except NetworkError as error:
            yield simulator, "refused", str(error).removeprefix(simulator).lstrip(": ")
        else:
            if found is None:
                yield simulator, "equal", "all spikes equal"
            else:
                yield simulator, "different", f"first difference: {found}"
