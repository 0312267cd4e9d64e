"""Planning products of two activations: how their operands are brought side by side, and the entry they fill."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from snn_eval.errors import NetworkError
from snn_eval.probe.entries import ProductEntry
from snn_eval.probe.layout import Layout
from snn_eval.probe.parts import Attention, Pair
from snn_eval.probe.planning.draft import Draft
from snn_eval.probe.planning.elementwise import add_bias
from snn_eval.probe.planning.plan import PlannedPart
from snn_eval.probe.planning.product_views import (
    AttentionView,
    agreed_time,
    cells,
    pair_size,
    pair_views,
    without_time,
)
from snn_eval.probe.product import LevelSet

__all__ = ["ProductPlanner"]


class ProductPlanner:
    """Plans matrix products and attention of activations."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.entries: dict[str, ProductEntry] = {}

    def add_pair(self, index: int, part: Pair, at: int) -> PlannedPart:
        """Plan one product whose operands stand at ``at`` and after it."""
        layouts = [self.draft.operand_layout(index, at + k) for k in (0, 1)]
        layouts = agreed_time(part, layouts, self.draft.time_steps)
        views = pair_views(part, layouts, self.draft.time_steps)
        shape = layouts[0].per_sample() if layouts[0] else self.draft.events[index].operands[0].shape
        output = self.draft.layout(index, lambda event: event.output, proven=False)
        facts: dict[str, Any] = {
            "input_shape": shape,
            "output_shape": output.per_sample() if output else (),
            "dense_ops": pair_size(part, layouts, views),
            "bias": part.bias,
        }
        used = layouts if views[0].attributed else [None]
        planned = self._fill(index, self.draft.name(index, part.suffix), used, facts)
        planned.views = views
        return planned

    def add_attention(self, index: int, part: Attention, at: int) -> list[PlannedPart]:
        """Plan the two products of attention: queries with keys, weights with values.

        Raises:
            NetworkError: time and sample of an operand cannot be told apart.
        """
        draft, steps = self.draft, self.draft.time_steps
        layouts = []
        for k in range(3):
            layout = draft.operand_layout(index, at + k)
            if layout is None:
                name = draft.name(index)
                raise NetworkError(f"layer {name}: time and sample of its attention operands cannot be told apart")
            mixed = any("T" in axis for axis in layout.axes[-2:])
            layouts.append(without_time(layout, steps) if mixed else layout)
        allowed = _allowed_scores(part) // max(cells(layouts[0], part.query, steps), 1)
        weights_shape = (*layouts[0].per_sample()[:-2], part.query.shape[-2], part.key.shape[-2])
        scores = self._fill(
            index, draft.name(index, "qk"), layouts[:2],
            {
                "input_shape": layouts[0].per_sample(), "output_shape": weights_shape,
                "dense_ops": allowed * part.query.shape[-1],
            },
        )  # fmt: skip
        values = self._fill(
            index, draft.name(index, "av"), layouts[2:],
            {
                "input_shape": weights_shape, "output_shape": (*layouts[0].per_sample()[:-1], part.value.shape[-1]),
                "dense_ops": allowed * part.value.shape[-1],
            },
        )  # fmt: skip
        scores.attention = values.attention = tuple(AttentionView(layout, steps) for layout in layouts)
        return [scores, values]

    def _fill(self, index: int, name: str, layouts: Sequence[Layout | None], facts: dict[str, Any]) -> PlannedPart:
        """The entry of that name, made if this is its first call, and the steps this call fills.

        ``layouts`` are those of the operands, with a None where samples cannot be told apart.
        """
        draft = self.draft
        attributed = all(layout is not None for layout in layouts)
        timed = next((x for x in layouts if x is not None and x.time), layouts[0]) if attributed else None
        steps, step = draft.schedule.slots(index, timed)
        entry = self.entries.get(name)
        if entry is None:
            facts |= {
                "operation": draft.events[index].function,
                "dense_ops_with_border": facts["dense_ops"],
                "calls": draft.schedule.repetitions(index),
                "schedule": draft.repeat(steps),
                "inputs_per_step": int(np.prod(facts["input_shape"], dtype=np.int64)),
            }
            entry = ProductEntry(name, steps, facts, LevelSet(name), LevelSet(name), unattributed=not attributed)
            self.entries[name] = entry
            for layout in layouts:
                draft.note_layout(name, layout)
            draft.plan.products.append(entry)
            draft.plan.order.append(name)
            if facts.get("bias"):
                add_bias(draft, index, name, steps)
        return PlannedPart(entry, step)


def _allowed_scores(part: Attention) -> int:
    """Scores of the whole call that the mask lets through."""
    batch, length, width = part.query.shape[:-2], part.query.shape[-2], part.key.shape[-2]
    if part.allowed is None:
        return int(np.prod(batch, dtype=np.int64)) * length * width
    return int(part.allowed.expand(*batch, length, width).sum())
