"""Residual sums whose meetings follow from counts taken anyway, so that nobody has to look at the additions.

Where no value is negative, an element of a + b is nonzero where one of them is:
meetings = nonzero(a) + nonzero(b) − nonzero(a + b). A neuron's spikes and a layer's inputs are counted already; a sum
nothing of that kind reads is counted where it enters some module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from snn_eval.probe.entries import NeuronEntry, View, WeightedEntry
from snn_eval.probe.entries.nonzero import NonzeroEntry
from snn_eval.probe.inventory import Memory, Operand
from snn_eval.probe.planning.draft import Draft, is_within
from snn_eval.probe.planning.plan import PlannedInput, PlannedMeeting, PlannedSpikes, PlannedSum, PlannedWitness

__all__ = ["plan_sums"]

_SUMS = frozenset({"add", "__radd__"})


@dataclass(slots=True)
class _Counted:
    """What counts the tensor in one piece of memory, over which steps; ``call``: the planned call that reads it."""

    entry: NeuronEntry | WeightedEntry | NonzeroEntry
    step: slice
    call: PlannedInput | PlannedSpikes | None = None


@dataclass(slots=True)
class _Places:
    known: dict[Memory, _Counted] = field(default_factory=dict)
    witnesses: dict[str, list[PlannedWitness | None]] = field(default_factory=dict)


def plan_sums(draft: Draft, meetings: Mapping[int, PlannedMeeting]) -> None:
    """Plan how every sum's meetings follow from other counts; where one does not, the mode looks at them all."""
    plan = draft.plan
    if plan.calls or not any(plan.binary):
        return
    places, sums = _Places(_known(draft)), []
    for index, planned in meetings.items():
        follows = _sum(draft, index, planned, places)
        if follows is None:
            return
        sums.append(follows)
    plan.sums, plan.witnesses = sums, places.witnesses


def _known(draft: Draft) -> dict[Memory, _Counted]:
    """Tensors that are counted as a neuron's spikes or as a layer's input."""
    found: dict[Memory, _Counted] = {}
    calls: Counter[tuple[str, str]] = Counter()
    for event in draft.events:
        if event.kind not in ("neuron", "synaptic") or event.own:
            continue
        at = calls[event.kind, event.module]
        calls[event.kind, event.module] += 1
        if event.kind == "neuron" and event.output is not None:
            spikes = draft.plan.spikes[event.module][at]
            if spikes.entry.spiking and spikes.entry.attributed:
                found.setdefault(event.output.memory, _Counted(spikes.entry, spikes.step, spikes))
        elif event.kind == "synaptic" and event.module in draft.plan.hooked:
            read = draft.plan.hooked[event.module][at]
            if isinstance(read.part.entry, WeightedEntry) and not read.part.entry.unattributed:
                found.setdefault(event.operands[0].memory, _Counted(read.part.entry, read.part.step, read))
    return found


def _sum(draft: Draft, index: int, planned: PlannedMeeting, places: _Places) -> PlannedSum | None:
    event, entry = draft.events[index], planned.entry
    if event.function not in _SUMS or event.scaled or len(event.operands) != 2 or event.output is None:
        return None
    if entry.view.layout is None:
        return None
    whole = places.known.get(event.output.memory) or _witness(draft, event.output, planned, places)
    parts = [places.known.get(operand.memory) for operand in event.operands]
    if whole is None or parts[0] is None or parts[1] is None:
        return None
    if any(one.step != planned.step or one.entry.steps != entry.op.steps for one in (whole, parts[0], parts[1])):
        return None
    calls = tuple(one.call for one in (whole, parts[0], parts[1]) if one.call is not None)
    return PlannedSum(planned, parts[0].entry, parts[1].entry, whole.entry, calls)


def _witness(draft: Draft, made: Operand, planned: PlannedMeeting, places: _Places) -> _Counted | None:
    """Count the sum where it enters a module that nothing is done around yet."""
    view = planned.entry.view
    if view.layout is None or not view.layout.in_order:
        return None
    taken = (*draft.plan.hooked, *draft.layers)
    for path, inputs in draft.runs.base.inputs.items():
        if not path or made.memory not in inputs or any(is_within(path, other) for other in taken):
            continue
        entry = NonzeroEntry(planned.entry.op.name, planned.entry.op.steps, View(view.layout, draft.time_steps, path))
        entry.view.size = int(np.prod(view.layout.per_sample(), dtype=np.int64))
        calls = places.witnesses.setdefault(path, [None] * len(inputs))
        calls[inputs.index(made.memory)] = PlannedWitness(entry, planned.step)
        counted = places.known[made.memory] = _Counted(entry, planned.step)
        return counted
    return None
