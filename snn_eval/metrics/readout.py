"""Predictions from the readout, at the end and after each step, and when a prefix of the steps means anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snn_eval.errors import NotFiniteError, RefusedError
from snn_eval.trace import Trace

__all__ = [
    "Decisions",
    "decisions",
    "last_step",
    "predictions",
    "prefix_predictions",
    "require_prefix",
    "running_means",
]

Int = NDArray[np.int64]
Float = NDArray[np.float64]


def require_prefix(trace: Trace, what: str) -> None:
    """Check that the first t steps are what a run of t steps would give.

    Raises:
        RefusedError: there is but one step, the readout is only final, a layer looks at later steps (named),
            causality is unknown, or the encoding depends on T.
    """
    output = trace.output
    if trace.time_steps == 1:
        raise RefusedError(f"{what} needs more than one time step")
    if output.kind != "per-step":
        raise RefusedError(
            f"{what} needs a readout at every step, but the network gives only a final one; "
            "measure with fewer --time-steps"
        )
    if output.causal != "yes":
        layer = f" (layer {output.not_causal_layer})" if output.not_causal_layer else ""
        state = "is not causal" if output.causal == "no" else "could not be shown to be causal"
        raise RefusedError(
            f"{what} needs first steps that do not depend on later ones, but the network {state}{layer}; "
            "measure with fewer --time-steps"
        )
    if output.encoding_depends_on_time_steps:
        raise RefusedError(
            f"{what} needs an encoding that does not depend on the number of steps; measure with fewer --time-steps"
        )


def last_step(trace: Trace) -> Int:
    """Index of the last readout that counts for each sample, ``[N]``: its last valid step."""
    return np.clip(trace.samples.valid_steps, 1, _readout_steps(trace)) - 1


def predictions(trace: Trace) -> Int:
    """Predicted class of each sample, ``[N]``: the largest mean readout over its valid steps (smallest class if tied).

    Raises:
        RefusedError: the trace holds no readout.
    """
    final: Int = np.take_along_axis(_prefix_classes(trace), last_step(trace)[None], axis=0)[0]
    return final


def prefix_predictions(trace: Trace, what: str = "accuracy_prefix") -> Int:
    """Predicted class after each step, ``[T,N]``: from the mean readout over steps ≤ min(t, valid steps).

    Raises:
        RefusedError: the condition of ``require_prefix`` does not hold.
    """
    require_prefix(trace, what)
    classes = _prefix_classes(trace)
    step = np.minimum(np.arange(len(classes))[:, None], last_step(trace)[None])
    return np.take_along_axis(classes, step, axis=0)


@dataclass(frozen=True, slots=True)
class Decisions:
    """What an exit rule sees after each step: predicted class, largest probability, entropy (nats), each ``[T,N]``."""

    classes: Int
    confidence: Float
    entropy: Float
    number_of_classes: int | None


def decisions(trace: Trace, temperature: float = 1.0) -> Decisions:
    """Class, confidence and entropy of softmax(temperature · mean readout over steps ≤ t), for each t.

    Raises:
        RefusedError: the condition of ``require_prefix`` does not hold, or the trace holds only a summary of the
            readout and the temperature is not 1.
    """
    require_prefix(trace, "early exit")
    if trace.output.readout_TNK is None:
        return _decisions_of_summary(trace, temperature)
    shape = trace.output.readout_TNK.shape
    classes, confidence, entropy = np.empty(shape[:2], np.int64), np.empty(shape[:2]), np.empty(shape[:2])
    for t, mean_NK in enumerate(running_means(trace)):
        classes[t] = mean_NK.argmax(axis=1)
        z = temperature * mean_NK
        z -= z.max(axis=1, keepdims=True)
        e = np.exp(z)
        total = e.sum(axis=1)
        confidence[t] = e.max(axis=1) / total
        entropy[t] = np.log(total) - (e * z).sum(axis=1) / total
    return Decisions(classes, confidence, entropy, shape[2])


def running_means(trace: Trace) -> Iterator[Float]:
    """Mean readout over steps ≤ t, ``[N,K]`` in float64, for t = 1 … T.

    Raises:
        RefusedError: the trace holds only a summary of the readout.
        NotFiniteError: a readout is NaN or infinite.
    """
    if trace.output.readout_TNK is None:
        raise RefusedError(
            "the readout of every class is needed, but this trace holds only its summary (more than 100 classes)"
        )
    _require_finite(trace.output.readout_TNK)
    total: Float = np.zeros(trace.output.readout_TNK.shape[1:])
    for t, readout_NK in enumerate(trace.output.readout_TNK):
        total += readout_NK
        yield total / (t + 1)


def _require_finite(readout_TNK: NDArray[np.float32]) -> None:
    """Raise NotFiniteError, naming step and sample, unless every readout is a finite number."""
    if not np.isfinite(readout_TNK.sum()) and not np.isfinite(readout_TNK).all():
        t, n, k = np.argwhere(~np.isfinite(readout_TNK))[0]
        raise NotFiniteError(
            f"the readout of class {k} at step {t + 1} of the trace's sample {n} is {readout_TNK[t, n, k]}; "
            "expected a number"
        )


def _decisions_of_summary(trace: Trace, temperature: float) -> Decisions:
    summary = trace.output.summary
    if summary is None:
        raise RefusedError("the trace holds no readout")
    if temperature != 1.0:
        raise RefusedError(
            f"temperature {temperature} needs the readout of every class, but this trace holds only its summary"
        )
    return Decisions(
        summary.top5_TN5[..., 0].astype(np.int64),
        summary.max_probability_TN.astype(np.float64),
        summary.entropy_TN.astype(np.float64),
        trace.output.classes or None,
    )


def _readout_steps(trace: Trace) -> int:
    output = trace.output
    if output.readout_TNK is not None:
        return len(output.readout_TNK)
    if output.summary is not None:
        return len(output.summary.top5_TN5)
    raise RefusedError("the trace holds no readout")


def _prefix_classes(trace: Trace) -> Int:
    """Class of the largest mean readout over steps ≤ t, ``[T,N]`` (``[1,N]`` where the readout is only final)."""
    output = trace.output
    if output.readout_TNK is None:
        if output.summary is None:
            raise RefusedError("the trace holds no readout")
        return output.summary.top5_TN5[..., 0].astype(np.int64)
    classes = np.empty(output.readout_TNK.shape[:2], np.int64)
    for t, mean_NK in enumerate(running_means(trace)):
        classes[t] = mean_NK.argmax(axis=1)
    return classes
