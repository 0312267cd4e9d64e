"""How the operands of a product of activations are brought side by side: time, sample, shared indices, own indices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from torch import Tensor

from snn_eval.probe.entries import View
from snn_eval.probe.layout import Layout
from snn_eval.probe.parts import Pair

__all__ = ["AttentionView", "PairView", "agreed_time", "cells", "pair_size", "pair_views", "without_time"]

Layouts = Sequence[Layout | None]
Key = str | tuple[str, int]
"""An index of a product: ``"T"``, ``"N"``, or a label with the place of a factor within its axis."""


def _keys(label: str, axis: Sequence[int | str]) -> list[Key]:
    """A key for each factor of an axis."""
    keys: list[Key] = []
    place = 0
    for factor in axis:
        if factor in ("T", "N"):
            keys.append(str(factor))
        else:
            keys.append((label, place))
            place += 1
    return keys


def _axes(layout: Layout | None, labels: str) -> Sequence[Sequence[int | str]]:
    """Factors of each axis; without a layout an axis is one index."""
    return [("all",)] * len(labels) if layout is None else layout.axes


class PairView:
    """Brings one operand of a product into ``[T,N,S,F]``: time, sample, shared indices, own indices."""

    def __init__(self, layout: Layout | None, labels: str, shared: Sequence[Key], time_steps: int) -> None:
        self.layout, self.time_steps = layout, time_steps
        axes = _axes(layout, labels)
        keys = [key for label, axis in zip(labels, axes, strict=True) for key in _keys(label, axis)]
        self.time = [i for i, key in enumerate(keys) if key == "T"]
        self.sample = [i for i, key in enumerate(keys) if key == "N"]
        self.shared = [keys.index(key) for key in shared]
        taken = {*self.time, *self.sample, *self.shared}
        self.own = [i for i in range(len(keys)) if i not in taken]

    @property
    def attributed(self) -> bool:
        """Whether samples can be told apart."""
        return self.layout is not None

    def __call__(self, x: Tensor) -> Tensor:
        """The operand as ``[T,N,S,F]``."""
        x = x.detach().cpu()
        if self.layout is not None:
            samples = View(self.layout, self.time_steps, "product").samples(x)
            x = x.reshape(self.layout.sizes(self.time_steps, samples))
        size = x.shape
        x = x.permute(*self.time, *self.sample, *self.shared, *self.own)
        lead = [[size[i] for i in part] or [1] for part in (self.time, self.sample)]
        rest = [int(np.prod([size[i] for i in part], dtype=np.int64)) for part in (self.shared, self.own)]
        return x.reshape(*lead[0], *lead[1], *rest)


class AttentionView:
    """Brings query, key or value into ``[T,N,H,L,D]``: time, sample, heads, position, feature."""

    def __init__(self, layout: Layout, time_steps: int) -> None:
        self.layout, self.time_steps = layout, time_steps
        self.view = View(layout, time_steps, "attention")

    def __call__(self, x: Tensor) -> Tensor:
        """The operand as ``[T,N,H,L,D]``."""
        rows, width = x.shape[-2:]
        flat = self.view(x.detach())
        return flat.reshape(*flat.shape[:2], -1, rows, width)

    def scores(self, allowed: Tensor, shape: Sequence[int]) -> Tensor:
        """A tensor broadcastable to scores of that ``shape`` as ``[T,N,H,L,S]``."""
        axes = (*self.layout.axes[:-2], (shape[-2],), (shape[-1],))
        flat = View(Layout(axes), self.time_steps, "attention")(allowed.expand(*shape).contiguous())
        return flat.reshape(*flat.shape[:2], -1, *shape[-2:])


def cells(layout: Layout, x: Tensor, time_steps: int) -> int:
    """How many (time, sample) pairs an operand holds."""
    view = View(layout, time_steps, "product")
    return view.samples(x) * view.steps


def without_time(layout: Layout, time_steps: int) -> Layout:
    """The layout with its steps as a plain index."""
    return replace(layout, axes=tuple(tuple(time_steps if f == "T" else f for f in axis) for axis in layout.axes))


def agreed_time(part: Pair, layouts: Layouts, time_steps: int) -> list[Layout | None]:
    """Time of a product: the index both share, or the first operand's own (the second's steps are plain indices)."""
    a, b = layouts
    if a is None or b is None:
        return [a, b]
    time_a, time_b = _label_of_time(a, part.labels_a), _label_of_time(b, part.labels_b)
    if time_a == time_b:
        return [a, b]
    keep_a = time_a is not None and time_a not in part.labels_b
    keep_b = time_a is None and time_b is not None and time_b not in part.labels_a
    return [a if keep_a else without_time(a, time_steps), b if keep_b else without_time(b, time_steps)]


def _label_of_time(layout: Layout, labels: str) -> str | None:
    return next((label for label, axis in zip(labels, layout.axes, strict=True) if "T" in axis), None)


def pair_views(part: Pair, layouts: Layouts, time_steps: int) -> tuple[PairView, PairView]:
    """Views of both operands; unattributed where their samples do not lie on one shared index."""
    a, b = layouts
    on_a, on_b = _label_of_sample(a, part.labels_a), _label_of_sample(b, part.labels_b)
    if on_a is None or on_a != on_b:
        a = b = None
    shared = [
        key
        for label, axis in zip(part.labels_a, _axes(a, part.labels_a), strict=True)
        if label in part.labels_b
        for key in _keys(label, axis)
        if key not in ("T", "N")
    ]
    return PairView(a, part.labels_a, shared, time_steps), PairView(b, part.labels_b, shared, time_steps)


def _label_of_sample(layout: Layout | None, labels: str) -> tuple[str, Sequence[int | str]] | None:
    """The index samples lie on and how they are folded into it; None where that is not known."""
    axes = () if layout is None else zip(labels, layout.axes, strict=True)
    return next(((label, axis) for label, axis in axes if "N" in axis), None)


def pair_size(part: Pair, layouts: Layouts, views: Sequence[PairView]) -> int:
    """Pairs of one sample in one step, no zero skipped (of the whole call where samples cannot be told apart)."""
    size: dict[str, int] = {}
    for labels, operand in ((part.labels_a, part.a), (part.labels_b, part.b)):
        size |= dict(zip(labels, operand.shape, strict=True))
    total = int(np.prod(list(size.values()), dtype=np.int64))
    known = [(layout, x) for layout, x in zip(layouts, (part.a, part.b), strict=True) if layout is not None]
    if not views[0].attributed:
        return total
    layout, x = next(((layout, x) for layout, x in known if layout.time), known[0])
    return total // max(cells(layout, x, views[0].time_steps), 1)
