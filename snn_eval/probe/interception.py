"""One recorded run: hooks and a function mode that hand every planned call to the entry it fills.

A layer module whose one call reads the module's own input is counted by a hook; whatever else counts is seen by the
function mode. The mode is switched off inside modules where there is nothing for it to see, and left out altogether
where hooks see everything.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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


def _never_called(path: str) -> Callable[[nn.Module, Any], None]:
    def refuse(_module: nn.Module, _inputs: Any) -> None:
        raise different_calls(path)

    return refuse


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
        with self._hooks(), self if plan.needs_mode else contextlib.nullcontext():
            readout = self.network.run(x)
        self._shared = None
        expected = {**plan.spikes, **plan.hooked}
        missing = self._call != len(plan.calls) or self._meeting != len(plan.binary)
        if missing or any(self._done[path] != len(calls) for path, calls in expected.items()):
            raise different_calls("its end")
        return readout

    # -- hooks ------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _hooks(self) -> Iterator[None]:
        plan, handles = self.plan, []
        for path in plan.spikes:
            handles += self._hook_spikes(path, hide=plan.needs_mode and path not in plan.spiking_with_calls)
        for path in plan.hooked:
            handles += self._hook_layer(path)
        for path in plan.unused:
            handles.append(self.modules[path].register_forward_pre_hook(_never_called(path)))
        if plan.needs_mode:
            for path in plan.quiet:
                handles += self._guarded(self.modules[path], None)
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _hook_spikes(self, path: str, hide: bool) -> list[Any]:
        module, layer, calls = self.modules[path], self.layers[path], self.plan.spikes[path]

        def leave(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if output is not None:  # None: the module raised, and its error is on its way
                self._on_spikes(path, calls, spikes_of(output, layer))

        if hide:
            return self._guarded(module, leave)
        if not self.plan.needs_mode:
            return [module.register_forward_hook(leave)]

        def leave_visible(*event: Any) -> None:
            with torch._C.DisableTorchFunction():
                leave(*event)

        return [module.register_forward_hook(leave_visible)]

    def _hook_layer(self, path: str) -> list[Any]:
        module, calls = self.modules[path], self.plan.hooked[path]

        def enter(_module: nn.Module, inputs: Any) -> None:
            at = self._done[path]
            if at >= len(calls) or not inputs:
                raise different_calls(path)
            self._done[path] = at + 1
            part, todo = calls[at]
            x = inputs[0]
            if isinstance(todo.entry, WeightedEntry):
                self._count_input(todo.entry, x, part, todo.step, todo.entry.view.rows_of(x))

        if not self.plan.needs_mode:
            return [module.register_forward_pre_hook(enter)]
        return self._guarded(module, None, enter)

    def _guarded(
        self, module: nn.Module, after: Callable[..., None] | None, before: Callable[..., None] | None = None
    ) -> list[Any]:
        """Hooks that switch the function mode off inside a module (``before`` and ``after`` run with it off)."""
        guards: list[Any] = []

        def enter(called: nn.Module, inputs: Any) -> None:
            guard = torch._C.DisableTorchFunction()
            guard.__enter__()
            guards.append(guard)
            if before is not None:
                before(called, inputs)

        def leave(called: nn.Module, inputs: Any, output: Any) -> None:
            try:
                if after is not None:
                    after(called, inputs, output)
            finally:
                if guards:
                    guards.pop().__exit__(None, None, None)

        return [
            module.register_forward_pre_hook(enter, prepend=True),
            module.register_forward_hook(leave, always_call=True),
        ]

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
