"""Joins traces of disjoint samples, so that resuming, limiting and many processes give equal counts by construction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn_eval.errors import CountError
from snn_eval.trace.parts import (
    MAX_LEVELS,
    Float,
    Int,
    NeuronLayer,
    Output,
    OutputSummary,
    PassFacts,
    Samples,
    SynapticLayer,
    Trace,
    UnknownOp,
)

__all__ = ["concatenate"]


def concatenate(traces: Sequence[Trace]) -> Trace:
    """Join traces of disjoint samples of one network into one, ordered by sample id.

    The outcome depends on the traces only, neither on their order nor on how they are grouped. Levels are united;
    a layer that then has more than ``MAX_LEVELS``, or that was collapsed in one trace, keeps only the sum. Where one
    trace could not attribute a call to samples the outcome is the set's sum.

    Raises:
        CountError: no trace, a sample id given twice, or traces of different networks or passes.
    """
    if not traces:
        raise CountError("nothing to concatenate: expected at least one trace")
    traces = sorted(traces, key=lambda t: tuple(np.sort(t.samples.id)[:1]))
    first = traces[0]
    for other in traces[1:]:
        _check_same_pass(first, other)
    sizes = [len(t.samples) for t in traces]
    order = np.argsort(np.concatenate([t.samples.id for t in traces]), kind="stable")
    joined = replace(
        first,
        samples=_join_samples([t.samples for t in traces], order),
        output=_join_output([t.output for t in traces], order),
        synaptic=tuple(_join_synaptic(parts, order) for parts in zip(*(t.synaptic for t in traces), strict=True)),
        neurons=tuple(_join_neurons(parts, sizes, order) for parts in zip(*(t.neurons for t in traces), strict=True)),
        elementwise=tuple(
            replace(parts[0], effective_TN=_join_optional([p.effective_TN for p in parts], sizes, order))
            for parts in zip(*(t.elementwise for t in traces), strict=True)
        ),
        unknown=_join_unknown([t.unknown for t in traces]),
        graph=tuple(dict.fromkeys(edge for t in traces for edge in t.graph)),
        input_events_TN=_join_optional([t.input_events_TN for t in traces], sizes, order),
        facts=_join_facts([t.facts for t in traces]),
    )
    joined.check()
    return joined


def _check_same_pass(first: Trace, other: Trace) -> None:
    """Raise CountError, naming the difference, unless both traces may be parts of one pass."""

    def facts(trace: Trace) -> dict[str, object]:
        found: dict[str, object] = {
            "time_steps": trace.time_steps,
            "split": trace.samples.split,
            "input_kind": trace.input_kind,
            "model": trace.model,
            "synaptic layers": [(x.name, x.kind, x.source, x.is_product, x.steps, x.dense_ops) for x in trace.synaptic],
            "neuron layers": [(x.name, x.steps, x.per_step_map, x.shape) for x in trace.neurons],
            "element-wise operations": [(x.name, x.kind, x.steps) for x in trace.elementwise],
            "readout": (trace.output.kind, trace.output.summary is None, trace.output.readout_TNK is None),
        }
        for name in ("batch_size", "dtype", "device", "threads", "packages"):
            found[name] = getattr(trace.facts, name)
        return found

    theirs = facts(other)
    for name, mine in facts(first).items():
        if mine != theirs[name]:
            raise CountError(
                f"traces of different networks or passes cannot be concatenated: {name} is "
                f"{_difference(mine, theirs[name])}; measure all samples anew"
            )


def _difference(one: object, other: object) -> str:
    """The first place where two facts differ, short enough for one line."""
    if isinstance(one, list) and isinstance(other, list):
        pairs = zip(one, other, strict=False)
        one, other = next(((a, b) for a, b in pairs if a != b), (f"{len(one)} entries", f"{len(other)} entries"))
    return f"{one} in one and {other} in another"


def _join_samples(parts: Sequence[Samples], order: Int) -> Samples:
    arrays: dict[str, Any] = {
        f.name: np.concatenate([getattr(p, f.name) for p in parts])[order] for f in fields(Samples) if f.name != "split"
    }
    again = arrays["id"][1:][np.diff(arrays["id"]) == 0]
    if len(again):
        raise CountError(f"sample id {again[0]} occurs twice in the traces to concatenate; expected disjoint samples")
    return Samples(**arrays, split=parts[0].split)


def _join_output(parts: Sequence[Output], order: Int) -> Output:
    """The joined readout; causal only if it is so in every part."""
    summaries = [p.summary for p in parts if p.summary is not None]
    readouts = [p.readout_TNK for p in parts if p.readout_TNK is not None]
    summary = {
        f.name: np.concatenate([getattr(s, f.name) for s in summaries], axis=1)[:, order]
        for f in (fields(OutputSummary) if summaries else ())
    }
    causal = {p.causal for p in parts}
    return replace(
        parts[0],
        readout_TNK=np.concatenate(readouts, axis=1)[:, order] if readouts else None,
        summary=OutputSummary(**summary) if summaries else None,
        causal="no" if "no" in causal else "unknown" if "unknown" in causal else "yes",
        not_causal_layer=next((p.not_causal_layer for p in parts if p.not_causal_layer is not None), None),
        encoding_depends_on_time_steps=any(p.encoding_depends_on_time_steps for p in parts),
    )


def _join_columns(parts: Sequence[Int], sizes: Sequence[int], order: Int) -> Int:
    """Counts ``[…,N]`` of all samples by ``order``; the set's sum where one part has no column per sample."""
    if any(p.shape[-1] != size for p, size in zip(parts, sizes, strict=True)):
        return _sum([p.sum(axis=-1, keepdims=True) for p in parts])
    joined: Int = np.concatenate(parts, axis=-1)[..., order]
    return joined


