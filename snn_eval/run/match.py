"""Finds the suites a checkpoint belongs to: by what its file says, by its tensors' names and shapes, by their sizes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from snn_eval.data import DATASETS
from snn_eval.errors import CheckpointError, SnnEvalError
from snn_eval.models.inspect import Content
from snn_eval.models.names import matched_names
from snn_eval.models.networks import build_network
from snn_eval.suite import Suite, load_suite, suite_names

if TYPE_CHECKING:
    from snn_eval.models.exported.graph import Graph

__all__ = ["Match", "fitting_networks", "matching_suites"]

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Match:
    """A suite a checkpoint can be measured on.

    ``how``: ``file`` (it says so itself), ``network`` (every tensor of the suite's network is there with its shape, and
    no other), ``sizes`` (another network, whose first layer takes the suite's input and whose last gives its classes).
    ``flatten``: it wants samples with one axis.
    """

    suite: Suite
    how: Literal["file", "network", "sizes"]
    flatten: bool = False


def matching_suites(content: Content) -> list[Match]:
    """The suites that come with the project and fit, the best reason only: those a file names, then equal networks."""
    suites = [load_suite(name) for name in suite_names()]
    if content.checkpoint is not None:
        return [Match(suite, "file") for suite in suites if suite.name == content.checkpoint.suite]
    if content.format == "NIR":
        return _suites_of_graph(content, suites)
    if content.program is not None:
        return _suites_of_program(content.program, suites)
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


def _sizes(suite: Suite) -> tuple[tuple[int, ...], int]:
    """Shape of a sample and number of classes of the suite's data; nothing for rows of an ablation and own data."""
    data = None if suite.ablation or suite.data.name is None else DATASETS.get(suite.data.name)
    return ((), 0) if data is None else (data.shape, data.classes)


def _sizes_fit(suite: Suite, content: Content) -> bool:
    """Whether the first and the last weights take the suite's samples and give its classes."""
    weights = [tensor.shape for tensor in content.tensors if len(tensor.shape) > 1]
    shape, classes = _sizes(suite)
    if not weights or not shape:
        return False
    first, last = weights[0], weights[-1]
    return first[1] == (shape[0] if len(first) == 4 else math.prod(shape)) and last[0] == classes


def _suites_of_program(program: Graph, suites: Iterable[Suite]) -> list[Match]:
    """Suites whose samples end the shape of a program's input, or as many values, and whose classes end its output."""
    last = program.shapes.get(program.outputs[0], ()) if program.outputs else ()
    fits = [suite for suite in suites if last and _sizes(suite)[1] == last[-1]]
    given = program.input.shape
    whole = [Match(suite, "sizes") for suite in fits if _ends(given, _sizes(suite)[0])]
    flat = [Match(suite, "sizes", True) for suite in fits if _ends(given, (math.prod(_sizes(suite)[0]),))]
    return whole + flat


def _ends(shape: tuple[int | None, ...], sample: tuple[int, ...]) -> bool:
    """Whether a shape is that of samples, or of steps and samples."""
    return len(shape) - len(sample) in (1, 2) and shape[-len(sample) :] == sample


def _suites_of_graph(content: Content, suites: Iterable[Suite]) -> list[Match]:
    """Suites whose samples have the shape of a graph's input, or as many values, and whose classes are its output."""
    from snn_eval.models.nir.building import nir_network

    try:
        network = nir_network(content.path, 1)
    except CheckpointError:
        return []
    fits = [suite for suite in suites if _sizes(suite)[1] == network.outputs]
    whole = [Match(suite, "sizes") for suite in fits if _sizes(suite)[0] == network.input_shape]
    flat = [Match(suite, "sizes", True) for suite in fits if (math.prod(_sizes(suite)[0]),) == network.input_shape]
    return whole + flat
