"""One recorded run: every planned call is handed to the entry it fills.

A layer module whose one call reads the module's own input is counted from around its forward; whatever else counts is
seen by a function mode. The mode is switched off inside modules where there is nothing for it to see, and left out
altogether where nothing else counts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from snn_eval.errors import NetworkError
from snn_eval.models.network import Network
from snn_eval.probe.calls import COMPOSITES, RULES, Attention, NoRuleError, Pair, Part, Weighted, expand_composite
from snn_eval.probe.counting import Fan, can_be_plain, count_plain
from snn_eval.probe.elementwise import BINARY, operands_of_meeting
from snn_eval.probe.entries import NeuronEntry, ProductEntry, WeightedEntry
from snn_eval.probe.inventory import spikes_of
from snn_eval.probe.plan import Plan, PlannedPart
from snn_eval.probe.product import attention_values, count_masked_pairs, count_pairs

__all__ = ["Interception", "different_calls"]


def different_calls(where: str) -> NetworkError:
    """The error of a network whose calls are not the same for every batch."""
    return NetworkError(
        f"the network made other calls than in the first batch (at {where}); expected the same calls for every "
        "batch. Data-dependent control flow (early exit, skipping) cannot be measured as it is"
    )


@dataclass(slots=True)
class _Shared:
    """A neuron's output already counted for the layer expected to read it; held so that its memory stays its own."""

    spikes: Tensor
    version: int
    entry: WeightedEntry
    fan: Fan

    def serves(self, x: Tensor, fan: Fan) -> bool:
        """Whether ``x`` is that output, unchanged, and the weights are those it was counted for."""
        return (
            fan is self.fan
            and x.data_ptr() == self.spikes.data_ptr()
            and x.numel() == self.spikes.numel()
            and x.is_contiguous()
            and not x.is_inference()
            and x._version == self.version
        )


def _never_called(path: str) -> Callable[[Any], None]:
    def refuse(_inputs: Any) -> None:
        raise different_calls(path)

    return refuse


def _hooked(
    module: nn.Module,
    before: Callable[[Any], None] | None,
    after: Callable[[Any], None] | None,
    hidden: bool,
) -> Callable[[], None]:
    """The same as `Interception._around`, by hooks."""
    guards: list[Any] = []

    def enter(_module: nn.Module, inputs: Any) -> None:
        guard = torch._C.DisableTorchFunction()
        guard.__enter__()
        guards.append(guard)
        if before is not None:
            before(inputs)
        if not hidden:
            guards.pop().__exit__(None, None, None)

    def leave(_module: nn.Module, _inputs: Any, output: Any) -> None:
        try:
            if after is not None and output is not None:  # None: the module raised, and its error is on its way
                with torch._C.DisableTorchFunction():
                    after(output)
        finally:
            if guards:
                guards.pop().__exit__(None, None, None)

    handles = [module.register_forward_pre_hook(enter), module.register_forward_hook(leave, always_call=True)]

    def restore() -> None:
        for handle in handles:
            handle.remove()

    return restore


