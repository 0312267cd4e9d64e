"""What a trace consists of: samples, readout, and the counts of every layer, as frozen dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from snn_eval.errors import CountError, NotFiniteError

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
    for ``readout_TNK`` (then None) above 100 classes; ``classes`` is then their number K.
    """

    readout_TNK: Float32 | None
    kind: Literal["per-step", "final"]
    causal: Literal["yes", "no", "unknown"] = "unknown"
    not_causal_layer: str | None = None
    encoding_depends_on_time_steps: bool = False
    summary: OutputSummary | None = None
    classes: int = 0


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
        partner_collapsed: whether the second operand of a product showed more than ``MAX_LEVELS`` values. (That the
            first did is seen in the last row of ``inputs_VTN``.)
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
    partner_collapsed: bool = False

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
    """Facts of the network alone (bytes include zeros; ``buffer_bytes`` leaves out neuron state)."""

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
        """Raise CountError unless all parts agree on the number of samples and every readout is a number."""
        n = len(self.samples)
        if len(np.unique(self.samples.id)) != n:
            raise CountError("a sample id occurs twice in the trace")
        readout = self.output.readout_TNK
        if readout is not None and readout.shape[1] != n:
            raise CountError(f"the readout has {readout.shape[1]} samples, expected {n}")
        if readout is not None and np.isnan(readout).any():
            raise NotFiniteError(
                "the readout: NaN for a sample; expected numbers, of which the largest is the decision. "
                "Check the checkpoint's weights and the normalisation of the data"
            )
        for layer in self.synaptic:
            layer.check()
            if layer.attributed and layer.ops_VTN.shape[-1] != n:
                raise CountError(f"layer {layer.name}: counts of {layer.ops_VTN.shape[-1]} samples, expected {n}")
        for neuron in self.neurons:
            if neuron.spikes_TN.shape[-1] not in (1, n):
                raise CountError(f"neurons {neuron.name}: {neuron.spikes_TN.shape[-1]} samples, expected {n}")
            if min(neuron.spikes_TN.min(initial=0), neuron.per_neuron.min(initial=0)) < 0:
                raise CountError(f"neurons {neuron.name}: a count is negative")
        for op in self.elementwise:
            if op.effective_TN is not None and op.effective_TN.min(initial=0) < 0:
                raise CountError(f"operation {op.name}: a count is negative ({op.effective_TN.min()})")
