"""Which simulation step each call of a run belongs to, and which calls are the same one again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from snn_eval.probe.inventory import Event, Operand
from snn_eval.probe.layout import Layout
from snn_eval.probe.planning.runs import Runs

__all__ = ["Schedule"]

Identity = tuple[str, str, str]


@dataclass(slots=True)
class _Place:
    """Calls of one function in one module, with the step (None: not in a loop) and the occurrence within it of each."""

    events: list[int] = field(default_factory=list)
    steps: list[int | None] = field(default_factory=list)
    occurrences: list[int] = field(default_factory=list)
    looped: bool = False


def _places(events: Sequence[Event]) -> dict[Identity, _Place]:
    places: dict[Identity, _Place] = {}
    for i, event in enumerate(events):
        places.setdefault(event.identity, _Place()).events.append(i)
    return places


class Schedule:
    """Steps of all calls: a call repeats with T if there are fewer of its kind in the shorter run."""

    def __init__(self, runs: Runs, time_steps: int) -> None:
        self.time_steps = time_steps
        self._runs = runs
        self._events = runs.base.events
        self._places = _places(self._events)
        self._shorter = None if runs.shorter is None else _places(runs.shorter.events)
        self._clock = self._make_clock()
        for identity, place in self._places.items():
            self._assign_steps(identity, place)
        self._where = {e: (place, k) for place in self._places.values() for k, e in enumerate(place.events)}

    def looped(self, index: int) -> bool:
        """Whether the call is made again at each step."""
        return self._where[index][0].looped

    def occurrence(self, index: int) -> int:
        """How many calls of the same function in the same module came before it within its step."""
        place, k = self._where[index]
        return place.occurrences[k]

    def repetitions(self, index: int) -> int:
        """How many calls of the run are this one at some step."""
        place, k = self._where[index]
        return place.occurrences.count(place.occurrences[k])

    def slots(self, index: int, layout: Layout | None) -> tuple[int, slice]:
        """Steps of the entry the call belongs to, and the slice of them it fills."""
        place, k = self._where[index]
        step = place.steps[k]
        if step is not None:
            return self.time_steps, slice(step, step + 1)
        if layout is not None and layout.time:
            return self.time_steps, slice(0, self.time_steps)
        return 1, slice(0, 1)

    def in_shorter(self, index: int, pick: Callable[[Event], Operand | None]) -> Operand | None:
        """The same operand in the run with one step less."""
        if self._runs.shorter is None or self._shorter is None:
            return None
        other = self._shorter.get(self._events[index].identity)
        if other is None:
            return None
        at = min(self._where[index][1], len(other.events) - 1)
        return pick(self._runs.shorter.events[other.events[at]])

    # -- how it is found out ----------------------------------------------------------------------------------

    def _make_clock(self) -> list[int] | None:
        """For each event, how many steps the first looped spiking layer had completed; None without a loop."""
        calls = self._calls_of_first_neuron()
        if not calls or self.time_steps == 1 or len(calls) % self.time_steps or self._holds_time(calls[0]):
            return None
        per_step = len(calls) // self.time_steps
        before = {identity for identity, place in self._places.items() if place.events[0] <= calls[0]}
        marks, done, clock = set(calls), 0, []
        for i, event in enumerate(self._events):
            completed = done // per_step
            if event.identity not in before and done % per_step == 0:
                # What first happens after the first spike of a step belongs to the step just completed.
                completed = max(completed - 1, 0)
            clock.append(completed)
            done += i in marks
        return clock

    def _calls_of_first_neuron(self) -> list[int]:
        first = next((e.module for e in self._events if e.kind == "neuron"), None)
        return [i for i, e in enumerate(self._events) if e.kind == "neuron" and e.module == first]

    def _holds_time(self, index: int) -> bool:
        """Whether what a neuron gives shrinks with T (or, where T cannot be set, has T first, and not as samples)."""
        made = self._events[index].output
        if made is None:
            return False
        if self._runs.shorter is None or self._shorter is None:
            return made.shape[:1] == (self.time_steps,) and self._runs.samples != self.time_steps
        other = self._shorter.get(self._events[index].identity)
        less = None if other is None else self._runs.shorter.events[other.events[0]].output
        return less is not None and less.shape != made.shape

    def _assign_steps(self, identity: Identity, place: _Place) -> None:
        count, steps = len(place.events), self.time_steps
        if self._shorter is None:
            repeats = count >= steps and count % steps == 0
        else:
            repeats = len(self._shorter.get(identity, _Place()).events) != count
        place.looped = steps > 1 and repeats
        if not place.looped:
            place.steps = [None] * count
            place.occurrences = list(range(count))
            return
        place.steps = list(self._steps_by_clock(place) or (i // max(count // steps, 1) for i in range(count)))
        seen: Counter[int | None] = Counter()
        for step in place.steps:
            place.occurrences.append(seen[step])
            seen[step] += 1

    def _steps_by_clock(self, place: _Place) -> list[int] | None:
        """Steps as the clock says; None where the calls divide evenly among the steps and the clock disagrees."""
        if self._clock is None:
            return None
        count, steps = len(place.events), self.time_steps
        by_clock = [min(self._clock[e], steps - 1) for e in place.events]
        a_step = Counter(by_clock)
        even = len(set(a_step.values())) == 1 and len(a_step) == steps
        return by_clock if even or count % steps else None
