"""Early exit and truncation of a measured network as a cell of an ablation keeps them; needs traces, not torch."""

from __future__ import annotations

import math

import numpy as np

from snn_eval.cell import ExitPoint, ExitSummary, Truncated, packed
from snn_eval.energy import energy_model as model_of
from snn_eval.metrics import (
    THRESHOLDS,
    chosen_rule,
    correct,
    early_exit_curve,
    exit_correct,
    prefix_predictions,
    spent_by_step,
)
from snn_eval.metrics import ExitPoint as Point
from snn_eval.metrics.metric import RuleKind
from snn_eval.trace import Trace
from snn_eval.units import joules_from_pj

__all__ = ["NEVER", "exit_summary", "truncated"]

NEVER = 2.0
"""A threshold nothing reaches (confidence and 1 − entropy / ln K are at most 1): every check is paid, none stops."""


def exit_summary(test: Trace, validation: Trace, kind: RuleKind, tolerance: float, energy_model: str) -> ExitSummary:
    """Early exit under the rule chosen on the validation trace, and both curves over the same thresholds.

    Temperature and threshold follow from ``validation`` alone (:func:`snn_eval.metrics.chosen_rule`). The thresholds
    are ``THRESHOLDS``, the chosen one among them, and last :data:`NEVER`, which stands for the chosen one where that
    is never to stop. Costs are under convention ``exact``, up to and including the exit step; ``energy_total``
    includes the checks. Each point of ``test`` says which samples are right (recordings, where clips have groups).

    Args:
        test: trace of the test part.
        validation: trace of the validation part, of the same network.
        kind: of the rule.
        tolerance: how far accuracy on validation may fall below that of all steps.
        energy_model: name or table of a model of kind ``compute``.

    Raises:
        RefusedError: ``validation`` is of another split, prefixes mean nothing for this network, or a layer's samples
            could not be told apart.
        CountError: a kind of operation that occurs has no cost.
    """
    rule = chosen_rule(validation, kind, tolerance)
    thresholds = (*THRESHOLDS, NEVER)
    chosen = thresholds.index(rule.threshold) if math.isfinite(rule.threshold) else len(THRESHOLDS)
    curves = [
        early_exit_curve(trace, kind, temperature=rule.temperature, thresholds=thresholds, model=energy_model)
        for trace in (test, validation)
    ]
    right = exit_correct(test, kind, rule.temperature, thresholds)
    of_test = [_point(point, packed(bits)) for point, bits in zip(curves[0].points, right, strict=True)]
    of_validation = [_point(point) for point in curves[1].points]
    return ExitSummary(
        kind=kind,
        temperature=rule.temperature,
        threshold=rule.threshold if math.isfinite(rule.threshold) else None,
        tolerance=tolerance,
        chosen=of_test[chosen],
        validation_chosen=of_validation[chosen],
        test=of_test,
        validation=of_validation,
    )


def _point(point: Point, right: str | None = None) -> ExitPoint:
    return ExitPoint(
        threshold=point.threshold,
        accuracy=point.accuracy,
        mean_step=point.mean_step,
        spikes=point.spike_count or 0.0,
        ac=point.ac,
        mac=point.mac,
        energy_synaptic=point.energy_synaptic or 0.0,
        energy_total=point.energy_total or 0.0,
        correct=right,
    )


def truncated(test: Trace, energy_model: str) -> list[Truncated]:
    """The network stopped after t steps, for every t = 1 … T: accuracy of the prefix, and what it cost until then.

    Costs are under convention ``exact``, over all samples, up to and including step t; nothing is checked. At t = T
    they are those of the whole run.

    Args:
        test: trace of the test part.
        energy_model: name or table of a model of kind ``compute``.

    Raises:
        RefusedError: prefixes mean nothing for this network, or a layer's samples could not be told apart.
        CountError: a kind of operation that occurs has no cost.
    """
    classes_TN = prefix_predictions(test, "truncation")
    spent = spent_by_step(test, model_of(energy_model))
    ac, mac, spikes, synaptic, total = (
        np.zeros(test.time_steps) if cost_TN is None else cost_TN.mean(axis=1)
        for cost_TN in (spent.ac, spent.mac, spent.spikes, spent.synaptic_pj, spent.total_pj)
    )
    right_T = [correct(test, classes) for classes in classes_TN]
    return [
        Truncated(
            time_steps=t + 1,
            accuracy=float(right.mean()),
            spikes=spikes[t],
            ac=ac[t],
            mac=mac[t],
            energy_synaptic=joules_from_pj(synaptic[t]),
            energy_total=joules_from_pj(total[t]),
            correct=packed(right),
        )
        for t, right in enumerate(right_T)
    ]
