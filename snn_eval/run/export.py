"""From a checkpoint to a NIR graph: which network its weights are of, and the shape of its input."""

from __future__ import annotations

from pathlib import Path

from snn_eval.errors import CheckpointError, SuiteError
from snn_eval.models.checkpoint import load_checkpoint, load_weights
from snn_eval.models.networks import build_network
from snn_eval.models.user_sources import own_neurons
from snn_eval.suite import load_suite

__all__ = ["export_nir"]


def export_nir(checkpoint: Path, path: Path, suite: str | None = None) -> int:
    """Write the network of ``checkpoint`` to ``path``; the number of nodes.

    Args:
        checkpoint: one of ours, or weights of the network of ``suite``.
        path: the file.
        suite: name or file; needed where the checkpoint names no network.

    Raises:
        CheckpointError: no checkpoint, or weights of another network.
        SuiteError: neither checkpoint nor suite names a network of ours.
        NetworkError: a layer NIR cannot express.
        RunError: the file cannot be written.
    """
    from snn_eval.models.nir.writing import network_to_nir, write_graph

    stored = load_checkpoint(checkpoint)
    arch, config = stored.arch, stored.config
    folder: Path | None = None
    own: tuple[str, ...] = ()
    if suite is not None:
        loaded = load_suite(suite)
        model = loaded.model
        if model.arch is None:
            raise SuiteError(f"suite {suite}: expected one that names a network of ours, found none")
        arch, config = model.arch, model.config
        folder, own = loaded.folder, own_neurons(config)
    if arch is None or config is None:
        raise CheckpointError(
            f"{checkpoint}: expected a checkpoint that names its network; give its suite with --suite"
        )
    module = build_network(arch, stored.time_steps or 1, config, folder=folder, own=own).eval()
    load_weights(module, stored)
    size = int(config.get("image_size", 8))
    graph = network_to_nir(module, (int(config.get("in_channels", 1)), size, size))
    write_graph(path, graph)
    return len(graph.nodes)
