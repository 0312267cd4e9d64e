"""Count by looking at every nonzero input and every weight it meets: slow, plain, and right; what the probe is held to.

Nothing here multiplies matrices or convolves. Every operation exists twice, once walking from the inputs to the
outputs (``*_scatter``) and once from the outputs back to the inputs (``*_gather``); ``test_brute.py`` makes them agree.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Count",
    "attention",
    "begin",
    "einsum_pairs",
    "grid",
    "linear_gather",
    "linear_scatter",
    "meet",
    "total",
]

Array = NDArray[np.float64]
Level = float
Pair = tuple[float, float]


@dataclass
class Count:
    """What one call (one step of one sample) costs.

    Attributes:
        inputs: nonzero inputs by value. ops: operations by input value (products: by both values).
        structural: as ops, zero weights not skipped. weighted: Σ|v|·fan-out. input_sum: Σv.
        dense: no zero skipped, border taps out. dense_border: border taps in. elements: input elements.
        low, high: smallest and largest input value. partner: a product's second operand, by value.
    """

    inputs: Counter[Level] = field(default_factory=Counter)
    ops: Counter[Level | Pair] = field(default_factory=Counter)
    structural: Counter[Level | Pair] = field(default_factory=Counter)
    weighted: float = 0.0
    input_sum: float = 0.0
    dense: int = 0
    dense_border: int = 0
    elements: int = 0
    low: float = math.inf
    high: float = -math.inf
    partner: Counter[Level] = field(default_factory=Counter)

    def __add__(self, other: Count) -> Count:
        return Count(
            self.inputs + other.inputs,
            self.ops + other.ops,
            self.structural + other.structural,
            self.weighted + other.weighted,
            self.input_sum + other.input_sum,
            self.dense + other.dense,
            self.dense_border + other.dense_border,
            self.elements + other.elements,
            min(self.low, other.low),
            max(self.high, other.high),
            self.partner + other.partner,
        )


def total(counts: Sequence[Count]) -> Count:
    """The sum of several counts."""
    out = Count()
    for count in counts:
        out = out + count
    return out


def begin(x: Array) -> Count:
    """A count that knows its inputs and has no operation yet."""
    count = Count(elements=x.size)
    for v in x.ravel().tolist():
        count.low, count.high = min(count.low, v), max(count.high, v)
        if v != 0:
            count.inputs[v] += 1
            count.input_sum += v
    return count


def meet(count: Count, v: float, w: float) -> None:
    """One input value meets one weight."""
    count.dense += 1
    if v != 0:
        count.structural[v] += 1
        if w != 0:
            count.ops[v] += 1
            count.weighted += abs(v)


def grid(size: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Every index of an array of that size."""
    return itertools.product(*(range(s) for s in size))


def linear_scatter(x_MI: Array, w_OI: Array) -> Count:
    """Rows of inputs through a matrix: each input element meets the O weights of its column."""
    count = begin(x_MI)
    columns = [w_OI[:, i].tolist() for i in range(w_OI.shape[1])]
    for row in x_MI.tolist():
        for v, column in zip(row, columns, strict=True):
            for w in column:
                meet(count, v, w)
    count.dense_border = count.dense
    return count


def linear_gather(x_MI: Array, w_OI: Array) -> Count:
    """The same, asked from the outputs: output o of a row reads every input of that row."""
    count = begin(x_MI)
    for row in x_MI:
        for o in range(w_OI.shape[0]):
            for i in range(w_OI.shape[1]):
                meet(count, float(row[i]), float(w_OI[o, i]))
    count.dense_border = x_MI.shape[0] * w_OI.size
    return count


def einsum_pairs(equation: str, a: Array, b: Array) -> Count:
    """A product of two activations: one operation for each index assignment at which both operands are nonzero.

    ``equation`` names every axis (no ellipsis); an axis of length 1 stands for its broadcast.
    """
    terms = equation.split("->")[0].split(",")
    size: dict[str, int] = {}
    for term, operand in zip(terms, (a, b), strict=True):
        for label, n in zip(term, operand.shape, strict=True):
            size[label] = max(size.get(label, 1), n)
    labels = sorted(size)
    count = begin(a)
    count.partner = begin(b).inputs
    for where in grid([size[label] for label in labels]):
        index = dict(zip(labels, where, strict=True))
        v, w = (
            float(operand[tuple(min(index[label], n - 1) for label, n in zip(term, operand.shape, strict=True))])
            for term, operand in zip(terms, (a, b), strict=True)
        )
        _pair(count, v, w)
    count.dense_border = count.dense
    return count


def _pair(count: Count, v: float, w: float) -> None:
    """Two activations are multiplied."""
    count.dense += 1
    if v != 0 and w != 0:
        count.ops[v, w] += 1
        count.structural[v, w] += 1
        count.weighted += abs(v * w)


def attention(
    q_BLE: Array,
    k_BSE: Array,
    v_BSF: Array,
    allowed_BLS: NDArray[np.bool_],
    scale: float | None = None,
    bias: float | Array = 0.0,
) -> tuple[Count, Count]:
    """The two products of scaled dot-product attention, where forbidden pairs are not operations.

    A softmax weight is nonzero exactly where it is allowed (its value is graded: every one is counted under the
    key 1.0, standing for "some nonzero weight"; ``weighted`` uses the real softmax values).

    Args:
        q_BLE: queries (batch and heads flattened). k_BSE: keys. v_BSF: values.
        allowed_BLS: which key each query may look at.
        scale: factor of the scores, default 1/√E. bias: what a float mask adds to them.

    Returns:
        Counts of q·k (ops by both values) and of weights·v (ops by ``(1.0, v)``).
    """
    scores, weighted = begin(q_BLE), Count()
    scores.partner, weighted.partner = begin(k_BSE).inputs, begin(v_BSF).inputs
    bias_BLS = np.broadcast_to(np.asarray(bias, np.float64), allowed_BLS.shape)
    factor = 1 / math.sqrt(q_BLE.shape[-1]) if scale is None else scale
    for b in range(q_BLE.shape[0]):
        for row in range(q_BLE.shape[1]):
            keys = [s for s in range(k_BSE.shape[1]) if allowed_BLS[b, row, s]]
            score = []
            for s in keys:
                for e in range(q_BLE.shape[2]):
                    _pair(scores, float(q_BLE[b, row, e]), float(k_BSE[b, s, e]))
                product = math.fsum((q_BLE[b, row] * k_BSE[b, s]).tolist())
                score.append(factor * product + float(bias_BLS[b, row, s]))
            top = max(score, default=0.0)
            norm = math.fsum(math.exp(z - top) for z in score)
            for s, z in zip(keys, score, strict=True):
                weight = math.exp(z - top) / norm
                weighted.inputs[1.0] += 1
                weighted.input_sum += weight
                for v in v_BSF[b, s].tolist():
                    weighted.dense += 1
                    if v != 0:
                        weighted.ops[1.0, v] += 1
                        weighted.structural[1.0, v] += 1
                        weighted.weighted += weight * abs(v)
    weighted.elements = allowed_BLS.size
    scores.dense_border, weighted.dense_border = scores.dense, weighted.dense
    return scores, weighted
