"""Whether a network of the user's own is an ANN: nothing in it spikes and it answers once, whatever T is."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from snn_eval.models.adapters import adapt
from snn_eval.models.factory import user_network
from snn_eval.models.values import merged, name_and_values
from snn_eval.suite import Suite

__all__ = ["answers_once"]


def answers_once(suite: Suite, arch: str | None, sample: Tensor) -> bool:
    """Whether T means nothing to the network that ``arch``, or else the suite's factory, makes.

    It is built with weights that mean nothing and run on one static sample. False where it cannot be built or run:
    that is told when it is measured.

    Args:
        suite: every value resolved.
        arch: of the user.
        sample: input of one sample, ``[1,…]``.
    """
    base, values = name_and_values(arch or suite.model.factory or "")
    if ":" not in base:
        return False
    model = suite.model
    config = merged(model.config if model.arch is None else {}, values)
    folder = None if arch else suite.folder
    try:
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they come again when it is measured
            network = adapt(
                user_network(base, suite.input.time_steps, config, folder),
                suite.input.time_steps,
                framework=model.framework,
                output_index=model.output_index,
            )
            return not network.facts and network.feed in (None, "whole") and len(network.run(sample)) == 1
    except (Exception, SystemExit):  # the user's forward raises what it likes
        return False
