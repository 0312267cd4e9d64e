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
from torch import Tensor
from torch.overrides import TorchFunctionMode

from snn_eval.errors import NetworkError
from snn_eval.models.network import Network
from snn_eval.probe.around import Around, stand_around
from snn_eval.probe.calls import COMPOSITES, RULES, expand_composite
from snn_eval.probe.elementwise import BINARY, operands_of_meeting
from snn_eval.probe.entries import ProductEntry, WeightedEntry
from snn_eval.probe.inventory import spikes_of
from snn_eval.probe.parts import Attention, NoRuleError, Pair, Part, Weighted
from snn_eval.probe.planning import Plan, PlannedPart, PlannedSpikes
from snn_eval.probe.product import attention_values, count_masked_pairs, count_pairs
from snn_eval.probe.tally import Fan
from snn_eval.probe.waiting import Held, Waiting

__all__ = ["Interception", "different_calls"]


def different_calls(where: str) -> NetworkError:
    """The error of a network whose calls are not the same for every batch."""
    return NetworkError(
        f"the network made other calls than in the first batch (at {where}); expected the same calls for every "
        "batch. Data-dependent control flow (early exit, skipping) cannot be measured as it is"
    )


@dataclass(slots=True)
class _Shared:
    """A neuron's output whose job counts it for the layer expected to read it, too."""

    held: Held
    entry: WeightedEntry
    fan: Fan

    def serves(self, x: Tensor, fan: Fan) -> bool:
        """Whether ``x`` is that output, unchanged, and the weights are those it is counted for."""
        spikes = self.held.x
        return (
            fan is self.fan
            and self.held.counted is not False
            and x.data_ptr() == spikes.data_ptr()
            and x.numel() == spikes.numel()
            and x.is_contiguous()
            and not x.is_inference()
            and x._version == self.held.version
        )

    def withdraw(self, step: slice) -> None:
        """The layer read something else: its counts are not to be those of this tensor."""
        if self.held.counted:
            self.entry.clear(step)
        elif self.held.counted is None:
            self.held.job = self.held.job._replace(inputs=self.held.job.spikes, ops=0, fan=0, constant=0, spikes=0)


