"""Counts of a layer whose inputs meet weights, and the fan-out of those weights as they are now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snn_eval.errors import NetworkError
from snn_eval.probe.counting import (
    ValueCounter,
    can_be_job,
    can_be_plain,
    count_plain,
    level_block,
    same_at_each_step,
)
from snn_eval.probe.entries.join import by_level, derived, joined, merged
from snn_eval.probe.entries.view import Rows, View
from snn_eval.probe.fanout import FanOut, fan_out, pair_fan_out
from snn_eval.probe.jobs import BINARY, LEVELLED, Job
from snn_eval.probe.parts import Pair, Weighted
from snn_eval.probe.tally import Counted, Fan, Grid
from snn_eval.trace import MAX_LEVELS, SynapticLayer

__all__ = ["WeightedEntry"]

Int = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Seen:
    """An input as it was when it was counted; held, so that its memory stays its own.

    ``again``: further steps at which it came and where its counts are yet to be added.
    """

    x: Tensor
    version: int
    fan: Fan
    counted: Counted
    again: list[slice]

    def serves(self, x: Tensor, fan: Fan) -> bool:
        """Whether ``x`` is that very input, unchanged, meeting the same weights."""
        return x is self.x and x._version == self.version and fan is self.fan


@dataclass(slots=True)
class WeightedEntry:
    """A layer whose inputs meet weights. ``facts`` are the constant fields of its `SynapticLayer`.

    ``dims``: axes of the input; ``repeats``: the same input comes again at each step; ``volatile``: weights change
    without a trace; ``generation``: another number once a job made before would no longer be right, whatever the
    weights are.
    """

    name: str
    steps: int
    view: View
    facts: dict[str, Any]
    counter: ValueCounter
    dims: int
    unattributed: bool = False
    repeats: bool = False
    volatile: bool = False
    generation: int = 0
    grid: Grid | None = None
    done: list[Counted] = field(default_factory=list)
    fan: Fan | None = None
    _weight: Tensor | None = None
    _version: int = -1
    _last: _Seen | None = None
    _spare: Grid | None = None

    def begin(self, samples: int) -> None:
        """Start a chunk of so many (real) samples."""
        rows, columns = 1 + max(len(self.counter.values), 1), 1 if self.unattributed else samples
        if self._spare is None or self.grid is not None or not self._spare.holds(columns, rows):
            self._spare = Grid(self.steps, columns, rows)
            self.generation += 1
        self.grid = self._spare

    def add(
        self, x: Tensor, part: Weighted | Pair, samples: int, step: slice, shape: tuple[int, int, int] | None = None
    ) -> None:
        """Count one call (``shape``: the ``(T, N, M)`` in whose order ``x`` lies, where the view does not know it)."""
        if self.grid is None:
            raise NetworkError(f"layer {self.name} was called outside of a chunk")
        fan, last = self.fan_of(part), self._last
        if last is not None and last.serves(x, fan):
            last.again.append(step)
            return
        if shape is None:
            shape = self.view.final(x)
        before = self._counted_as()
        if not (self.counter.plain and shape is not None and self._add_plain(x, shape, fan, samples, step)):
            self._add_by_value(x, shape, fan, samples, step)
        self.generation += self._counted_as() != before

    def _add_by_value(self, x: Tensor, shape: Rows | None, fan: Fan, samples: int, step: slice) -> None:
        rows = self.view(x) if shape is None else x.cpu().reshape(shape).contiguous()
        n, steps = 1 if self.unattributed else samples, len(rows)
        if self.repeats and steps > 1 and same_at_each_step(rows):
            counted = self.counter.count(rows[:1], n, fan).at_each_of(steps)
        else:
            counted = self.counter.count(rows, n, fan)
        self._add_again()
        # Only an input executed again at each step can come back as it was.
        self._last = _Seen(x, x._version, fan, counted, []) if self.repeats and not x.is_inference() else None
        if self.grid is not None:
            self.grid.add(counted, step)

    def _add_again(self) -> None:
        """Add the counts of the input seen last at the further steps at which it came."""
        if self._last is None or self.grid is None:
            return
        for step in self._last.again:
            self.grid.add(self._last.counted, step)
        self._last.again.clear()

    def _counted_as(self) -> tuple[Any, ...]:
        """What a job of this layer depends on beside the weights: values told apart, where counts lie."""
        grid, counter = self.grid, self.counter
        where = () if grid is None else (grid.address, len(grid.inputs), grid.sops is not None)
        return counter.plain, counter.collapsed, len(counter.values), *where

    def job(self, x: Tensor, part: Weighted | Pair, samples: int, step: slice, shape: Rows) -> tuple[Job, Any] | None:
        """How to count one call together with others, and what to keep for it; None if it must be counted alone."""
        grid, plain = self.grid, self.counter.plain
        if grid is None or grid.sops is not None or self.unattributed or self.volatile or not can_be_job(x):
            return None
        fan = self.fan_of(part)
        if self._weight is None or self._weight.is_inference():
            return None
        if fan.structural is not None or (self.repeats and not plain):
            return None
        inputs, ops, row = grid.place(step.start)
        job = Job(
            BINARY, x.data_ptr(), *shape, samples, fan.block, fan.address, fan.constant, inputs=inputs, ops=ops, row=row
        )
        if plain:
            return job, fan
        known = self.counter.known_float32()
        if known is None or len(known) >= len(grid.inputs):
            return None
        by_level = {"kind": LEVELLED, "block": level_block(fan), "values": known.ctypes.data, "levels": len(known)}
        return job._replace(**by_level), (fan, known)

    def places(self, part: Weighted | Pair, step: slice) -> dict[str, int] | None:
        """What a job of spikes needs to count them for this layer, too; None if its input has been anything else."""
        grid, fan = self.grid, self.fan_of(part)
        if grid is None or not self.counter.plain or self.unattributed or self.volatile:
            return None
        if self._weight is None or self._weight.is_inference():
            return None
        if grid.sops is not None or fan.structural is not None:
            return None
        inputs, ops, _ = grid.place(step.start)
        return {"fan": fan.address, "constant": fan.constant, "block": fan.block, "inputs": inputs, "ops": ops}

    def _add_plain(self, x: Tensor, shape: tuple[int, int, int], fan: Fan, samples: int, step: slice) -> bool:
        """Count a tensor expected to hold 0 and 1 straight into the chunk's counts; False if it does not."""
        grid = self.grid
        if grid is None or not can_be_plain(x) or not (grid.sops is None or fan.structural is not None):
            return False
        inputs, ops = grid.inputs[1, step], grid.ops[1, step]
        sops = None if fan.structural is None else grid.structural()[1, step]
        if count_plain(x, shape, samples, fan, inputs, ops, sops, None):
            return True
        self.clear(step)
        return False

    def clear(self, step: slice) -> None:
        """Take back what was counted for this step of the chunk."""
        self._add_again()
        if self.grid is not None:
            for counts in (self.grid.inputs, self.grid.ops, self.grid.sops):
                if counts is not None:
                    counts[:, step] = 0

    def fan_of(self, part: Weighted | Pair) -> Fan:
        """Fan-out of the weights as they are now; computed again only when they changed."""
        weight = part.weight if isinstance(part, Weighted) else part.b
        version = -1 if weight.is_inference() else weight._version
        if self.fan is not None and self._weight is not None and not self.volatile:
            unchanged = self._weight.is_inference() or self._weight._version == self._version
            if weight is self._weight and unchanged and version >= 0:
                return self.fan
            if unchanged and weight is not self._weight and torch.equal(weight, self._weight):
                self._weight, self._version = weight, version
                return self.fan
        self._weight, self._version = weight, version
        self.fan = self._make_fan(part)
        return self.fan

    def _make_fan(self, part: Weighted | Pair) -> Fan:
        found = _fan_out(part)
        effective = self.view.spread(found.effective, self.dims)
        structural = self.view.spread(found.structural, self.dims) if found.has_zero_weights else None
        again = (self.view.size or effective.size) // max(effective.size, 1)
        if self.view.layout is None and again > 1:  # all rows of an unattributed call lie in M
            effective = np.tile(effective.reshape(-1), again)
            structural = None if structural is None else np.tile(structural.reshape(-1), again)
        rows = effective.size // max(found.structural.size, 1)
        self.facts.update(
            dense_ops=found.dense_ops * rows,
            dense_ops_with_border=found.dense_ops_with_border * rows,
            inputs_per_step=int(effective.size),
            nonzero_weights=found.nonzero_weights,
            weight_count=found.weight_count,
        )
        return Fan.of(effective, structural)

    def nonzero(self, step: slice) -> tuple[Int, Int | NDArray[np.float64]] | None:
        """Nonzero inputs at these steps of the chunk and their exact sum; None unless all are a few values above 0."""
        values = self.counter.positive_levels()
        self._add_again()
        if self.grid is None or values is None:
            return None
        if len(values) == 1:
            return self.grid.inputs[1, step], self.grid.inputs[1, step]
        counts = self.grid.inputs[1 : 1 + len(values), step]
        return counts.sum(axis=0), (values[: len(counts), None, None] * counts).sum(axis=0)

    def finish_chunk(self) -> None:
        """Keep the chunk's counts."""
        self._add_again()
        self._last = None
        if self.grid is not None:
            self.done.append(self.grid.moved_out())
            self.grid = None

    def take(self) -> SynapticLayer:
        """Everything counted since the last call, as a layer of the trace."""
        grids, self.done = self.done, []
        values = np.array(self.counter.values)
        order = np.argsort(values)
        rows, summed = len(values) + 1, self.unattributed
        inputs = by_level([g.inputs for g in grids], rows, order, summed)
        ops = by_level([g.ops for g in grids], rows, order, summed)
        structural = None
        if any(g.sops is not None for g in grids):
            structural = by_level([g.ops if g.sops is None else g.sops for g in grids], rows, order, summed)
        levels = values[order]
        seen: NDArray[np.bool_] = np.asarray(inputs[:-1].any(axis=(1, 2)))
        low, high = self._extent(levels[seen], inputs)
        if self.counter.collapsed or int(seen.sum()) > MAX_LEVELS:
            seen = np.zeros_like(seen)
        return SynapticLayer(
            name=self.name, levels=levels[seen], inputs_VTN=merged(inputs, seen), ops_VTN=merged(ops, seen),
            structural_ops_VTN=None if structural is None else merged(structural, seen),
            ops_weighted_TN=joined([derived(g.weighted, g.ops, np.abs(values)) for g in grids], summed),
            input_sum_TN=joined([derived(g.total, g.inputs, values) for g in grids], summed),
            minimum=low, maximum=high, attributed=not summed, **self.facts,
        )  # fmt: skip

    def _extent(self, levels: NDArray[np.float64], inputs: Int) -> tuple[float, float]:
        """Smallest and largest input value seen; ``levels`` are those seen, ascending."""
        low, high = self.counter.minimum, self.counter.maximum
        if len(levels):
            low, high = min(low, float(levels[0])), max(high, float(levels[-1]))
        if inputs.size and int(inputs.sum(axis=0).min()) < int(self.facts["inputs_per_step"]):
            low, high = min(low, 0.0), max(high, 0.0)
        return float(low), float(high)


def _fan_out(part: Weighted | Pair) -> FanOut:
    """Fan-out of a part's weights (their zeros are all that matters of their values)."""
    if isinstance(part, Weighted):
        return fan_out(_nonzero(part.weight), part.geometry())
    return pair_fan_out(_nonzero(part.b), part.labels_a, part.labels_b, tuple(part.a.shape))


def _nonzero(weight: Tensor) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (weight.detach() != 0).cpu().numpy()
    return found
