"""Builds the network in a ``.pt2`` file, and says what the file no longer holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from snn_eval.errors import CheckpointError
from snn_eval.models.exported.archive import Archive, read_archive
from snn_eval.models.exported.batch import any_batch
from snn_eval.models.exported.calls import calls_of
from snn_eval.models.exported.graph import Graph, read_graph
from snn_eval.models.exported.network import ExportedNetwork
from snn_eval.models.exported.operations import operation
from snn_eval.models.exported.spikes import Spikes, find_spikes

__all__ = ["exported_graph", "exported_network", "exported_spikes", "missing", "outputs_of"]


def exported_network(path: Path) -> ExportedNetwork:
    """The network in a file, for any number of samples; no code of the file is run.

    Raises:
        CheckpointError: what :func:`read_archive`, :func:`read_graph` and :func:`any_batch` raise.
    """
    archive, graph = exported_graph(path)
    with _telling(path):
        return any_batch(graph, archive.tensors)


def exported_graph(path: Path) -> tuple[Archive, Graph]:
    """What a file holds, and its graph.

    Raises:
        CheckpointError: what :func:`read_archive` and :func:`read_graph` raise.
    """
    archive = read_archive(path)
    with _telling(path):
        return archive, read_graph(archive.program)


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    """While inside, errors name the file; what no graph of torch.export raises is told to be a damaged one."""
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, AssertionError, RecursionError) as error:
        told = f"{type(error).__name__} {error}"[:120]
        raise CheckpointError(f"{path}: expected a program of torch.export, got a damaged graph: {told}") from error


def exported_spikes(path: Path) -> Spikes:
    """What spikes in the program of a file, found without running it.

    Raises:
        CheckpointError: it cannot be read, or holds an operation that cannot be run.
    """
    _, graph = exported_graph(path)
    with _telling(path):
        for node in graph.nodes:
            operation(node.target)
        return find_spikes(graph, calls_of(graph))


def outputs_of(graph: Graph) -> Mapping[str, tuple[int | None, ...]]:
    """Shape of each output; None for sizes that may change."""
    return {name: graph.shapes.get(name, ()) for name in graph.outputs}


def missing(network: ExportedNetwork) -> str:
    """What cannot be told of a program, in one line; nothing where nothing is missing."""
    spikes = network.exported_spikes
    if not spikes.elsewhere:
        return ""
    if spikes.neurons:
        return (
            f"{spikes.elsewhere} comparisons outside of the {len(spikes.neurons)} neurons found make zeros and ones, "
            "too: if they are spikes, they are not in the spike counts"
        )
    return (
        f"the program holds no neurons any more, but {spikes.elsewhere} comparisons that make zeros and ones: spike "
        "counts and firing rates are missing, synaptic operations by value are exact"
    )
