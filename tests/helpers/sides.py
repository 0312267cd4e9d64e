"""Results to compare, made by hand: a few measurements and the outcome of every sample."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from helpers.records import small_record

from snn_eval.record import Measurement, Record
from snn_eval.regress import Outcomes, Side

__all__ = ["accuracy", "count", "outcomes", "record", "side"]


def accuracy(right: int, n: int, **facts: Any) -> Measurement:
    """Accuracy of ``right`` of ``n`` samples."""
    facts.setdefault("metric", "accuracy")
    return Measurement(value=right / n, unit="1", direction="higher", kind="statistical", n=n, **facts)


def count(metric: str, value: float, unit: str = "op/sample", **facts: Any) -> Measurement:
    """A count, less of which is better."""
    return Measurement(metric=metric, value=value, unit=unit, **({"direction": "lower"} | facts))


def outcomes(right: Sequence[bool] | Sequence[int], ids: str = "ids", **others: Sequence[int]) -> Outcomes:
    """Outcomes of samples; ``others`` by metric."""
    good = {"accuracy": np.asarray(right, bool)} | {name: np.asarray(flags, bool) for name, flags in others.items()}
    return Outcomes("sample", len(right), hashlib.sha256(ids.encode()).hexdigest(), good)


def record(measurements: Sequence[Measurement], samples: int = 10, **changes: Any) -> Record:
    """A finished record on one machine; keys of ``changes`` that its identity or provenance has go there."""
    whole = small_record()
    parts: dict[str, dict[str, Any]] = {"identity": {"samples": samples}, "provenance": {"machine": "a processor"}}
    top: dict[str, Any] = {"unknown": [], "refused": {}, "notes": []}
    for name, value in changes.items():
        part = next((p for p in parts if name in type(getattr(whole, p)).model_fields), None)
        (top if part is None else parts[part])[name] = value
    for part, values in parts.items():
        top[part] = getattr(whole, part).model_copy(update=values)
    return small_record(measurements=list(measurements), **top)


def side(measurements: Sequence[Measurement], found: Outcomes | None = None, **changes: Any) -> Side:
    """A run with these measurements and outcomes."""
    accepted = changes.pop("accepted", False)
    samples = changes.pop("samples", 10 if found is None else found.n)
    return Side(record(measurements, samples, **changes), found, accepted)
