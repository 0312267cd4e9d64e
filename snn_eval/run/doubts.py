"""Signs in the counts that a guess was wrong: what no number says of itself, and what to try then."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from snn_eval.errors import SnnEvalError
from snn_eval.metrics.readout import predictions
from snn_eval.record import Measurement
from snn_eval.trace import Trace

__all__ = ["doubts"]

_FEW = 20
"""Of fewer samples one class for all says little."""

_TRY = (
    "if it was better where it was made, its input or readout was another: "
    "--normalize, --encoding, --time-steps, --readout, --output-index"
)


def doubts(trace: Trace, measurements: Iterable[Measurement]) -> list[str]:
    """One line at most: every sample gets the same class, or the accuracy is no better than chance.

    Chance is 1 / K. Accuracy is called no better where its interval reaches down to chance and its upper end is nearer
    to chance than to 1: of a handful of samples nothing is said.
    """
    constant = _constant_answer(trace)
    if constant is not None:
        samples = len(trace.samples.target)
        return [f"each of the {samples} samples is given class {constant}; {_TRY}"]
    accuracy = next((m for m in measurements if m.metric == "accuracy" and m.scope == "network"), None)
    classes = _classes(trace)
    if accuracy is None or accuracy.interval is None or classes < 2:
        return []
    (low, high), chance = accuracy.interval, 1 / classes
    if low <= chance and high < (1 + chance) / 2:
        return [f"accuracy is no better than chance, 1 of {classes}; {_TRY}"]
    return []


def _constant_answer(trace: Trace) -> int | None:
    """The class all samples are given where they are of several; None where answers differ."""
    target = trace.samples.target
    if len(target) < _FEW or len(np.unique(target)) < 2:
        return None
    try:
        given = np.unique(predictions(trace))
    except SnnEvalError:  # no readout, or one that is no number: told where accuracy is measured
        return None
    return int(given[0]) if len(given) == 1 else None


def _classes(trace: Trace) -> int:
    readout = trace.output.readout_TNK
    return trace.output.classes if readout is None else readout.shape[2]
