"""A few captured tensors and the jobs that count them: made once, then only given the tensors of each chunk.

What a job is made of (fan-out, values told apart, where counts lie) changes rarely; whether it has is all that is asked
before a group is used again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from snn_eval.probe.counting import can_be_job
from snn_eval.probe.entries import NeuronEntry, WeightedEntry
from snn_eval.probe.jobs import Job, work_off
from snn_eval.probe.parts import Weighted
from snn_eval.probe.planning import PlannedInput, PlannedSpikes

__all__ = ["Captured", "Group", "count_alone"]

Captured = tuple[PlannedInput | PlannedSpikes, Tensor, int]
"""A planned call, its tensor and that tensor's version at the call."""


@dataclass(slots=True)
class _Served:
    """An input that is the spikes captured at ``by``: their job counts it, too."""

    by: int


class Group:
    """Captured tensors that are counted together.

    ``rows``: for each the row of its job in ``table``, or what serves it, or None: counted alone; ``own``: those with a
    job.
    """

    def __init__(self, captured: Sequence[Captured], samples: int) -> None:
        self.samples = samples
        self.calls = [call for call, _, _ in captured]
        self.shapes = [x.shape for _, x, _ in captured]
        self.rows: list[int | _Served | None] = []
        self.keeps: list[Any] = []
        jobs: list[Job] = []
        for at, (call, x, _) in enumerate(captured):
            server = self._server(at, captured)
            made = None if server is not None else _job(call, x, samples)
            if server is not None:
                self.rows.append(_Served(server))
            elif made is None:
                self.rows.append(None)
            else:
                self.rows.append(len(jobs))
                jobs.append(made[0])
                self.keeps.append(made[1])
        self._join(jobs)
        self.own = [at for at, row in enumerate(self.rows) if isinstance(row, int)]
        self._served = [(at, row.by) for at, row in enumerate(self.rows) if isinstance(row, _Served)]
        self._read = [at for at, row in enumerate(self.rows) if row is not None]
        self._alone = [at for at, row in enumerate(self.rows) if row is None]
        self._entries = [entry for call in self.calls if (entry := _entry(call)) is not None]
        self._generations = [entry.generation for entry in self._entries]
        self._weights = [met for call in self.calls if (met := _weight(call)) is not None]
        self.table: NDArray[np.int64] = np.array(jobs, np.int64).reshape(-1, len(Job._fields))

    def _server(self, at: int, captured: Sequence[Captured]) -> int | None:
        """Which of the spikes before it an input is, if their neuron expected it to read them and a job counts them."""
        call, x, _ = captured[at]
        if isinstance(call, PlannedSpikes) or not can_be_job(x):
            return None
        for k in range(at - 1, -1, -1):
            before, spikes, _ = captured[k]
            if isinstance(before, PlannedSpikes) and before.reader is call.part and isinstance(self.rows[k], int):
                same = spikes.data_ptr() == x.data_ptr() and spikes.numel() == x.numel()
                return k if same and _places(call) is not None else None
        return None

    def _join(self, jobs: list[Job]) -> None:
        """Let the jobs of spikes count for the layers they serve."""
        for call, row in zip(self.calls, self.rows, strict=True):
            if not isinstance(row, _Served) or not isinstance(call, PlannedInput):
                continue
            at, places = self.rows[row.by], _places(call)
            if isinstance(at, int) and places is not None:
                jobs[at] = jobs[at]._replace(spikes=jobs[at].inputs, **places)
                self.keeps.append(call.part.entry.fan if isinstance(call.part.entry, WeightedEntry) else None)

    def fits(self, captured: Sequence[Captured], samples: int) -> bool:
        """Whether these jobs count these tensors."""
        if samples != self.samples or len(captured) != len(self.calls):
            return False
        for (call, x, _), expected, shape in zip(captured, self.calls, self.shapes, strict=True):
            if call is not expected or x.shape != shape:
                return False
        for call, weight, version in self._weights:
            if call.weight is not weight or weight._version != version:
                return False
        for at in self._read:
            if not can_be_job(captured[at][1]):
                return False
        for at, by in self._served:
            if captured[at][1].data_ptr() != captured[by][1].data_ptr():
                return False
        return [entry.generation for entry in self._entries] == self._generations

    def count(self, captured: Sequence[Captured]) -> None:
        """Count these tensors; those whose job finds other values than expected are counted alone."""
        table = self.table
        table[:, 1] = [captured[at][1].data_ptr() for at in self.own]
        against = work_off(table)
        unproven = np.count_nonzero(against) > 0
        for at in range(len(captured)) if unproven else self._alone:
            (call, x, _), row = captured[at], self.rows[at]
            if row is None or against[self._row(row)]:
                count_alone(call, x, self.samples, tried=row is not None)

    def _row(self, row: int | _Served) -> int:
        by = row if isinstance(row, int) else self.rows[row.by]
        return by if isinstance(by, int) else 0


def count_alone(call: PlannedInput | PlannedSpikes, x: Tensor, samples: int, tried: bool) -> None:
    """Count one captured tensor by itself; ``tried``: a job has counted (columns of spikes) or begun to."""
    if isinstance(call, PlannedSpikes):
        call.entry.add(x, samples, call.step, columns_done=tried)
        return
    entry, step = call.part.entry, call.part.step
    if isinstance(entry, WeightedEntry):
        if tried:
            entry.clear(step)
        entry.add(x, _part(call), samples, step, entry.view.rows_of(x))


def _part(call: PlannedInput) -> Weighted:
    """Geometry and weight of a call as they are now."""
    weight = call.weight
    return call.weighted if weight is call.weighted.weight else replace(call.weighted, weight=weight)


def _entry(call: PlannedInput | PlannedSpikes) -> NeuronEntry | WeightedEntry | None:
    """What a call fills, if jobs can fill it."""
    entry = call.entry if isinstance(call, PlannedSpikes) else call.part.entry
    return entry if isinstance(entry, NeuronEntry | WeightedEntry) else None


def _weight(call: PlannedInput | PlannedSpikes) -> tuple[PlannedInput, Tensor, int] | None:
    """The weight an input meets and its version, by which a change is seen; None where there is none to see."""
    if isinstance(call, PlannedSpikes) or call.weight.is_inference():
        return None
    return call, call.weight, call.weight._version


def _job(call: PlannedInput | PlannedSpikes, x: Tensor, samples: int) -> tuple[Job, Any] | None:
    if isinstance(call, PlannedSpikes):
        job = call.entry.job(x, samples, call.step)
        return None if job is None else (job, None)
    entry = call.part.entry
    if not isinstance(entry, WeightedEntry):
        return None
    return entry.job(x, _part(call), samples, call.part.step, entry.view.rows_of(x))


def _places(call: PlannedInput) -> dict[str, int] | None:
    entry = call.part.entry
    return entry.places(_part(call), call.part.step) if isinstance(entry, WeightedEntry) else None
