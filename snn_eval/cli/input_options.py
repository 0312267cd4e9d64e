"""Options that say how a network made elsewhere wants its input and gives its answer, in place of the suite's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from snn_eval.cli.choice import mean_and_std

__all__ = ["prepared"]

_OPTIONS = (
    click.option(
        "--normalize",
        metavar="MEAN,STD",
        callback=mean_and_std,
        help="Normalise samples: (x − MEAN) / STD; of several channels all means first, then all deviations.",
    ),
    click.option(
        "--encoding",
        type=click.Choice(["direct", "rate", "latency"]),
        help="How samples become T steps.",
    ),
    click.option("--clip", is_flag=True, default=None, help="Before encoding, set values outside 0 … 1 to 0 or 1."),
    click.option("--flatten", is_flag=True, default=None, help="Give the network each sample with one axis."),
    click.option(
        "--feed",
        type=click.Choice(["sequence", "batch-first", "flat", "steps", "whole"]),
        help="Call the network once with [T,N,…], [N,T,…] or [N·T,…], T times with [N,…], or once with the input as it "
        "is; else found out.",
    ),
    click.option(
        "--readout",
        type=click.Choice(["mean", "count", "last", "max"]),
        help="What of the outputs of all steps decides.",
    ),
    click.option(
        "--output-index",
        type=click.IntRange(min=0),
        metavar="I",
        help="Which of several outputs decides, from 0.",
    ),
)


def prepared(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command all of these options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