class Interception(TorchFunctionMode):
    """Runs a planned network and counts on the way; one object for all chunks."""

    def __init__(self, network: Network, plan: Plan) -> None:
        super().__init__()
        self.network = network
        self.plan = plan
        self.layers = dict(network.spiking_layers())
        self.modules = dict(network.module.named_modules())
        self.samples = 0
        self._call = self._meeting = 0
        self._done: dict[str, int] = {}
        self._shared: _Shared | None = None

    def run(self, x: Tensor, samples: int) -> Tensor:
        """Run the network on ``x``, of which the first ``samples`` samples count; entries must have begun a chunk.

        Raises:
            NetworkError: the calls differ from the plan.
        """
        plan = self.plan
        self.samples = samples
        self._call = self._meeting = 0
        self._done = dict.fromkeys((*plan.spikes, *plan.hooked), 0)
        self._shared = None
        with self._watching(), self if plan.needs_mode else contextlib.nullcontext():
            readout = self.network.run(x)
        self._shared = None
        expected = {**plan.spikes, **plan.hooked}
        missing = self._call != len(plan.calls) or self._meeting != len(plan.binary)
        if missing or any(self._done[path] != len(calls) for path, calls in expected.items()):
            raise different_calls("its end")
        return readout

    # -- around modules ---------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _watching(self) -> Iterator[None]:
        """Stand around the forward of every planned module; leave each as it was found."""
        plan, undo = self.plan, []
        try:
            for path in plan.spikes:
                undo.append(self._watch_spikes(path))
            for path in plan.hooked:
                undo.append(self._around(path, before=self._counts_input(path), hidden=plan.needs_mode))
            for path in plan.unused:
                undo.append(self._around(path, before=_never_called(path)))
            for path in plan.quiet if plan.needs_mode else ():
                undo.append(self._around(path, hidden=True))
            yield
        finally:
            for restore in reversed(undo):
                restore()

    def _watch_spikes(self, path: str) -> Callable[[], None]:
        layer, calls = self.layers[path], self.plan.spikes[path]

        def after(output: Any) -> None:
            self._on_spikes(path, calls, spikes_of(output, layer))

        hidden = self.plan.needs_mode and path not in self.plan.spiking_with_calls
        return self._around(path, after=after, hidden=hidden)

    def _counts_input(self, path: str) -> Callable[[Any], None]:
        calls, parameters = self.plan.hooked[path], self.modules[path]._parameters
        names = [part.suffix for part, _ in calls]

        def before(inputs: Any) -> None:
            at = self._done[path]
            if at >= len(calls) or not inputs:
                raise different_calls(path)
            self._done[path] = at + 1
            part, todo = calls[at]
            weight = parameters[names[at]]
            if weight is not part.weight and weight is not None:
                part = replace(part, weight=weight)
            if isinstance(todo.entry, WeightedEntry):
                x = inputs[0]
                self._count_input(todo.entry, x, part, todo.step, todo.entry.view.rows_of(x))

        return before

    def _around(
        self,
        path: str,
        before: Callable[[Any], None] | None = None,
        after: Callable[[Any], None] | None = None,
        hidden: bool = False,
    ) -> Callable[[], None]:
        """Call ``before(inputs)`` and ``after(output)`` around a module's forward, unseen by the mode.

        ``hidden``: what the module does itself is unseen too. Hooks would do, but torch calls a module without hooks
        by a shorter way, and on small layers that is felt; where the module has hooks of its own (which may change
        what goes in and comes out), hooks it is. Returns what undoes it.
        """
        module = self.modules[path]
        if module._forward_hooks or module._forward_pre_hooks:
            return _hooked(module, before, after, hidden)
        own = module.__dict__.get("forward")
        inner = module.forward

        def forward(*inputs: Any, **named: Any) -> Any:
            with torch._C.DisableTorchFunction():
                if before is not None:
                    before(inputs)
                if hidden:
                    output = inner(*inputs, **named)
                    if after is not None:
                        after(output)
                    return output
            output = inner(*inputs, **named)
            if after is not None:
                with torch._C.DisableTorchFunction():
                    after(output)
            return output

        def spiking(*inputs: Any, **named: Any) -> Any:
            output = inner(*inputs, **named)
            after(output)  # type: ignore[misc]
            return output

        def reading(*inputs: Any, **named: Any) -> Any:
            before(inputs)  # type: ignore[misc]
            return inner(*inputs, **named)

        if not self.plan.needs_mode:
            module.__dict__["forward"] = spiking if after is not None else reading
        else:
            module.__dict__["forward"] = forward

        def restore() -> None:
            if own is None:
                del module.__dict__["forward"]
            else:
                module.__dict__["forward"] = own

        return restore

    # -- the function mode ------------------------------------------------------------------------------------

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in RULES:
            out = func(*args, **kwargs) if kwargs else func(*args)
            self._on_call(name, args, kwargs or {}, out)
            return out
        if name in BINARY:
            self._on_meeting(name, args)
        elif name in COMPOSITES:
            with self:
                return expand_composite(name, args, kwargs or {})
        return func(*args, **kwargs) if kwargs else func(*args)

    def _on_call(self, name: str, args: Any, kwargs: Any, out: Any) -> None:
        try:
            parts = RULES[name](args, kwargs, out)
        except NoRuleError:
            return
        if not parts:
            return
        plan = self.plan
        if self._call >= len(plan.calls) or plan.calls[self._call][0] != name:
            raise different_calls(name)
        planned = plan.calls[self._call][1]
        self._call += 1
        if isinstance(parts[0], Attention):
            self._count_attention(parts[0], planned)
            return
        for part, todo in zip(parts, planned, strict=True):
            self._count_part(part, todo)

    def _on_meeting(self, name: str, args: Any) -> None:
        pair = operands_of_meeting(name, args)
        if pair is None:
            return
        plan = self.plan
        if self._meeting >= len(plan.binary):
            raise different_calls(name)
        planned = plan.binary[self._meeting]
        self._meeting += 1
        if planned is not None:
            planned[0].add(*pair, self.samples, planned[1])

    # -- counting ---------------------------------------------------------------------------------------------

    def _count_part(self, part: Part, todo: PlannedPart) -> None:
        entry = todo.entry
        if isinstance(entry, WeightedEntry) and isinstance(part, Weighted):
            self._count_input(entry, part.x, part, todo.step)
        elif isinstance(entry, WeightedEntry) and isinstance(part, Pair):
            turned = Pair(part.b, part.a, part.labels_b, part.labels_a) if todo.swap else part
            self._count_input(entry, turned.a, turned, todo.step)
        elif isinstance(entry, ProductEntry) and isinstance(part, Pair):
            a, b = (view(t) for view, t in zip(todo.views, (part.a, part.b), strict=True))
            entry.add(count_pairs(a, b, entry.levels_a, entry.levels_b), todo.step)

    def _count_input(
        self,
        entry: WeightedEntry,
        x: Tensor,
        part: Weighted | Pair,
        step: slice,
        shape: tuple[int, int, int] | None = None,
    ) -> None:
        shared = self._shared
        if shared is not None and shared.entry is entry:
            self._shared = None
            if shared.serves(x, entry.fan_of(part)):
                return
            entry.clear(step)  # another tensor came than the one it was read from
        entry.add(x, part, self.samples, step, shape)

    def _on_spikes(self, path: str, calls: list[Any], spikes: Tensor) -> None:
        at = self._done[path]
        if at >= len(calls):
            raise different_calls(f"the neurons {path}")
        self._done[path] = at + 1
        entry: NeuronEntry = calls[at][0]
        step, reader = calls[at][1], calls[at][2]
        if not entry.spiking or entry.spikes is None:
            return
        columns: Any = entry.columns_at(step)
        shape = entry.view.final(spikes)
        reads = None if reader is None else reader.entry
        if shape is not None and isinstance(reads, WeightedEntry) and reads.counter.plain and reads.fan is not None:
            if not spikes.is_inference() and reads.can_add_plain(spikes, reads.fan):
                counted = reads.add_plain(spikes, shape, reads.fan, self.samples, reader.step, columns)
                if counted is not None:
                    entry.spikes[step] += counted
                    self._shared = _Shared(spikes, spikes._version, reads, reads.fan)
                    return
                columns = None  # counted before the proof failed
        elif shape is not None and entry.counter.plain and can_be_plain(spikes):
            inputs = entry.spikes[step]
            if count_plain(spikes, shape, self.samples, None, inputs, inputs, None, columns):
                return
            inputs[...] = 0
            columns = None
        samples = self.samples if entry.attributed else 1
        entry.add(entry.counter.count(entry.view(spikes), samples, None, columns), step)

    def _count_attention(self, part: Attention, planned: tuple[PlannedPart, ...]) -> None:
        scores, values = planned
        query, key, value = (v(t) for v, t in zip(scores.views, (part.query, part.key, part.value), strict=True))
        length, width = part.query.shape[-2], part.key.shape[-2]
        shape = (*part.query.shape[:-2], length, width)
        if part.allowed is None:
            allowed = torch.ones(1, 1, 1, length, width, dtype=torch.bool).expand(*query.shape[:3], length, width)
        else:
            allowed = scores.views[0].mask(part.allowed, shape)
        if isinstance(scores.entry, ProductEntry):
            counts = count_masked_pairs(query, key, allowed, scores.entry.levels_a, scores.entry.levels_b)
            scores.entry.add(counts, scores.step)
        if isinstance(values.entry, ProductEntry):
            # Softmax weights are nonzero exactly where the mask lets a score through, and real.
            values.entry.levels_a.collapsed = True
            weights = scores.views[0].mask(part.weights(), shape)
            values.entry.add(attention_values(allowed, weights, value, values.entry.levels_b), values.step)
