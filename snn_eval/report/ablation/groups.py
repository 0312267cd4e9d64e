"""The rows of an ablation table: cells of one row and one value of each axis together, with what is missing of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from snn_eval.cell import CellRecord
from snn_eval.errors import RunError

__all__ = [
    "CODING",
    "COOPTIMISED",
    "CORRECTION",
    "Group",
    "find",
    "grouped",
    "leaving",
    "paired",
    "reference_of",
    "without",
]

CODING = "dynamic_coding"
CORRECTION = "dynamic_correction"
COOPTIMISED = "co_optimisation"
"""Components whose part in the claims follows from their names; a suite may have others beside them."""


@dataclass(frozen=True)
class Group:
    """One row of the table: ``done`` and ``failed`` cells by replicate, and the replicates there is no cell of."""

    row: str
    axes: Mapping[str, Any]
    components: frozenset[str]
    kind: str
    done: tuple[CellRecord, ...]
    failed: tuple[CellRecord, ...]
    missing: tuple[int, ...]

    @property
    def title(self) -> str:
        """The row's name, with the values of its axes."""
        axes = ", ".join(f"{key} = {value}" for key, value in self.axes.items())
        return f"{self.row} ({axes})" if axes else self.row

    @property
    def asked(self) -> int:
        """Replicates there should be."""
        return len(self.done) + len(self.failed) + len(self.missing)

    @property
    def uses_exit(self) -> bool:
        """Whether its numbers are those at an early exit."""
        return any(cell.uses_exit for cell in self.done)

    @property
    def shared(self) -> bool:
        """Whether all its replicates are measured on the same samples: seeds are, folds are not."""
        return self.kind == "seed" and len({cell.samples for cell in self.done}) <= 1

    @property
    def gaps(self) -> str:
        """Which replicates are not there and why, or nothing: ``2 of 3 seeds; seed 1 failed: …``."""
        if len(self.done) == self.asked:
            return ""
        told = [f"{self.kind} {c.replicate.value} failed: {c.error or 'no reason told'}" for c in self.failed]
        told += [f"{self.kind} {value} is not there" for value in self.missing]
        return f"{len(self.done)} of {self.asked} {self.kind}s; {'; '.join(told)}"


def grouped(
    cells: Sequence[CellRecord],
    rows: Sequence[str] = (),
    replicates: Sequence[int] = (),
    order: Sequence[tuple[str, Mapping[str, Any]]] = (),
) -> list[Group]:
    """Cells by row and axes.

    Args:
        cells: of one suite, in any order within a row.
        rows: names of all rows asked for; one without any cell is a group of missing ones.
        replicates: those asked for, beside those that any row has.
        order: of the groups; others come behind them, in the order of ``rows`` and of their first cells.

    Raises:
        RunError: two cells of one row, axes and replicate, or replicates of two kinds.
    """
    found: dict[tuple[str, str], list[CellRecord]] = {(row, _key(axes)): [] for row, axes in order}
    combinations = list(dict.fromkeys(_key(cell.axes) for cell in cells)) or [_key({})]
    for row in rows:
        for key in combinations:
            found.setdefault((row, key), [])
    for cell in cells:
        found.setdefault((cell.row, _key(cell.axes)), []).append(cell)
    kinds = {cell.replicate.kind for cell in cells}
    if len(kinds) > 1:
        raise RunError("expected cells that all repeat seeds or all repeat folds, got both; keep them in two tables")
    asked = sorted({*replicates, *(cell.replicate.value for cell in cells)})
    kind = next(iter(kinds), "seed")
    return [_group(row, json.loads(key), members, asked, kind) for (row, key), members in found.items()]


def _group(row: str, axes: Mapping[str, Any], cells: Sequence[CellRecord], asked: Sequence[int], kind: str) -> Group:
    members = sorted(cells, key=lambda cell: cell.replicate.value)
    values = [cell.replicate.value for cell in members]
    twice = [value for place, value in enumerate(values) if value in values[:place]]
    if twice:
        raise RunError(f"expected one cell for each {kind} of row {row!r}, got two for {kind} {twice[0]}; remove one")
    return Group(
        row=row,
        axes=axes,
        components=frozenset(members[0].components) if members else frozenset(),
        kind=kind,
        done=tuple(cell for cell in members if cell.status == "done"),
        failed=tuple(cell for cell in members if cell.status == "failed"),
        missing=tuple(value for value in asked if value not in values),
    )


def _key(axes: Mapping[str, Any]) -> str:
    return json.dumps(dict(axes), sort_keys=True)


def reference_of(group: Group, groups: Sequence[Group], reference: str | None) -> Group | None:
    """The group that ``group`` is compared with: the reference row (the first one if None) at the same axes."""
    name = reference if reference is not None else groups[0].row
    return next((g for g in groups if g.row == name and g.axes == group.axes), None)


def find(
    groups: Sequence[Group], components: set[str], axes: Mapping[str, Any], *, at_exit: bool = False
) -> Group | None:
    """The measured row with exactly these components on; with ``at_exit`` rather one whose numbers are at the exit."""
    fitting = [g for g in groups if g.done and g.components == components and g.axes == axes]
    return next((g for g in fitting if g.uses_exit is at_exit), fitting[0] if fitting else None)


def leaving(groups: Sequence[Group], components: set[str], axes: Mapping[str, Any]) -> Group | None:
    """The row with exactly these components whose cells have exit curves, the one of most cells; they need not be its
    headline."""
    fitting = [g for g in groups if g.components == components and g.axes == axes]
    counts = [sum(cell.exit is not None for cell in g.done) for g in fitting]
    return fitting[counts.index(max(counts))] if any(counts) else None


def without(group: Group, component: str, groups: Sequence[Group]) -> Group | None:
    """The measured row that differs by this one component."""
    return find(groups, set(group.components) - {component}, group.axes, at_exit=group.uses_exit)


def paired(base: Group, new: Group) -> list[tuple[CellRecord, CellRecord]]:
    """Cells of both groups of the same replicate and the same number of samples."""
    others = {cell.replicate.value: cell for cell in base.done}
    pairs = [(others[cell.replicate.value], cell) for cell in new.done if cell.replicate.value in others]
    return [(before, after) for before, after in pairs if before.samples == after.samples]
