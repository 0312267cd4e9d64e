"""Where two traces of the same samples differ: rounding can flip a spike near its threshold, and then it is named."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from snn_eval.errors import CountError
from snn_eval.trace.parts import Trace

__all__ = ["differing_samples"]

Int = NDArray[np.int64]


def differing_samples(a: Trace, b: Trace) -> Int:
    """Ids of the samples whose spikes, inputs or operations are not the same in two traces of one network.

    In float64, or where every value is a short binary fraction, there are none, whatever the batch size; in float32 a
    matrix product may be summed in another order for another batch size, and a potential next to its threshold may end
    on the other side.

    Args:
        a, b: traces of the same samples (in any order) and layers.

    Returns:
        the ids, ascending.

    Raises:
        CountError: other samples or other layers.
    """
    at_a, at_b = np.argsort(a.samples.id), np.argsort(b.samples.id)
    ids = a.samples.id[at_a]
    if not np.array_equal(ids, b.samples.id[at_b]):
        raise CountError("the two traces hold different samples; expected the same ids")
    counts_a, counts_b = _counts(a), _counts(b)
    if counts_a.keys() != counts_b.keys():
        raise CountError("the two traces hold different layers; expected the same network")
    differs = np.zeros(len(ids), bool)
    for name, mine in counts_a.items():
        other = counts_b[name]
        if mine.shape[-1] == len(ids) == other.shape[-1]:
            left, right = mine[..., at_a], other[..., at_b]
            differs |= (left != right).reshape(-1, len(ids)).any(axis=0)
    return ids[differs]


def _counts(trace: Trace) -> dict[str, Int]:
    """Counts by step and sample, levels and operands summed (traces may know different levels)."""
    found: dict[str, Int] = {}
    for layer in trace.synaptic:
        found[f"inputs {layer.name}"] = layer.inputs_VTN.sum(axis=0)
        found[f"ops {layer.name}"] = layer.ops_VTN.reshape(-1, *layer.ops_VTN.shape[-2:]).sum(axis=0)
    for neuron in trace.neurons:
        found[f"spikes {neuron.name}"] = neuron.spikes_TN
    return found
