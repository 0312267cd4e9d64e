"""Exit rules: when a sample may stop, what asking costs, how temperature and threshold are chosen on validation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from snn_eval.errors import RefusedError
from snn_eval.metrics.accuracy import correct
from snn_eval.metrics.metric import ExitRule, RuleKind
from snn_eval.metrics.readout import Decisions, decisions, last_step, require_prefix, running_means
from snn_eval.trace import Trace

__all__ = [
    "THRESHOLDS",
    "check_work",
    "choose_threshold",
    "chosen_rule",
    "exit_correct",
    "exit_steps",
    "first_at_least",
    "fit_temperature",
    "sureness",
]

Int = NDArray[np.int64]
Float = NDArray[np.float64]

THRESHOLDS: tuple[float, ...] = (*(i / 20 for i in range(20)), 0.97, 0.98, 0.99, 0.995, 0.999, 0.9999)
"""Thresholds a curve is drawn at unless others are given; dense where confident networks differ."""

VALIDATION = "validation"
"""The split a temperature and a threshold may be chosen on."""


def sureness(seen: Decisions, kind: RuleKind) -> Float:
    """What is compared with the threshold, ``[T,N]``: the largest probability, or 1 − H / ln K.

    Raises:
        RefusedError: the entropy rule on a trace that does not hold the number of classes.
    """
    if kind == "confidence":
        return seen.confidence
    if seen.number_of_classes is None:
        raise RefusedError("the entropy rule needs the number of classes, which this trace does not hold")
    if seen.number_of_classes < 2:
        raise RefusedError("the entropy rule needs at least two classes, but the readout has one")
    score: Float = 1.0 - seen.entropy / np.log(seen.number_of_classes)
    return score


def first_at_least(score_TN: Float, threshold: float, last: Int) -> Int:
    """Index of the first step whose score is at least the threshold, at most ``last``, ``[N]``."""
    sure = score_TN >= threshold
    return np.minimum(np.where(sure.any(axis=0), sure.argmax(axis=0), len(score_TN)), last)


def exit_steps(trace: Trace, rule: ExitRule) -> Int:
    """Executed steps of each sample under an exit rule, ``[N]`` (1 … T).

    Raises:
        RefusedError: prefixes mean nothing for this network.
    """
    score = sureness(decisions(trace, rule.temperature), rule.kind)
    return first_at_least(score, rule.threshold, last_step(trace)) + 1


def check_work(kind: RuleKind, classes: int) -> dict[str, int]:
    """Operations of one exit check on K classes, kinds as in ``Work``.

    Common: K additions (running sum), K multiplications (τ/t), K − 1 comparisons and K subtractions (maximum),
    K exponentials, K − 1 additions (their sum Z). ``confidence`` asks 1 ≥ q·Z: 1 multiplication, 1 comparison.
    ``entropy`` asks Z·ln Z − Σ e·z ≤ (1 − q)·ln K·Z: K + 2 multiplications, K additions, 1 logarithm, 1 comparison.

    >>> check_work("confidence", 10)
    {'add': 29, 'mul': 11, 'compare': 10, 'exponential': 10}
    """
    k = classes
    common = {"add": 3 * k - 1, "mul": k, "compare": k, "exponential": k}
    extra = {"mul": 1} if kind == "confidence" else {"mul": k + 2, "add": k, "exponential": 1}
    return {operation: count + extra.get(operation, 0) for operation, count in common.items()}


def fit_temperature(validation: Trace) -> float:
    """The factor τ that minimises the mean negative log likelihood of softmax(τ·m_t) over all samples and steps t.

    Raises:
        RefusedError: the trace is not of the validation split, or prefixes mean nothing for this network.

    Source: C. Guo et al., On calibration of modern neural networks, ICML 2017 (their T is 1/τ).
    """
    from scipy.optimize import minimize_scalar  # slow to import, and only choosing a rule needs it
    from scipy.special import log_softmax

    _require_validation(validation, "a temperature")
    require_prefix(validation, "a temperature for early exit")
    means = [m.copy() for m in running_means(validation)]
    rows, target = np.arange(len(validation.samples)), validation.samples.target

    def loss(log_temperature: float) -> float:
        factor = np.exp(log_temperature)
        return -float(np.mean([log_softmax(factor * m, axis=1)[rows, target].mean() for m in means]))

    found = minimize_scalar(loss, bounds=(-6.0, 6.0), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))


def choose_threshold(
    validation: Trace,
    kind: RuleKind = "confidence",
    *,
    temperature: float = 1.0,
    tolerance: float = 0.002,
    thresholds: Sequence[float] = THRESHOLDS,
) -> ExitRule:
    """The smallest threshold whose validation accuracy is at least the full run's minus ``tolerance``.

    Infinity (never exit early) where none of ``thresholds`` is.

    Raises:
        RefusedError: the trace is not of the validation split, or prefixes mean nothing for this network.
    """
    _require_validation(validation, "an exit threshold")
    seen = decisions(validation, temperature)
    score, last = sureness(seen, kind), last_step(validation)
    rows = np.arange(len(last))
    wanted = correct(validation, seen.classes[last, rows]).mean() - tolerance
    for threshold in sorted(thresholds):
        step = first_at_least(score, threshold, last)
        if correct(validation, seen.classes[step, rows]).mean() >= wanted:
            return ExitRule(kind, float(threshold), temperature)
    return ExitRule(kind, float("inf"), temperature)


def chosen_rule(validation: Trace, kind: RuleKind = "confidence", tolerance: float = 0.002) -> ExitRule:
    """The exit rule of a validation trace: temperature by :func:`fit_temperature`, then :func:`choose_threshold`.

    The temperature is 1 where the trace holds only a summary of the readout, whose probabilities have it.

    Raises:
        RefusedError: the trace is not of the validation split, or prefixes mean nothing for this network.
    """
    temperature = 1.0 if validation.output.readout_TNK is None else fit_temperature(validation)
    return choose_threshold(validation, kind, temperature=temperature, tolerance=tolerance)


def exit_correct(
    trace: Trace, kind: RuleKind, temperature: float, thresholds: Sequence[float]
) -> list[NDArray[np.bool_]]:
    """Which samples (recordings, where clips have groups) are classified correctly at the exit, for each threshold.

    Raises:
        RefusedError: prefixes mean nothing for this network.
    """
    seen = decisions(trace, temperature)
    score, last = sureness(seen, kind), last_step(trace)
    steps = (first_at_least(score, threshold, last) for threshold in thresholds)
    return [correct(trace, seen.classes[step, np.arange(len(last))]) for step in steps]


def _require_validation(trace: Trace, what: str) -> None:
    if trace.samples.split != VALIDATION:
        raise RefusedError(f"{what} is chosen on a validation trace only, got split {trace.samples.split!r}")
