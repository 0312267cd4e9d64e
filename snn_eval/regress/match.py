"""Which measurements of two results stand beside each other: those of one metric, also where their labels differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from snn_eval.metrics.registry import METRICS
from snn_eval.record import Measurement, Record
from snn_eval.report.lookup import Results

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
        conventions, energy_models: to look at; those of the base's headline if none are named.
        every: all there are.
    """
    headline = Results(base)
    chosen_c = {_plain(name) for name in conventions or (headline.convention,)}
    chosen_e = {_plain(name) for name in energy_models or (headline.energy_model,)}

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
    for name in sorted(old | now, key=lambda name: (order.get(name[0], len(order)), name)):
        couple = Couple(old.get(name), now.get(name))
        if couple.either.kind != "advisory" or (couple.old and couple.now):  # a baseline holds no time
            yield couple


def _name(m: Measurement) -> _Name:
    return m.metric, _plain(m.convention), _plain(m.energy_model)


def _plain(label: str | None) -> str:
    """A convention or energy model without its version (``exact@2``)."""
    return (label or "").partition("@")[0]


def _is_chosen(label: str | None, chosen: set[str]) -> bool:
    return label is None or _plain(label) in chosen
