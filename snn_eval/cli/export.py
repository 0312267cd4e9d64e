"""``snn-eval export``: write the network of a checkpoint as a NIR graph for other simulators and hardware."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["export"]

_EPILOG = """\b
Examples:
  snn-eval export trained/best.pt --nir best.nir
  snn-eval run --models digits best.nir            the graph, measured like any checkpoint
"""


@click.command(short_help="Write a network as a NIR graph.", epilog=_EPILOG)
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--nir", "nir", type=click.Path(path_type=Path), required=True, metavar="FILE", help="File to write.")
@click.option("--suite", metavar="SUITE", help="Suite whose network it is, for weights that do not name one.")
def export(checkpoint: Path, nir: Path, suite: str | None) -> int:
    """Write the network of CHECKPOINT as a NIR graph.

    One of our reference networks, as far as NIR can express it: what it cannot is refused by the layer's name.
    """
    from snn_eval.run.export import export_nir

    nodes = export_nir(checkpoint, nir, suite)
    click.echo(f"{nir}: {nodes} nodes")
    return 0
