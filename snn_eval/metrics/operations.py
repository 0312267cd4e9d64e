"""Synaptic operations of a trace under every convention in use: one table, one small function each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snn_eval.energy.work import SYNAPTIC, Work
from snn_eval.errors import RefusedError
from snn_eval.metrics.levels import LayerClasses, classify
from snn_eval.metrics.rates import constant, orrc, rate_flops, syops_counter
from snn_eval.trace import SynapticLayer, Trace

__all__ = ["CONVENTIONS", "Convention", "class_operations", "classify", "dense_operations", "operations", "stem_view"]

Int = NDArray[np.int64]
Weights = tuple[Int, Int]


@dataclass(frozen=True, slots=True)
class Convention:
    """A way to turn counts into AC and MAC.

    ``count`` gives the work of every layer, as ``Work`` with kinds ``ac`` and ``mac``. ``in_total``: whether the
    convention may be used for the energy ``total`` (not where it has norm or pool terms of its own, or only rates).
    ``dense``: whether zeros are not skipped, in element-wise operations too.
    """

    name: str
    version: int
    summary: str
    count: Callable[[Trace], list[Work]]
    in_total: bool = True
    dense: bool = False


def operations(trace: Trace, convention: str = "exact") -> list[Work]:
    """AC and MAC of each synaptic layer, step and sample under a convention.

    Returns:
        One ``Work`` a layer, counts ``ac`` and ``mac`` of shape ``[T_l,N]``.

    Raises:
        RefusedError: an unknown convention, or one that is not defined for a layer of the trace (named).
    """
    if convention not in CONVENTIONS:
        raise RefusedError(f"unknown convention {convention!r}; there are {', '.join(CONVENTIONS)}")
    return CONVENTIONS[convention].count(trace)


def class_operations(trace: Trace, *, structural: bool = False) -> dict[str, int]:
    """Operations of the classes unit, integer and real over the whole trace; they sum to all operations."""
    totals = {"unit": 0, "integer": 0, "real": 0}
    for layer in trace.synaptic:
        classes = classify(layer)
        per_row = _ops(layer, structural).sum(axis=(-2, -1))
        totals["unit"] += int(per_row[classes.unit].sum())
        totals["integer"] += int(per_row[classes.integer].sum())
        totals["real"] += int(per_row[classes.real].sum())
    return totals


def dense_operations(trace: Trace, *, border: bool = False) -> list[Work]:
    """Operations with no zero skipped: dense ops of one sample in one step, T_l times; all of them MAC.

    ``border`` counts taps that fall on padding, too.
    """
    return [
        constant(layer, trace, mac=layer.dense_ops_with_border if border else layer.dense_ops)
        for layer in trace.synaptic
    ]


def stem_view(trace: Trace, work: list[Work], view: str) -> list[Work] | None:
    """The operations as if layers on a static input ran ``once`` for all steps, or at ``every-step``.

    A layer executed once is multiplied by T for ``every-step``; a layer that ran again on the same static input at each
    step is divided by T (its steps are equal) for ``once``. None where no layer runs on a static input.
    """
    static = {layer.name for layer in trace.synaptic if layer.time_invariant or layer.schedule == "once"}
    if not static:
        return None

    def reshaped(item: Work) -> Work:
        if item.name not in static:
            return item
        steps = 1 if view == "once" else trace.time_steps
        counts = {k: np.broadcast_to(c[:1], (steps, c.shape[1])) for k, c in item.counts.items()}
        return Work(item.name, item.component, counts, item.attributed)

    return [reshaped(item) for item in work]


def _ops(layer: SynapticLayer, structural: bool = False) -> Int:
    return layer.structural_ops_VTN if structural and layer.structural_ops_VTN is not None else layer.ops_VTN


def _weigh(ops: Int, weights: Int) -> Int:
    """Sum over the rows (pairs) of ops · weight, ``[T,N]``; rows of weight 0 are not read."""
    out = np.zeros(ops.shape[-2:], np.int64)
    for row in zip(*np.nonzero(weights), strict=True):
        out += ops[row] if weights[row] == 1 else ops[row] * weights[row]
    return out


def _by_level(weigh: Callable[[LayerClasses], Weights], *, structural: bool = False) -> Callable[[Trace], list[Work]]:
    """A convention that gives each level (pair of levels) its number of AC and of MAC."""

    def count(trace: Trace) -> list[Work]:
        work = []
        for layer in trace.synaptic:
            ac, mac = weigh(classify(layer))
            ops = _ops(layer, structural)
            work.append(Work(layer.name, SYNAPTIC, {"ac": _weigh(ops, ac), "mac": _weigh(ops, mac)}, layer.attributed))
        return work

    return count


def _exact(classes: LayerClasses) -> Weights:
    return classes.unit.astype(np.int64), (~classes.unit).astype(np.int64)


def _expanded(classes: LayerClasses) -> Weights:
    return classes.additions, classes.real.astype(np.int64)


def _is_one(classes: LayerClasses) -> NDArray[np.bool_]:
    left = classes.left.unit & (classes.left.quantum == 1.0)
    return classes.combine(left, None if classes.right is None else classes.right.unit & (classes.right.quantum == 1.0))


def _exact_unfolded(classes: LayerClasses) -> Weights:
    one = _is_one(classes)
    return one.astype(np.int64), (~one).astype(np.int64)


def _per_layer(classes: LayerClasses) -> Weights:
    operands = [classes.left] if classes.right is None else [classes.left, classes.right]
    spikes = any(o.all_unit and o.quantum in (1.0, None) for o in operands)
    ones, zeros = np.ones_like(classes.additions), np.zeros_like(classes.additions)
    return (ones, zeros) if spikes else (zeros, ones)


def _dense(trace: Trace) -> list[Work]:
    work = []
    for layer in trace.synaptic:
        classes = classify(layer)
        spikes = classes.left.all_unit or (classes.right is not None and classes.right.all_unit)
        work.append(constant(layer, trace, **{"ac" if spikes else "mac": layer.dense_ops}))
    return work


CONVENTIONS: Mapping[str, Convention] = {
    c.name: c
    for c in (
        Convention("exact", 1, "AC: unit inputs; MAC: integer and real ones", _by_level(_exact)),
        Convention("expanded", 1, "AC: unit and integer inputs, unrolled; MAC: real ones", _by_level(_expanded)),
        Convention("exact-unfolded", 1, "AC: inputs of value ±1; MAC: everything else", _by_level(_exact_unfolded)),
        Convention("structural", 1, "exact, without skipping zero weights", _by_level(_exact, structural=True)),
        Convention("per-layer", 1, "AC: layers whose inputs are all 0, ±1; MAC: other layers", _by_level(_per_layer)),
        Convention("dense", 1, "no zero skipped; AC: layers with unit inputs only; MAC: others", _dense, dense=True),
        Convention(
            "syops-counter", 1, "mean input x dense, as the syops counter on one batch", syops_counter, in_total=False
        ),
        Convention("rate-flops", 1, "firing rate x T x FLOPs; MAC: first layer", rate_flops, in_total=False),
        Convention("orrc", 1, "(fan-in - 1) x outputs x rate, norms as MAC", orrc, in_total=False),
    )
}
"""Every convention, by name; a changed rule is a new version."""
