"""Planning arithmetic beside synaptic operations: costs of one sample in one step, and meetings of two activations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from operator import attrgetter

import numpy as np

from snn_eval.probe.elementwise import COSTS, Cost
from snn_eval.probe.entries import MeetingEntry, View
from snn_eval.probe.inventory import Event
from snn_eval.probe.parts import Weighted
from snn_eval.probe.planning.draft import Draft
from snn_eval.probe.planning.plan import PlannedMeeting
from snn_eval.trace import ElementwiseOp

__all__ = ["ElementwisePlanner", "add_bias"]

_COST_FIELDS = tuple(field.name for field in fields(Cost))


def add_bias(draft: Draft, index: int, name: str, steps: int) -> None:
    """Add the additions of a layer's bias, one for each output element."""
    per_call = draft.runs.per_sample(index, lambda event: _outputs(event, name))
    per_step = per_call if draft.schedule.looped(index) else per_call // steps
    draft.plan.elementwise.append(ElementwiseOp(f"{name}.bias", "bias", steps, add=per_step))


def _leading_steps(module: object, steps: int) -> int:
    """First steps at which a module's sums add anything; all ``steps`` unless it declares ``leading_steps``.

    Behind those it adds exact zeros, which need not be executed, as weights of exactly 0 need not.
    """
    declared = getattr(module, "leading_steps", None)
    return declared if isinstance(declared, int) and declared > 0 else steps


def _outputs(event: Event, name: str) -> int:
    """Elements a bias is added to: what the part of that name makes (a recurrent matrix makes all its gates)."""
    for part, operand in zip(event.parts, event.operands, strict=False):
        if isinstance(part, Weighted) and part.suffix and name.split("#")[0].endswith(f".{part.suffix}"):
            return int(np.prod(operand.shape, dtype=np.int64) // part.weight.shape[-1] * part.weight.shape[0])
    return event.elements


class ElementwisePlanner:
    """Plans element-wise calls; ``meetings``: those of two activations, by event."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.meetings: dict[int, PlannedMeeting] = {}
        self.entries: dict[str, MeetingEntry] = {}

    def add(self, index: int, event: Event) -> None:
        """Plan one call: its cost is added up by `finish`, its meetings are counted in the pass."""
        draft = self.draft
        name = draft.name(index)
        draft.names[event.name] = name
        draft.arithmetic.setdefault(name, []).append(index)
        if not event.two_activations:
            return
        layout = draft.layout(index, lambda e: e.output)
        steps, step = draft.schedule.slots(index, layout)
        entry = self.entries.get(name)
        if entry is None:
            kind = "gate" if "mul" in event.function else "residual_add"
            entry = MeetingEntry(ElementwiseOp(name, kind, steps), View(layout, draft.time_steps, name))
            self.entries[name] = entry
            draft.plan.meetings.append(entry)
        self.meetings[index] = PlannedMeeting(entry, step)

    def finish(self) -> None:
        """Add up the costs of all calls of the same name."""
        for name, indices in self.draft.arithmetic.items():
            costs = self._costs(indices)
            if not any(costs.values()):
                continue
            op = self._operation(name, indices[0], costs)
            meeting = self.entries.get(name)
            if meeting is not None:
                meeting.op = op
            else:
                self.draft.plan.elementwise.append(op)

    def _costs(self, indices: Sequence[int]) -> dict[str, int]:
        """Operations of one sample in all steps, by kind."""
        return {
            field: sum(self.draft.runs.per_sample(i, attrgetter(f"cost.{field}")) for i in indices)
            for field in _COST_FIELDS
        }

    def _operation(self, name: str, index: int, costs: dict[str, int]) -> ElementwiseOp:
        draft, event, meeting = self.draft, self.draft.events[index], self.entries.get(name)
        layout = draft.layout(index, lambda e: e.output, proven=False)
        steps = draft.schedule.slots(index, layout)[0]
        if meeting is not None:
            kind = meeting.op.kind
        else:
            kind = "recurrent_gate" if event.kind == "synaptic" else COSTS[event.function].kind
        per_step = Cost(**{field: total // steps for field, total in costs.items()})
        if kind == "bias" and steps == draft.time_steps:
            steps = min(steps, _leading_steps(draft.network.module.get_submodule(event.module), steps))
        return ElementwiseOp(
            name, kind, steps, per_step.mul, per_step.add, per_step.compare, per_step.exponentials,
            fused_into=self._fused_into(event),
        )  # fmt: skip

    def _fused_into(self, event: Event) -> str | None:
        """The synaptic layer a batch norm in evaluation mode folds into: the only thing that feeds it."""
        if event.function != "batch_norm" or event.training or not event.operands:
            return None
        draft = self.draft
        producers = event.operands[0].producers
        readers = {e.identity for e in draft.events if any(producers & o.producers for o in e.operands)}
        if len(readers) != 1:
            return None  # folding would change what the other readers get
        feeders = {draft.names.get(p, p) for p in producers}
        synaptic = {entry.name for entry in draft.plan.weighted}
        return next(iter(feeders)) if len(feeders) == 1 and feeders <= synaptic else None
