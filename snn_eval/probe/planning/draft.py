"""A plan in the making: what the runs showed, what is planned so far, and the names given on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from snn_eval.models.network import Network
from snn_eval.probe.inventory import Event, Operand
from snn_eval.probe.layout import Layout, Observations, infer_layout
from snn_eval.probe.planning.plan import Plan, PlannedPart
from snn_eval.probe.planning.runs import Runs
from snn_eval.probe.planning.schedule import Schedule

__all__ = ["Draft", "is_within"]


def is_within(path: str, outer: str) -> bool:
    """Whether a module path lies in (or is) another."""
    return path == outer or outer == "" or path.startswith(outer + ".")


class Draft:
    """What every planner of a kind of call reads, and the plan they write.

    Attributes:
        names: the name in the trace of each event that made something (see ``Event.name``).
        arithmetic: element-wise operations by name: their events.
        planned: what each synaptic call does, by event.
    """

    def __init__(self, network: Network, runs: Runs) -> None:
        runs.check_same_calls()
        self.network = network
        self.runs = runs
        self.time_steps = network.time_steps
        self.layers = dict(network.spiking_layers())
        self.events = runs.base.events
        self.schedule = Schedule(runs, network.time_steps)
        self.plan = Plan(network.time_steps, seen=tuple(e.identity for e in self.events))
        self.names: dict[str, str] = {}
        self.arithmetic: dict[str, list[int]] = {}
        self.planned: dict[int, tuple[PlannedPart, ...]] = {}
        self._functions: dict[tuple[str, str], set[str]] = {}
        for event in self.events:
            self._functions.setdefault((event.module, event.kind), set()).add(event.function)

    def layout(self, index: int, pick: Callable[[Event], Operand | None], proven: bool = True) -> Layout | None:
        """Layout of an operand; None where samples cannot be told apart (``proven`` False: the usual order will do)."""
        base, wider = pick(self.events[index]), pick(self.runs.wider.events[index])
        if base is None or wider is None:
            return None
        changed = [pick(run.events[index]) for run in self.runs.changed]
        layout = infer_layout(
            Observations(
                base,
                wider,
                self.schedule.in_shorter(index, pick),
                [c for c in changed if c is not None],
                self.runs.samples,
                self.runs.samples_wider,
                self.time_steps,
                self.schedule.looped(index),
            )
        )
        if proven and layout is not None and layout.assumed and layout.ambiguous:
            return None
        return layout

    def operand_layout(self, index: int, at: int) -> Layout | None:
        """Layout of the operand at one place of a synaptic call."""
        return self.layout(index, lambda event: event.operands[at])

    def name(self, index: int, suffix: str = "") -> str:
        """Name in the trace: the module's path, the function where it makes several calls, ``#2`` for a second call."""
        event = self.events[index]
        base = event.module
        if event.kind != "neuron":
            if not event.module:
                base = event.function
            elif len(self._functions[event.module, event.kind]) > 1:
                base = f"{event.module}:{event.function}"
        if suffix:
            base = f"{base}.{suffix}"
        again = self.schedule.occurrence(index)
        return base if again == 0 else f"{base}#{again + 1}"

    def repeat(self, steps: int) -> Literal["once", "per-step"]:
        """How a layer of so many steps is executed."""
        return "once" if steps == 1 and self.time_steps > 1 else "per-step"

    def note_layout(self, name: str, layout: Layout | None) -> None:
        """Say so where samples cannot be told apart, or touch each other."""
        if layout is None:
            self.plan.notes.append(f"layer {name}: samples cannot be told apart; only the sum over the set is known")
        elif layout.leaks:
            self.plan.notes.append(f"samples leak into each other: changing one sample changes others at {name}")
