"""Planning synaptic calls: an entry for each layer, and what each call adds to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from snn_eval.errors import NetworkError
from snn_eval.probe.counting import ValueCounter
from snn_eval.probe.elementwise import Cost
from snn_eval.probe.entries import View, WeightedEntry
from snn_eval.probe.inventory import INPUT, Event, Operand
from snn_eval.probe.layout import Layout
from snn_eval.probe.parts import Attention, Pair, Part, Weighted
from snn_eval.probe.planning.draft import Draft
from snn_eval.probe.planning.elementwise import add_bias
from snn_eval.probe.planning.plan import PlannedCall, PlannedInput, PlannedPart
from snn_eval.probe.planning.products import ProductPlanner
from snn_eval.trace import UnknownOp

__all__ = ["SynapticPlanner"]


class SynapticPlanner:
    """Plans calls that multiply inputs by weights or activations by each other; ``around``: see `countable_around`."""

    def __init__(self, draft: Draft, around: set[str]) -> None:
        self.draft = draft
        self.around = around
        self.entries: dict[str, WeightedEntry] = {}
        self.products = ProductPlanner(draft)

    def add(self, index: int, event: Event) -> None:
        """Plan one call."""
        if event.own:
            self._note_own_call(event)
        elif event.made_weights:
            name = f"{event.function} in {self.draft.name(index)} (weights made of data)"
            self.draft.plan.unknown.append(UnknownOp(name, 1, event.elements))
            self._let_pass(event)
        else:
            self._add_layer(index, event)

    def _let_pass(self, event: Event) -> None:
        """The mode will see the call, and nothing is counted."""
        self.draft.plan.calls.append(PlannedCall(event.function, tuple(PlannedPart(None) for _ in event.parts)))

    def _note_own_call(self, event: Event) -> None:
        """A neuron's own product: part of its update. It is only seen where the neuron's submodules are looked at."""
        draft = self.draft
        if event.module in draft.plan.spiking_with_calls:
            self._let_pass(event)
        if draft.layers[event.module].neuron.model != "unknown":
            note = f"neuron {event.module}: its {event.function} is part of its update, not a layer"
            draft.plan.notes.append(note)

    def _add_layer(self, index: int, event: Event) -> None:
        draft = self.draft
        planned = self._plan_parts(index, event.parts)
        draft.planned[index] = planned
        if event.module in self.around:
            own = draft.network.module.get_submodule(event.module)._parameters
            call = PlannedInput(*_without_input(event, own), own, planned[0])
            draft.plan.hooked.setdefault(event.module, []).append(call)
        else:
            draft.plan.calls.append(PlannedCall(event.function, planned))
        if event.cost != Cost():
            draft.arithmetic.setdefault(draft.name(index, "gates"), []).append(index)
        entries = [part.entry for part in planned if part.entry is not None]
        if entries:
            draft.names[event.name] = entries[-1].name

    def _plan_parts(self, index: int, parts: Sequence[Part]) -> tuple[PlannedPart, ...]:
        planned: list[PlannedPart] = []
        at = 0
        for part in parts:
            if isinstance(part, Weighted):
                planned.append(self._plan_weighted(index, part, at))
                at += 1
            elif isinstance(part, Pair):
                planned.append(self._plan_pair(index, part, at))
                at += 2
            elif isinstance(part, Attention):
                planned += self.products.add_attention(index, part, at)
                at += 3
        return tuple(planned)

    def _plan_weighted(self, index: int, part: Weighted, at: int) -> PlannedPart:
        name = self.draft.name(index, part.suffix)
        layout = self.draft.operand_layout(index, at)
        if layout is not None and not layout.sample:
            return self._same_for_every_batch(index, name)
        geometry = part.geometry()
        facts: dict[str, Any] = {
            "kind": geometry.kind,
            "weight_shape": tuple(part.weight.shape),
            "weight_bits": part.weight.element_size() * 8,
            "kernel": tuple(part.weight.shape[2:]) if geometry.stride else (),
            "stride": geometry.stride,
            "padding": geometry.padding,
            "dilation": geometry.dilation,
            "output_padding": geometry.output_padding,
            "groups": geometry.groups,
        }
        return self._fill(index, part, at, layout, facts)

    def _plan_pair(self, index: int, part: Pair, at: int) -> PlannedPart:
        """A pair of which one operand does not grow with the samples meets weights; else it is a product."""
        event, wider = self.draft.events[index], self.draft.runs.wider.events[index]
        name = self.draft.name(index, part.suffix)
        grows = [event.operands[at + k].shape != wider.operands[at + k].shape for k in (0, 1)]
        if all(grows):
            return self.products.add_pair(index, part, at)
        if not any(grows):
            return self._same_for_every_batch(index, name)
        swap = grows[1]
        turned = part.turned() if swap else part
        layout = self.draft.operand_layout(index, at + swap)
        facts: dict[str, Any] = {
            "kind": "linear",
            "weight_shape": tuple(turned.b.shape),
            "weight_bits": turned.b.element_size() * 8,
        }
        planned = self._fill(index, turned, at + swap, layout, facts)
        planned.swap = swap
        return planned

    def _same_for_every_batch(self, index: int, name: str) -> PlannedPart:
        """What depends on data but not on the number of samples is named; arithmetic on weights is no inference."""
        event = self.draft.events[index]
        if any(operand.origins for operand in event.operands):
            unknown = UnknownOp(f"{event.function} in {name} (the same for every batch)", 1, event.elements)
            self.draft.plan.unknown.append(unknown)
        return PlannedPart(None)

    def _fill(
        self, index: int, part: Weighted | Pair, at: int, layout: Layout | None, facts: dict[str, Any]
    ) -> PlannedPart:
        """The entry of that name, made if this is its first call, and the steps this call fills."""
        name = self.draft.name(index, part.suffix)
        steps, step = self.draft.schedule.slots(index, layout)
        entry = self.entries.get(name)
        if entry is None:
            entry = self.entries[name] = self._make(index, part, at, layout, facts)
            self.draft.note_layout(name, layout)
            self.draft.plan.weighted.append(entry)
            self.draft.plan.order.append(name)
            if part.bias:
                add_bias(self.draft, index, name, steps)
        return PlannedPart(entry, step)

    def _make(
        self, index: int, part: Weighted | Pair, at: int, layout: Layout | None, facts: dict[str, Any]
    ) -> WeightedEntry:
        draft, event = self.draft, self.draft.events[index]
        operand, output = event.operands[at], draft.layout(index, lambda e: e.output, proven=False)
        name, steps = draft.name(index, part.suffix), draft.schedule.slots(index, layout)[0]
        invariant = steps > 1 and draft.network.sample_axis == 0 and operand.origins == {INPUT}
        facts |= {
            "operation": event.function,
            "bias": part.bias,
            "input_shape": layout.per_sample() if layout else operand.shape,
            "output_shape": output.per_sample() if output else (),
            "schedule": draft.repeat(steps),
            "source": _source(operand),
            "time_invariant": invariant,
            "calls": draft.schedule.repetitions(index),
        }
        x = _input(part)
        entry = WeightedEntry(
            name, steps, View(layout, draft.time_steps, name), facts, ValueCounter(name), x.dim(),
            unattributed=layout is None, repeats=invariant,
        )  # fmt: skip
        entry.view(x)
        entry.fan_of(part)
        return entry


def _input(part: Weighted | Pair) -> Tensor:
    return part.x if isinstance(part, Weighted) else part.a


def _source(operand: Operand) -> str:
    """Marked for the experiments: ``input`` where the network's own arrives, ``derived`` after arithmetic on it."""
    if operand.origins != {INPUT}:
        return "hidden"
    return "input" if operand.direct else "derived"


def _without_input(event: Event, parameters: dict[str, nn.Parameter | None]) -> tuple[Weighted, str]:
    """A call's geometry and weight without the input it was seen with, and the weight's name."""
    part = event.parts[0]
    if not isinstance(part, Weighted):
        raise NetworkError("only a weighted call can be counted from around its module")
    geometry = part.geometry()
    name = next(n for n, parameter in parameters.items() if parameter is part.weight)
    return replace(part, x=part.x.new_empty(0), geometry=lambda: geometry), name
