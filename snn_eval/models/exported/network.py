"""Runs an exported program: operations of a module inside a module of that name, so that the probe sees what it would
see of the network that was exported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from snn_eval.errors import CheckpointError
from snn_eval.models.exported.calls import Call
from snn_eval.models.exported.graph import Graph, InputDevice, Ref
from snn_eval.models.exported.operations import operation
from snn_eval.models.exported.spikes import Spikes

__all__ = ["Batch", "ExportedNetwork", "ExportedNeuron"]

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """In arguments: so many times the number of samples."""

    times: int = 1


@dataclass(slots=True)
class _Now:
    """The call a module is about to run, tensors of the file, what operations are run as, and the input's facts."""

    call: Call
    held: Values
    functions: Mapping[str, Any]
    device: torch.device
    samples: int


class _Part(nn.Module):
    """A module of the network that was exported: its tensors, and what it runs at each of its calls."""

    _now: _Now | None = None

    def forward(self, *given: Any) -> Any:
        """What others read of the call: the value, or a tuple of them."""
        now = self._now
        if now is None:
            raise RuntimeError("a part of an exported program runs only within it")
        return _run(now, dict(zip(now.call.inputs, given, strict=True)))


class ExportedNeuron(_Part):
    """A module whose every call gives spikes, first of what it gives."""


class ExportedNetwork(nn.Module):
    """A program of ``torch.export`` as a network; each forward begins at rest.

    Input and output are those of the program. Raises RuntimeError for an input of another shape.
    """

    def __init__(self, graph: Graph, spikes: Spikes, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self._exported_graph, self._exported_spikes = graph, spikes
        self.exported_batch_axis: int | None = None
        self._exported_functions = {node.target: operation(node.target) for call in spikes.calls for node in call.nodes}
        for path in dict.fromkeys([*(call.path for call in spikes.calls), *map(_parent, graph.held.values())]):
            self._make(path)
        for name, model in spikes.neurons.items():
            self.get_submodule(name).neuron_model = model  # type: ignore[assignment]
        tied: dict[tuple[Any, ...], nn.Parameter] = {}
        for name in dict.fromkeys(graph.held.values()):
            self._hold(name, tensors, tied)

    @property
    def exported_graph(self) -> Graph:
        """The program."""
        return self._exported_graph

    @property
    def exported_spikes(self) -> Spikes:
        """What of it spikes."""
        return self._exported_spikes

    def forward(self, x: Tensor) -> Any:
        """What the program gives: a tensor, or a tuple of them."""
        self._check(x)
        samples = 0 if self.exported_batch_axis is None else x.shape[self.exported_batch_axis]
        held = {name: self._held(path) for name, path in self._exported_graph.held.items()}
        values: dict[str, Any] = {self._exported_graph.input.name: x}
        for call in self._exported_spikes.calls:
            now = _Now(call, held, self._exported_functions, x.device, samples)
            given = [values[name] for name in call.inputs]
            if call.path:
                part = self.get_submodule(call.path)
                part._now = now  # type: ignore[assignment]
                try:
                    out = part(*given)
                finally:
                    part._now = None  # type: ignore[assignment]
            else:
                out = _run(now, dict(zip(call.inputs, given, strict=True)))
            values.update(zip(call.outputs, out if len(call.outputs) != 1 else (out,), strict=True))
            for name in call.last:
                values.pop(name, None)
        made = tuple(values[name] if name in values else held[name] for name in self._exported_graph.outputs)
        return made[0] if len(made) == 1 else made

    def _check(self, x: Tensor) -> None:
        shape = self._exported_graph.input.shape
        fixed = [None if axis == self.exported_batch_axis else size for axis, size in enumerate(shape)]
        if x.dim() != len(shape) or any(a not in (None, b) for a, b in zip(fixed, x.shape, strict=True)):
            told = "×".join("N" if size is None else str(size) for size in fixed)
            raise RuntimeError(f"the program was exported for input of {told}, got {'×'.join(map(str, x.shape))}")

    def _make(self, path: str) -> None:
        """The module of a path, and those around it."""
        parent: nn.Module = self
        names = path.split(".") if path else []
        for depth, name in enumerate(names):
            inner = ".".join(names[: depth + 1])
            if name not in parent._modules:
                try:
                    parent.add_module(name, ExportedNeuron() if inner in self._exported_spikes.neurons else _Part())
                except (KeyError, TypeError) as error:
                    raise CheckpointError(f"expected names of modules, got {inner!r}") from error
            parent = parent.get_submodule(name)

    def _hold(self, path: str, tensors: Mapping[str, Tensor], tied: dict[tuple[Any, ...], nn.Parameter]) -> None:
        """Register a tensor under its name, as what it was; parameters that share memory are one."""
        if path not in tensors:
            raise CheckpointError(f"expected a tensor {path}, found none; the file is damaged")
        parent, name = self.get_submodule(_parent(path)), path.rpartition(".")[2]
        try:
            if path in self._exported_graph.parameters:
                weight = tensors[path]
                same = (weight.data_ptr(), weight.shape, weight.stride()) if weight.numel() else (path,)
                parent.register_parameter(name, tied.setdefault(same, nn.Parameter(weight, requires_grad=False)))
            else:
                parent.register_buffer(name, tensors[path], persistent=path in self._exported_graph.buffers)
        except (KeyError, TypeError, RuntimeError) as error:
            raise CheckpointError(f"expected names of tensors, got {path!r}") from error

    def _held(self, path: str) -> Tensor:
        parent, name = self.get_submodule(_parent(path)), path.rpartition(".")[2]
        found: Tensor = getattr(parent, name)
        return found


def _parent(path: str) -> str:
    return path.rpartition(".")[0]


def _run(now: _Now, values: dict[str, Any]) -> Any:
    """Run the operations of a call."""
    for node in now.call.nodes:
        args = [_value(part, values, now) for part in node.args]
        kwargs = {name: _value(part, values, now) for name, part in node.kwargs.items()}
        try:
            out = now.functions[node.target](*args, **kwargs)
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            first = (str(error) or type(error).__name__).splitlines()[0]
            raise RuntimeError(f"{node.target}: {first}") from error
        if len(node.outputs) == 1 and not node.listed:
            values[node.outputs[0]] = out[0] if isinstance(out, tuple | list) else out
        elif node.outputs:
            values.update((name, part) for name, part in zip(node.outputs, out, strict=False) if name)
    made = tuple(values[name] for name in now.call.outputs)
    return made[0] if len(made) == 1 else made


def _value(part: Any, values: Values, now: _Now) -> Any:
    """An argument as it is now."""
    if isinstance(part, Ref):
        return values[part.name] if part.name in values else now.held[part.name]
    if isinstance(part, Batch):
        return part.times * now.samples
    if isinstance(part, InputDevice):
        return now.device
    if isinstance(part, Sequence) and not isinstance(part, str | torch.Size):
        return [_value(inner, values, now) for inner in part]
    return part
