"""Finds the suites a checkpoint belongs to: by what its file says, by its tensors' names and shapes, by their sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from snn_eval.errors import SnnEvalError
from snn_eval.models.inspect import Content
from snn_eval.models.names import matched_names
from snn_eval.models.networks import build_network
from snn_eval.suite import Suite, load_suite, suite_names

__all__ = ["Match", "fitting_networks", "matching_suites"]

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Match:
    """A suite a checkpoint can be measured on.

    ``how``: ``file`` (it says so itself), ``network`` (every tensor of the suite's network is there with its shape, and
    no other), ``sizes`` (another network, whose first layer takes the suite's input and whose last gives its classes).
    """

    suite: Suite
    how: Literal["file", "network", "sizes"]


def matching_suites(content: Content) -> list[Match]:
    """The suites that come with the project and fit, the best reason only: those a file names, then equal networks."""
    suites = [load_suite(name) for name in suite_names()]
    if content.checkpoint is not None:
        return [Match(suite, "file") for suite in suites if suite.name == content.checkpoint.suite]
    if content.format != "state dict":
        return []
    named = {tensor.name: tensor.shape for tensor in content.tensors}
    equal = [Match(suite, "network") for suite in suites if _is_network_of(suite, named)]
    return equal or [Match(suite, "sizes") for suite in suites if _sizes_fit(suite, content)]


def fitting_networks(weights: Mapping[str, Tensor]) -> list[Suite]:
    """Suites that come with the project whose network has exactly these tensors, one for each different network."""
    given = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    found: dict[str, Suite] = {}
    for suite in map(load_suite, suite_names()):
        if _is_network_of(suite, given):
            found.setdefault(suite.model.model_dump_json(include={"arch", "config"}), suite)
    return list(found.values())


def _is_network_of(suite: Suite, given: Shapes) -> bool:
    """Whether these are all tensors of the suite's network, but for what all their names begin with."""
    shapes = _network_shapes(suite)
    prefixes = matched_names(given, shapes) if shapes else None
    if prefixes is None:
        return False
    return {prefixes[1] + name.removeprefix(prefixes[0]): shape for name, shape in given.items()} == shapes


def _network_shapes(suite: Suite) -> Shapes | None:
    """Shape of each tensor of the suite's network; None where it names none of ours or does not build."""
    if suite.model.arch is None:
        return None
    try:
        with torch.random.fork_rng():
            module = build_network(suite.model.arch, suite.input.time_steps, suite.model.config)
    except SnnEvalError:
        return None
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def _sizes_fit(suite: Suite, content: Content) -> bool:
    """Whether the first and the last weights take the suite's images and give its classes."""
    weights = [tensor.shape for tensor in content.tensors if len(tensor.shape) > 1]
    sizes = [suite.model.config.get(key) for key in ("in_channels", "image_size", "classes")]
    channels, size, classes = (value if isinstance(value, int) else 0 for value in sizes)
    if not weights or not channels * size * classes:
        return False
    first, last = weights[0], weights[-1]
    inputs = channels if len(first) == 4 else channels * size * size
    return first[1] == inputs and last[0] == classes