def _join_optional(parts: Sequence[Int | None], sizes: Sequence[int], order: Int) -> Int | None:
    known = [p for p in parts if p is not None]
    return _join_columns(known, sizes, order) if len(known) == len(parts) else None


def _sum(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """The element-wise sum, without stacking the parts (maps per neuron may be large)."""
    total = parts[0].copy()
    for part in parts[1:]:
        total += part
    return total


def _join_synaptic(parts: Sequence[SynapticLayer], order: Int) -> SynapticLayer:
    first = parts[0]
    attributed = all(p.attributed for p in parts)
    rows, levels, _ = _united(
        [np.where(p.inputs_VTN[:-1].any(axis=(1, 2)), p.levels, np.nan) for p in parts],
        [bool(p.inputs_VTN[-1].any()) for p in parts],
    )
    cols, partner, partner_collapsed = _united(
        [np.zeros(0) if p.partner_levels is None else p.partner_levels for p in parts],
        [p.partner_collapsed or (p.is_product and bool(p.ops_VTN[:, -1].any())) for p in parts],
    )

    def spread(counts: Int, part: int, product: bool) -> Int:
        spread_rows = _scatter(counts, rows[part], len(levels) + 1)
        if not product:
            return spread_rows
        return _scatter(spread_rows.swapaxes(0, 1), cols[part], len(partner) + 1).swapaxes(0, 1)

    def join(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
        if not attributed:
            return _sum([a.sum(axis=-1, keepdims=True) for a in arrays])
        joined: NDArray[Any] = np.concatenate(arrays, axis=-1)[..., order]
        return joined

    structural = None
    if any(p.structural_ops_VTN is not None for p in parts):
        filled = [p.ops_VTN if p.structural_ops_VTN is None else p.structural_ops_VTN for p in parts]
        structural = join([spread(s, i, first.is_product) for i, s in enumerate(filled)])
    return replace(
        first,
        levels=levels,
        partner_levels=partner if first.is_product else None,
        partner_collapsed=partner_collapsed,
        inputs_VTN=join([spread(p.inputs_VTN, i, False) for i, p in enumerate(parts)]),
        ops_VTN=join([spread(p.ops_VTN, i, first.is_product) for i, p in enumerate(parts)]),
        structural_ops_VTN=structural,
        ops_weighted_TN=join([p.ops_weighted_TN for p in parts]),
        input_sum_TN=join([p.input_sum_TN for p in parts]),
        minimum=min(p.minimum for p in parts),
        maximum=max(p.maximum for p in parts),
        attributed=attributed,
    )


def _scatter(counts: Int, rows: Int, length: int) -> Int:
    """``out[rows[i]] += counts[i]`` into zeros of ``length`` rows; several rows may go to one."""
    out = np.zeros((length, *counts.shape[1:]), np.int64)
    for row, target in enumerate(rows):
        out[target] += counts[row]
    return out


def _united(levels: Sequence[Float], collapsed: Sequence[bool]) -> tuple[list[Int], Float, bool]:
    """Rows of each part's levels in the united levels (ascending), these, and whether they collapsed.

    A level given as NaN holds no count in its part and does not enter the union.
    """
    union = np.unique(np.concatenate(levels))
    union = union[~np.isnan(union)]
    collapse = any(collapsed) or len(union) > MAX_LEVELS
    if collapse:
        union = np.zeros(0)
    rows = []
    for part in levels:
        row = np.zeros(len(part), np.int64) if collapse else np.searchsorted(union, part)
        rows.append(np.append(row, len(union)).astype(np.int64))
    return rows, union, collapse


def _join_neurons(parts: Sequence[NeuronLayer], sizes: Sequence[int], order: Int) -> NeuronLayer:
    spikes_TN = _join_columns([p.spikes_TN for p in parts], sizes, order)
    return replace(parts[0], spikes_TN=spikes_TN, per_neuron=_sum([p.per_neuron for p in parts]))


def _join_unknown(parts: Sequence[Sequence[UnknownOp]]) -> tuple[UnknownOp, ...]:
    """Every operation unknown in one of the parts, with the most calls and elements seen in one forward pass."""
    joined: dict[str, UnknownOp] = {}
    for op in (op for part in parts for op in part):
        seen = joined.get(op.name, op)
        joined[op.name] = UnknownOp(op.name, max(op.calls, seen.calls), max(op.elements, seen.elements))
    return tuple(joined[name] for name in sorted(joined))


def _join_facts(parts: Sequence[PassFacts]) -> PassFacts:
    """Facts of all parts; times are kept ascending, as parts made on several processes have no common order."""
    return replace(
        parts[0],
        machine=" + ".join(sorted({m for p in parts for m in p.machine.split(" + ")} - {""})),
        stochastic=any(p.stochastic for p in parts),
        bare_forward_s=tuple(sorted(s for p in parts for s in p.bare_forward_s)),
        wall_s=sum(p.wall_s for p in parts),
        peak_memory_bytes=max(p.peak_memory_bytes for p in parts),
        notes=tuple(sorted({note for p in parts for note in p.notes})),
    )
