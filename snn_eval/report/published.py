"""Numbers from the literature beside ours: as published, with their sources, and never mixed with what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from snn_eval.record import Record

__all__ = ["published_line", "published_table"]

_HEADERS = ["model, as named there", "metric", "T", "value", "source"]


def published_table(records: Sequence[Record]) -> tuple[list[str], list[list[str]], list[bool]]:
    """The published values of all suites of these records, each once, in the suites' order."""
    rows = [_row(value) for record in records for value in _values(record)]
    unique = [list(row) for row in dict.fromkeys(map(tuple, rows))]
    return _HEADERS, unique, [False, False, True, True, False]


def published_line(record: Record) -> str | None:
    """One line for the card: how many values there are, and the range of accuracies."""
    values = _values(record)
    if not values:
        return None
    accuracies = [float(value["value"]) for value in values if value["metric"] == "accuracy" and value["unit"] == "%"]
    low_high = dict.fromkeys(_number(found) for found in (min(accuracies), max(accuracies))) if accuracies else ()
    told = f"accuracy {' … '.join(low_high)} %; " if low_high else ""
    noun = "value with its source" if len(values) == 1 else "values with their sources"
    return f"published, not measured here: {told}{len(values)} {noun} in table.md"


def _values(record: Record) -> Sequence[Mapping[str, Any]]:
    """Published values the record's suite had; none where what stands there is no list of such values."""
    found = record.provenance.config.get("published")
    return [value for value in found if _is_value(value)] if isinstance(found, list) else []


def _is_value(found: Any) -> bool:
    texts = ("model", "metric", "unit", "source")
    if not isinstance(found, Mapping) or not all(isinstance(found.get(key), str) for key in texts):
        return False
    return isinstance(found.get("value"), int | float)


def _row(value: Mapping[str, Any]) -> list[str]:
    steps = value.get("time_steps")
    note = value.get("note")
    return [
        str(value["model"]),
        str(value["metric"]),
        "" if steps is None else str(steps),
        f"{_number(float(value['value']))} {value['unit']}",
        f"{value['source']}{f' ({note})' if note else ''}",
    ]


def _number(value: float) -> str:
    """As published: every digit that was given."""
    return f"{value:,.12g}"
