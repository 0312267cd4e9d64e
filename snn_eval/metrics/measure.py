"""``measure``: from a trace to measurements, and what was refused with the reason."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from snn_eval.energy.model import EnergyModel, energy_model, energy_model_names
from snn_eval.errors import CountError, InputError, RefusedError
from snn_eval.metrics.metric import Derived, ExitRule, Metric, Value
from snn_eval.metrics.operations import CONVENTIONS
from snn_eval.metrics.registry import METRICS
from snn_eval.record import Measurement
from snn_eval.trace import Trace
from snn_eval.trace.shapes import check_classes

__all__ = ["measure"]

_SAME_AS = {"accuracy_by_class": "accuracy", "spike_count_by_class": "spike_count"}
"""Metrics whose values are those of another one in a narrower scope, and are stored under its name."""


def measure(
    trace: Trace,
    metrics: Iterable[str] | None = None,
    *,
    conventions: Sequence[str] | None = None,
    energy_models: Sequence[str | EnergyModel] | None = None,
    exit_rule: ExitRule | None = None,
) -> tuple[list[Measurement], dict[str, str]]:
    """Compute metrics of a trace.

    Args:
        trace: the trace.
        metrics: names in ``METRICS``; all if None.
        conventions: names in ``CONVENTIONS``; all if None.
        energy_models: models, names of shipped ones or paths of tables; all shipped ones if None.
        exit_rule: an exit rule chosen on a validation trace, for the ``exit_…`` metrics.

    Returns:
        The measurements, and what was refused: by metric name (or ``convention:…``, ``energy:…``), the reason.

    Raises:
        InputError: an unknown name; the nearest ones are given.
        CountError: no samples, a class the readout does not have, a count that is impossible, or an energy model
            without a cost that is needed.
    """
    if len(trace.samples) == 0:
        raise CountError("the trace holds no samples; expected at least one")
    check_classes(trace)
    names = _known(metrics, METRICS, "metric")
    derived = Derived(
        trace,
        _known(conventions, CONVENTIONS, "convention"),
        _models(energy_model_names() if energy_models is None else energy_models),
        exit_rule,
    )
    versions = {c.name: c.version for c in CONVENTIONS.values()} | {m.name: m.version for m in derived.energy_models}
    found: list[Measurement] = []
    refused: dict[str, str] = {}
    for name in names:
        try:
            found += [_measurement(METRICS[name], value, versions) for value in METRICS[name].function(derived)]
        except RefusedError as error:
            refused[name] = str(error)
    return found, refused | derived.refused


def _models(chosen: Iterable[str | EnergyModel]) -> list[EnergyModel]:
    """Energy models, each once; two of one name and different costs would give two values under one key."""
    models: dict[str, EnergyModel] = {}
    for model in (energy_model(one) if isinstance(one, str) else one for one in chosen):
        if models.setdefault(model.name, model) != model:
            raise InputError(f"two energy tables have the name {model.name!r}; give one of them another name")
    return list(models.values())


def _known(names: Iterable[str] | None, table: Mapping[str, object], what: str) -> list[str]:
    chosen = list(table) if names is None else list(dict.fromkeys(names))
    for name in chosen:
        if name not in table:
            near = get_close_matches(name, table) or list(table)
            raise InputError(f"unknown {what} {name!r}; did you mean {' or '.join(near)}?")
    return chosen


def _labelled(name: str | None, versions: Mapping[str, int]) -> str | None:
    """The name of a convention or energy model; ``name@2`` once its rule or costs changed: another quantity."""
    return name if name is None or versions[name] == 1 else f"{name}@{versions[name]}"


def _measurement(metric: Metric, value: Value, versions: Mapping[str, int]) -> Measurement:
    interval = value.interval
    if not math.isfinite(value.value):
        of = " ".join(filter(None, (value.convention, value.energy_model)))
        raise CountError(f"{metric.name} {of} {value.scope} is {value.value}; expected a number (costs too large?)")
    return Measurement(
        metric=_SAME_AS.get(metric.name, metric.name),
        version=metric.version,
        convention=_labelled(value.convention, versions),
        energy_model=_labelled(value.energy_model, versions),
        scope=value.scope,
        value=value.value,
        unit=metric.unit,
        direction=metric.direction,
        kind=metric.kind,
        n=value.n,
        interval=(interval.low, interval.high) if interval else None,
        interval_method=interval.method if interval else None,
    )
