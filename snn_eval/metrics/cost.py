"""Operations and energy as metrics: what a sample costs under each convention and energy model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from snn_eval.energy.lemaire import LemaireRow, lemaire_energy
from snn_eval.energy.model import EnergyModel, energy_model, energy_pj
from snn_eval.energy.work import SYNAPTIC
from snn_eval.errors import RefusedError
from snn_eval.metrics.metric import Derived, MetricFunction, Value
from snn_eval.metrics.operations import CONVENTIONS, class_operations, dense_operations, stem_view
from snn_eval.trace import Trace
from snn_eval.units import joules_from_pj

__all__ = [
    "EnergyRow",
    "class_count",
    "dense_count",
    "energy_rows",
    "energy_synaptic",
    "energy_total",
    "lemaire_part",
    "operation_count",
    "stem_count",
    "syops",
]

LAYERED = "exact"
"""The convention whose counts are also given by layer and component."""


@dataclass(frozen=True, slots=True)
class EnergyRow:
    """Energy of one layer (or element-wise operation) in joules per sample; ``component`` as in ``Work``."""

    name: str
    component: str
    energy_j: float


def operation_count(kind: str) -> MetricFunction:
    """Metric: operations of this kind (``ac`` or ``mac``) ÷ N under each convention; by layer under ``exact``."""

    def function(derived: Derived) -> Iterator[Value]:
        n = len(derived.trace.samples)
        for convention, work in derived.each_convention():
            yield Value(sum(w.total(kind) for w in work) / n, convention=convention, n=n)
            if convention == LAYERED:
                for item in work:
                    yield Value(item.total(kind) / n, f"layer:{item.name}", convention, n=n)

    return function


def syops(derived: Derived) -> Iterator[Value]:
    """Synaptic operations: AC + MAC, under each convention."""
    n = len(derived.trace.samples)
    for convention, work in derived.each_convention():
        yield Value(sum(w.total("ac") + w.total("mac") for w in work) / n, convention=convention, n=n)


def class_count(name: str, *, structural: bool = False) -> MetricFunction:
    """Metric: operations driven by inputs of this class (unit, integer, real) ÷ N."""

    def function(derived: Derived) -> Iterator[Value]:
        n = len(derived.trace.samples)
        yield Value(class_operations(derived.trace, structural=structural)[name] / n, n=n)

    return function


def dense_count(*, border: bool = False) -> MetricFunction:
    """Metric: operations with no zero skipped, all as MAC; by layer too."""

    def function(derived: Derived) -> Iterator[Value]:
        n = len(derived.trace.samples)
        work = dense_operations(derived.trace, border=border)
        yield Value(sum(w.total("mac") for w in work) / n, n=n)
        if not border:
            for item in work:
                yield Value(item.total("mac") / n, f"layer:{item.name}", n=n)

    return function


def stem_count(kind: str, view: str) -> MetricFunction:
    """Metric: operations (``exact``) as if layers on a static input ran ``once``, or at ``every-step``."""

    def function(derived: Derived) -> Iterator[Value]:
        n = len(derived.trace.samples)
        work = stem_view(derived.trace, derived.operations(LAYERED), view)
        if work is not None:
            yield Value(sum(w.total(kind) for w in work) / n, convention=LAYERED, n=n)

    return function


def _compute_models(derived: Derived) -> list[EnergyModel]:
    return [m for m in derived.energy_models if m.kind == "compute"]


def energy_synaptic(derived: Derived) -> Iterator[Value]:
    """Energy of synaptic operations: E_AC·AC + E_MAC·MAC ÷ N, for each energy model and convention."""
    n = len(derived.trace.samples)
    for convention, work in derived.each_convention():
        for model in _compute_models(derived):
            yield Value(joules_from_pj(energy_pj(work, model) / n), "network", convention, model.name, n)
    for model, rows in _lemaire(derived):
        energy = sum(r.energy_pj for r in rows if r.component == SYNAPTIC)
        yield Value(joules_from_pj(energy / n), "network", model.name, model.name, n)


def energy_total(derived: Derived) -> Iterator[Value]:
    """Energy of synaptic operations, neuron updates, bias (norm fused) and element-wise operations ÷ N.

    By component and by layer too, under ``exact``.

    Raises:
        RefusedError: a neuron layer whose model is unknown.
    """
    n = len(derived.trace.samples)
    for convention, _ in derived.each_convention():
        if CONVENTIONS[convention].in_total:
            work = derived.all_work(convention)
            for model in _compute_models(derived):
                yield Value(joules_from_pj(energy_pj(work, model) / n), "network", convention, model.name, n)
                if convention == LAYERED:
                    yield from _split(energy_rows(derived.trace, model, convention, derived), convention, model.name, n)
    for model, rows in _lemaire(derived):
        yield Value(joules_from_pj(sum(r.energy_pj for r in rows) / n), "network", model.name, model.name, n)


def _split(rows: list[EnergyRow], convention: str, model: str, n: int) -> Iterator[Value]:
    """Energy by component, then by layer."""
    components: dict[str, float] = {}
    layers: dict[str, float] = {}
    for row in rows:
        components[row.component] = components.get(row.component, 0.0) + row.energy_j
        layers[row.name] = layers.get(row.name, 0.0) + row.energy_j
    for component, energy in components.items():
        yield Value(energy, f"component:{component}", convention, model, n)
    for name, energy in layers.items():
        yield Value(energy, f"layer:{name}", convention, model, n)


def energy_rows(
    trace: Trace, model: EnergyModel | str, convention: str = LAYERED, derived: Derived | None = None
) -> list[EnergyRow]:
    """Energy of each layer and element-wise operation under one energy model, for tables and figures.

    The rows sum to ``energy_total``; those of component ``synaptic`` to ``energy_synaptic``.

    Raises:
        RefusedError: the convention has no total, or a neuron layer's model is unknown.
        CountError: a kind of operation that occurs has no cost.
    """
    model = energy_model(model) if isinstance(model, str) else model
    n = len(trace.samples)
    if model.kind == "lemaire":
        return [EnergyRow(r.name, r.component, joules_from_pj(r.energy_pj / n)) for r in lemaire_energy(trace, model)]
    if convention not in CONVENTIONS or not CONVENTIONS[convention].in_total:
        usable = ", ".join(c.name for c in CONVENTIONS.values() if c.in_total)
        raise RefusedError(f"total energy is not defined under convention {convention!r}; it is under {usable}")
    work = (derived or Derived(trace)).all_work(convention)
    return [EnergyRow(w.name, w.component, joules_from_pj(energy_pj([w], model) / n)) for w in work]


def lemaire_part(part: str) -> MetricFunction:
    """Metric: one part (operations, addressing, memory traffic of one kind) of a model of kind ``lemaire``."""

    def function(derived: Derived) -> Iterator[Value]:
        n = len(derived.trace.samples)
        for model, rows in _lemaire(derived):
            energy = sum(getattr(r, part) for r in rows)
            yield Value(joules_from_pj(energy / n), "network", model.name, model.name, n)

    return function


def _lemaire(derived: Derived) -> Iterator[tuple[EnergyModel, list[LemaireRow]]]:
    """Models of kind ``lemaire`` with their rows; one that is not defined for this trace goes to ``refused``."""
    for model in derived.energy_models:
        if model.kind == "lemaire":
            try:
                yield model, lemaire_energy(derived.trace, model)
            except RefusedError as error:
                derived.refused[f"energy:{model.name}"] = str(error)
