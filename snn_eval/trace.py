"""The trace: exact counts of one pass over a data set, from which every number is derived.

Axes are named in suffixes: V levels (the last entry: all other values), W levels of the second operand
of a product, T executed steps of that layer (``T_l``: the suite's T, or 1 for a layer executed once for
all steps), N samples (or 1 where a call could not be attributed to samples), K classes.
Counts are int64. No torch here: whoever holds a ``trace.h5`` can compute everything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from snn_eval.errors import CountError

__all__ = [
    "MAX_LEVELS",
    "ElementwiseOp",
    "ModelFacts",
    "NeuronLayer",
    "Output",
    "OutputSummary",
    "PassFacts",
    "Samples",
    "SynapticLayer",
    "Trace",
    "UnknownOp",
    "concatenate",
]

Int = NDArray[np.int64]
Float = NDArray[np.float64]
Float32 = NDArray[np.float32]

MAX_LEVELS = 16
"""Distinct input values counted one by one in a layer; a layer that shows more keeps only the sum."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Who was measured.

    ``group_id`` is the recording a clip belongs to (equal to ``id`` where samples stand alone);
    ``valid_steps`` is how many of the T steps hold data; ``batch`` the chunk a sample ran in.
    """

    id: Int
    target: Int
    group_id: Int
    valid_steps: Int
    batch: Int
    split: str = "test"

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True, slots=True)
class OutputSummary:
    """What is kept of the mean readout over steps ≤ t when there are too many classes to keep all.

    Probabilities are softmax values of the running mean readout.
    """

    top5_TN5: Int
    target_value_TN: Float32
    entropy_TN: Float32
    max_probability_TN: Float32


@dataclass(frozen=True, slots=True)
class Output:
    """The network's readout: ``[T,N,K]`` where it is given per step, ``[1,N,K]`` where it is only final.

    ``causal``: whether the first steps do not change when the number of steps does. ``summary`` stands in
    for ``readout_TNK`` (then None) above 100 classes.
    """

    readout_TNK: Float32 | None
    kind: Literal["per-step", "final"]
    causal: Literal["yes", "no", "unknown"] = "unknown"
    not_causal_layer: str | None = None
    encoding_depends_on_time_steps: bool = False
    summary: OutputSummary | None = None


@dataclass(frozen=True, slots=True)
class SynapticLayer:
    """Inputs and operations of one layer that multiplies inputs by weights (or two activations).

    Attributes:
        name: module path of the call; a second call per step is ``name#2``.
        kind: ``conv``, ``conv_transpose``, ``linear``, ``recurrent`` or ``product`` (two activations).
        levels: the distinct nonzero input values ``[V]``, ascending; empty where the layer collapsed.
        inputs_VTN: nonzero inputs ``[V+1,T,N]``, by level; last row: all other values.
        ops_VTN: effective operations, one for each nonzero input and each nonzero weight it meets,
            ``[V+1,T,N]``. For a product ``[V+1,W+1,T,N]``: pairs of nonzero operands by both levels.
        ops_weighted_TN: sum of |v| · fan-out (for a product, of |v·w|) over the nonzero inputs.
        input_sum_TN: sum of the input values.
        structural_ops_VTN: as ``ops_VTN`` without skipping zero weights; None where equal.
        partner_levels: for a product, the levels ``[W]`` of the second operand.
        source: what the input is: ``hidden`` (another layer's output: decided by values), or the declared
            kind of the network's own input (``real``, ``spikes``, ``counts``).
        dense_ops: operations of one sample in one executed step with no zero skipped, border taps out.
        dense_ops_with_border: the same with taps that fall on padding counted in.
        inputs_per_step: input elements of one sample in one executed step.
        calls: calls per forward pass. schedule: ``once`` (one execution serves all T steps) or ``per-step``.
        time_invariant: the network's own static input, executed again at each step.
        attributed: False where samples could not be told apart (N axis of length 1: the set's sum).
    """

    name: str
    kind: str
    operation: str
    levels: Float
    inputs_VTN: Int
    ops_VTN: Int
    ops_weighted_TN: Float
    input_sum_TN: Float
    structural_ops_VTN: Int | None = None
    partner_levels: Float | None = None
    source: Literal["hidden", "real", "spikes", "counts"] = "hidden"
    weight_shape: tuple[int, ...] = ()
    weight_count: int = 0
    nonzero_weights: int = 0
    weight_bits: int = 32
    bias: bool = False
    kernel: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    padding: tuple[int, ...] = ()
    output_padding: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    groups: int = 1
    input_shape: tuple[int, ...] = ()
    output_shape: tuple[int, ...] = ()
    dense_ops: int = 0
    dense_ops_with_border: int = 0
    inputs_per_step: int = 0
    calls: int = 1
    schedule: Literal["once", "per-step"] = "per-step"
    time_invariant: bool = False
    minimum: float = 0.0
    maximum: float = 0.0
    attributed: bool = True

    @property
    def is_product(self) -> bool:
        """Whether both operands are activations."""
        return self.partner_levels is not None

    @property
    def steps(self) -> int:
        """Executed steps T_l."""
        return int(self.ops_VTN.shape[-2])

    def check(self) -> None:
        """Raise CountError unless shapes agree and no count is negative."""
        v = len(self.levels) + 1
        want = self.inputs_VTN.shape[-2:]
        lead = (v,) if self.partner_levels is None else (v, len(self.partner_levels) + 1)
        if self.inputs_VTN.shape != (v, *want) or self.ops_VTN.shape != (*lead, *want):
            raise CountError(
                f"layer {self.name}: {len(self.levels)} levels need inputs {(v, *want)} and ops {(*lead, *want)}, "
                f"got {self.inputs_VTN.shape} and {self.ops_VTN.shape}"
            )
        for counts in (self.inputs_VTN, self.ops_VTN, self.structural_ops_VTN):
            if counts is not None and counts.size and counts.min() < 0:
                raise CountError(f"layer {self.name}: a count is negative ({counts.min()})")


@dataclass(frozen=True, slots=True)
class NeuronLayer:
    """Spikes of one neuron layer, and what its neurons cost per update.

    Attributes:
        spikes_TN: nonzero outputs per step and sample.
        per_neuron: nonzero outputs summed over samples, ``[T,*shape]``; ``[*shape]`` where the per-step
            map was too large (``per_step_map`` False).
        model: ``if``, ``lif``, ``plif``, ``alif``, ``synaptic``, … ; reset: ``hard``, ``soft``, ``none``.
        role: ``hidden``, ``output``, ``gate`` or ``encoder``.
        states: state variables per neuron. mul, add, compare: operations per neuron and update.
        has_threshold: False for integrators without a threshold; these never count as spiking.
    """

    name: str
    spikes_TN: Int
    per_neuron: Int
    per_step_map: bool = True
    shape: tuple[int, ...] = ()
    model: str = "unknown"
    reset: str = "unknown"
    role: Literal["hidden", "output", "gate", "encoder"] = "hidden"
    states: int = 1
    mul: int = 0
    add: int = 0
    compare: int = 0
    has_threshold: bool = True

    @property
    def neurons(self) -> int:
        """Number of neurons n_l."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def steps(self) -> int:
        """Executed steps T_l."""
        return int(self.spikes_TN.shape[0])


@dataclass(frozen=True, slots=True)
class ElementwiseOp:
    """Arithmetic that is not a synaptic operation: multiplications, additions, comparisons of one sample in one step.

    ``kind`` ∈ bias, norm, pool, residual_add, gate, softmax, activation, scale, exit_check, recurrent_gate.
    ``exponentials`` counts evaluations of exp, tanh and the like. ``effective_TN`` (residual_add, gate) counts
    the positions where both operands are nonzero. ``fused_into`` names the synaptic layer a norm folds into:
    its multiplications vanish into the weights and one addition per output (the bias) remains.
    """

    name: str
    kind: str
    steps: int
    mul: int = 0
    add: int = 0
    compare: int = 0
    exponentials: int = 0
    effective_TN: Int | None = None
    fused_into: str | None = None


@dataclass(frozen=True, slots=True)
class UnknownOp:
    """An operation without a rule: how often it was called in one forward pass, on how many elements of a sample."""

    name: str
    calls: int
    elements: int


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Facts of the network that do not depend on data (bytes include zeros; ``buffers_bytes`` leaves out neuron state)."""

    parameter_count: int
    parameter_bytes: int
    buffer_bytes: int
    nonzero_parameters: int
    state_bytes: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class PassFacts:
    """How the pass was made: what must match for counts to be compared by equality, and what was noticed."""

    batch_size: int
    dtype: str
    device: str
    threads: int
    packages: Mapping[str, str] = field(default_factory=dict)
    machine: str = ""
    stochastic: bool = False
    bare_forward_s: tuple[float, ...] = ()
    wall_s: float = 0.0
    peak_memory_bytes: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """All counts of one pass. ``graph`` holds (producer, consumer) names in call order."""

    time_steps: int
    samples: Samples
    output: Output
    synaptic: tuple[SynapticLayer, ...]
    neurons: tuple[NeuronLayer, ...]
    elementwise: tuple[ElementwiseOp, ...]
    unknown: tuple[UnknownOp, ...]
    graph: tuple[tuple[str, str], ...]
    model: ModelFacts
    facts: PassFacts
    input_kind: Literal["real", "spikes", "counts"] = "real"
    input_events_TN: Int | None = None

    def check(self) -> None:
        """Raise CountError unless all parts agree on the number of samples."""
        n = len(self.samples)
        if len(np.unique(self.samples.id)) != n:
            raise CountError("a sample id occurs twice in the trace")
        for layer in self.synaptic:
            layer.check()
            if layer.attributed and layer.ops_VTN.shape[-1] != n:
                raise CountError(f"layer {layer.name}: counts of {layer.ops_VTN.shape[-1]} samples, expected {n}")
        for neuron in self.neurons:
            if neuron.spikes_TN.shape[-1] not in (1, n):
                raise CountError(f"neurons {neuron.name}: {neuron.spikes_TN.shape[-1]} samples, expected {n}")


def concatenate(traces: Sequence[Trace]) -> Trace:
    """Join traces of disjoint samples of one network into one, ordered by sample id.

    Levels are united; a layer that then has more than ``MAX_LEVELS`` keeps only the sum.

    Raises:
        CountError: no trace, a sample id given twice, or traces of different networks.
    """
    if not traces:
        raise CountError("nothing to concatenate: expected at least one trace")
    first = traces[0]
    order = np.argsort(np.concatenate([t.samples.id for t in traces]), kind="stable")
    for other in traces[1:]:
        if other.time_steps != first.time_steps or _names(other) != _names(first) or other.model != first.model:
            raise CountError("traces of different networks cannot be concatenated")
    joined = replace(
        first,
        samples=_join_samples([t.samples for t in traces], order),
        output=_join_output([t.output for t in traces], order),
        synaptic=tuple(_join_synaptic(parts, order) for parts in zip(*(t.synaptic for t in traces), strict=True)),
        neurons=tuple(_join_neurons(parts, order) for parts in zip(*(t.neurons for t in traces), strict=True)),
        elementwise=tuple(
            _join_elementwise(parts, order) for parts in zip(*(t.elementwise for t in traces), strict=True)
        ),
        input_events_TN=_join_optional([t.input_events_TN for t in traces], order),
        facts=_join_facts([t.facts for t in traces]),
    )
    joined.check()
    return joined


def _names(trace: Trace) -> tuple[tuple[str, ...], ...]:
    return (
        tuple(layer.name for layer in trace.synaptic),
        tuple(layer.name for layer in trace.neurons),
        tuple(op.name for op in trace.elementwise),
    )


def _join_samples(parts: Sequence[Samples], order: Int) -> Samples:
    arrays: dict[str, Any] = {
        f.name: np.concatenate([getattr(p, f.name) for p in parts])[order]
        for f in fields(Samples)
        if f.name != "split"
    }
    if len(np.unique(arrays["id"])) != len(arrays["id"]):
        raise CountError("a sample id occurs in two of the traces to concatenate")
    return Samples(**arrays, split=parts[0].split)


def _join_output(parts: Sequence[Output], order: Int) -> Output:
    first = parts[0]
    summary = None
    if first.summary is not None:
        summaries = [p.summary for p in parts if p.summary is not None]
        summary = OutputSummary(
            **{f.name: np.concatenate([getattr(s, f.name) for s in summaries], 1)[:, order] for f in fields(OutputSummary)}
        )
    readout = _join_optional([p.readout_TNK for p in parts], order, axis=1)
    return replace(first, readout_TNK=readout, summary=summary)


def _join_optional(parts: Sequence[Any], order: Int, axis: int = -1) -> Any:
    if any(p is None for p in parts):
        return None
    return np.take(np.concatenate(parts, axis=axis), order, axis=axis)


def _join_synaptic(parts: Sequence[SynapticLayer], order: Int) -> SynapticLayer:
    rows, levels = _united([p.levels for p in parts], [bool(p.inputs_VTN[-1].any()) for p in parts])
    cols, partner = _united(
        [np.zeros(0) if p.partner_levels is None else p.partner_levels for p in parts],
        [p.partner_levels is not None and bool(p.ops_VTN[:, -1].any()) for p in parts],
    )
    first = parts[0]

    def spread(counts: Int, row: Int, col: Int | None) -> Int:
        out = np.zeros((len(levels) + 1, *counts.shape[1:]), np.int64)
        np.add.at(out, row, counts)
        if col is None:
            return out
        wide = np.zeros((out.shape[0], len(partner) + 1, *out.shape[2:]), np.int64)
        np.add.at(wide, (slice(None), col), out)
        return wide

    def join(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
        if not first.attributed:
            return np.asarray(np.sum(arrays, axis=0))
        return np.take(np.concatenate(arrays, axis=-1), order, axis=-1)

    def column(i: int) -> Int | None:
        return cols[i] if first.is_product else None

    structural = None
    if any(p.structural_ops_VTN is not None for p in parts):
        filled = [p.ops_VTN if p.structural_ops_VTN is None else p.structural_ops_VTN for p in parts]
        structural = join([spread(s, rows[i], column(i)) for i, s in enumerate(filled)])
    return replace(
        first,
        levels=levels,
        partner_levels=partner if first.is_product else None,
        inputs_VTN=join([spread(p.inputs_VTN, rows[i], None) for i, p in enumerate(parts)]),
        ops_VTN=join([spread(p.ops_VTN, rows[i], column(i)) for i, p in enumerate(parts)]),
        structural_ops_VTN=structural,
        ops_weighted_TN=join([p.ops_weighted_TN for p in parts]),
        input_sum_TN=join([p.input_sum_TN for p in parts]),
        minimum=min(p.minimum for p in parts),
        maximum=max(p.maximum for p in parts),
    )


def _united(levels: Sequence[Float], has_other: Sequence[bool]) -> tuple[list[Int], Float]:
    """Rows of each part's levels in the united levels (ascending); a collapsed or too rich union has none."""
    union = np.unique(np.concatenate(levels)) if levels else np.zeros(0)
    if any(has_other) or len(union) > MAX_LEVELS:
        union = np.zeros(0)
    rows = []
    for part in levels:
        row = np.searchsorted(union, part) if len(union) else np.zeros(len(part), np.int64)
        rows.append(np.append(row, len(union)).astype(np.int64))
    return rows, union


def _join_neurons(parts: Sequence[NeuronLayer], order: Int) -> NeuronLayer:
    first = parts[0]
    spikes = np.concatenate([p.spikes_TN for p in parts], axis=-1)
    attributed = len(order) == spikes.shape[-1]
    return replace(
        first,
        spikes_TN=spikes[:, order] if attributed else spikes.sum(axis=-1, keepdims=True),
        per_neuron=np.sum([p.per_neuron for p in parts], axis=0),
    )


def _join_elementwise(parts: Sequence[ElementwiseOp], order: Int) -> ElementwiseOp:
    return replace(parts[0], effective_TN=_join_optional([p.effective_TN for p in parts], order))


def _join_facts(parts: Sequence[PassFacts]) -> PassFacts:
    notes = tuple(dict.fromkeys(note for p in parts for note in p.notes))
    return replace(
        parts[0],
        stochastic=any(p.stochastic for p in parts),
        bare_forward_s=tuple(s for p in parts for s in p.bare_forward_s),
        wall_s=sum(p.wall_s for p in parts),
        peak_memory_bytes=max(p.peak_memory_bytes for p in parts),
        notes=notes,
    )
