"""The graph of an exported program as plain data: inputs, calls of operations in order, outputs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from snn_eval.errors import CheckpointError
from snn_eval.models.exported.archive import DTYPES

__all__ = ["Graph", "Input", "InputDevice", "Node", "Place", "Ref", "read_graph", "refs_in"]

_MEMORY = {1: torch.contiguous_format, 2: torch.channels_last, 3: torch.channels_last_3d, 4: torch.preserve_format}
_NAMED = ("as_tensor", "as_sym_int", "as_sym_bool", "as_sym_float", "as_optional_tensor")
_LISTED = ("as_tensors", "as_sym_ints", "as_sym_bools", "as_sym_floats", "as_optional_tensors")
_VIEWS = frozenset(
    [
        "view",
        "reshape",
        "detach",
        "alias",
        "select",
        "slice",
        "squeeze",
        "unsqueeze",
        "permute",
        "transpose",
        "t",
        "expand",
        "to",
    ]
)
_PLAIN = ("as_int", "as_float", "as_bool", "as_string", "as_ints", "as_floats", "as_bools")


@dataclass(frozen=True, slots=True)
class Ref:
    """The value of that name."""

    name: str


@dataclass(frozen=True, slots=True)
class InputDevice:
    """In arguments: the device the input is on, whatever the file says."""


@dataclass(frozen=True, slots=True)
class Place:
    """One module a call was made in: its path, which of its calls it was, its class."""

    path: str
    call: str
    kind: str


@dataclass(frozen=True, slots=True)
class Node:
    """One call of an operation; ``stack``: the modules it was made in, outermost first, without the network."""

    target: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    outputs: tuple[str, ...]
    listed: bool
    stack: tuple[Place, ...]
    located: bool

    @property
    def operation(self) -> str:
        """``conv2d`` of ``torch.ops.aten.conv2d.default``."""
        parts = self.target.split(".")
        return parts[3] if self.target.startswith("torch.ops.") and len(parts) > 3 else parts[-1]

    @property
    def refs(self) -> list[str]:
        """Names of the values it is given."""
        return refs_in([self.args, self.kwargs])


@dataclass(frozen=True, slots=True)
class Input:
    """The input: its name, and its shape with None for what may change from call to call."""

    name: str
    shape: tuple[int | None, ...]
    dtype: torch.dtype


@dataclass(frozen=True, slots=True)
class Graph:
    """A program: ``held`` names the tensors of the file by the names the graph gives them, ``buffers`` those of
    buffers, ``parameters`` those of parameters; ``shapes`` the shape of each tensor (None: may change)."""

    input: Input
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    held: Mapping[str, str]
    parameters: frozenset[str]
    buffers: frozenset[str]
    shapes: Mapping[str, tuple[int | None, ...]]


def refs_in(value: Any) -> list[str]:
    """Names of values in arguments, through lists and dictionaries."""
    if isinstance(value, Ref):
        return [value.name]
    if isinstance(value, Mapping):
        value = list(value.values())
    return [name for part in value for name in refs_in(part)] if isinstance(value, list | tuple) else []


def read_graph(program: Mapping[str, Any]) -> Graph:
    """The graph of a program.

    Raises:
        CheckpointError: more than one input, state that is kept, or an argument that is no tensor or number.
        KeyError, TypeError, AttributeError: the JSON is not what the format says.
    """
    module = program["graph_module"]
    graph = module["graph"]
    shapes = {name: tuple(_size(part) for part in meta["sizes"]) for name, meta in graph["tensor_values"].items()}
    held: dict[str, str] = {}
    kinds: dict[str, set[str]] = {"parameter": set(), "buffer": set(), "tensor_constant": set()}
    inputs: list[str] = []
    for spec in module["signature"]["input_specs"]:
        ((kind, value),) = spec.items()
        if kind == "user_input":
            inputs += [value["arg"].get("as_tensor", {}).get("name", "")]
        elif kind in kinds:
            name = value[f"{kind}_name"]
            held[value["arg"]["name"]] = name
            kinds[kind].add(name)
        elif kind != "constant_input":
            raise CheckpointError(f"expected inputs of tensors, got one of kind {kind}")
    if len(inputs) != 1 or not inputs[0]:
        told = f"{len(inputs)} inputs" if len(inputs) != 1 else "a number"
        raise CheckpointError(f"expected a network of one input, a tensor, got {told}; states must begin inside of it")
    outputs = tuple(name for spec in module["signature"]["output_specs"] for name in _output(spec))
    nodes = tuple(_node(node) for node in graph["nodes"])
    _refuse_kept_state(nodes, held)
    dtype = DTYPES.get(graph["tensor_values"][inputs[0]]["dtype"], torch.float32)
    given = Input(inputs[0], shapes[inputs[0]], dtype)
    return Graph(given, nodes, outputs, held, frozenset(kinds["parameter"]), frozenset(kinds["buffer"]), shapes)


def _size(part: Mapping[str, Any]) -> int | None:
    return int(part["as_int"]) if "as_int" in part else None


def _output(spec: Mapping[str, Any]) -> list[str]:
    ((kind, value),) = spec.items()
    if kind == "user_output":
        return [value["arg"]["as_tensor"]["name"]] if "as_tensor" in value["arg"] else []
    if kind == "buffer_mutation":
        raise _keeps_state(value["buffer_name"])
    raise CheckpointError(f"expected outputs of tensors, got one of kind {kind}")


def _refuse_kept_state(nodes: Sequence[Node], held: Mapping[str, str]) -> None:
    """Raise CheckpointError for an operation that writes into a tensor of the file, or a view of it."""
    same = dict(held)
    for node in nodes:
        first = node.args[0] if node.args else None
        if not isinstance(first, Ref) or first.name not in same:
            continue
        if node.operation.endswith("_"):
            raise _keeps_state(same[first.name])
        if node.operation in _VIEWS:
            same.update(dict.fromkeys(node.outputs, same[first.name]))


def _keeps_state(name: str) -> CheckpointError:
    return CheckpointError(
        f"it changes its {name} as it runs, which would be kept from call to call; export network.eval() with a "
        "forward that runs all steps from rest"
    )


def _node(node: Mapping[str, Any]) -> Node:
    target = node["target"]
    args, kwargs = [], {}
    for given in node["inputs"]:
        value = _value(given["arg"], target)
        if given.get("kind") == 2:
            kwargs[given["name"]] = value
        else:
            args.append(value)
    outputs: list[str] = []
    listed = False
    for output in node["outputs"]:
        ((kind, value),) = output.items()
        listed = listed or kind in _LISTED
        outputs += [part["name"] for part in value] if kind == "as_tensors" else [_name(kind, value)]
    stack, located = _stack(node.get("metadata", {}).get("nn_module_stack", ""))
    return Node(target, tuple(args), kwargs, tuple(outputs), listed, stack, located)


def _name(kind: str, value: Any) -> str:
    """Name of an output; empty for none."""
    if kind == "as_optional_tensor":
        value = value.get("as_tensor", {})
    return str(value.get("name", value.get("as_name", ""))) if isinstance(value, Mapping) else ""


def _value(arg: Mapping[str, Any], target: str) -> Any:
    ((kind, value),) = arg.items()
    if kind == "as_none":
        return None
    if kind in _PLAIN:
        return value
    if kind in _NAMED:
        return _one(value)
    if kind in _LISTED:
        return [_one(part) for part in value]
    if kind == "as_scalar_type":
        return DTYPES[value]
    if kind == "as_memory_format":
        return _MEMORY[value]
    if kind == "as_layout" and value == 7:
        return torch.strided
    if kind == "as_device":
        return InputDevice()
    raise CheckpointError(f"expected operations on tensors and numbers, got {target} with an argument {kind[3:]}")


def _one(part: Mapping[str, Any]) -> Any:
    """A tensor, a number or a name of a list that may hold either."""
    if "name" in part:
        return Ref(part["name"])
    ((kind, value),) = part.items()
    if kind == "as_name":
        return Ref(value)
    if kind == "as_tensor":
        return Ref(value["name"])
    return None if kind == "as_none" else value


def _stack(text: str) -> tuple[tuple[Place, ...], bool]:
    """Modules a call was made in, and whether the file says so."""
    places = []
    for entry in text.split(";"):
        parts = entry.split(",")
        if len(parts) != 3 or parts[0].startswith("_empty"):
            return (), False
        path = re.sub(r"@\d+", "", parts[1])
        if path:
            places.append(Place(path, parts[0], parts[2]))
    return tuple(places), True
