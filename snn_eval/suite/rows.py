"""Rows of an ablation: the suite with components switched on and values set, each checked before hours are spent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import product
from typing import Any

from snn_eval.errors import SuiteError
from snn_eval.suite.sections import Ablation, Suite
from snn_eval.suite.values import with_values

__all__ = ["Row", "ablation_rows", "check_rows"]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of an ablation table.

    Attributes:
        name: of the row.
        components: names of the components that are on.
        axes: dotted key -> value, of the axes it stands for.
        suite: every value resolved.
        note: of the suite's author.
    """

    name: str
    components: tuple[str, ...]
    axes: Mapping[str, Any]
    suite: Suite
    note: str = ""


def ablation_rows(suite: Suite) -> list[Row]:
    """Every row of the suite with every combination of its axes, in the order of the file.

    A row is the suite, then the values of its components in the order they are named, then its own ``set``, then the
    axes' values.

    Raises:
        SuiteError: the suite has no rows, two of one name, an unknown component, an unknown key or a wrong value.
    """
    if not suite.ablation:
        raise SuiteError(f"{suite.name}: expected rows to compare ([[ablation]] in its file), found none")
    return list(_rows(suite, suite.name))


def check_rows(suite: Suite, source: str) -> None:
    """Resolve every row once; ``source`` is the suite's file, for messages.

    Raises:
        SuiteError: as :func:`ablation_rows`, but no rows are no mistake.
    """
    for name, values in suite.components.items():
        with_values(suite, _flat(values), source=f"{source}: component {name!r}")
    for _ in _rows(suite, source):
        pass
    reference = suite.ablate.reference
    names = [row.name for row in suite.ablation]
    if reference is not None and reference not in names:
        raise SuiteError(
            f"{source}: ablate.reference: expected one of {', '.join(names) or 'no rows'}, got {reference!r}"
        )
    for key, choices in suite.axes.items():
        for choice in choices:
            with_values(suite, {key: choice}, source=f"{source}: axis")


def _rows(suite: Suite, source: str) -> Iterator[Row]:
    seen: set[str] = set()
    for row in suite.ablation:
        where = f"{source}: ablation {row.name!r}"
        if row.name in seen:
            raise SuiteError(f"{where}: expected rows of different names, found two")
        seen.add(row.name)
        values = {**_of_components(suite, row, where), **_flat(row.set)}
        for choice in product(*suite.axes.values()):
            axes = dict(zip(suite.axes, choice, strict=True))
            resolved = with_values(suite, {**values, **axes}, source=where)
            yield Row(row.name, tuple(row.components), axes, resolved, row.note)


def _of_components(suite: Suite, row: Ablation, where: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in row.components:
        if name not in suite.components:
            near = get_close_matches(name, suite.components, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(suite.components) or 'none'}"
            raise SuiteError(f"{where}: unknown component {name!r}{hint}")
        values.update(_flat(suite.components[name]))
    return values


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted keys; TOML reads a key with dots that stands without quotes as tables in tables."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if key in Suite.model_fields and isinstance(value, Mapping):
            flat.update(_leaves(value, key))
        else:
            flat[key] = value
    return flat


def _leaves(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}.{key}")
        else:
            yield f"{prefix}.{key}", value
