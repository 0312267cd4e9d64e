"""Whether a record holds what the manifest promises of a checkpoint that comes with the project."""

from __future__ import annotations

from snn_eval.models.manifest import ShippedCheckpoint
from snn_eval.record import Record

__all__ = ["ENERGY_MODEL", "measured", "missed"]

ENERGY_MODEL = "horowitz-45nm-fp32"
_RELATIVE = 1e-3
"""Another machine may flip a few spikes near the threshold, and with them a decision."""


def measured(record: Record) -> dict[str, float]:
    """Values of the whole network under the convention ``exact`` and :data:`ENERGY_MODEL`, by metric."""
    return {
        m.metric: m.value
        for m in record.measurements
        if m.scope == "network" and m.convention in (None, "exact") and m.energy_model in (None, ENERGY_MODEL)
    }


def missed(entry: ShippedCheckpoint, record: Record) -> list[str]:
    """Expected values that do not hold, ``metric: expected, got`` each.

    Counts and energies hold within 0.1 %, accuracy within 0.1 points or one and a half decisions, samples exactly.
    """
    found: dict[str, float] = {**measured(record), "samples": float(record.identity.samples)}
    found["correct"] = found["accuracy"] * found["samples"]
    wrong = []
    for name, value in entry.expected.items():
        allowed = abs(value) * _RELATIVE
        if name == "samples":
            allowed = 0.0
        elif name in ("accuracy", "correct"):
            samples = found["samples"]
            allowed = max(1e-3, 1.5 / samples) * (samples if name == "correct" else 1)
        if abs(found[name] - value) > allowed:
            wrong.append(f"{name}: expected {value:g}, got {found[name]:g}")
    return wrong
