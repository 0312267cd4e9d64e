"""Finds the spikes in a graph: zeros and ones made by a comparison of values inside of one module, and given out.

An exported program holds no neurons, only their arithmetic. A module counts as a neuron if each of its calls gives
exactly one tensor that can only be 0 and 1 (times a constant), made of a comparison in that very call: nothing is
guessed from names or values. What else is compared is told, not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from snn_eval.models.exported.calls import Call
from snn_eval.models.exported.graph import Graph, Node
from snn_eval.models.exported.operations import SPIKING

__all__ = ["Spikes", "find_spikes"]

_COMPARES = frozenset(["gt", "ge", "lt", "le", "heaviside", "greater", "greater_equal", "less", "less_equal"])
_MOVES = frozenset(
    [
        "to",
        "_to_copy",
        "clone",
        "detach",
        "contiguous",
        "view",
        "reshape",
        "flatten",
        "unflatten",
        "squeeze",
        "unsqueeze",
        "permute",
        "transpose",
        "stack",
        "cat",
        "select",
        "slice",
        "expand",
        "alias",
        "movedim",
        "type_as",
        "lift_fresh_copy",
        "_unsafe_view",
        "getitem",
        "unbind",
        "split",
        "repeat",
    ]
)
_SCALES = frozenset(("mul", "mul_"))


@dataclass(frozen=True, slots=True)
class Spikes:
    """What spikes in a graph.

    Attributes:
        neurons: path of each neuron module -> its attribute ``neuron_model``.
        calls: the calls, those of neurons with their spikes first.
        time_steps: steps the graph runs, 0 where it does not show.
        elsewhere: comparisons that make zeros and ones outside of the neurons.
    """

    neurons: Mapping[str, dict[str, Any]]
    calls: tuple[Call, ...]
    time_steps: int
    elsewhere: int


def find_spikes(graph: Graph, calls: Sequence[Call]) -> Spikes:
    """The neurons of a graph."""
    data, bits, compared = _traced(graph)
    of: dict[str, list[tuple[Call, list[str]]]] = {}
    for call in calls:
        if call.path:
            made = {
                name for node in call.nodes if node.outputs and node.outputs[0] in compared for name in node.outputs
            }
            given = [name for name in call.outputs if name in bits and name in data] if made else []
            of.setdefault(call.path, []).append((call, given))
    found = {path: given for path, given in of.items() if all(len(names) == 1 for _, names in given)}
    inside = {node.outputs[0] for given in found.values() for call, _ in given for node in call.nodes if node.outputs}
    counts = {len(given) for given in found.values()}
    neurons = {path: _model(given, graph, unrolled=counts != {1}) for path, given in found.items()}
    ordered = [_spikes_first(call, bits) if call.path in found else call for call in calls]
    return Spikes(neurons, tuple(ordered), _time_steps(found, graph, neurons), len(compared - inside))


def _traced(graph: Graph) -> tuple[set[str], set[str], set[str]]:
    """Names of values that depend on the input, of those that can only be 0 and 1 times a constant, and of the
    comparisons that some of these are made of."""
    data, sources = {graph.input.name}, dict[str, set[str]]()
    used = set[str]()
    for node in graph.nodes:
        if not node.outputs:
            continue
        refs = node.refs
        if data & set(refs):
            data |= set(node.outputs)
        made = _made_of(node, [name for name in refs if name in data], sources)
        if made is not None:
            spikes = node.outputs[:1] if _is_neuron(node) else node.outputs
            sources.update(dict.fromkeys(spikes, made))
            used |= made if node.operation in _MOVES | _SCALES or _is_neuron(node) else set()
    return data, set(sources), used


def _made_of(node: Node, given: Sequence[str], sources: Mapping[str, set[str]]) -> set[str] | None:
    """The comparisons that the zeros and ones of a result are made of; None for a result of other values."""
    if (node.operation in _COMPARES or _is_neuron(node)) and given:
        return {node.outputs[0]}
    tensors = list(dict.fromkeys(given))
    if node.operation in _MOVES and tensors and all(name in sources for name in node.refs if name in tensors):
        constants = set(node.refs) - set(tensors)
        if node.operation in ("stack", "cat") and constants:
            return None
        return set[str]().union(*(sources[name] for name in tensors))
    if node.operation in _SCALES and len(tensors) == 1 and tensors[0] in sources:
        return sources[tensors[0]]
    return None


def _is_neuron(node: Node) -> bool:
    parts = node.target.split(".")
    return len(parts) == 5 and parts[2] in SPIKING


def _spikes_first(call: Call, bits: set[str]) -> Call:
    return replace(call, outputs=tuple(sorted(call.outputs, key=lambda name: name not in bits)))


def _model(given: Sequence[tuple[Call, list[str]]], graph: Graph, *, unrolled: bool) -> dict[str, Any]:
    """``neuron_model`` of a module: what one operation of spikingjelly costs is known, else it costs what it does.

    Its states are what one call hands to the next.
    """
    first, rest = given[0][0], given[1:]
    operations = [node for node in first.nodes if _is_neuron(node)]
    if operations:
        return {**_known(operations[0]), "multi_step": not unrolled}
    handed = {name for call, _ in rest[:1] for name in call.inputs if name in first.outputs}
    return {"model": "exported", "states": max(len(handed), 1), "reset": "unknown", "multi_step": False}


def _known(node: Node) -> dict[str, Any]:
    """Facts of spikingjelly's own class, with the arguments of the operation."""
    from spikingjelly.activation_based import neuron

    from snn_eval.models.adapters.spikingjelly_facts import neuron_facts

    namespace = node.target.split(".")[2]
    at = {"sj_if": 2, "sj_lif": 4, "sj_plif": 4}[namespace]
    threshold, reset = node.args[at : at + 2]
    common = {"v_threshold": threshold, "v_reset": reset}
    if namespace == "sj_if":
        module: Any = neuron.IFNode(**common)
    elif namespace == "sj_lif":
        module = neuron.LIFNode(tau=node.args[2], decay_input=node.args[3], **common)
    else:
        module = neuron.ParametricLIFNode(decay_input=node.args[3], **common)
    facts = neuron_facts(module)
    assert facts is not None
    model = facts.neuron
    return {key: getattr(model, key) for key in ("model", "reset", "states", "mul", "add", "compare")}


def _time_steps(
    found: Mapping[str, Sequence[tuple[Call, list[str]]]], graph: Graph, neurons: Mapping[str, Mapping[str, Any]]
) -> int:
    """Steps the graph runs: calls of its neurons, or the first axis of those that take all steps at once."""
    counts = {len(given) for given in found.values()}
    if counts and counts != {1}:
        return min(counts)
    lengths = {graph.shapes[given[0][1][0]][0] for path, given in found.items() if neurons[path]["multi_step"]}
    (length,) = lengths if len(lengths) == 1 else (None,)
    return length or 0
