"""Which measurements of two results stand beside each other: those of one metric, also where their labels differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from snn_eval.errors import GateError
from snn_eval.metrics.registry import METRICS
from snn_eval.record import Measurement, Record
from snn_eval.report.lookup import HEADLINE_CONVENTION, HEADLINE_ENERGY_MODEL

__all__ = ["Couple", "couples"]

_Name = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Couple:
    """A measurement of the base and one of the new result; None where there is no such."""

    old: Measurement | None
    now: Measurement | None

    @property
    def either(self) -> Measurement:
        """Whichever there is, the new one first."""
        found = self.now or self.old
        assert found is not None
        return found


def couples(
    base: Record,
    new: Record,
    conventions: Sequence[str] = (),
    energy_models: Sequence[str] = (),
    *,
    every: bool = False,
) -> Iterator[Couple]:
    """Couples of the whole network's measurements, in the order of ``METRICS``.

    Args:
        base, new: the records.
        conventions, energy_models: to look at; those of the headline (of base, else of new) if none are named.
        every: all there are.

    Raises:
        GateError: neither record holds a convention or energy model that is named.
    """
    models = [name for r in (base, new) for m in r.measurements if (name := _plain(m.energy_model))]
    rules = [name for r in (base, new) for m in r.measurements if (name := _plain(m.convention)) not in ("", *models)]
    chosen_e = _chosen(energy_models, models, HEADLINE_ENERGY_MODEL, "energy model")
    chosen_c = _chosen(conventions, rules, HEADLINE_CONVENTION, "convention")

    def by_name(record: Record) -> dict[_Name, Measurement]:
        return {
            _name(m): m
            for m in record.measurements
            if m.scope == "network"
            and (every or _is_chosen(m.convention, chosen_c | chosen_e))
            and (every or _is_chosen(m.energy_model, chosen_e))
        }

    old, now = by_name(base), by_name(new)
    order = {name: place for place, name in enumerate(METRICS)}  # a baseline is sorted by name, a run is not
    for key in sorted(old | now, key=lambda key: (order.get(key[0], len(order)), key)):
        couple = Couple(old.get(key), now.get(key))
        if couple.either.kind != "advisory" or (couple.old and couple.now):  # a baseline holds no time
            yield couple


def _name(m: Measurement) -> _Name:
    return m.metric, _plain(m.convention), _plain(m.energy_model)


def _chosen(named: Sequence[str], held: Sequence[str], headline: str, what: str) -> set[str]:
    for name in named:
        if _plain(name) not in held:
            there = ", ".join(dict.fromkeys(held)) or "none"
            raise GateError(f"neither base nor new was measured under the {what} {name!r}; there are: {there}")
    return {_plain(name) for name in named} or {headline if headline in held else next(iter(held), "")}


def _plain(label: str | None) -> str:
    """A convention or energy model without its version (``exact@2``)."""
    return (label or "").partition("@")[0]


def _is_chosen(label: str | None, chosen: set[str]) -> bool:
    return label is None or _plain(label) in chosen
