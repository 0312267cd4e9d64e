"""Observing one run: a function mode and hooks see every call, inside and outside of spiking layers.

A run is observed a few times on a handful of samples before the pass; comparing the inventories of different inputs
shows what nobody needs to tell us: which axis is time, which is sample, what repeats, what leaks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from snn_eval.models.network import Network, SpikingLayer
from snn_eval.probe.calls import COMPOSITES, RULES, expand_composite
from snn_eval.probe.elementwise import COSTS, cell_cost, is_free, operands_of_meeting, tensors_in
from snn_eval.probe.inventory import INPUT, Event, Inventory, Memory, Operand, spikes_of
from snn_eval.probe.invisible import Undercurrent
from snn_eval.probe.lively import lively_output
from snn_eval.probe.origins import Origin, Origins, memory_of
from snn_eval.probe.parts import NoRuleError, Weighted

__all__ = ["take_inventory"]


def take_inventory(network: Network, x: Tensor, lively: bool = False) -> Inventory:
    """Run the network once on ``x`` and observe every call.

    Args:
        network: what to run.
        x: its input.
        lively: neurons emit a 0/1 function of their input that changes wherever the input does, not their spikes.
    """
    return _Observer(network, x, lively).run(x)


_LEAVES_TORCH = ("numpy", "__array__")
"""What is done with the values after these, nobody sees."""


class _Observer(TorchFunctionMode):
    """Sees every function call of one run.

    Attributes:
        stack: paths of the modules the run is in, outermost first.
        inside: depth in spiking layers.
        hidden: depth in spiking layers whose costs are stated: their own arithmetic is not looked at.
    """

    def __init__(self, network: Network, x: Tensor, lively: bool) -> None:
        super().__init__()
        self.network, self.lively = network, lively
        self.layers = dict(network.spiking_layers())
        self.events: list[Event] = []
        self.keep: list[Any] = [x]
        self.binary: list[tuple[int | None, str]] = []
        self.calls: Counter[str] = Counter()
        self.inputs: dict[str, list[Memory | None]] = {}
        self.stack: list[str] = [""]
        self.inside = self.hidden = 0
        self.undercurrent = Undercurrent()
        self.origins = Origins(network.module)
        self.origins.mark([x], Origin(frozenset({INPUT}), frozenset({INPUT})))

    def run(self, x: Tensor) -> Inventory:
        """Run the network and hand over what was seen."""
        with ExitStack() as stack:
            stack.enter_context(torch.no_grad())
            for path, module in self.network.module.named_modules():
                stack.enter_context(self._watched(path, module))
            stack.enter_context(self.undercurrent)
            stack.enter_context(self)
            readout = self.network.run(x)
        unseen = dict(self.undercurrent.unseen)
        return Inventory(self.events, readout, self.keep, self.binary, self.inputs, self.calls, unseen)

    # -- modules ----------------------------------------------------------------------------------------------

    @contextmanager
    def _watched(self, path: str, module: nn.Module) -> Iterator[None]:
        layer = self.layers.get(path)
        stated = layer is not None and layer.neuron.counted == "facts"

        def enter(_module: nn.Module, args: Any) -> None:
            with torch._C.DisableTorchFunction():
                alone = args[0] if len(args) == 1 and isinstance(args[0], Tensor) else None
                self.inputs.setdefault(path, []).append(None if alone is None else memory_of(alone))
            self.stack.append(path)
            self.inside += layer is not None
            self.hidden += stated

        def leave(_module: nn.Module, inputs: Any, output: Any) -> Any:
            self.stack.pop()
            if layer is None:
                return None
            self.inside -= 1
            self.hidden -= stated
            with torch._C.DisableTorchFunction(), self.undercurrent.known():
                fed_by = frozenset[str]().union(*(self.origins.of(t).producers for t in tensors_in(output)))
                output = lively_output(inputs, output, layer) if self.lively else output
                self._on_spikes(path, layer, output, fed_by)
            return output if self.lively else None

        handles = [module.register_forward_pre_hook(enter, prepend=True), module.register_forward_hook(leave)]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _on_spikes(self, path: str, layer: SpikingLayer, output: Any, fed_by: frozenset[str]) -> None:
        event = Event("neuron", path, "", output=self.origins.operand(spikes_of(output, layer)), name=path)
        event.operands = (Operand((), (), fed_by, frozenset(), False, ()),)
        self.events.append(event)
        self.keep.append(output)
        self.origins.mark(tensors_in(output), Origin(frozenset({path}), frozenset({"neuron"}), False))

    # -- functions --------------------------------------------------------------------------------------------

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", str(func))
        self.calls.update(self.stack)
        if name in COMPOSITES:
            with self:
                return expand_composite(name, args, kwargs)
        with self.undercurrent.known():
            return self._observe(name, func, args, kwargs)

    def _observe(self, name: str, func: Any, args: Any, kwargs: Any) -> Any:
        pair = None if self.inside else operands_of_meeting(name, args)
        # Observed before the call, which may change an operand in place.
        operands = () if pair is None else tuple(self.origins.operand(t) for t in pair)
        before = [self.origins.of(t) for t in tensors_in([args, kwargs])]
        out = func(*args, **kwargs)
        self.keep.append((args, out))
        if name in RULES:
            self._on_rule(name, args, kwargs, out)
            return out
        meets = bool(operands) and all(operand.origins for operand in operands)
        if operands:
            self.binary.append((len(self.events) if meets else None, self.stack[-1]))
        self._on_other(name, args, kwargs, out, before, operands if meets else ())
        return out

    def _on_rule(self, name: str, args: Any, kwargs: Any, out: Any) -> None:
        module = self.stack[-1]
        try:
            parts = RULES[name](args, kwargs, out)
        except NoRuleError:
            self._keep(Event("unknown", module, name, elements=_elements(out)), out, frozenset({"synaptic"}))
            return
        if not parts:
            return
        self.keep.append(parts)
        operands = tuple(self.origins.operand(t) for part in parts for t in part.inputs)
        event = Event("synaptic", module, name, operands, tuple(parts), cell_cost(name, out), _elements(out))
        # A call a neuron itself makes is part of an update whose cost its facts state.
        event.own = module in self.layers and self.layers[module].neuron.counted == "facts"
        event.made_weights = any(isinstance(p, Weighted) and bool(self.origins.of(p.weight).kinds) for p in parts)
        made_of_data = any(operand.origins for operand in operands)
        self._keep(event, out, frozenset({"synaptic"} if made_of_data else ()))

    def _on_other(
        self, name: str, args: Any, kwargs: Any, out: Any, before: Sequence[Origin], operands: tuple[Operand, ...]
    ) -> None:
        """Arithmetic that is no synaptic operation: costed, free or unknown. ``operands``: of two activations."""
        results = [t for t in tensors_in(out) if t.numel()]
        kinds = frozenset[str]().union(*(b.kinds for b in before))
        if name in _LEAVES_TORCH and kinds and not self.hidden and args[0].is_floating_point():
            self._keep(Event("unknown", self.stack[-1], name, elements=_elements(args)), out, kinds)
            return
        if self.hidden or is_free(name) or not results or not kinds:
            producers = frozenset[str]().union(*(b.producers for b in before))
            written = [args[0]] if name == "__setitem__" else []
            self.origins.mark([*results, *written], Origin(producers, kinds, all(b.direct for b in before if b.kinds)))
            return
        if name not in COSTS:
            self._keep(Event("unknown", self.stack[-1], name, elements=_elements(out)), out, kinds)
            return
        event = Event("elementwise", self.stack[-1], name, operands, elements=_elements(out))
        event.cost = COSTS[name].cost(args, kwargs, out)
        event.two_activations = bool(operands)
        event.scaled = kwargs.get("alpha", 1) != 1 or len(args) > 2
        event.training = name == "batch_norm" and bool(kwargs.get("training", args[5] if len(args) > 5 else False))
        if not event.operands:
            event.operands = tuple(self.origins.operand(t, digest=False) for t in tensors_in([args, kwargs])[:1])
        self._keep(event, out, kinds)

    def _keep(self, event: Event, out: Any, kinds: frozenset[str]) -> None:
        """Keep the event; what it made is marked with the event's index, to be named later."""
        event.name = f"@{len(self.events)}"
        results = [t for t in tensors_in(out) if t.numel()]
        if results:
            digest = event.kind != "elementwise" or event.two_activations
            event.output = self.origins.operand(results[0], digest)
        self.events.append(event)
        self.origins.mark(results, Origin(frozenset({event.name}), kinds, False))


def _elements(out: Any) -> int:
    """Elements of the first tensor of a result."""
    return sum(t.numel() for t in tensors_in(out)[:1])
