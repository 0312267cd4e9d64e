"""A made-up data set whose trace can be taken for any subset of its samples: the reference for joining and storing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn_eval.trace import (
    MAX_LEVELS,
    ElementwiseOp,
    ModelFacts,
    NeuronLayer,
    Output,
    OutputSummary,
    PassFacts,
    Samples,
    SynapticLayer,
    Trace,
    UnknownOp,
)

__all__ = ["Whole", "assert_same", "differences"]


def differences(one: Any, other: Any, path: str = "trace") -> list[str]:
    """Where two traces (or parts of them) differ, bit for bit and in type."""
    if is_dataclass(one) and type(one) is type(other):
        pairs = [(f.name, getattr(one, f.name), getattr(other, f.name)) for f in fields(one)]
    elif isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        pairs = [(str(i), a, b) for i, (a, b) in enumerate(zip(one, other, strict=True))]
    elif isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        same = one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
        return [] if same else [f"{path}: {one!r} != {other!r}"]
    else:
        return [] if type(one) is type(other) and one == other else [f"{path}: {one!r} != {other!r}"]
    return [line for name, a, b in pairs for line in differences(a, b, f"{path}.{name}")]


def assert_same(one: Any, other: Any) -> None:
    """Fail, naming the places, unless both traces are equal bit for bit."""
    assert differences(one, other) == []


@dataclass(frozen=True)
class Whole:
    """Every value that flowed in a pass over ``samples`` samples; ``trace(ids)`` is what a probe sees of some of them.

    Layers: ``in/0`` (inputs from ``pool`` values), ``prod`` (a product of two such), ``set`` (not attributed).
    """

    seed: int
    samples: int
    time_steps: int = 3
    pool: int = 5
    width: int = 6
    classes: int = 4
    summary: bool = False

    def values(self, salt: int) -> NDArray[Any]:
        """Dyadic inputs ``[T,N,width]``, about a third of them zero; later samples show further values."""
        rng = np.random.default_rng([self.seed, salt])
        levels = np.append(np.arange(1, self.pool + 1) / 4, [-1.0])
        shape = (self.time_steps, self.samples, self.width)
        reach = np.minimum(np.arange(self.samples)[:, None] + 2, len(levels))
        chosen = levels[(rng.random(shape) * reach).astype(int)]
        return np.where(rng.random(shape) < 0.3, 0.0, chosen)

    def trace(self, ids: Sequence[int]) -> Trace:
        """The trace of these samples, in this order."""
        n, index = len(ids), np.asarray(ids, np.int64)
        rng = np.random.default_rng([self.seed, 99])
        readout = rng.normal(size=(self.time_steps, self.samples, self.classes)).astype(np.float32)[:, index]
        spikes = (self.values(5) > 0.5).astype(np.int64)[:, index]
        events = np.rint(np.abs(self.values(6)).sum(axis=-1)).astype(np.int64)[:, index]
        return Trace(
            time_steps=self.time_steps,
            samples=Samples(index, index % 4, index // 2, np.full(n, self.time_steps), index // 3, "validation"),
            output=self._output(readout),
            synaptic=(self._layer("in/0", 1, index), self._product("prod", index), self._layer("set", 4, index, False)),
            neurons=(
                NeuronLayer("lif", spikes.sum(-1), spikes.sum(1), shape=(self.width,), model="lif", mul=1, add=2),
                NeuronLayer("sum", spikes.sum(-1), spikes.sum((0, 1)), False, shape=(self.width,)),
            ),
            elementwise=(ElementwiseOp("add", "residual_add", self.time_steps, add=9, effective_TN=events),),
            unknown=tuple(UnknownOp(f"op{i}", 1, int(i)) for i in sorted(set(index % 3))),
            graph=(("in/0", "lif"), ("lif", "prod")),
            model=ModelFacts(7, 28, 4, 6, 24, "net"),
            facts=PassFacts(
                8,
                "float32",
                "cpu",
                1,
                {"torch": "2"},
                "cpu A",
                False,
                tuple(sorted((index / 8.0).tolist())),
                n / 8.0,
                int(index.max()) + 1,
                ("a",),
            ),
            input_kind="counts",
            input_events_TN=events,
        )

    def _output(self, readout: NDArray[Any]) -> Output:
        if not self.summary:
            return Output(readout, "per-step", "yes")
        top5 = np.argsort(-readout, axis=-1)[..., :5]
        return Output(None, "per-step", "yes", summary=OutputSummary(top5, *(readout[..., i] for i in range(3))))

    def _layer(self, name: str, salt: int, index: NDArray[Any], attributed: bool = True) -> SynapticLayer:
        values = self.values(salt)[:, index]
        fan_out = np.arange(1, self.width + 1)
        levels = _levels(values)
        masks = [values == level for level in levels]
        masks.append((values != 0) & ~np.isin(values, levels))
        inputs = np.array([m.sum(-1) for m in masks], np.int64)
        ops = np.array([(m * fan_out).sum(-1) for m in masks], np.int64)
        weighted = (np.abs(values) * fan_out).sum(-1)
        sums = values.sum(-1)
        structural = ops + inputs * (index % 2) if (index % 2).any() else None  # None: equal to ops
        if not attributed:
            inputs, ops = inputs.sum(-1, keepdims=True), ops.sum(-1, keepdims=True)
            weighted, sums, structural = weighted.sum(-1, keepdims=True), sums.sum(-1, keepdims=True), None
        return SynapticLayer(
            name, "linear", "linear", levels, inputs, ops, weighted, sums, structural, source="hidden",
            weight_shape=(3, self.width), bias=True, dense_ops=21, calls=2, minimum=float(values.min()),
            maximum=float(values.max()), attributed=attributed,
        )  # fmt: skip

    def _product(self, name: str, index: NDArray[Any]) -> SynapticLayer:
        left, right = self.values(2)[:, index], self.values(3)[:, index]
        rows, cols = _levels(left), _levels(right)
        left_masks = [left == v for v in rows] + [(left != 0) & ~np.isin(left, rows)]
        right_masks = [right == v for v in cols] + [(right != 0) & ~np.isin(right, cols)]
        return SynapticLayer(
            name, "product", "matmul", rows, np.array([m.sum(-1) for m in left_masks], np.int64),
            np.array([[(a & b).sum(-1) for b in right_masks] for a in left_masks], np.int64),
            np.abs(left * right).sum(-1), left.sum(-1), partner_levels=cols, dense_ops=self.width,
            minimum=float(left.min()), maximum=float(left.max()),
            partner_collapsed=len(set(right.ravel().tolist()) - {0.0}) > MAX_LEVELS,
        )  # fmt: skip


def _levels(values: NDArray[Any]) -> NDArray[Any]:
    found = np.unique(values[values != 0])
    return found if len(found) <= MAX_LEVELS else np.zeros(0)
