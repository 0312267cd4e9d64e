"""The headline table as data: one declared column for each thing a paper must say of a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from snn_eval.record import Measurement
from snn_eval.report.format import ABSENT, ARROWS, cell, interval
from snn_eval.report.lookup import Results

__all__ = ["HEADLINE", "IDENTITY", "SUITE", "Column", "csv_fields", "direction", "header", "text"]

Entry = Measurement | float | int | str | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, the unit its header names, the key in a CSV file, and where its entry comes from."""

    title: str
    key: str
    read: Callable[[Results], Entry]
    unit: str = ""
    right: bool = True


def _metric(name: str) -> Callable[[Results], Entry]:
    return lambda results: results.get(name)


HEADLINE: tuple[Column, ...] = (
    Column("model", "model", lambda r: r.record.identity.model, right=False),
    Column("accuracy", "accuracy", _metric("accuracy")),
    Column("T", "time_steps", lambda r: r.record.identity.time_steps, "step"),
    Column("spikes", "spike_count", _metric("spike_count"), "per sample"),
    Column("NASFR", "nasfr", _metric("nasfr"), "spike/neuron/step"),
    Column("AC", "ac", _metric("ac"), "op/sample"),
    Column("MAC", "mac", _metric("mac"), "op/sample"),
    Column("MAC dense", "mac_dense", _metric("mac_dense"), "op/sample"),
    Column("energy synaptic", "energy_synaptic", _metric("energy_synaptic"), "per sample"),
    Column("energy total", "energy_total", _metric("energy_total"), "per sample"),
    Column("parameters", "parameters", _metric("parameters")),
)
"""What is shown of every model, in this order."""

SUITE = Column("suite", "suite", lambda r: r.record.identity.suite, right=False)
"""Stands beside the model where there are results of several suites."""

IDENTITY: tuple[Column, ...] = (
    Column("suite", "suite", lambda r: r.record.identity.suite),
    Column("suite version", "suite_version", lambda r: r.record.identity.suite_version),
    Column("status", "status", lambda r: r.record.status),
    Column("split", "split", lambda r: r.record.identity.split),
    Column("samples", "samples", lambda r: r.record.identity.samples),
    Column("checkpoint", "checkpoint", lambda r: r.record.identity.checkpoint_name),
    Column("checkpoint sha256", "checkpoint_sha256", lambda r: r.record.identity.checkpoint_sha256),
    Column("cell", "cell", lambda r: r.record.identity.cell),
    Column("convention", "convention", lambda r: r.convention or None),
    Column("energy model", "energy_model", lambda r: r.model_title() or None),
)
"""What a CSV file needs beside the headline, so that its rows can be told apart and compared."""


def header(column: Column, arrow: str = "") -> str:
    """The title, which way is better, and the unit in parentheses."""
    title = f"{column.title} {arrow}".rstrip()
    return f"{title} ({column.unit})" if column.unit else title


def direction(column: Column, results: Sequence[Results]) -> str:
    """The arrow of the column's metric; nothing for what is none."""
    found = (column.read(one) for one in results)
    return next((ARROWS[entry.direction] for entry in found if isinstance(entry, Measurement)), "")


def text(column: Column, results: Results) -> str:
    """The entry as people read it: SI prefix, per cent, interval; a dash where there is none."""
    entry = column.read(results)
    if entry is None:
        return ABSENT
    if isinstance(entry, Measurement):
        return f"{cell(entry.value, entry.unit)} {interval(entry)}".rstrip()
    return str(entry)


def csv_fields(column: Column, results: Results) -> dict[str, str]:
    """The entry as programs read it: base units, all digits; the interval's ends in columns of their own."""
    entry = column.read(results)
    if not isinstance(entry, Measurement):
        return {column.key: "" if entry is None else str(entry)}
    fields = {column.key: repr(entry.value)}
    if entry.interval is not None:
        fields |= {f"{column.key}_low": repr(entry.interval[0]), f"{column.key}_high": repr(entry.interval[1])}
    return fields
