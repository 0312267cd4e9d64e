"""The headline table, one row a model, and the table of conventions: for the terminal, as Markdown, as CSV."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import zip_longest

from snn_eval.record import Record
from snn_eval.report.columns import HEADLINE, IDENTITY, SUITE, csv_fields, direction, header, text
from snn_eval.report.format import ABSENT, cell, interval_name
from snn_eval.report.grid import aligned, comma_separated, markdown
from snn_eval.report.lookup import Results
from snn_eval.report.notes import notes
from snn_eval.report.published import published_table
from snn_eval.report.remarks import layer_notes
from snn_eval.trace import Trace

__all__ = ["conventions_table", "energy_models_table", "headline_text", "table_csv", "table_md"]

Table = tuple[list[str], list[list[str]], list[bool]]


def table_csv(records: Sequence[Record]) -> str:
    """``table.csv``: one row a model; base units (op/sample, J/sample), all digits."""
    rows = []
    for record in records:
        results = Results(record)
        row: dict[str, str] = {}
        for column in (*HEADLINE[:1], *IDENTITY, *HEADLINE[1:]):
            row |= csv_fields(column, results)
        rows.append(row)
    return comma_separated(rows)


def table_md(records: Sequence[Record], traces: Sequence[Trace | None] = ()) -> str:
    """``table.md``: the headline row of each model, conventions and energy models of each, and all notes.

    With the traces (None where a model has none) the notes tell of single layers, too. Values from the literature that
    the suites name stand at the end.
    """
    parts = [markdown(*_headline(records)), _reading(records)]
    for record, trace in zip_longest(records, traces):
        results = Results(record)
        title = f"{record.identity.model} ({record.identity.suite})"
        for what, table in (
            ("operations and energy by convention", conventions_table(results)),
            ("energy by model", energy_models_table(results)),
        ):
            if table[1]:
                parts += [f"**{title}: {what}**", markdown(*table)]
        lines = notes(record, layer_notes(trace) if trace is not None else ())
        if lines:
            parts += [f"**{title}: notes**", "\n".join(f"- {line}" for line in lines)]
    published = published_table(records)
    if published[1]:
        parts += ["**Published, as published; not measured here**", markdown(*published)]
    return "\n\n".join(parts) + "\n"


def headline_text(records: Sequence[Record], columns: int | None = None) -> str:
    """The headline table for a terminal of that width, one row a model."""
    headers, rows, right = _headline(records, arrows=True)
    broken = [h.replace(" (", "\n(", 1) for h in headers]
    reading = _reading(records)
    below = reading if columns is None else textwrap.fill(reading, columns)
    return f"{aligned(broken, rows, right, columns=columns)}\n\n{below}"


def conventions_table(results: Results) -> Table:
    """AC, MAC, SyOPs and the energies of the headline's model under every convention of the record."""
    columns = ("ac", "mac", "syops", "energy_synaptic", "energy_total")
    rows = []
    for convention in results.conventions():
        found = [results.get(c, convention=convention) for c in columns]
        rows.append([convention, *(ABSENT if m is None else cell(m.value, m.unit) for m in found)])
    return ["convention", "AC", "MAC", "SyOPs", "energy synaptic", "energy total"], rows, [False] + [True] * 5


def energy_models_table(results: Results) -> Table:
    """Synaptic and total energy of the headline's convention under every energy model of the record."""
    rows = []
    for model in results.models():
        found = [results.get(metric, energy_model=model) for metric in ("energy_synaptic", "energy_total")]
        rows.append([results.model_title(model), *(ABSENT if m is None else cell(m.value, m.unit) for m in found)])
    return ["energy model", "synaptic", "total"], rows, [False, True, True]


def _headline(records: Sequence[Record], *, arrows: bool = False) -> Table:
    """One row a model; a column for the suite where there are several, arrows in the header on request."""
    results = [Results(record) for record in records]
    columns = HEADLINE
    if len({record.identity.suite for record in records}) > 1:
        columns = (HEADLINE[0], SUITE, *HEADLINE[1:])
    heads = [header(column, direction(column, results) if arrows else "") for column in columns]
    return heads, [[text(column, one) for column in columns] for one in results], [column.right for column in columns]


def _reading(records: Sequence[Record]) -> str:
    """How the headline is to be read: convention, energy model, intervals."""
    chosen = list(dict.fromkeys((r.convention, r.model_title()) for r in map(Results, records)))
    methods = dict.fromkeys(
        interval_name(m) for r in records for m in r.measurements if m.metric == "accuracy" and m.interval_method
    )
    parts = [f"operations: convention {c}; energy: model {e}" for c, e in chosen if c and e]
    parts += [f"intervals: {method}" for method in methods]
    return ". ".join(p[0].upper() + p[1:] for p in parts) + "." if parts else ""
