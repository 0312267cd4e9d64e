"""From a few observed runs to the plan of the pass: which call fills which entry, at which step, in which layout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from torch import Tensor

from snn_eval.errors import NetworkError
from snn_eval.models.network import Network
from snn_eval.probe.calls import Attention, Pair, Part, Weighted
from snn_eval.probe.counting import ValueCounter
from snn_eval.probe.elementwise import COSTS, Cost
from snn_eval.probe.entries import MeetingEntry, NeuronEntry, ProductEntry, View, WeightedEntry
from snn_eval.probe.inventory import INPUT, Event, Inventory, Operand
from snn_eval.probe.layout import Layout, Observations, infer_layout, time_mismatch
from snn_eval.probe.product import LevelSet
from snn_eval.trace import ElementwiseOp, UnknownOp

__all__ = ["Plan", "PlannedPart", "Runs", "make_plan"]


_WORTH_HIDING = 12
"""Function calls in a module above which switching the mode off inside costs less than letting it see them."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Inventories to compare: ``base`` and ``changed`` with n samples, ``wider`` with more, ``shorter`` with T-1 steps."""

    base: Inventory
    wider: Inventory
    shorter: Inventory | None
    changed: Sequence[Inventory]
    samples: int
    samples_wider: int


@dataclass(slots=True)
class PlannedPart:
    """What one part of one call does: which entry it fills at which step. ``entry`` None: nothing to count.

    ``views`` bring the operands of a product into place; ``swap``: the weight is the first operand of the pair.
    """

    entry: WeightedEntry | ProductEntry | None
    step: slice = field(default_factory=lambda: slice(None))
    views: tuple[Any, ...] = ()
    swap: bool = False


@dataclass(slots=True)
class Plan:
    """Everything the pass needs: entries, and for each call in order what to do with it."""

    time_steps: int
    weighted: list[WeightedEntry] = field(default_factory=list)
    products: list[ProductEntry] = field(default_factory=list)
    neurons: list[NeuronEntry] = field(default_factory=list)
    meetings: list[MeetingEntry] = field(default_factory=list)
    elementwise: list[ElementwiseOp] = field(default_factory=list)
    unknown: list[UnknownOp] = field(default_factory=list)
    graph: list[tuple[str, str]] = field(default_factory=list)
    calls: list[tuple[str, tuple[PlannedPart, ...]]] = field(default_factory=list)
    binary: list[tuple[MeetingEntry, slice] | None] = field(default_factory=list)
    spikes: dict[str, list[tuple[NeuronEntry, slice, PlannedPart | None]]] = field(default_factory=dict)
    spiking_with_calls: set[str] = field(default_factory=set)
    hooked: dict[str, list[tuple[Weighted, PlannedPart]]] = field(default_factory=dict)
    quiet: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    not_causal_layer: str | None = None
    seen: tuple[tuple[str, str, str], ...] = ()

    @property
    def entries(self) -> list[WeightedEntry | ProductEntry | NeuronEntry | MeetingEntry]:
        """All entries that count."""
        return [*self.weighted, *self.products, *self.neurons, *self.meetings]

    @property
    def needs_mode(self) -> bool:
        """Whether some call is not seen by hooks."""
        return bool(self.calls or self.binary)

    @property
    def attributed(self) -> bool:
        """Whether every count belongs to a sample."""
        return all(not e.unattributed for e in (*self.weighted, *self.products)) and all(
            e.view.layout is not None for e in (*self.neurons, *self.meetings)
        )


@dataclass(slots=True)
class _Site:
    """Calls of one function in one place, with the step and the occurrence within the step of each."""

    events: list[int]
    steps: list[int | None] = field(default_factory=list)
    occurrences: list[int] = field(default_factory=list)
    looped: bool = False


def make_plan(network: Network, runs: Runs, map_limit: int) -> Plan:
    """Compare the runs and lay out the pass.

    Raises:
        NetworkError: the calls depend on the data.
    """
    return _Planner(network, runs, map_limit).plan()


