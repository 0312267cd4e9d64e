"""One observed run: every call in order, whose it is, what shapes and contents its operands had, what fed it.

An inventory is made a few times on a handful of samples before the pass; comparing inventories of different inputs
shows what nobody needs to tell us: which axis is time, which is sample, what repeats, what leaks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from snn_eval.errors import NetworkError
from snn_eval.models.network import Network, SpikingLayer
from snn_eval.probe.calls import COMPOSITES, RULES, NoRuleError, Pair, Part, Weighted, expand_composite
from snn_eval.probe.elementwise import COSTS, Cost, cell_cost, is_free, operands_of_meeting, tensors_in

__all__ = ["INPUT", "Event", "Inventory", "Operand", "spikes_of", "take_inventory"]

INPUT = "input"
"""Name of the network's own input in the graph."""


@dataclass(frozen=True, slots=True)
class Operand:
    """A tensor as observed: its shape, one digest for each index of each axis, and where it came from.

    ``origins`` ⊆ {input, synaptic, neuron}; ``direct``: no arithmetic between the network's input and here.
    """

    shape: tuple[int, ...]
    digests: tuple[NDArray[np.float64], ...]
    producers: frozenset[str]
    origins: frozenset[str]
    direct: bool
    storage: int
    parameter: str | None = None


@dataclass(slots=True)
class Event:
    """One call: where (module path), which function, and its parts.

    ``kind`` ∈ synaptic, neuron, elementwise, unknown. A synaptic event has as many ``operands`` as ``parts``
    have inputs, in their order. ``own``: a call a neuron makes itself, whose cost its facts state;
    ``made_weights``: its weights are made of data.
    """

    kind: str
    module: str
    function: str
    operands: tuple[Operand, ...] = ()
    parts: tuple[Part, ...] = ()
    cost: Cost = field(default_factory=Cost)
    elements: int = 0
    output: Operand | None = None
    two_activations: bool = False
    training: bool = False
    own: bool = False
    made_weights: bool = False
    name: str = ""


@dataclass(slots=True)
class Inventory:
    """Everything one run did. ``readout`` is what it returned; ``keep`` holds tensors so that storages stay theirs;
    ``binary``: for each sum or product of two tensors outside spiking layers, its event (None: not of activations) and
    its module; ``inputs``: for each call of each module, storage and size of its one tensor input (None: other inputs);
    ``calls``: function calls inside each module.
    """

    events: list[Event]
    readout: Tensor
    keep: list[Any]
    binary: list[tuple[int | None, str]] = field(default_factory=list)
    inputs: dict[str, list[tuple[int, int] | None]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)

    def released(self) -> Inventory:
        """Let go of the run's tensors; shapes, digests and costs remain."""
        self.keep.clear()
        for event in self.events:
            event.parts = ()
        return self


def spikes_of(output: Any, layer: SpikingLayer) -> Tensor:
    """The spike tensor in what a spiking module returned."""
    return output if isinstance(output, Tensor) else output[layer.neuron.output_index]


def _with_spikes(output: Any, layer: SpikingLayer, spikes: Tensor) -> Any:
    if isinstance(output, Tensor):
        return spikes
    parts = list(output)
    parts[layer.neuron.output_index] = spikes
    return type(output)(parts) if isinstance(output, list) else tuple(parts)


def take_inventory(network: Network, x: Tensor, lively: bool = False) -> Inventory:
    """Run the network once on ``x`` and observe every call.

    ``lively``: neurons emit a 0/1 function of their input that changes wherever the input does, instead of their spikes.
    """
    return _Observer(network, x, lively).run(x)


def _lively(current: Any, spikes: Tensor) -> Tensor:
    """Zeros and ones that depend on each element of the current (the spikes themselves where shapes differ)."""
    if not isinstance(current, Tensor) or current.shape != spikes.shape or not current.is_floating_point():
        return spikes
    # A fast sawtooth: small changes flip it, and so does the step from 0 to 1.
    return (torch.frac(current.to(torch.float64) * 997.618034 + 0.25).abs() < 0.5).to(spikes.dtype)


