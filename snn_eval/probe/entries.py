"""Where counts gather: one entry for each layer of the trace, filled chunk by chunk, emptied into the trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snn_eval.errors import NetworkError
from snn_eval.models.network import SpikingLayer
from snn_eval.probe.calls import Pair, Weighted
from snn_eval.probe.counting import Counted, Fan, Grid, ValueCounter, can_be_plain, count_meetings, count_plain
from snn_eval.probe.fanout import FanOut, fan_out
from snn_eval.probe.layout import Layout
from snn_eval.probe.product import LevelSet, PairCounts
from snn_eval.trace import MAX_LEVELS, ElementwiseOp, NeuronLayer, SynapticLayer

__all__ = ["MeetingEntry", "NeuronEntry", "ProductEntry", "View", "WeightedEntry"]

Int = NDArray[np.int64]

_FLUSH = 1 << 30
"""Column counts are kept in int32 until this many could have been added to one of them."""


class View:
    """Brings an operand into time, sample, rest: ``[T,N,M]`` on the CPU, contiguous; without copying where it can."""

    def __init__(self, layout: Layout | None, time_steps: int, name: str) -> None:
        self.layout = layout if layout is not None and layout.sample else None
        self.time_steps = time_steps
        self.name = name
        self.steps = time_steps if self.layout is not None and self.layout.time else 1
        self.size: int | None = None
        self._known: dict[torch.Size, tuple[tuple[int, ...], tuple[int, ...] | None, tuple[int, int, int]]] = {}

    def __call__(self, x: Tensor) -> Tensor:
        plan = self._known.get(x.shape) or self._learn(x)
        sizes, order, final = plan
        if x.device.type != "cpu":
            x = x.cpu()
        if order is not None:
            x = x.reshape(sizes).permute(order)
        return x.reshape(final).contiguous()

    def final(self, x: Tensor) -> tuple[int, int, int] | None:
        """Shape ``(T, N, M)`` if the operand already lies in that order, else None."""
        plan = self._known.get(x.shape) or self._learn(x)
        return plan[2] if plan[1] is None and self.layout is not None else None

    def rows_of(self, x: Tensor) -> tuple[int, int, int]:
        """Shape ``(T, N, M)`` of a tensor that lies in that order, whatever its own axes are.

        Raises:
            NetworkError: its size is not a multiple of a sample's.
        """
        cell = self.steps * (self.size or 1)
        if x.numel() % cell:
            raise self._changed(x)
        return (self.steps, x.numel() // cell, self.size or 1)

    def _learn(self, x: Tensor) -> tuple[tuple[int, ...], tuple[int, ...] | None, tuple[int, int, int]]:
        if self.layout is None:
            return self._keep(x, (), None, (1, 1, x.numel()))
        samples = self.samples(x)
        sizes = self.layout.sizes(self.time_steps, samples)
        if int(np.prod(sizes)) != x.numel():
            raise self._changed(x)
        final = (self.steps, samples, x.numel() // max(self.steps * samples, 1))
        return self._keep(x, sizes, None if self.layout.in_order else self.layout.order(), final)

    def _keep(
        self, x: Tensor, sizes: tuple[int, ...], order: tuple[int, ...] | None, final: tuple[int, int, int]
    ) -> tuple[tuple[int, ...], tuple[int, ...] | None, tuple[int, int, int]]:
        if self.layout is not None and self.size is not None and self.size != final[2]:
            raise self._changed(x)
        self.size = final[2]
        self._known[x.shape] = (sizes, order, final)
        return self._known[x.shape]

    def samples(self, x: Tensor) -> int:
        """Number of samples in ``x``."""
        if self.layout is None or x.dim() != len(self.layout.axes):
            raise self._changed(x)
        axis = next(k for k, factors in enumerate(self.layout.axes) if "N" in factors)
        others = [self.time_steps if f == "T" else f for f in self.layout.axes[axis] if f != "N"]
        return int(x.shape[axis] // max(int(np.prod(others, dtype=np.int64)), 1))

    def _changed(self, x: Tensor) -> NetworkError:
        return NetworkError(
            f"layer {self.name}: its input has shape {tuple(x.shape)}, which does not fit what it had in the first "
            "batch; a network whose shapes depend on the data cannot be measured"
        )

    def spread(self, per_element: Int, dims: int) -> Int:
        """A map over the last axes of an operand of ``dims`` axes, in the order of M.

        Raises:
            NetworkError: the map differs along time or samples.
        """
        wide = per_element.reshape((1,) * (dims - per_element.ndim) + per_element.shape)
        if self.layout is None:
            return wide
        full, sizes = [], []
        for axis, factors in enumerate(self.layout.axes):
            kept = [1 if isinstance(f, str) else f for f in factors] or [1]
            if wide.shape[axis] != 1 and any(isinstance(f, str) for f in factors):
                raise NetworkError(
                    f"layer {self.name}: samples or steps lie along an axis the weights act on; it cannot be measured"
                )
            full.append(int(np.prod(kept)))
            sizes += kept[: len(factors)]
        spread = np.broadcast_to(wide, full).reshape(sizes or (1,))
        order = self.layout.order()
        return np.ascontiguousarray(spread.transpose(order) if len(order) == spread.ndim else spread).reshape(-1)


@dataclass(frozen=True, slots=True)
class _Seen:
    """An input as it was when it was counted; held, so that its memory stays its own."""

    x: Tensor
    version: int
    fan: Fan
    counted: Counted

    def serves(self, x: Tensor, fan: Fan) -> bool:
        """Whether ``x`` is that very input, unchanged, meeting the same weights."""
        return x is self.x and x._version == self.version and fan is self.fan


@dataclass(slots=True)
class WeightedEntry:
    """A layer whose inputs meet weights. ``facts`` are the constant fields of its `SynapticLayer`."""

    name: str
    kind: str
    operation: str
    steps: int
    view: View
    facts: dict[str, Any]
    counter: ValueCounter
    unattributed: bool = False
    grid: Grid | None = None
    done: list[Grid] = field(default_factory=list)
    fan: Fan | None = None
    repeats: bool = False
    dims: int = 0
    _weight: Tensor | None = None
    _version: int = -1
    _last: _Seen | None = None

    def begin(self, samples: int) -> None:
        """Start a chunk of so many (real) samples."""
        rows = 1 + max(len(self.counter.values), 1)
        self.grid = Grid(self.steps, 1 if self.unattributed else samples, rows)

    def add(
        self, x: Tensor, part: Weighted | Pair, samples: int, step: slice, shape: tuple[int, int, int] | None = None
    ) -> None:
        """Count one call (``shape``: the ``(T, N, M)`` in whose order ``x`` lies, where the view does not know it)."""
        if self.grid is None:
            raise NetworkError(f"layer {self.name} was called outside of a chunk")
        fan = self.fan_of(part)
        if shape is None:
            shape = self.view.final(x)
        if self.counter.plain and shape is not None:
            if self.add_plain(x, shape, fan, samples, step, None) is not None:
                return
        last = self._last
        if last is not None and last.serves(x, fan):
            counted = last.counted
        else:
            rows = self.view(x) if shape is None else x.cpu().reshape(shape).contiguous()
            counted = self.counter.count(rows, 1 if self.unattributed else samples, fan)
            # Only an input executed again at each step can come back as it was.
            self._last = _Seen(x, x._version, fan, counted) if self.repeats and not x.is_inference() else None
        self.grid.add(counted, step)

    def add_plain(
        self,
        x: Tensor,
        shape: tuple[int, int, int],
        fan: Fan,
        samples: int,
        step: slice,
        columns: NDArray[np.int32] | None,
    ) -> Int | None:
        """Count a tensor expected to hold 0 and 1 straight into the chunk's counts.

        Returns the nonzero inputs ``[T,N]``; None if the proof failed (``columns`` are right all the same) or it could
        not be tried (`can_add_plain`); nothing else has changed then.
        """
        grid = self.grid
        if grid is None or not self.can_add_plain(x, fan):
            return None
        inputs, ops = grid.inputs[1, step], grid.ops[1, step]
        sops = None if fan.structural is None else grid.structural()[1, step]
        if count_plain(x, shape, samples, fan, inputs, ops, sops, columns):
            return inputs
        self.clear(step)
        return None

    def can_add_plain(self, x: Tensor, fan: Fan) -> bool:
        """Whether `add_plain` can be tried on this tensor."""
        grid = self.grid
        return grid is not None and can_be_plain(x) and (grid.sops is None or fan.structural is not None)

    def clear(self, step: slice) -> None:
        """Take back what was counted for this step of the chunk."""
        if self.grid is not None:
            for counts in (self.grid.inputs, self.grid.ops, self.grid.sops):
                if counts is not None:
                    counts[:, step] = 0

    def fan_of(self, part: Weighted | Pair) -> Fan:
        """Fan-out of the weights as they are now; computed again only when they changed."""
        weight = part.weight if isinstance(part, Weighted) else part.b
        version = -1 if weight.is_inference() else weight._version
        if self.fan is not None and self._weight is not None:
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
        if isinstance(part, Weighted):
            found = fan_out(_numpy(part.weight), part.geometry())
        else:
            found = _pair_fan_out(part)
        dims = self.dims
        effective = self.view.spread(found.effective, dims)
        structural = self.view.spread(found.structural, dims) if found.has_zero_weights else None
        repeats = (self.view.size or effective.size) // max(effective.size, 1)
        if self.view.layout is None and repeats > 1:  # all rows of an unattributed call lie in M
            effective = np.tile(effective.reshape(-1), repeats)
            structural = None if structural is None else np.tile(structural.reshape(-1), repeats)
        rows = effective.size // max(found.structural.size, 1)
        self.facts.update(
            dense_ops=found.dense_ops * rows,
            dense_ops_with_border=found.dense_ops_with_border * rows,
            inputs_per_step=int(effective.size),
            nonzero_weights=found.nonzero_weights,
            weight_count=found.weight_count,
        )
        return Fan.of(effective, structural)

    def finish_chunk(self) -> None:
        """Keep the chunk's counts."""
        self._last = None
        if self.grid is not None:
            self.done.append(self.grid)
            self.grid = None

    def take(self) -> SynapticLayer:
        """Everything counted since the last call, as a layer of the trace."""
        grids, self.done = self.done, []
        values = np.array(self.counter.values)
        order = np.argsort(values)
        rows = len(values) + 1
        inputs = _by_level([g.inputs for g in grids], rows, order, self.unattributed)
        ops = _by_level([g.ops for g in grids], rows, order, self.unattributed)
        structural = None
        if any(g.sops is not None for g in grids):
            structural = _by_level([g.ops if g.sops is None else g.sops for g in grids], rows, order, self.unattributed)
        weighted = _joined([_derived(g.weighted, g.ops, np.abs(values)) for g in grids], self.unattributed)
        total = _joined([_derived(g.total, g.inputs, values) for g in grids], self.unattributed)
        levels = values[order]
        seen = inputs[:-1].any(axis=(1, 2))
        low, high = _extent(self.counter, levels[seen], inputs, int(self.facts["inputs_per_step"]))
        if self.counter.collapsed or int(seen.sum()) > MAX_LEVELS:
            seen[:] = False
        inputs, ops = _merge(inputs, seen), _merge(ops, seen)
        structural = None if structural is None else _merge(structural, seen)
        return SynapticLayer(
            name=self.name, kind=self.kind, operation=self.operation, levels=levels[seen],
            inputs_VTN=inputs, ops_VTN=ops, structural_ops_VTN=structural,
            ops_weighted_TN=weighted, input_sum_TN=total,
            minimum=low, maximum=high, attributed=not self.unattributed, **self.facts,
        )  # fmt: skip


