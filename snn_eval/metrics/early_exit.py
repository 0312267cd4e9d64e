"""Early exit: accuracy against steps, spikes, operations and energy when a sample stops as soon as it is sure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn_eval.energy.model import EnergyModel, energy_model
from snn_eval.errors import RefusedError
from snn_eval.metrics.accuracy import correct
from snn_eval.metrics.exit_rule import THRESHOLDS, check_work, first_at_least, sureness
from snn_eval.metrics.metric import Derived, MetricFunction, RuleKind, Value
from snn_eval.metrics.readout import decisions, last_step
from snn_eval.metrics.spent import Spent, spent_by_step
from snn_eval.stats import wilson_interval
from snn_eval.trace import Trace
from snn_eval.units import joules_from_pj

__all__ = ["ExitCurve", "ExitPoint", "early_exit_curve", "exit_metric"]

Int = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ExitPoint:
    """What one threshold gives, per sample; counts up to and including the exit step.

    ``nasfr``: spikes ÷ (executed steps · neurons); ``nasfr_full``: spikes ÷ (T · neurons); both and ``spike_count``
    None in a network without spiking layers. ``energy_total`` (J) includes the exit checks, ``energy_check`` is theirs
    alone; energies are None where no energy model was given.
    """

    threshold: float
    accuracy: float
    accuracy_interval: tuple[float, float]
    mean_step: float
    ac: float
    mac: float
    spike_count: float | None = None
    nasfr: float | None = None
    nasfr_full: float | None = None
    energy_synaptic: float | None = None
    energy_total: float | None = None
    energy_check: float | None = None


@dataclass(frozen=True, slots=True)
class ExitCurve:
    """An early-exit curve: one point a threshold, in the order the thresholds were given."""

    kind: RuleKind
    temperature: float
    convention: str
    energy_model: str | None
    points: tuple[ExitPoint, ...]

    def column(self, name: str) -> NDArray[np.float64]:
        """One field of every point, ``[Q]``; NaN where it is None."""
        return np.array([getattr(p, name) for p in self.points], np.float64)


def early_exit_curve(
    trace: Trace,
    kind: RuleKind = "confidence",
    *,
    temperature: float = 1.0,
    thresholds: Sequence[float] = THRESHOLDS,
    model: EnergyModel | str | None = "horowitz-45nm-fp32",
    convention: str = "exact",
) -> ExitCurve:
    """Accuracy and cost for each threshold q.

    A sample stops after the first step t at which max softmax(τ·m_t) ≥ q (``confidence``) or 1 − H/ln K ≥ q
    (``entropy``), m_t being the mean readout over steps ≤ t; else after its last valid step. Layers executed once for
    all steps are charged at the first step. Every executed step but a sample's last possible one pays for a check
    (``check_work``).

    Args:
        trace: with a per-step readout of a causal network.
        kind: of the rule.
        temperature: the factor τ.
        thresholds: q, in any order.
        model: energy model of kind ``compute``; None for no energies.
        convention: of the operations; one that has a total.

    Raises:
        RefusedError: prefixes mean nothing for this network, or a layer's samples could not be told apart.
        CountError: a kind of operation that occurs has no cost.
    """
    model = energy_model(model) if isinstance(model, str) else model
    seen = decisions(trace, temperature)
    score, last = sureness(seen, kind), last_step(trace)
    spent = spent_by_step(trace, model, convention)
    check_pj = _check_pj(kind, seen.number_of_classes, model)
    rows = np.arange(len(last))
    points = []
    for threshold in thresholds:
        step = first_at_least(score, threshold, last)
        points.append(_point(threshold, correct(trace, seen.classes[step, rows]), step, last, spent, check_pj))
    return ExitCurve(kind, temperature, convention, model.name if model else None, tuple(points))


def _check_pj(kind: RuleKind, classes: int | None, model: EnergyModel | None) -> float:
    """Energy of one exit check in pJ; 0 where no energy model was given."""
    if model is None:
        return 0.0
    if classes is None:
        raise RefusedError("the cost of an exit check needs the number of classes, which this trace does not hold")
    return sum(count * model.cost_pj(op, "the exit check") for op, count in check_work(kind, classes).items())


def _mean_at(spent_TN: NDArray[Any], step: Int) -> float:
    return float(np.take_along_axis(spent_TN, step[None], axis=0).mean())


def _point(
    threshold: float, right: NDArray[np.bool_], step: Int, last: Int, spent: Spent, check_pj: float
) -> ExitPoint:
    interval = wilson_interval(int(right.sum()), len(right))
    executed = float((step + 1).mean())
    spikes = None if spent.spikes is None else _mean_at(spent.spikes, step)
    energies: dict[str, float] = {}
    if spent.synaptic_pj is not None and spent.total_pj is not None:
        check = float(np.minimum(step + 1, last).mean()) * check_pj
        energies["energy_synaptic"] = joules_from_pj(_mean_at(spent.synaptic_pj, step))
        energies["energy_total"] = joules_from_pj(_mean_at(spent.total_pj, step) + check)
        energies["energy_check"] = joules_from_pj(check)
    return ExitPoint(
        threshold=float(threshold),
        accuracy=float(right.mean()),
        accuracy_interval=(interval.low, interval.high),
        mean_step=executed,
        ac=_mean_at(spent.ac, step),
        mac=_mean_at(spent.mac, step),
        spike_count=spikes,
        nasfr=None if spikes is None else spikes / (executed * spent.neurons),
        nasfr_full=None if spikes is None else spikes / (spent.time_steps * spent.neurons),
        **energies,
    )


def exit_metric(column: str) -> MetricFunction:
    """Metric: one field of the curve's point at the exit rule given to ``measure`` (none given: no value)."""

    def function(derived: Derived) -> Iterator[Value]:
        rule = derived.exit_rule
        if rule is None:
            return
        energy = column.startswith("energy")
        models = [m for m in derived.energy_models if m.kind == "compute"] if energy else [None]
        for model in models:

            def compute(model: EnergyModel | None = model) -> ExitCurve:
                return early_exit_curve(
                    derived.trace, rule.kind, temperature=rule.temperature, thresholds=[rule.threshold], model=model
                )

            curve = derived.once(f"exit:{model.name if model else None}", compute)
            value = getattr(curve.points[0], column)
            if value is not None:
                convention = curve.convention if energy or column in ("ac", "mac") else None
                n = len(derived.trace.samples)
                yield Value(value, convention=convention, energy_model=curve.energy_model, n=n)

    return function
