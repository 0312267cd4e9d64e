"""Numbers from the literature beside ours: as published, with their sources, and never mixed with what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from snn_eval.record import Record

__all__ = ["published_line", "published_table"]

_NO_RESULTS = ("epoch",)
"""Published columns that say how long somebody trained or waited, nothing of a network."""

_HEADERS = ["model, as named there", "metric", "T", "value", "source"]


def published_table(records: Sequence[Record]) -> tuple[list[str], list[list[str]], list[bool]]:
    """The published values of all suites of these records, in the suites' order.

    One row for each model, metric and number of steps of a suite: the first value, with the range of further ones
    beside its source.
    """
    rows = [_row(values) for record in records for values in _quantities(_values(record))]
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
    count = len(_quantities(values))
    noun = "value with its source" if count == 1 else "values with their sources"
    return f"published, not measured here: {told}{count} {noun} in table.md"


def _values(record: Record) -> Sequence[Mapping[str, Any]]:
    """Published values the record's suite had, less what is no result; none where there is no list of such values."""
    found = record.provenance.config.get("published")
    if not isinstance(found, list):
        return []
    return [value for value in found if _is_value(value) and value["metric"] not in _NO_RESULTS]


def _quantities(values: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Values of one quantity together, in the order of the first of each."""
    found: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for value in values:
        key = (value["model"], value["metric"], value["unit"], value.get("time_steps"))
        found.setdefault(key, []).append(value)
    return list(found.values())


def _is_value(found: Any) -> bool:
    texts = ("model", "metric", "unit", "source")
    if not isinstance(found, Mapping) or not all(isinstance(found.get(key), str) for key in texts):
        return False
    return isinstance(found.get("value"), int | float)


def _row(values: Sequence[Mapping[str, Any]]) -> list[str]:
    value = values[0]
    others = sorted({float(other["value"]) for other in values[1:]} - {float(value["value"])})
    span = " … ".join(dict.fromkeys(map(_number, (others[0], others[-1])))) if others else ""
    steps = value.get("time_steps")
    note, unit = value.get("note"), value["unit"]
    return [
        str(value["model"]),
        str(value["metric"]),
        "" if steps is None else str(steps),
        _with_unit(_number(float(value["value"])), unit),
        f"{value['source']}{f' ({note})' if note else ''}{f'; elsewhere {_with_unit(span, unit)}' if span else ''}",
    ]


def _with_unit(number: str, unit: str) -> str:
    """A unit that begins with a number is multiplied.

    >>> _with_unit("180", "10,000 spikes"), _with_unit("98.2", "%")
    ('180 × 10,000 spikes', '98.2 %')
    """
    return f"{number} × {unit}" if unit[:1].isdigit() else f"{number} {unit}"


def _number(value: float) -> str:
    """As published: every digit that was given."""
    return f"{value:,.12g}"