def _numpy(weight: Tensor) -> NDArray[Any]:
    return (weight.detach() != 0).cpu().numpy()


def _pair_fan_out(part: Pair) -> FanOut:
    """Weights met by each element of ``a``: nonzeros of ``b`` over its own labels, spread over the shared ones."""
    nonzero = _numpy(part.b)
    own = tuple(i for i, label in enumerate(part.labels_b) if label not in part.labels_a)
    shared = [label for label in part.labels_b if label in part.labels_a]
    effective = nonzero.sum(axis=own, dtype=np.int64)
    met = int(np.prod([nonzero.shape[i] for i in own], dtype=np.int64))
    at = sorted(range(len(shared)), key=lambda i: part.labels_a.index(shared[i]))
    effective = effective.transpose(at) if len(at) > 1 else effective
    shape = [part.a.shape[i] if label in shared else 1 for i, label in enumerate(part.labels_a)]
    effective = np.asarray(effective).reshape(shape)
    structural = np.full_like(effective, met)
    dense = int(structural.sum())
    return FanOut(effective, structural, dense, dense, int(nonzero.sum()), nonzero.size)


def _by_level(parts: Sequence[Int], rows: int, order: Int, summed: bool) -> Int:
    """Rows in ascending order of level, "other" last; chunks side by side (or summed)."""
    padded = [np.concatenate([p, np.zeros((max(rows - len(p), 0), *p.shape[1:]), np.int64)])[:rows] for p in parts]
    joined = _joined(padded, summed)
    return np.concatenate([joined[1:][order], joined[:1]])