def _digests(x: Tensor) -> tuple[NDArray[np.float64], ...]:
    """For each axis, a number for each of its slices that changes when the slice's content does."""
    values = x.detach().to(torch.float64)
    out = []
    for axis in range(x.dim()):
        rows = values.movedim(axis, 0).reshape(x.shape[axis], -1)
        mix = torch.sin(torch.arange(1, rows.shape[1] + 1, dtype=torch.float64, device=x.device) * 1.618)
        out.append((rows @ mix).cpu().numpy())
    return tuple(out)


class _Observer(TorchFunctionMode):
    """Sees every function call of one run, outside and inside spiking layers."""

    def __init__(self, network: Network, x: Tensor, lively: bool) -> None:
        super().__init__()
        self.lively = lively
        self.network = network
        self.layers = dict(network.spiking_layers())
        self.events: list[Event] = []
        self.keep: list[Any] = [x]
        self.binary: list[tuple[int | None, str]] = []
        self.calls: Counter[str] = Counter()
        self.inputs: dict[str, list[tuple[int, int] | None]] = {}
        self.stack: list[str] = [""]
        self.inside = 0
        """Depth in spiking layers."""
        self.hidden = 0
        """Depth in spiking layers whose model's costs are stated: their own arithmetic is not looked at."""
        self.origins: dict[int, tuple[frozenset[str], frozenset[str], bool]] = {}
        self.parameters = {
            _storage(t): name
            for name, t in (*network.module.named_parameters(), *network.module.named_buffers())
            if t.numel()
        }
        self._mark([x], frozenset({INPUT}), frozenset({INPUT}), True)

    def run(self, x: Tensor) -> Inventory:
        with ExitStack() as stack:
            stack.enter_context(torch.no_grad())
            for path, module in self.network.module.named_modules():
                stack.enter_context(self._watched(path, module))
            stack.enter_context(self)
            readout = self.network.run(x)
        return Inventory(self.events, readout, self.keep, self.binary, self.inputs, self.calls)

    @contextmanager
    def _watched(self, path: str, module: nn.Module) -> Iterator[None]:
        layer = self.layers.get(path)
        known = layer is not None and layer.neuron.counted == "facts"

        def enter(_module: nn.Module, args: Any) -> None:
            with torch._C.DisableTorchFunction():
                alone = args[0] if len(args) == 1 and isinstance(args[0], Tensor) else None
                self.inputs.setdefault(path, []).append(None if alone is None else (_storage(alone), alone.numel()))
            self.stack.append(path)
            self.inside += layer is not None
            self.hidden += known

        def leave(_module: nn.Module, inputs: Any, output: Any) -> Any:
            self.stack.pop()
            if layer is None:
                return None
            self.inside -= 1
            self.hidden -= known
            with torch._C.DisableTorchFunction():
                if self.lively:
                    spikes = spikes_of(output, layer)
                    output = _with_spikes(output, layer, _lively(inputs[0] if inputs else None, spikes))
                self._on_spikes(path, layer, output)
            return output if self.lively else None

        handles = [
            module.register_forward_pre_hook(enter, prepend=True),
            module.register_forward_hook(leave),
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", str(func))
        self.calls.update(self.stack)
        if name in COMPOSITES:
            with self:
                return expand_composite(name, args, kwargs)
        pair = None if self.inside else operands_of_meeting(name, args)
        # Observed before the call, which may change an operand in place.
        operands = None if pair is None else tuple(self._operand(t) for t in pair)
        before = [self._origin(t) for t in tensors_in([args, kwargs])]
        out = func(*args, **kwargs)
        self.keep.append((args, out))
        if name in RULES:
            self._on_rule(name, args, kwargs, out)
        else:
            if operands is not None and not all(o.origins for o in operands):
                self.binary.append((None, self.stack[-1]))
                operands = None
            elif operands is not None:
                self.binary.append((len(self.events), self.stack[-1]))
            self._on_other(name, args, kwargs, out, before, operands)
        return out

    def _on_rule(self, name: str, args: Any, kwargs: Any, out: Any) -> None:
        try:
            parts = RULES[name](args, kwargs, out)
        except NoRuleError:
            self._event(Event("unknown", self.stack[-1], name, elements=_elements(out)), out, frozenset({"synaptic"}))
            return
        if parts:
            operands = tuple(self._operand(t) for part in parts for t in _inputs(part))
            self.keep.append(parts)
            cost = cell_cost(name, out)
            event = Event("synaptic", self.stack[-1], name, operands, tuple(parts), cost, _elements(out))
            event.own = self._is_stated(self.stack[-1])
            event.made_weights = any(isinstance(p, Weighted) and bool(self._origin(p.weight)[1]) for p in parts)
            self._event(event, out)

    def _is_stated(self, path: str) -> bool:
        """Whether a call made in this module is part of an update whose cost the neuron's facts already state."""
        return path in self.layers and self.layers[path].neuron.counted == "facts"

    def _on_other(
        self, name: str, args: Any, kwargs: Any, out: Any, before: list[Any], operands: tuple[Operand, ...] | None
    ) -> None:
        results = [t for t in tensors_in(out) if t.numel()]
        producers = frozenset().union(*(b[0] for b in before)) if before else frozenset()
        origins = frozenset().union(*(b[1] for b in before)) if before else frozenset()
        if self.hidden or is_free(name) or not results or not origins:
            direct = all(b[2] for b in before if b[1])
            targets = results + ([args[0]] if name == "__setitem__" else [])
            self._mark(targets, producers, origins, direct)
            return
        if name not in COSTS:
            self._event(Event("unknown", self.stack[-1], name, elements=_elements(out)), out, origins)
            return
        event = Event("elementwise", self.stack[-1], name, operands or (), elements=_elements(out))
        event.cost = COSTS[name].cost(args, kwargs, out)
        event.two_activations = operands is not None
        event.training = name == "batch_norm" and bool(kwargs.get("training", args[5] if len(args) > 5 else False))
        if not event.operands:
            event.operands = tuple(self._operand(t, digest=False) for t in tensors_in([args, kwargs])[:1])
        self._event(event, out, origins, producers)

    def _on_spikes(self, path: str, layer: SpikingLayer, output: Any) -> None:
        spikes = spikes_of(output, layer)
        event = Event("neuron", path, "", output=self._operand(spikes))
        inside = frozenset().union(*(self._origin(t)[0] for t in tensors_in(output)))
        self.events.append(event)
        event.operands = (Operand((), (), inside, frozenset(), False, 0),)
        event.name = path
        self.keep.append(output)
        self._mark(tensors_in(output), frozenset({path}), frozenset({"neuron"}), False)

    def _event(self, event: Event, out: Any, origins: frozenset[str] | None = None, producers: Any = None) -> None:
        """Keep the event; what it made is marked with the event's index, to be named later."""
        event.name = f"@{len(self.events)}"
        results = [t for t in tensors_in(out) if t.numel()]
        if results:
            event.output = self._operand(results[0], digest=event.kind != "elementwise" or event.two_activations)
        self.events.append(event)
        if event.kind == "synaptic":
            made = frozenset({"synaptic"} if any(operand.origins for operand in event.operands) else ())
        else:
            made = origins or frozenset()
        self._mark(results, frozenset({event.name}), made, False)

    def _origin(self, t: Tensor) -> tuple[frozenset[str], frozenset[str], bool]:
        return self.origins.get(_storage(t), (frozenset(), frozenset(), True))

    def _mark(self, tensors: list[Tensor], producers: frozenset[str], origins: frozenset[str], direct: bool) -> None:
        for t in tensors:
            if _storage(t) not in self.parameters:
                self.origins[_storage(t)] = (producers, origins, direct)

    def _operand(self, t: Tensor, digest: bool = True) -> Operand:
        producers, origins, direct = self._origin(t)
        return Operand(
            tuple(t.shape),
            _digests(t) if digest else (),
            producers,
            origins,
            direct,
            _storage(t),
            self.parameters.get(_storage(t)),
        )


def _storage(t: Tensor) -> int:
    """Where a tensor's memory lies.

    Raises:
        NetworkError: the tensor has no plain memory.
    """
    try:
        return int(t.untyped_storage().data_ptr())
    except (NotImplementedError, RuntimeError) as error:
        raise NetworkError(
            "the network uses sparse, vmapped or compiled tensors, whose operations cannot be seen; expected plain tensors"
        ) from error


def _elements(out: Any) -> int:
    return sum(t.numel() for t in tensors_in(out)[:1])


def _inputs(part: Part) -> tuple[Tensor, ...]:
    if isinstance(part, Weighted):
        return (part.x,)
    if isinstance(part, Pair):
        return (part.a, part.b)
    return (part.query, part.key, part.value)