def _never_called(path: str) -> Callable[[Any], None]:
    def refuse(_inputs: Any) -> None:
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
        self._waiting = Waiting()

    def run(self, x: Tensor, samples: int) -> Tensor:
        """Run the network on ``x``, of which the first ``samples`` samples count; entries must have begun a chunk.

        Raises:
            NetworkError: the calls differ from the plan.
        """
        plan = self.plan
        self.samples = samples
        self._call = self._meeting = 0
        self._done = dict.fromkeys((*plan.spikes, *plan.hooked), 0)
        self._shared, self._waiting = None, Waiting()
        with self._watching(), self if plan.needs_mode else contextlib.nullcontext():
            readout = self.network.run(x)
        self._shared = None
        self._waiting.settle()
        expected = {path: len(calls) for path, calls in plan.spikes.items()}
        expected |= {path: len(calls) for path, calls in plan.hooked.items()}
        if self._done != expected or self._call != len(plan.calls) or self._meeting != len(plan.binary):
            raise different_calls("its end")
        return readout

    # -- around modules ---------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _watching(self) -> Iterator[None]:
        """Stand around the forward of every planned module; leave each as it was found."""
        plan = self.plan
        planned = [(path, self._at_spikes(path)) for path in plan.spikes]
        planned += [(path, Around(before=self._at_input(path), hidden=plan.needs_mode)) for path in plan.hooked]
        planned += [(path, Around(before=_never_called(path))) for path in plan.unused]
        if plan.needs_mode:
            planned += [(path, Around(hidden=True)) for path in plan.quiet]
        with contextlib.ExitStack() as undo:
            for path, around in planned:
                undo.callback(stand_around(self.modules[path], around, plan.needs_mode))
            yield

    def _at_spikes(self, path: str) -> Around:
        layer, calls = self.layers[path], self.plan.spikes[path]

        def after(output: Any) -> None:
            at = self._done[path]
            if at >= len(calls):
                raise different_calls(f"the neurons {path}")
            self._done[path] = at + 1
            self._count_spikes(calls[at], spikes_of(output, layer))

        hidden = self.plan.needs_mode and path not in self.plan.spiking_with_calls
        return Around(after=after, hidden=hidden)

    def _at_input(self, path: str) -> Callable[[Any], None]:
        calls, parameters = self.plan.hooked[path], self.modules[path]._parameters

        def before(inputs: Any) -> None:
            at = self._done[path]
            if at >= len(calls) or not inputs:
                raise different_calls(path)
            self._done[path] = at + 1
            part, todo = calls[at].weighted, calls[at].part
            weight = parameters[calls[at].parameter]
            if weight is not part.weight and weight is not None:
                part = replace(part, weight=weight)
            if isinstance(todo.entry, WeightedEntry):
                x = inputs[0]
                self._count_input(todo.entry, x, part, todo.step, todo.entry.view.rows_of(x), calls[at].steady)

        return before

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
        calls = self.plan.calls
        if self._call >= len(calls) or calls[self._call].function != name:
            raise different_calls(name)
        planned = calls[self._call].parts
        self._call += 1
        if isinstance(parts[0], Attention):
            self._count_attention(parts[0], *planned)
            return
        for part, todo in zip(parts, planned, strict=True):
            self._count_part(part, todo)

    def _on_meeting(self, name: str, args: Any) -> None:
        pair = operands_of_meeting(name, args)
        if pair is None:
            return
        binary = self.plan.binary
        if self._meeting >= len(binary):
            raise different_calls(name)
        planned = binary[self._meeting]
        self._meeting += 1
        if planned is not None:
            planned.entry.add(*pair, self.samples, planned.step)

    # -- counting ---------------------------------------------------------------------------------------------

    def _count_part(self, part: Part, todo: PlannedPart) -> None:
        entry = todo.entry
        if isinstance(entry, WeightedEntry) and isinstance(part, Weighted):
            self._count_input(entry, part.x, part, todo.step)
        elif isinstance(entry, WeightedEntry) and isinstance(part, Pair):
            turned = part.turned() if todo.swap else part
            self._count_input(entry, turned.a, turned, todo.step)
        elif isinstance(entry, ProductEntry) and isinstance(part, Pair):
            a, b = (view(t) for view, t in zip(todo.views, part.inputs, strict=True))
            entry.add(count_pairs(a, b, entry.levels_a, entry.levels_b), todo.step)

    def _count_input(
        self,
        entry: WeightedEntry,
        x: Tensor,
        part: Weighted | Pair,
        step: slice,
        shape: tuple[int, int, int] | None = None,
        steady: bool = False,
    ) -> None:
        def alone() -> None:
            entry.clear(step)
            entry.add(x, part, self.samples, step, shape)

        shared = self._shared
        if shared is not None and shared.entry is entry:
            self._shared = None
            if shared.serves(x, entry.fan_of(part)):
                shared.held.alone.append(alone)
                return
            shared.withdraw(step)  # another tensor came than the one it was read from
        made = None if shape is None else entry.job(x, part, self.samples, step, shape)
        if made is not None:
            self._waiting.put(Held(x, *made, [alone]), [entry], steady)
            return
        self._waiting.settle_for(entry)
        entry.add(x, part, self.samples, step, shape)

    def _count_spikes(self, todo: PlannedSpikes, spikes: Tensor) -> None:
        """Count a neuron's spikes, and in the same read what they cause in the layer expected to read them."""
        entry = todo.entry
        if not entry.spiking:
            return
        job = entry.job(spikes, self.samples, todo.step)
        if job is None:
            self._waiting.settle_for(entry)
            entry.add(spikes, self.samples, todo.step)
            return

        def alone() -> None:
            entry.add(spikes, self.samples, todo.step, columns_done=True)

        held = Held(spikes, job, None, [alone])
        fills: list[object] = [entry]
        reads = None if todo.reader is None else todo.reader.entry
        if todo.reader is not None and todo.steady and isinstance(reads, WeightedEntry):
            places = reads.places(todo.reader.step)
            if places is not None and reads.fan is not None:
                held.job = job._replace(spikes=job.inputs, **places)
                held.keeps = reads.fan
                self._shared = _Shared(held, reads, reads.fan)
                fills.append(reads)
        self._waiting.put(held, fills, todo.steady)

    def _count_attention(self, part: Attention, scores: PlannedPart, values: PlannedPart) -> None:
        query, key, value = (view(t) for view, t in zip(scores.attention, part.inputs, strict=True))
        length, width = part.query.shape[-2], part.key.shape[-2]
        shape = (*part.query.shape[:-2], length, width)
        view = scores.attention[0]
        if part.allowed is None:
            allowed = torch.ones(1, 1, 1, length, width, dtype=torch.bool).expand(*query.shape[:3], length, width)
        else:
            allowed = view.scores(part.allowed, shape)
        if isinstance(scores.entry, ProductEntry):
            counts = count_masked_pairs(query, key, allowed, scores.entry.levels_a, scores.entry.levels_b)
            scores.entry.add(counts, scores.step)
        if isinstance(values.entry, ProductEntry):
            # Softmax weights are nonzero exactly where the mask lets a score through, and real.
            values.entry.levels_a.collapsed = True
            weights = view.scores(part.weights(), shape)
            values.entry.add(attention_values(allowed, weights, value, values.entry.levels_b), values.step)
