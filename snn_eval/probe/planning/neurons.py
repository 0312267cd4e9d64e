"""Planning spiking layers: an entry for each, and which layer is expected to read its spikes."""

from __future__ import annotations

from collections import Counter

import numpy as np

from snn_eval.probe.counting import ValueCounter
from snn_eval.probe.entries import NeuronEntry, View, WeightedEntry
from snn_eval.probe.inventory import Event, Memory, Operand
from snn_eval.probe.planning.draft import Draft
from snn_eval.probe.planning.plan import PlannedPart, PlannedSpikes
from snn_eval.trace import UnknownOp

__all__ = ["NeuronPlanner"]


class NeuronPlanner:
    """Plans calls of spiking layers; ``map_limit``: above this many cells a map is summed over T."""

    def __init__(self, draft: Draft, map_limit: int) -> None:
        self.draft = draft
        self.map_limit = map_limit
        self.entries: dict[str, NeuronEntry] = {}

    def add(self, index: int, event: Event) -> None:
        """Plan one call."""
        draft = self.draft
        name = draft.name(index)
        layout = draft.layout(index, lambda e: e.output)
        steps, step = draft.schedule.slots(index, layout)
        entry = self.entries.get(name)
        if entry is None:
            shape = layout.per_sample() if layout else (event.output.shape if event.output else ())
            view = View(layout, draft.time_steps, name)
            layer = draft.layers[event.module]
            entry = NeuronEntry(name, layer, steps, view, shape, self.map_limit, ValueCounter(name))
            self.entries[name] = entry
            draft.note_layout(name, layout)
            draft.plan.neurons.append(entry)
        draft.plan.spikes.setdefault(event.module, []).append(PlannedSpikes(entry, step))

    def predict_readers(self) -> None:
        """Pair each layer's spikes with the first call that reads them as they are, so that they are read once."""
        draft, readers = self.draft, self._readers()
        calls: Counter[str] = Counter()
        for event in draft.events:
            if event.kind != "neuron" or event.output is None:
                continue
            spikes = draft.plan.spikes[event.module][calls[event.module]]
            calls[event.module] += 1
            part, operand = readers.get(event.output.memory, (None, None))
            if part is None or operand is None or not isinstance(part.entry, WeightedEntry):
                continue
            if _same_rows(spikes.entry.view, part.entry.view, event.output, operand):
                spikes.reader = part

    def _readers(self) -> dict[Memory, tuple[PlannedPart, Operand]]:
        """The first weighted call that reads each piece of memory, and its operand."""
        readers: dict[Memory, tuple[PlannedPart, Operand]] = {}
        for index, parts in self.draft.planned.items():
            operands = self.draft.events[index].operands
            for operand, part in zip(operands, parts, strict=False):
                if isinstance(part.entry, WeightedEntry) and not part.swap:
                    readers.setdefault(operand.memory, (part, operand))
        return readers

    def name_unknown(self) -> None:
        """Name the spiking layers whose update has no rule, with their calls and neurons."""
        for path, reason in self.draft.network.unknown_neurons().items():
            entry = self.entries.get(path)
            if entry is not None:
                calls = sum(e.kind == "neuron" and e.module == path for e in self.draft.events)
                unknown = UnknownOp(f"neuron update of {path} ({reason})", calls, entry.size)
                self.draft.plan.unknown.append(unknown)


def _same_rows(a: View, b: View, made: Operand, read: Operand) -> bool:
    """Whether a neuron's output and a layer's input are the same memory in the same order of time, sample, rest."""
    if a.layout is None or b.layout is None or not (a.layout.in_order and b.layout.in_order):
        return False
    return a.steps == b.steps and int(np.prod(made.shape)) == int(np.prod(read.shape))