class _Planner:
    def __init__(self, network: Network, runs: Runs, map_limit: int) -> None:
        self.network = network
        self.runs = runs
        self.steps = network.time_steps
        self.map_limit = map_limit
        self.layers = dict(network.spiking_layers())
        self.events = runs.base.events
        self.plan_ = Plan(self.steps)
        self.names: dict[str, str] = {}
        self.made: dict[tuple[Any, ...], Any] = {}
        self.planned: dict[int, tuple[PlannedPart, ...]] = {}
        self.meeting_at: dict[int, tuple[MeetingEntry, slice]] = {}
        self._check_same_calls()
        self.shorter_sites = _sites(runs.shorter.events) if runs.shorter is not None else None
        self.sites = _sites(self.events)
        self.clock = self._clock()
        for key, site in self.sites.items():
            self._assign_steps(key, site)
        self.where = {e: (site, i) for site in self.sites.values() for i, e in enumerate(site.events)}

    def plan(self) -> Plan:
        self.index = {id(event): i for i, event in enumerate(self.events)}
        self.hookable = self._find_hookable()
        self.plan_.spiking_with_calls = {
            path
            for path in self.layers
            for e in self.events
            if e.kind == "synaptic" and not e.own and e.module not in self.hookable and _within(e.module, path)
        }
        self.plan_.seen = tuple((e.kind, e.module, e.function) for e in self.events)
        do: dict[str, Callable[[int, Event], None]] = {
            "synaptic": self._synaptic,
            "neuron": self._neuron,
            "elementwise": self._elementwise,
            "unknown": self._unknown,
        }
        for i, event in enumerate(self.events):
            do[event.kind](i, event)
        self._hide_what_is_quiet()
        self._predict_consumers()
        self._make_elementwise()
        self._make_graph()
        self._name_unknown_neurons()
        return self.plan_

    # -- what happens when ------------------------------------------------------------------------------------

    def _check_same_calls(self) -> None:
        want = [(e.kind, e.module, e.function) for e in self.events]
        for other in (self.runs.wider, *self.runs.changed):
            got = [(e.kind, e.module, e.function) for e in other.events]
            if got != want:
                at = next(
                    (i for i, (a, b) in enumerate(zip(want, got, strict=False)) if a != b), min(len(want), len(got))
                )
                where = want[at] if at < len(want) else got[at]
                raise NetworkError(
                    f"the network's calls depend on its input (first at {where[2] or 'the neurons'} in "
                    f"'{where[1] or 'the network itself'}'); expected the same calls for every batch. "
                    "Data-dependent control flow (early exit, skipping) cannot be measured as it is"
                )

    def _clock(self) -> list[int] | None:
        """For each event, how many steps the first looped spiking layer had completed; None without a loop."""
        first = next((e.module for e in self.events if e.kind == "neuron"), None)
        if first is None or self.steps == 1:
            return None
        calls = [i for i, e in enumerate(self.events) if e.kind == "neuron" and e.module == first]
        if len(calls) % self.steps or self._holds_time(self.events[calls[0]].output):
            return None
        per_step = len(calls) // self.steps
        before = {key for key, site in self.sites.items() if site.events[0] <= calls[0]}
        done, clock = 0, []
        for i, e in enumerate(self.events):
            completed = done // per_step
            # What first happens after the first spike of a step belongs to the step just completed.
            clock.append(
                completed if _key(e) in before else max(completed - 1, 0) if done % per_step == 0 else completed
            )
            done += e.kind == "neuron" and e.module == first
        return clock

    def _holds_time(self, operand: Operand | None) -> bool:
        """Whether some axis shrinks with T (or, where T cannot be set, has T in it beside the samples)."""
        if operand is None or self.runs.shorter is None:
            return (
                operand is not None
                and any(s == self.steps for s in operand.shape[:1])
                and self.runs.samples != self.steps
            )
        for key, site in self.shorter_sites.items() if self.shorter_sites else ():
            other = self.runs.shorter.events[site.events[0]].output
            mine = self.events[self.sites[key].events[0]].output if key in self.sites else None
            if mine is operand and other is not None:
                return other.shape != operand.shape
        return False

    def _assign_steps(self, key: tuple[Any, ...], site: _Site) -> None:
        count, steps = len(site.events), self.steps
        shorter = None if self.shorter_sites is None else len(self.shorter_sites.get(key, _Site([])).events)
        site.looped = steps > 1 and (shorter != count if shorter is not None else count >= steps and count % steps == 0)
        if not site.looped:
            site.steps = [None] * count
            site.occurrences = list(range(count))
            return
        by_clock = None if self.clock is None else [min(self.clock[e], steps - 1) for e in site.events]
        even = (
            by_clock is not None
            and len(set(Counter(by_clock).values())) == 1
            and (count % steps != 0 or len(set(by_clock)) == steps)
        )
        if by_clock is not None and (even or count % steps):
            site.steps = list(by_clock)
        else:
            site.steps = [i // max(count // steps, 1) for i in range(count)]
        seen: Counter[int | None] = Counter()
        for t in site.steps:
            site.occurrences.append(seen[t])
            seen[t] += 1

    def _step(self, i: int, layout: Layout | None) -> tuple[int, slice]:
        """Steps of the entry the event belongs to, and the slice of them it fills."""
        site, k = self.where[i]
        t = site.steps[k]
        if t is not None:
            return self.steps, slice(t, t + 1)
        return (self.steps, slice(0, self.steps)) if layout is not None and layout.time else (1, slice(0, 1))

    def _layout(self, i: int, pick: Callable[[Event], Operand | None], proven: bool = True) -> Layout | None:
        """Layout of an operand; None where samples cannot be told apart (``proven`` False: the usual order will do)."""
        base, wider = pick(self.events[i]), pick(self.runs.wider.events[i])
        changed = [pick(run.events[i]) for run in self.runs.changed]
        if base is None or wider is None:
            return None
        seen = Observations(
            base, wider, self._in_shorter(i, pick), [c for c in changed if c is not None],
            self.runs.samples, self.runs.samples_wider, self.steps, self.where[i][0].looped,
        )  # fmt: skip
        layout = infer_layout(seen)
        if proven and layout is not None and layout.assumed and layout.ambiguous:
            return None
        if layout is not None and layout.time and self.plan_.not_causal_layer is None:
            if time_mismatch(base, seen.shorter, layout, seen):
                self.plan_.not_causal_layer = self._name(i)
        return layout

    def _in_shorter(self, i: int, pick: Callable[[Event], Operand | None]) -> Operand | None:
        if self.runs.shorter is None or self.shorter_sites is None:
            return None
        site, k = self.where[i]
        other = self.shorter_sites.get(_key(self.events[i]))
        if other is None or not other.events:
            return None
        at = min(k, len(other.events) - 1)
        return pick(self.runs.shorter.events[other.events[at]])

    # -- what needs the function mode ---------------------------------------------------------------------------

    def _find_hookable(self) -> set[str]:
        """Modules whose every call is one weighted call on the module's own input, with a parameter as weight."""
        calls: dict[str, list[Event]] = {}
        for event in self.events:
            if event.kind == "synaptic":
                calls.setdefault(event.module, []).append(event)
        modules = dict(self.network.module.named_modules())
        found = set()
        for path, events in calls.items():
            inputs = self.runs.base.inputs.get(path, [])
            weights = {id(p) for p in modules[path]._parameters.values()} if path in modules else set()
            if len(inputs) == len(events) and all(
                given is not None
                and len(event.parts) == 1
                and isinstance(event.parts[0], Weighted)
                and not event.own
                and not event.made_weights
                and id(event.parts[0].weight) in weights
                and given == (event.operands[0].storage, int(np.prod(event.operands[0].shape, dtype=np.int64)))
                and self._lies_in_order(event)
                for given, event in zip(inputs, events, strict=True)
            ):
                found.add(path)
        return found

    def _lies_in_order(self, event: Event) -> bool:
        layout = self._layout(self.index[id(event)], lambda e: e.operands[0])
        return layout is not None and layout.sample and layout.in_order

    def _hide_what_is_quiet(self) -> None:
        """The largest modules with nothing for the mode to see; sums and products inside them are no residuals."""
        busy = {e.module for e in self.events if e.kind == "synaptic" and e.module not in self.hookable}
        busy |= {module for i, module in self.runs.base.binary if i is not None and i in self.meeting_at}
        hidden = {p for p in self.layers if p not in self.plan_.spiking_with_calls} | self.hookable
        quiet: list[str] = []
        for path, _ in self.network.module.named_modules():
            if any(_within(path, p) for p in (*quiet, *hidden)) or any(_within(b, path) for b in busy):
                continue
            if any(_within(p, path) for p in hidden) or any(_within(p, path) for p in self.layers):
                continue
            calls = self.runs.base.calls[path] / max(len(self.runs.base.inputs.get(path, ())), 1)
            if path and calls >= _WORTH_HIDING:
                quiet.append(path)
        self.plan_.quiet = quiet
        self.plan_.unused = [
            path for path, _ in self.network.module.named_modules() if path and path not in self.runs.base.inputs
        ]
        self.plan_.binary = [
            None if i is None else self.meeting_at.get(i)
            for i, module in self.runs.base.binary
            if not any(_within(module, p) for p in (*quiet, *hidden))
        ]
        if not any(self.plan_.binary):
            self.plan_.binary = [] if not self.plan_.calls else self.plan_.binary

    # -- names ------------------------------------------------------------------------------------------------

    def _name(self, i: int, suffix: str = "") -> str:
        event = self.events[i]
        site, k = self.where[i]
        if event.kind == "neuron":
            base = event.module
        else:
            same = {_key(e)[2] for e in self.events if e.module == event.module and e.kind == event.kind}
            alone = len(same) == 1 and event.module
            base = event.module if alone else f"{event.module}:{event.function}" if event.module else event.function
        if suffix:
            base = f"{base}.{suffix}"
        again = site.occurrences[k]
        return base if again == 0 else f"{base}#{again + 1}"

    # -- synaptic operations ----------------------------------------------------------------------------------

    def _synaptic(self, i: int, event: Event) -> None:
        if event.own:
            self._own_call(event)
            return
        if event.made_weights:
            self.plan_.unknown.append(UnknownOp(f"{event.function} in {self._name(i)} (weights made of data)", 1, event.elements))
            self.plan_.calls.append((event.function, tuple(PlannedPart(None) for _ in event.parts)))
            return
        planned, at = [], 0
        for part in event.parts:
            if isinstance(part, Weighted):
                planned.append(self._weighted(i, event, part, at))
                at += 1
            elif isinstance(part, Pair):
                planned.append(self._pair(i, event, part, at))
                at += 2
            else:
                planned += self._attention(i, event, part, at)
                at += 3
        self.planned[i] = tuple(planned)
        if event.module in self.hookable:
            weight_names = self.network.module.get_submodule(event.module)._parameters
            part = _without_input(event.parts[0], weight_names)
            self.plan_.hooked.setdefault(event.module, []).append((part, planned[0]))
        else:
            self.plan_.calls.append((event.function, tuple(planned)))
        if event.cost != Cost():
            self.made.setdefault(("elementwise", self._name(i, "gates")), []).append(i)
        first = next((p.entry.name for p in planned if p.entry is not None), None)
        if first is not None:
            self.names[event.name] = next(p.entry.name for p in reversed(planned) if p.entry is not None)

    def _own_call(self, event: Event) -> None:
        """A neuron's own product: part of its update. It is only seen where the neuron's submodules are looked at."""
        if event.module in self.plan_.spiking_with_calls:
            self.plan_.calls.append((event.function, tuple(PlannedPart(None) for _ in event.parts)))
        if self.layers[event.module].neuron.model != "unknown":
            self.plan_.notes.append(f"neuron {event.module}: its {event.function} is part of its update, not a layer")

    def _weighted(self, i: int, event: Event, part: Weighted, at: int) -> PlannedPart:
        name = self._name(i, part.suffix)
        layout = self._layout(i, lambda e: e.operands[at])
        if layout is not None and not layout.sample:
            self._same_for_every_batch(name, event)
            return PlannedPart(None)
        geometry = part.geometry()
        return self._weighted_entry(i, event, part, name, layout, event.operands[at], geometry.kind, {
            "weight_shape": tuple(part.weight.shape), "kernel": tuple(part.weight.shape[2:]) if geometry.stride else (),
            "stride": geometry.stride, "padding": geometry.padding, "dilation": geometry.dilation,
            "output_padding": geometry.output_padding, "groups": geometry.groups,
            "weight_bits": part.weight.element_size() * 8, "bias": part.bias,
        })  # fmt: skip

    def _weighted_entry(
        self, i: int, event: Event, part: Weighted | Pair, name: str, layout: Layout | None,
        operand: Operand, kind: str, facts: dict[str, Any], swap: bool = False,
    ) -> PlannedPart:  # fmt: skip
        steps, step = self._step(i, layout)
        entry = self.made.get(("synaptic", name))
        if entry is None:
            output = self._layout(i, lambda e: e.output, proven=False)
            facts |= {
                "input_shape": layout.per_sample() if layout else operand.shape,
                "output_shape": output.per_sample() if output else (),
                "schedule": "once" if steps == 1 and self.steps > 1 else "per-step",
                "source": self._source(operand),
                "time_invariant": steps > 1 and self.network.sample_axis == 0 and operand.origins == {INPUT},
                "calls": self._calls(i),
            }
            entry = WeightedEntry(
                name, kind, event.function, steps, View(layout, self.steps, name), facts,
                ValueCounter(name), unattributed=layout is None, repeats=bool(facts["time_invariant"]),
                dims=_operand_of(part).dim(),
            )  # fmt: skip
            entry.view(_operand_of(part))
            entry.fan_of(part)
            self._note_layout(name, layout)
            self.made["synaptic", name] = entry
            self.plan_.weighted.append(entry)
            self.plan_.order.append(name)
            if part.bias:
                self._add_bias(i, name, event, steps)
        return PlannedPart(entry, step, swap=swap)

    def _pair(self, i: int, event: Event, part: Pair, at: int) -> PlannedPart:
        name = self._name(i, part.suffix)
        grows = [event.operands[at + k].shape != self.runs.wider.events[i].operands[at + k].shape for k in (0, 1)]
        if not any(grows):
            self._same_for_every_batch(name, event)
            return PlannedPart(None)
        if not all(grows):
            swap = grows[1]
            turned = Pair(part.b, part.a, part.labels_b, part.labels_a, part.bias) if swap else part
            operand = event.operands[at + swap]
            layout = self._layout(i, lambda e: e.operands[at + swap])
            facts = {
                "weight_shape": tuple(turned.b.shape),
                "weight_bits": turned.b.element_size() * 8,
                "bias": part.bias,
            }
            return self._weighted_entry(i, event, turned, name, layout, operand, "linear", facts, swap)
        layouts = [self._layout(i, lambda e, k=k: e.operands[at + k]) for k in (0, 1)]  # type: ignore[misc]
        layouts = _agreed_time(part, layouts, self.steps)
        views = _pair_views(part, layouts, self.steps)
        return self._product_entry(i, event, name, layouts, views, _pair_size(part, layouts, views), part.bias)

    def _product_entry(
        self, i: int, event: Event, name: str, layouts: Sequence[Layout | None], views: tuple[Any, ...],
        dense: int, bias: bool = False, shape: tuple[int, ...] | None = None,
    ) -> PlannedPart:  # fmt: skip
        attributed = views[0].attributed if views else all(x is not None for x in layouts)
        timed = next((x for x in layouts if x is not None and x.time), layouts[0]) if attributed else None
        steps, step = self._step(i, timed)
        entry = self.made.get(("synaptic", name))
        if entry is None:
            facts: dict[str, Any] = {
                "input_shape": shape or (layouts[0].per_sample() if layouts[0] else event.operands[0].shape),
                "dense_ops": dense, "dense_ops_with_border": dense, "calls": self._calls(i), "bias": bias,
                "schedule": "once" if steps == 1 and self.steps > 1 else "per-step",
            }  # fmt: skip
            facts["inputs_per_step"] = int(np.prod(facts["input_shape"], dtype=np.int64))
            entry = ProductEntry(
                name, event.function, steps, facts, LevelSet(name), LevelSet(name), unattributed=not attributed
            )
            for layout in layouts:
                self._note_layout(name, layout)
            self.made["synaptic", name] = entry
            self.plan_.products.append(entry)
            self.plan_.order.append(name)
            if bias:
                self._add_bias(i, name, event, steps)
        return PlannedPart(entry, step, views)

    def _attention(self, i: int, event: Event, part: Attention, at: int) -> list[PlannedPart]:
        layouts = [self._layout(i, lambda e, k=k: e.operands[at + k]) for k in range(3)]  # type: ignore[misc]
        if any(x is None for x in layouts):
            raise NetworkError(f"layer {self._name(i)}: time and sample of its attention operands cannot be told apart")
        layouts = [_without_time(x, self.steps) if x and any("T" in a for a in x.axes[-2:]) else x for x in layouts]
        views = tuple(_AttentionView(x, self.steps) for x in layouts if x is not None)
        q, k, v = part.query, part.key, part.value
        rows = q.numel() // max(q.shape[-2] * q.shape[-1], 1)
        cells = rows // max(_cells(layouts[0], q, self.steps), 1)
        allowed = q.shape[-2] * k.shape[-2] * cells if part.allowed is None else None
        if allowed is None:
            batch = q.shape[:-2]
            mask = part.allowed.expand(*batch, q.shape[-2], k.shape[-2])  # type: ignore[union-attr]
            allowed = int(mask.sum()) // max(_cells(layouts[0], q, self.steps), 1)
        heads = layouts[0].per_sample()[:-2] if layouts[0] else ()
        weights_shape = (*heads, q.shape[-2], k.shape[-2])
        scores = self._product_entry(i, event, self._name(i, "qk"), layouts[:2], (), allowed * q.shape[-1])
        values = self._product_entry(
            i, event, self._name(i, "av"), [layouts[2]], (), allowed * v.shape[-1], shape=weights_shape
        )
        scores.views = values.views = views
        return [scores, values]

    def _source(self, operand: Operand) -> str:
        """Marked for the recorder: ``input`` where the network's own input arrives (arithmetic on it allowed if real)."""
        if operand.origins != {INPUT}:
            return "hidden"
        return "input" if operand.direct else "derived"

    def _calls(self, i: int) -> int:
        site, k = self.where[i]
        return sum(o == site.occurrences[k] for o in site.occurrences)

    def _same_for_every_batch(self, name: str, event: Event) -> None:
        """What depends on data but not on the number of samples is named; arithmetic on weights alone is no inference."""
        if not any(operand.origins for operand in event.operands):
            return
        self.plan_.unknown.append(
            UnknownOp(f"{event.function} in {name} (the same for every batch)", 1, event.elements)
        )

    def _note_layout(self, name: str, layout: Layout | None) -> None:
        if layout is None:
            self.plan_.notes.append(f"layer {name}: samples cannot be told apart; only the sum over the set is known")
        elif layout.leaks:
            self.plan_.notes.append(f"samples leak into each other: changing one sample changes others at {name}")

    # -- neurons ----------------------------------------------------------------------------------------------

    def _neuron(self, i: int, event: Event) -> None:
        name = self._name(i)
        layout = self._layout(i, lambda e: e.output)
        steps, step = self._step(i, layout)
        layer = self.layers[event.module]
        entry = self.made.get(("neuron", name))
        if entry is None:
            shape = layout.per_sample() if layout else (event.output.shape if event.output else ())
            entry = NeuronEntry(
                name,
                layer,
                steps,
                View(layout, self.steps, name),
                shape,
                self.map_limit,
                layer.role,
                ValueCounter(name),
            )
            self._note_layout(name, layout)
            self.made["neuron", name] = entry
            self.plan_.neurons.append(entry)
        self.plan_.spikes.setdefault(event.module, []).append((entry, step, None))

    def _predict_consumers(self) -> None:
        """Pair each neuron's output with the first layer that reads it as it is, so that it is read once."""
        readers: dict[int, tuple[PlannedPart, View, Operand]] = {}
        for i, parts in self.planned.items():
            operands = self.events[i].operands
            for k, planned in enumerate(parts):
                if isinstance(planned.entry, WeightedEntry) and not planned.swap and k < len(operands):
                    readers.setdefault(operands[k].storage, (planned, planned.entry.view, operands[k]))
        seen: Counter[str] = Counter()
        for event in self.events:
            if event.kind != "neuron" or event.output is None:
                continue
            k = seen[event.module]
            seen[event.module] += 1
            entry, step, _ = self.plan_.spikes[event.module][k]
            reader = readers.get(event.output.storage)
            if reader is not None and _same_rows(entry.view, reader[1], event.output, reader[2]):
                self.plan_.spikes[event.module][k] = (entry, step, reader[0])

    def _name_unknown_neurons(self) -> None:
        for path, reason in self.network.unknown_neurons().items():
            calls = sum(e.kind == "neuron" and e.module == path for e in self.events)
            entry = next((n for n in self.plan_.neurons if n.name == path), None)
            if entry is not None:
                neurons = int(np.prod(entry.shape, dtype=np.int64))
                self.plan_.unknown.append(UnknownOp(f"neuron update of {path} ({reason})", calls, neurons))

    # -- everything else --------------------------------------------------------------------------------------

    def _add_bias(self, i: int, name: str, event: Event, steps: int) -> None:
        per_sample = self._per_sample(i, lambda e: _outputs_of(e, event.parts, name))
        self.plan_.elementwise.append(
            ElementwiseOp(f"{name}.bias", "bias", steps, add=per_sample // self._share(i, steps))
        )

    def _share(self, i: int, steps: int) -> int:
        """By what a call's total is divided to give one step's."""
        return 1 if self.where[i][0].looped else steps

    def _per_sample(self, i: int, count: Callable[[Event], int]) -> int:
        more = self.runs.samples_wider - self.runs.samples
        return (count(self.runs.wider.events[i]) - count(self.events[i])) // more

    def _elementwise(self, i: int, event: Event) -> None:
        name = self._name(i)
        self.names[event.name] = name
        self.made.setdefault(("elementwise", name), []).append(i)
        if not event.two_activations:
            return
        layout = self._layout(i, lambda e: e.output)
        steps, step = self._step(i, layout)
        entry = self.made.get(("meeting", name))
        if entry is None:
            kind = "residual_add" if "mul" not in event.function else "gate"
            entry = MeetingEntry(ElementwiseOp(name, kind, steps), View(layout, self.steps, name))
            self.made["meeting", name] = entry
            self.plan_.meetings.append(entry)
        self.meeting_at[i] = (entry, step)

    def _make_elementwise(self) -> None:
        for key, indices in self.made.items():
            if key[0] != "elementwise":
                continue
            event, meeting = self.events[indices[0]], self.made.get(("meeting", key[1]))
            total = [
                self._per_sample(i, lambda e, f=f: sum((getattr(e.cost, f),))) for f in _COST_FIELDS for i in indices
            ]  # type: ignore[misc]
            per_field = np.array(total).reshape(len(_COST_FIELDS), len(indices)).sum(axis=1)
            if not per_field.any():
                continue
            layout = self._layout(indices[0], lambda e: e.output, proven=False)
            steps = self._step(indices[0], layout)[0]
            op = ElementwiseOp(
                key[1], _kind(event, meeting), steps,
                **{f: int(v) // steps for f, v in zip(_COST_FIELDS, per_field, strict=True)},
                fused_into=self._fused_into(event),
            )  # fmt: skip
            if meeting:
                meeting.op = op
            else:
                self.plan_.elementwise.append(op)

    def _fused_into(self, event: Event) -> str | None:
        """The synaptic layer a batch norm in evaluation mode folds into: the only thing that feeds it."""
        if event.function != "batch_norm" or event.training or not event.operands:
            return None
        producers = event.operands[0].producers
        readers = [e for e in self.events if any(producers & o.producers for o in e.operands)]
        if len({_key(e) for e in readers}) != 1:
            return None  # folding would change what the other readers get
        feeders = {self.names.get(p, p) for p in producers}
        synaptic = {e.name for e in self.plan_.weighted}
        return next(iter(feeders)) if len(feeders) == 1 and feeders <= synaptic else None

    def _unknown(self, i: int, event: Event) -> None:
        name = f"{event.function} in {event.module}" if event.module else event.function
        known = next((u for u in self.plan_.unknown if u.name == name), None)
        elements = self._per_sample(i, lambda e: e.elements)
        self.names[event.name] = name
        if known is None:
            self.plan_.unknown.append(UnknownOp(name, 1, elements))
        else:
            self.plan_.unknown[self.plan_.unknown.index(known)] = UnknownOp(
                name, known.calls + 1, known.elements + elements
            )

    def _make_graph(self) -> None:
        edges: dict[tuple[str, str], None] = {}
        for i, event in enumerate(self.events):
            target = self._name(i) if event.kind == "neuron" else self.names.get(event.name)
            if target is None:
                continue
            for operand in event.operands:
                for producer in operand.producers:
                    source = self.names.get(producer, producer)
                    if not source.startswith("@") and source != target:
                        edges[source, target] = None
        self.plan_.graph = list(edges)


def _outputs_of(event: Event, parts: Sequence[Part], name: str) -> int:
    """Elements a bias is added to: what the part of that name makes (a recurrent matrix makes all its gates)."""
    for part, operand in zip(parts, event.operands, strict=False):
        if isinstance(part, Weighted) and part.suffix and name.split("#")[0].endswith(f".{part.suffix}"):
            return int(np.prod(operand.shape, dtype=np.int64) // part.weight.shape[-1] * part.weight.shape[0])
    return event.elements


_COST_FIELDS = tuple(Cost.__dataclass_fields__)


def _kind(event: Event, meeting: MeetingEntry | None) -> str:
    if meeting is not None:
        return meeting.op.kind
    return "recurrent_gate" if event.kind == "synaptic" else COSTS[event.function].kind


def _within(path: str, outer: str) -> bool:
    """Whether a module path lies in (or is) another."""
    return path == outer or outer == "" or path.startswith(outer + ".")


def _without_input(part: Part, parameters: Mapping[str, Any]) -> Weighted:
    """A weighted part that keeps its geometry and its weight with its name, not the input it was seen with."""
    if not isinstance(part, Weighted):
        raise NetworkError("only a weighted call can be counted by a hook")
    geometry = part.geometry()
    name = next(n for n, p in parameters.items() if p is part.weight)
    return replace(part, x=part.x.new_empty(0), geometry=lambda: geometry, suffix=name)


def _key(event: Event) -> tuple[Any, ...]:
    return (event.kind, event.module, event.function)


def _sites(events: Sequence[Event]) -> dict[tuple[Any, ...], _Site]:
    sites: dict[tuple[Any, ...], _Site] = {}
    for i, event in enumerate(events):
        sites.setdefault(_key(event), _Site([])).events.append(i)
    return sites


def _operand_of(part: Weighted | Pair) -> Any:
    return part.x if isinstance(part, Weighted) else part.a


def _same_rows(a: View, b: View, made: Operand, read: Operand) -> bool:
    """Whether a neuron's output and a layer's input are the same memory in the same order of time, sample, rest."""
    if a.layout is None or b.layout is None or not (a.layout.in_order and b.layout.in_order):
        return False
    return a.steps == b.steps and int(np.prod(made.shape)) == int(np.prod(read.shape))


def _cells(layout: Layout | None, x: Any, steps: int) -> int:
    """How many (time, sample) pairs an operand holds."""
    if layout is None:
        return 1
    view = View(layout, steps, "attention")
    return view.samples(x) * view.steps


class _PairView:
    """Brings one operand of a product into ``[T,N,S,F]``: time, sample, shared indices, own indices."""

    def __init__(self, layout: Layout | None, labels: str, shared: Sequence[Any], steps: int) -> None:
        self.layout, self.steps = layout, steps
        axes: Sequence[Sequence[Any]] = layout.axes if layout is not None else [("all",)] * len(labels)
        keys = [key for label, axis in zip(labels, axes, strict=True) for key in _keys(label, axis)]
        self.time = [i for i, key in enumerate(keys) if key == "T"]
        self.sample = [i for i, key in enumerate(keys) if key == "N"]
        self.own_shared = [keys.index(key) for key in shared]
        taken = {*self.time, *self.sample, *self.own_shared}
        self.own = [i for i in range(len(keys)) if i not in taken]

    @property
    def attributed(self) -> bool:
        """Whether samples can be told apart."""
        return self.layout is not None

    def __call__(self, x: Tensor) -> Tensor:
        x = x.detach().cpu()
        if self.layout is not None:
            samples = View(self.layout, self.steps, "product").samples(x)
            x = x.reshape(self.layout.sizes(self.steps, samples))
        size = x.shape
        x = x.permute(*self.time, *self.sample, *self.own_shared, *self.own)
        lead = [size[i] for i in self.time] or [1], [size[i] for i in self.sample] or [1]
        rest = [int(np.prod([size[i] for i in part], dtype=np.int64)) for part in (self.own_shared, self.own)]
        return x.reshape(*lead[0], *lead[1], *rest)


def _keys(label: str, axis: Sequence[Any]) -> list[Any]:
    """A name for each factor of an axis: ``"T"``, ``"N"``, or the label and the place among its other factors."""
    names: list[Any] = []
    place = 0
    for factor in axis:
        names.append(factor if factor in ("T", "N") else (label, place))
        place += factor not in ("T", "N")
    return names


def _agreed_time(part: Pair, layouts: Sequence[Layout | None], steps: int) -> list[Layout | None]:
    """Time of a product: an index both share, or the first operand's own (then the second's steps are plain indices)."""
    a, b = layouts
    if a is None or b is None:
        return [a, b]
    at = [_label_of_time(x, labels) for x, labels in ((a, part.labels_a), (b, part.labels_b))]
    if at[0] == at[1]:
        return [a, b]
    keep_a = at[0] is not None and at[0] not in part.labels_b
    keep_b = at[0] is None and at[1] is not None and at[1] not in part.labels_a
    return [a if keep_a else _without_time(a, steps), b if keep_b else _without_time(b, steps)]


def _label_of_time(layout: Layout, labels: str) -> str | None:
    return next((label for label, axis in zip(labels, layout.axes, strict=True) if "T" in axis), None)


def _without_time(layout: Layout, steps: int) -> Layout:
    """The layout with its steps as a plain index."""
    return replace(layout, axes=tuple(tuple(steps if f == "T" else f for f in axis) for axis in layout.axes))


def _pair_views(part: Pair, layouts: Sequence[Layout | None], steps: int) -> tuple[_PairView, ...]:
    labels = (part.labels_a, part.labels_b)
    attributed = all(layout is not None for layout in layouts) and _on_shared_labels(layouts, labels)
    used = [layout if attributed else None for layout in layouts]
    axes = used[0].axes if used[0] is not None else [("all",)] * len(labels[0])
    shared = [
        key
        for label, axis in zip(labels[0], axes, strict=True)
        if label in labels[1]
        for key in _keys(label, axis)
        if key not in ("T", "N")
    ]
    return tuple(_PairView(layout, names, shared, steps) for layout, names in zip(used, labels, strict=True))


def _on_shared_labels(layouts: Sequence[Layout | None], labels: Sequence[str]) -> bool:
    """Whether the samples of both operands lie on the same index, folded the same way."""
    found = []
    for layout, names in zip(layouts, labels, strict=True):
        axis = next((k for k, axis in enumerate(layout.axes) if "N" in axis), None)  # type: ignore[union-attr]
        if axis is None:
            return False
        found.append((names[axis], layout.axes[axis]))  # type: ignore[union-attr]
    return found[0] == found[1]


def _pair_size(part: Pair, layouts: Sequence[Layout | None], views: Sequence[_PairView]) -> int:
    """Pairs of one sample in one step, no zero skipped."""
    size: dict[str, int] = {}
    for labels, operand in ((part.labels_a, part.a), (part.labels_b, part.b)):
        size |= dict(zip(labels, operand.shape, strict=True))
    total = int(np.prod(list(size.values()), dtype=np.int64))
    if not views[0].attributed:
        return total
    timed = next((k for k in (0, 1) if layouts[k] is not None and layouts[k].time), 0)  # type: ignore[union-attr]
    return total // max(_cells(layouts[timed], (part.a, part.b)[timed], views[0].steps), 1)


class _AttentionView:
    """Brings query, key or value into ``[T,N,H,L,D]``."""

    def __init__(self, layout: Layout, steps: int) -> None:
        self.layout, self.steps = layout, steps
        self.view = View(layout, steps, "attention")

    def mask(self, allowed: Tensor, scores_shape: Sequence[int]) -> Tensor:
        """Which scores the mask lets through, ``[T,N,H,L,S]``, for a mask broadcastable to the scores."""
        axes = (*self.layout.axes[:-2], (scores_shape[-2],), (scores_shape[-1],))
        flat = View(Layout(axes), self.steps, "attention")(allowed.expand(*scores_shape).contiguous())
        return flat.reshape(*flat.shape[:2], -1, *scores_shape[-2:])

    def __call__(self, x: Tensor) -> Tensor:
        rows, width = x.shape[-2:]
        flat = self.view(x.detach())
        return flat.reshape(*flat.shape[:2], -1, rows, width)