def _joined(parts: Sequence[NDArray[Any]], summed: bool) -> NDArray[Any]:
    return np.sum(parts, axis=0) if summed else np.concatenate(parts, axis=-1)


def _derived(sums: NDArray[np.float64], counts: Int, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Σ value · count where it follows from the levels (exact: the levels are short binary fractions)."""
    rows = min(len(counts) - 1, len(values))
    from_levels = np.tensordot(values[:rows], counts[1 : rows + 1].astype(np.float64), axes=(0, 0))
    return np.where(np.isnan(sums), from_levels, sums)


def _merge(counts: Int, keep: NDArray[np.bool_]) -> Int:
    """Rows of the kept levels; what others held goes to "other"."""
    rest = counts[-1] + counts[:-1][~keep].sum(axis=0)
    return np.concatenate([counts[:-1][keep], rest[None]])


def _extent(counter: ValueCounter, levels: Any, inputs: Int, inputs_per_step: int) -> tuple[float, float]:
    """Smallest and largest input value seen."""
    low, high = counter.minimum, counter.maximum
    if len(levels):
        low, high = min(low, float(levels[0])), max(high, float(levels[-1]))
    if inputs.size and int(inputs.sum(axis=0).min()) < inputs_per_step:
        low, high = min(low, 0.0), max(high, 0.0)
    return float(low), float(high)


@dataclass(slots=True)
class ProductEntry:
    """A layer that multiplies two activations."""

    name: str
    operation: str
    steps: int
    facts: dict[str, Any]
    levels_a: LevelSet
    levels_b: LevelSet
    unattributed: bool = False
    pending: list[tuple[slice, PairCounts]] = field(default_factory=list)
    samples: int = 0
    done: list[tuple[int, list[tuple[slice, PairCounts]]]] = field(default_factory=list)

    def begin(self, samples: int) -> None:
        """Start a chunk."""
        self.samples, self.pending = (1 if self.unattributed else samples), []

    def add(self, counts: PairCounts, step: slice) -> None:
        """Keep one call's counts."""
        self.pending.append((step, counts))

    def finish_chunk(self) -> None:
        """Keep the chunk's counts."""
        if self.samples:
            self.done.append((self.samples, self.pending))
        self.samples = 0

    def take(self) -> SynapticLayer:
        """Everything counted since the last call."""
        done, self.done = self.done, []
        va, vb = np.array(self.levels_a.values), np.array(self.levels_b.values)
        if self.levels_a.collapsed:
            va = np.zeros(0)
        if self.levels_b.collapsed:
            vb = np.zeros(0)
        chunks = [self._chunk(n, calls, len(va), len(vb)) for n, calls in done]
        inputs, ops, weighted, total = (_joined(parts, self.unattributed) for parts in zip(*chunks, strict=True))
        oa, ob = np.append(np.argsort(va), len(va)), np.append(np.argsort(vb), len(vb))
        return SynapticLayer(
            name=self.name, kind="product", operation=self.operation,
            levels=np.sort(va), partner_levels=np.sort(vb), partner_collapsed=self.levels_b.collapsed,
            inputs_VTN=inputs[oa], ops_VTN=ops[oa][:, ob], ops_weighted_TN=weighted, input_sum_TN=total,
            minimum=float(min(self.levels_a.minimum, np.inf)), maximum=float(self.levels_a.maximum),
            attributed=not self.unattributed, **self.facts,
        )  # fmt: skip

    def _chunk(
        self, samples: int, calls: list[tuple[slice, PairCounts]], rows: int, columns: int
    ) -> tuple[Int, Int, NDArray[np.float64], NDArray[np.float64]]:
        inputs = np.zeros((rows + 1, self.steps, samples), np.int64)
        ops = np.zeros((rows + 1, columns + 1, self.steps, samples), np.int64)
        weighted, total = np.zeros((self.steps, samples)), np.zeros((self.steps, samples))
        for step, c in calls:
            to_row, to_column = _rows(len(c.ops), rows), _rows(c.ops.shape[1], columns)
            np.add.at(inputs[:, step], to_row, c.inputs[..., :samples])
            spread = np.zeros((rows + 1, *c.ops.shape[1:3], samples), np.int64)
            np.add.at(spread, to_row, c.ops[..., :samples])
            np.add.at(ops[:, :, step], (slice(None), to_column), spread)
            weighted[step] += c.weighted[..., :samples]
            total[step] += c.total[..., :samples]
        return inputs, ops, weighted, total


def _rows(count: int, levels: int) -> Int:
    """Rows of a call's counts (levels known then, other last) in the final table (other last; all of them if collapsed)."""
    rows = np.arange(count)
    rows[-1] = levels
    return np.minimum(rows, levels)


@dataclass(slots=True)
class NeuronEntry:
    """Spikes of one neuron layer."""

    name: str
    layer: SpikingLayer
    steps: int
    view: View
    shape: tuple[int, ...]
    map_limit: int
    role: Literal["hidden", "output", "gate", "encoder"]
    counter: ValueCounter
    spikes: Int | None = None
    done: list[Int] = field(default_factory=list)
    columns: NDArray[np.int32] | None = None
    totals: Int | None = None
    added: int = 0
    size: int = 0
    per_step_map: bool = True
    """Whether the map per step is small enough to keep."""
    attributed: bool = True
    spiking: bool = True

    def __post_init__(self) -> None:
        self.spiking = self.layer.neuron.has_threshold
        self.size = int(np.prod(self.shape, dtype=np.int64))
        self.per_step_map = self.steps * self.size <= self.map_limit
        self.attributed = self.view.layout is not None

    def begin(self, samples: int) -> None:
        """Start a chunk."""
        self.spikes = np.zeros((self.steps, samples if self.attributed else 1), np.int64)
        self.added += samples * (1 if self.per_step_map else self.steps)
        if self.added >= _FLUSH:
            self._flush()
            self.added = samples

    def columns_at(self, step: slice) -> NDArray[np.int32]:
        """Column counts of these steps, to be added to."""
        if self.columns is None:
            self.columns = np.zeros((self.steps if self.per_step_map else 1, self.size), np.int32)
        if self.per_step_map:
            return self.columns[step]
        return np.lib.stride_tricks.as_strided(self.columns, (step.stop - step.start, self.size), (0, 4))

    def add(self, counted: Counted, step: slice) -> None:
        """Keep one call's spikes."""
        if self.spikes is not None:
            self.spikes[step] += counted.nonzero

    def finish_chunk(self) -> None:
        """Keep the chunk's counts."""
        if self.spikes is not None:
            self.done.append(self.spikes)
            self.spikes = None

    def _flush(self) -> None:
        if self.totals is None:
            self.totals = np.zeros((self.steps if self.per_step_map else 1, self.size), np.int64)
        if self.columns is not None:
            self.totals += self.columns
            self.columns[:] = 0

    def take(self) -> NeuronLayer:
        """Everything counted since the last call."""
        self._flush()
        totals, self.totals, self.added = self.totals, None, 0
        done, self.done = self.done, []
        neuron = self.layer.neuron
        shape = (self.steps, *self.shape) if self.per_step_map else self.shape
        return NeuronLayer(
            name=self.name, spikes_TN=_joined(done, self.view.layout is None),
            per_neuron=np.asarray(totals).reshape(shape), per_step_map=self.per_step_map, shape=self.shape,
            model=neuron.model, reset=neuron.reset, role=self.role, states=neuron.states,
            mul=neuron.mul, add=neuron.add, compare=neuron.compare, has_threshold=neuron.has_threshold,
        )  # fmt: skip


@dataclass(slots=True)
class MeetingEntry:
    """A residual add or a gate: positions where both operands are nonzero."""

    op: ElementwiseOp
    view: View
    meetings: Int | None = None
    done: list[Int] = field(default_factory=list)

    def begin(self, samples: int) -> None:
        """Start a chunk."""
        self.meetings = np.zeros((self.op.steps, 1 if self.view.layout is None else samples), np.int64)

    def add(self, a: Tensor, b: Tensor, samples: int, step: slice) -> None:
        """Count one call."""
        if self.meetings is None:
            return
        self.meetings[step] += count_meetings(self.view(a), self.view(b), self.meetings.shape[1])

    def finish_chunk(self) -> None:
        """Keep the chunk's counts."""
        if self.meetings is not None:
            self.done.append(self.meetings)
            self.meetings = None
