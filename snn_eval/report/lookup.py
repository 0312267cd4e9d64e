"""Finds measurements in a record, and chooses the convention and energy model a report shows first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from snn_eval.record import Measurement, Record

__all__ = ["HEADLINE_CONVENTION", "HEADLINE_ENERGY_MODEL", "Results"]

HEADLINE_CONVENTION = "exact"
HEADLINE_ENERGY_MODEL = "horowitz-45nm-fp32"

_Key = tuple[str, str, str | None, str | None]


@dataclass(frozen=True)
class Results:
    """A record's measurements by metric, scope, convention and energy model.

    ``convention`` and ``energy_model`` are those of the headline: the ones asked for, else ``exact`` and
    ``horowitz-45nm-fp32`` where the record has them, else its first ones.
    """

    record: Record
    convention: str = ""
    energy_model: str = ""
    _by_key: dict[_Key, Measurement] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for m in self.record.measurements:
            self._by_key[m.metric, m.scope, m.convention, m.energy_model] = m
        chosen = self.convention or _first(self.conventions(), HEADLINE_CONVENTION)
        object.__setattr__(self, "convention", chosen)
        object.__setattr__(self, "energy_model", self.energy_model or _first(self.models(), HEADLINE_ENERGY_MODEL))

    def conventions(self) -> list[str]:
        """Conventions operations were counted under, in the record's order."""
        found = (m.convention for m in self.record.measurements if m.metric in ("ac", "mac"))
        return list(dict.fromkeys(name for name in found if name is not None))

    def models(self) -> list[str]:
        """Energy models, in the record's order."""
        found = (m.energy_model for m in self.record.measurements)
        return list(dict.fromkeys(name for name in found if name is not None))

    def model_title(self, label: str | None = None) -> str:
        """An energy model as people read it; the headline's if None.

        A table of the user's own bears the beginning of its hash, since another one may have the same name.
        """
        label = label or self.energy_model
        own = self.record.provenance.energy_tables.get(label.partition("@")[0])
        return f"{label} ({own.sha256[:8]})" if own else label

    def get(
        self, metric: str, scope: str = "network", *, convention: str | None = None, energy_model: str | None = None
    ) -> Measurement | None:
        """The measurement of this metric; of the headline's convention and energy model unless others are named.

        A metric that depends on neither is found, too. An energy model with a convention of its own name is asked
        for by its name alone.
        """
        model = energy_model or self.energy_model
        for c in dict.fromkeys((convention or self.convention, None if convention else model, None)):
            for e in (model, None):
                found = self._by_key.get((metric, scope, c, e))
                if (
                    found is not None
                    and (energy_model is None or e == model)
                    and (convention is None or c == convention)
                ):
                    return found
        return None

    def value(self, metric: str, scope: str = "network") -> float | int | None:
        """The value of ``get``, or None."""
        found = self.get(metric, scope)
        return None if found is None else found.value

    def scoped(self, metric: str, prefix: str) -> Iterator[tuple[str, Measurement]]:
        """Measurements of the headline whose whole scope is ``<prefix>:<name>``, with the name."""
        for (name, scope, convention, model), m in self._by_key.items():
            if name != metric or not scope.startswith(f"{prefix}:"):
                continue
            if convention in (None, self.convention, self.energy_model) and model in (None, self.energy_model):
                yield scope.removeprefix(f"{prefix}:"), m


def _first(names: list[str], wanted: str) -> str:
    return wanted if wanted in names else next(iter(names), "")
