"""Accuracy with its interval, at the end and after each step; when decisions are made; which classes are confused."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from snn_eval.errors import CountError
from snn_eval.metrics.metric import Derived, Value
from snn_eval.metrics.readout import last_step, predictions, running_means
from snn_eval.stats import first_of_group, majority_vote, wilson_interval
from snn_eval.trace import Trace

__all__ = [
    "accuracy",
    "accuracy_by_class",
    "accuracy_prefix",
    "accuracy_top5",
    "among_top5",
    "confusion",
    "correct",
    "first_correct_step",
    "has_groups",
    "latency_first_correct",
    "latency_stable",
    "never_correct",
    "stable_step",
]

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]


def has_groups(trace: Trace) -> bool:
    """Whether several samples (clips) belong to one recording."""
    return len(np.unique(trace.samples.group_id)) < len(trace.samples)


def _decided(trace: Trace, classes: Int) -> tuple[Int, Int]:
    """Prediction and target of each sample, or of each recording by majority of its clips.

    Raises:
        CountError: clips of one recording have different targets.
    """
    if not has_groups(trace):
        return classes, trace.samples.target
    groups, winners = majority_vote(trace.samples.group_id, classes)
    target = first_of_group(trace.samples.group_id, trace.samples.target)
    differs = trace.samples.target != target[np.searchsorted(groups, trace.samples.group_id)]
    if differs.any():
        raise CountError(
            f"clips of recording {trace.samples.group_id[differs][0]} have different targets; expected one"
        )
    return winners, target


def correct(trace: Trace, classes: Int | None = None) -> Bool:
    """Whether each sample (each recording, where clips have groups) is classified correctly.

    Args:
        trace: the trace.
        classes: ``[N]`` predicted classes; those of the whole run if not given.
    """
    predicted, target = _decided(trace, predictions(trace) if classes is None else classes)
    return np.asarray(predicted == target)


def _proportion(hits: Bool, scope: str = "network") -> Value:
    k, n = int(hits.sum()), len(hits)
    return Value(k / n, scope, n=n, interval=wilson_interval(k, n))


def accuracy(derived: Derived) -> Iterator[Value]:
    """Correct samples (recordings) ÷ samples (recordings), with Wilson's 95 % interval."""
    yield _proportion(correct(derived.trace, derived.predictions))


def accuracy_by_class(derived: Derived) -> Iterator[Value]:
    """Accuracy among the samples (recordings) of each class."""
    predicted, target = _decided(derived.trace, derived.predictions)
    for k in np.unique(target):
        yield _proportion((predicted == target)[target == k], f"class:{k}")


def accuracy_top5(derived: Derived) -> Iterator[Value]:
    """Samples whose class is among the five of largest mean readout; only with more than five classes, clips singly."""
    hits = among_top5(derived.trace)
    if hits is not None:
        yield _proportion(hits)


def among_top5(trace: Trace) -> Bool | None:
    """Whether each sample's class is among the five of largest mean readout ``[N]``; None with five classes or less."""
    output, target, last = trace.output, trace.samples.target, last_step(trace)
    rows = np.arange(len(target))
    if output.readout_TNK is None and output.summary is not None:
        return np.asarray((output.summary.top5_TN5[last, rows] == target[:, None]).any(axis=1))
    if output.readout_TNK is None or output.readout_TNK.shape[2] <= 5:
        return None
    hits = np.zeros(len(target), np.bool_)
    for t, mean_NK in enumerate(running_means(trace)):
        mine = mean_NK[rows, target][:, None]
        before = (mean_NK > mine) | ((mean_NK == mine) & (np.arange(mean_NK.shape[1]) < target[:, None]))
        hits = np.where(last == t, before.sum(axis=1) < 5, hits)
    return hits


def accuracy_prefix(derived: Derived) -> Iterator[Value]:
    """Accuracy from the mean readout over steps ≤ t, for each t (``step:1`` … ``step:T``).

    Raises:
        RefusedError: prefixes mean nothing for this network (the layer is named).
    """
    for t, classes in enumerate(derived.prefix_predictions, start=1):
        yield _proportion(correct(derived.trace, classes), f"step:{t}")


def first_correct_step(trace: Trace, prefix_TN: Int) -> Int:
    """Steps until the prefix prediction is first right, ``[N]``; 0 where it never is."""
    right = prefix_TN == trace.samples.target
    return np.where(right.any(axis=0), right.argmax(axis=0) + 1, 0)


def stable_step(prefix_TN: Int) -> Int:
    """Steps until the prefix prediction is the final one and stays so, ``[N]``."""
    differs = prefix_TN != prefix_TN[-1]
    last_different = len(prefix_TN) - differs[::-1].argmax(axis=0)
    return np.where(differs.any(axis=0), last_different + 1, 1)


def latency_first_correct(derived: Derived) -> Iterator[Value]:
    """Mean steps to the first correct prediction, over the n samples that are right at some step."""
    steps = first_correct_step(derived.trace, derived.prefix_predictions)
    ever = steps[steps > 0]
    if len(ever):
        yield Value(float(ever.mean()), n=len(ever))


def never_correct(derived: Derived) -> Iterator[Value]:
    """Share of samples that are right at no step."""
    steps = first_correct_step(derived.trace, derived.prefix_predictions)
    yield _proportion(steps == 0)


def latency_stable(derived: Derived) -> Iterator[Value]:
    """Mean steps until the prediction no longer changes."""
    steps = stable_step(derived.prefix_predictions)
    yield Value(float(steps.mean()), n=len(steps))


def confusion(trace: Trace) -> Int:
    """Samples (recordings) of class i predicted as class j, ``[K,K]``."""
    predicted, target = _decided(trace, predictions(trace))
    size = int(max(predicted.max(initial=0), target.max(initial=0))) + 1
    readout = trace.output.readout_TNK
    size = max(size, readout.shape[2] if readout is not None else trace.output.classes)
    table = np.zeros((size, size), np.int64)
    np.add.at(table, (target, predicted), 1)
    return table
