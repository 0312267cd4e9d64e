"""The trace: exact counts of one pass over a data set, from which every number is derived.

Axes are named in suffixes: V levels (the last entry: all other values), W levels of the second operand
of a product, T executed steps of that layer (``T_l``: the suite's T, or 1 for a layer executed once for
all steps), N samples (or 1 where a call could not be attributed to samples), K classes.
Counts are int64. No torch here: whoever holds a ``trace.h5`` can compute everything.
"""

from __future__ import annotations

from snn_eval.trace.differ import differing_samples
from snn_eval.trace.join import concatenate
from snn_eval.trace.parts import (
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
    "differing_samples",
]
